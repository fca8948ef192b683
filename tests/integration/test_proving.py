"""The endpoints that need no token: certificates as JSON, picture or page, the log, and the key of the log."""

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from saxaul.services.append_log import LogWriter
from saxaul.storage.log import LogStore

from saxaul.log.canonical_json import decode, encode
from saxaul.log.verify import verify
from saxaul.settings import settings
from saxaul.storage.signing import SigningKey
from tests.builders import NOON, make_calendar, make_leaf, make_redemption
from tests.integration.stack import Response, Stack, call, event_of, invoke

BASE = "https://abc123.execute-api.cn-north-1.amazonaws.com.cn/v1"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}


@pytest.fixture
def number(stack: Stack) -> str:
    """Return the certificate number of a reserved tree."""
    stack.seed_catalog()
    redemption = make_redemption(dedication="For the desert").reserved(NOON)
    stack.redemptions.add(redemption)
    [tree] = redemption.trees
    stack.ledger.put_all([{"pk": f"CERT#{tree.number}", "sk": "CERT", "user_id": "u-42", "redemption_id": "r-1"}])
    return tree.number


@pytest.fixture
def log(stack: Stack) -> LogWriter:
    return LogWriter(LogStore(stack.ledger), SigningKey(settings().signing_key), make_calendar())


def certificate(name: str, query: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Response:
    path = {"number": name}
    return call("prove_trees", "GET", "/certificates/{number}", client=None, path=path, query=query, headers=headers)


def log_page(**query: str) -> Response:
    return call("prove_trees", "GET", "/log", client=None, query=query)


def test_a_certificate_is_json_for_programs_and_html_for_browsers(number: str) -> None:
    data, page = certificate(number), certificate(number, headers=BROWSER)

    assert data.headers["content-type"] == "application/json"
    assert (data.body["certificate"], data.body["state"], data.body["proof"]) == (number, "reserved", None)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert number in page.body
    assert data.headers["vary"] == page.headers["vary"] == "accept, Accept-Language"


@pytest.mark.parametrize("headers", [None, BROWSER])
def test_a_suffix_of_the_number_selects_the_form_of_the_certificate(
    number: str, headers: dict[str, str] | None
) -> None:
    picture, data = certificate(f"{number}.svg", headers=headers), certificate(f"{number}.json", headers=headers)

    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.body.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<svg ')
    assert data.body["certificate"] == number


@pytest.mark.parametrize("name", ["{}.pdf", "{}.", "{}.svg.svg", ".svg", "x.svg", "0000-0000-0000-0"])
def test_an_unknown_form_or_number_is_refused(number: str, name: str) -> None:
    assert certificate(name.format(number)).code == "unknown_certificate"


def test_a_page_found_by_a_typed_number_links_to_the_standard_form_of_the_number(number: str) -> None:
    page = certificate(number.lower().replace("-", ""), headers=BROWSER)

    assert f'href="{BASE}/certificates/{number}.svg?lang=en"' in page.body


def test_the_links_on_a_certificate_use_the_configured_public_url(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://trees.example/{api_id}/")
    settings.cache_clear()

    page = certificate(number, headers=BROWSER)

    assert f'href="https://trees.example/abc123/certificates/{number}.json"' in page.body


def test_a_picture_is_in_the_requested_language(number: str) -> None:
    assert "植树证书" in certificate(f"{number}.svg", {"lang": "zh"}).body
    assert certificate(f"{number}.svg", {"lang": "fr"}).code == "invalid_parameter"


def test_the_headers_forbid_a_browser_to_run_scripts_or_load_anything(number: str) -> None:
    for response in (certificate(number, headers=BROWSER), certificate(f"{number}.svg")):
        assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
        assert response.headers["x-content-type-options"] == "nosniff"


def test_a_client_with_the_current_etag_gets_304(number: str) -> None:
    first = certificate(f"{number}.svg")
    again = certificate(f"{number}.svg", headers={"If-None-Match": f"W/{first.headers['etag']}"})
    other = certificate(f"{number}.svg", {"lang": "zh"}, {"If-None-Match": first.headers["etag"]})

    assert (again.status, again.body, again.headers["etag"]) == (304, "", first.headers["etag"])
    assert other.status == 200


@pytest.mark.usefixtures("stack")
def test_the_log_is_published_oldest_first_and_can_be_verified_with_the_published_key(log: LogWriter) -> None:
    for count in (1, 2, 3):
        log.append(log.head(), "Alxa SEE Foundation", [make_leaf() for _ in range(count)], [], NOON + count)

    page = log_page()
    key = call("prove_trees", "GET", "/log/key", client=None)

    assert [(entry["sequence"], entry["size"]) for entry in page.body["entries"]] == [(1, 1), (2, 2), (3, 3)]
    assert key.headers["content-type"] == "application/x-pem-file"
    assert load_pem_public_key(key.body.encode())
    pages = [encode(response.body) for response in (page, log_page(after="3"))]
    [*_, counted] = verify(None, pages, key.body.encode())
    assert counted == "Recounted from the leaves: 6 planted, 0 dead, 6 standing."


def test_the_log_is_read_in_pages_and_a_full_page_may_be_cached_forever(log: LogWriter) -> None:
    for _ in range(3):
        log.append(log.head(), "Alxa SEE Foundation", [make_leaf()], [], NOON)

    full, rest, end = log_page(limit="2"), log_page(after="2", limit="2"), log_page(after="3")

    assert [[entry["sequence"] for entry in page.body["entries"]] for page in (full, rest, end)] == [[1, 2], [3], []]
    assert "immutable" in full.headers["cache-control"]
    assert rest.headers["cache-control"] == end.headers["cache-control"] == "no-cache"


def test_a_page_of_the_log_ends_with_the_entry_that_reaches_the_size_limit(
    log: LogWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        log.append(log.head(), "Alxa SEE Foundation", [make_leaf()], [], NOON)
    monkeypatch.setattr("saxaul.services.read_log.MAX_CHARACTERS", 1000)

    page = log_page()

    assert [entry["sequence"] for entry in page.body["entries"]] == [1, 2]
    assert "immutable" in page.headers["cache-control"]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"after": "x"}, {"after": "1" * 11}, {"limit": "0"}, {"limit": "501"}]
)
def test_an_invalid_parameter_of_the_log_is_refused(query: dict[str, str]) -> None:
    assert log_page(**query).code == "invalid_parameter"


@pytest.mark.usefixtures("stack")
def test_a_log_without_entries_is_an_empty_list() -> None:
    assert log_page().body == {"entries": []}


def test_the_response_of_the_log_is_canonical_json(log: LogWriter) -> None:
    log.append(log.head(), "Alxa SEE Foundation", [make_leaf(tag="梭梭 \u2028 7")], [], NOON)

    body = invoke("prove_trees", event_of("prove_trees"))["body"]

    assert decode(body.encode())["entries"][0]["leaves"][0]["tag"] == "梭梭 \u2028 7"
