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


@pytest.mark.parametrize("path", ["/log", "/impact", "/factors/bus_ride/1", "/openapi.json", "/docs"])
def test_head_on_a_public_path_has_the_headers_of_get_and_no_body(stack: dict[str, Any], path: str) -> None:
    read = httpx.get(stack["api_url"] + path, timeout=60)
    head = httpx.head(stack["api_url"] + path, timeout=60)

    assert (read.status_code, head.status_code, head.content) == (200, 200, b"")
    assert read.content
    for name in ("content-type", "cache-control", "etag", "access-control-allow-origin"):
        assert head.headers.get(name) == read.headers.get(name), name
