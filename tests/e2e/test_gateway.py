"""Requests that API Gateway itself refuses, on a running stack."""

from typing import Any

import httpx
import pytest


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nonsense", 404, "unknown_path"),
        ("PATCH", "/actions", 404, "unknown_path"),
        ("GET", "/suggestions", 401, "unauthorized"),
    ],
)
def test_a_request_that_reaches_no_function_is_refused_with_a_status_and_a_code(
    stack: dict[str, Any], method: str, path: str, status: int, code: str
) -> None:
    response = httpx.request(method, stack["api_url"] + path)

    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["status"], response.json()["code"]) == (status, status, code)
