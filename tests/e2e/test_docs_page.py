"""The page of the API in a real browser: it shows the document, and it loads nothing from another host."""

import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from local.browser import BROWSERS, find_browser, visit


@pytest.fixture(scope="module")
def browser() -> str:
    found = find_browser()
    assert found, f"this test needs a browser: none of {', '.join(BROWSERS)} is installed"
    return found


@pytest.fixture(scope="module")
def document(stack: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    return httpx.get(f"{stack['api_url']}/openapi.json", timeout=60).raise_for_status().json()


def test_the_document_names_the_addresses_of_this_stack(stack: dict[str, Any], document: Any) -> None:  # noqa: ANN401
    flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]

    assert [server["url"] for server in document["servers"]] == [stack["api_url"]]
    assert flow["tokenUrl"] == stack["token_url"]


def test_the_page_shows_an_operation_with_its_fields_and_loads_nothing_from_another_host(
    stack: dict[str, Any],
    document: Any,  # noqa: ANN401
    browser: str,
) -> None:
    operation = document["paths"]["/actions"]["post"]
    [tag] = operation["tags"]
    place = f"#/{quote(tag)}/{operation['operationId']}"

    shown = visit(
        *(browser, f"{stack['api_url']}/docs{place}"),
        *("--dump-dom", "--virtual-time-budget=20000", "--enable-logging=stderr"),
    )
    page = shown.stdout

    assert operation["summary"] in page
    for field in ("action_id", "occurred_at", "quantity"):
        assert f">{field}<" in page, field
    # The policy of the page forbids other hosts. The browser would write a line if the page tried to load from one.
    # Swagger UI writes one for each underscore in a link, because older versions wrote spaces like that.
    written = [line for line in shown.stderr.splitlines() if "CONSOLE" in line and "deep link whitespace" not in line]
    assert written == []
    loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=\"([^\"]*)\"", page)
    assert loaded
    assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == []


def test_the_policy_of_the_page_names_no_other_host(stack: dict[str, Any]) -> None:
    page = httpx.get(f"{stack['api_url']}/docs", timeout=60).raise_for_status()
    policy = page.headers["content-security-policy"]

    assert policy.startswith("default-src 'none'; ")
    assert "//" not in policy
    assert "*" not in policy
    assert "unsafe-eval" not in policy
