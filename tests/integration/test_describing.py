"""The OpenAPI document and its page: the addresses, the caches, the policy of the page, and the files that it loads."""

import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from functions.describe_api.handler import API_ADDRESS, TOKEN_ADDRESS
from local.sam import ROOT
from local.viewer import SUMS, VIEWER
from saxaul.settings import settings
from tests.integration.stack import BASE_URL, Response, api_event, call, invoke

COMMITTED = ROOT / "functions/describe_api/openapi.json"
TOKEN_URL = "https://auth.of-this-stack.org/oauth2/token"
FILES = sorted(file.name for file in VIEWER.iterdir() if file.name != SUMS)


@pytest.fixture(autouse=True)
def token_url(stack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stack
    monkeypatch.setenv("TOKEN_URL", TOKEN_URL)
    settings.cache_clear()


def view(resource: str, **headers: str) -> Response:
    file = resource.removeprefix("/docs/")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if file == resource:
        return call("describe_api", "GET", resource, client=None, headers=named)
    return call("describe_api", "GET", "/docs/{file}", client=None, path={"file": file}, headers=named)


def test_the_document_is_the_committed_one_with_the_addresses_of_the_stack() -> None:
    response = view("/openapi.json")
    expected = COMMITTED.read_text("utf-8").replace(API_ADDRESS, BASE_URL).replace(TOKEN_ADDRESS, TOKEN_URL)

    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    assert response.body == json.loads(expected)
    assert [server["url"] for server in response.body["servers"]] == [BASE_URL]
    assert TOKEN_URL in str(response.body["components"]["securitySchemes"])


@pytest.mark.parametrize("resource", ["/openapi.json", "/docs", *(f"/docs/{name}" for name in FILES)])
def test_a_client_that_has_a_response_gets_304(resource: str) -> None:
    first = view(resource)
    again = view(resource, if_none_match=first.headers["etag"])

    assert (first.status, again.status, again.body) == (200, 304, "")
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert first.headers["x-content-type-options"] == "nosniff"


def test_the_files_of_the_viewer_may_be_kept_for_a_year_because_their_names_have_a_version() -> None:
    for name in FILES:
        assert view(f"/docs/{name}").headers["cache-control"] == "public, max-age=31536000, immutable"
        assert re.match(r"swagger-ui-\d+\.\d+\.\d+\b", name)
    assert (
        view("/docs").headers["cache-control"] == view("/openapi.json").headers["cache-control"] == "public, max-age=60"
    )


@pytest.mark.parametrize(
    ("ending", "content_type"),
    [(".js", "text/javascript"), (".css", "text/css"), ("-LICENSE.txt", "text/plain"), ("-NOTICE.txt", "text/plain")],
)
def test_a_file_of_the_viewer_is_sent_exactly_with_its_type(ending: str, content_type: str) -> None:
    [name] = [name for name in FILES if name.endswith(ending)]

    response = view(f"/docs/{name}")

    assert response.body.encode() == (VIEWER / name).read_bytes()
    assert response.headers["content-type"] == f"{content_type}; charset=utf-8"


@pytest.mark.parametrize("name", ["swagger-ui.js", SUMS, "..", "../handler.py", "handler.py", "a b", "x" * 2000])
def test_a_file_that_is_not_of_the_viewer_is_404(name: str) -> None:
    assert view(f"/docs/{name}").code == "unknown_file"


def test_the_policy_of_the_page_allows_its_own_host_and_its_own_script_alone() -> None:
    page = view("/docs")
    rules = dict(rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; "))
    [script] = re.findall(r"<script>(.*?)</script>", page.body, re.DOTALL)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert rules == {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_everything_that_the_page_names_is_served_by_the_same_function() -> None:
    page = view("/docs").body
    named = [address for address in re.findall(r"(?:src|href)=\"([^\"]+)\"", page) if not address.startswith("data:")]

    assert {Path(address).suffix for address in named} == {".js", ".css", ".txt", ".json"}
    assert [view(f"/{address}").status for address in named] == [200] * len(named)


def test_the_committed_files_of_the_viewer_are_unmodified() -> None:
    listed = [f"{hashlib.sha256((VIEWER / name).read_bytes()).hexdigest()}  {name}" for name in FILES]

    assert (VIEWER / SUMS).read_text("utf-8").splitlines() == listed


def test_the_largest_response_leaves_lambda_half_of_what_it_allows() -> None:
    sizes = []
    for name in FILES:
        event: Any = api_event("GET", "/docs/{file}", path={"file": name})
        sizes.append(len(json.dumps(invoke("describe_api", event))))

    assert 1_000_000 < max(sizes) < 3_000_000
