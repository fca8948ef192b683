"""The public certificates, as JSON, picture or page: what they prove, and what they say if they cannot."""

import pytest

from saxaul.log.canonical_json import encode
from saxaul.log.certificates import check_certificate, parse_certificate
from saxaul.log.leaves import CountLeaf, parse
from saxaul.settings import settings
from tests.builders import NOON, confirmation, make_redemption
from tests.integration.public_log import BUCKET, FILES_URL, LOG_URL, PublishedFiles, vkey
from tests.integration.stack import Response, Stack, call, confirm, inspect

BASE = "https://abc123.execute-api.cn-north-1.amazonaws.com.cn/v1"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"}


@pytest.fixture
def number(stack: Stack, log: PublishedFiles) -> str:
    """Return the certificate number of a reserved tree."""
    assert log
    stack.seed_catalog()
    redemption = make_redemption(dedication="For the desert").reserved(NOON)
    stack.redemptions.add(redemption)
    [tree] = redemption.trees
    stack.ledger.put_all([{"pk": f"CERT#{tree.number}", "sk": "CERT", "user_id": "u-42", "redemption_id": "r-1"}])
    return tree.number


def certificate(name: str, query: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Response:
    path = {"number": name}
    return call("prove_trees", "GET", "/certificates/{number}", client=None, path=path, query=query, headers=headers)


def test_a_certificate_is_json_for_programs_and_html_for_browsers(number: str) -> None:
    data, page = certificate(number), certificate(number, headers=BROWSER)

    assert data.headers["content-type"] == "application/json"
    assert (data.body["certificate"], data.body["state"], data.body["proofs"]) == (number, "reserved", [])
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


@pytest.mark.parametrize(
    ("typed", "english", "chinese"),
    [
        ("0000-0000-0000-0", "It may belong to another service", "没有使用这个编号的证书"),
        ("0000-0000-0000-1", "This number has a typing error", "编号有误"),
        ("7K3M", "This is not spelled like a certificate number", "这不是证书编号的写法"),
    ],
)
def test_a_browser_gets_a_page_for_an_unknown_number_that_says_what_is_wrong_with_it(
    number: str, typed: str, english: str, chinese: str
) -> None:
    assert number
    page, other = certificate(typed, headers=BROWSER), certificate(typed, {"lang": "zh"}, BROWSER)

    assert (page.status, other.status) == (404, 404)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert english in page.body
    assert chinese in other.body
    assert typed in page.body


def test_a_program_is_told_that_the_check_character_is_wrong(number: str) -> None:
    assert number
    assert "last character" in certificate("0000-0000-0000-1").body["detail"]


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


def test_the_headers_forbid_a_browser_to_run_scripts_or_load_anything_but_photos(number: str) -> None:
    page, picture = certificate(number, headers=BROWSER), certificate(f"{number}.svg")
    unknown = certificate("0000-0000-0000-0", headers=BROWSER)

    strict = "default-src 'none'; style-src 'unsafe-inline'"
    assert picture.headers["content-security-policy"] == strict
    for html in (page, unknown):
        assert html.headers["content-security-policy"] == f"{strict}; img-src {FILES_URL}"
    for response in (page, picture, unknown):
        assert response.headers["x-content-type-options"] == "nosniff"


def test_a_client_with_the_current_etag_gets_304(number: str) -> None:
    first = certificate(f"{number}.svg")
    again = certificate(f"{number}.svg", headers={"If-None-Match": f"W/{first.headers['etag']}"})
    other = certificate(f"{number}.svg", {"lang": "zh"}, {"If-None-Match": first.headers["etag"]})

    assert (again.status, again.body, again.headers["etag"]) == (304, "", first.headers["etag"])
    assert other.status == 200


def test_a_planted_tree_has_no_proofs_until_the_log_is_published(ordered: tuple[str, str], log: PublishedFiles) -> None:
    order_id, number = ordered
    confirm(order_id, confirmation(number))
    before = certificate(number).body
    log.publish()
    after = certificate(number).body

    assert (before["state"], before["tree"]["tag"]) == ("planted", after["tree"]["tag"])
    assert [before[name] for name in ("history", "proofs", "particulars", "salt", "count")] == [
        [],
        [],
        None,
        None,
        None,
    ]
    assert [event["event"] for event in after["history"]] == ["planted"]
    checked = check_certificate(parse_certificate(encode(after)), log.key())
    assert (checked.number, checked.count.standing, checked.left_out) == (number, 1, 0)


def test_the_count_of_a_certificate_is_the_last_leaf_of_the_published_log(
    ordered: tuple[str, str], log: PublishedFiles
) -> None:
    order_id, number = ordered
    confirm(order_id, confirmation(number))
    log.publish()
    inspect(order_id, number, "dead", 12)
    log.publish()
    shown = certificate(number).body

    count = parse(shown["count"]["leaf"].encode())
    assert isinstance(count, CountLeaf)
    assert (count.planted, count.dead, count.standing, count.size) == (1, 1, 0, 3)
    assert {proof["tlog_proof"].partition("\n\n")[2] for proof in [*shown["proofs"], shown["count"]]} == {
        shown["count"]["tlog_proof"].partition("\n\n")[2]
    }


def test_a_certificate_shows_all_events_but_the_oldest_of_more_than_twelve_inspections(
    ordered: tuple[str, str], log: PublishedFiles
) -> None:
    order_id, number = ordered
    confirm(order_id, confirmation(number, planted_at="2026-06-05T07:00:00+08:00"))
    for inspector in range(15):
        inspect(order_id, number, "alive", 8, inspector=str(inspector))
    inspect(order_id, number, "dead", 9)
    log.publish()
    shown = certificate(number).body
    page = certificate(number, headers=BROWSER).body

    checked = check_certificate(parse_certificate(encode(shown)), log.key())
    assert [event["event"] for event in shown["history"]] == ["planted", *["alive"] * 12, "dead"]
    assert checked.left_out == 3
    assert "earlier than those above: 3" in page


def test_a_statement_that_is_not_published_yet_is_not_shown(ordered: tuple[str, str], log: PublishedFiles) -> None:
    order_id, number = ordered
    confirm(order_id, confirmation(number))
    log.publish()
    inspect(order_id, number, "dead", 12)
    shown = certificate(number).body

    assert (shown["state"], len(shown["proofs"])) == ("planted", 1)
    check_certificate(parse_certificate(encode(shown)), log.key())


def test_a_certificate_that_was_read_right_before_the_first_checkpoint_can_be_read_right_after_it(
    ordered: tuple[str, str], log: PublishedFiles
) -> None:
    order_id, number = ordered
    confirm(order_id, confirmation(number))
    unpublished = certificate(number)
    before = log.clock.instant
    log.publish()
    log.clock.instant = before
    shown = certificate(number)

    assert (unpublished.status, unpublished.body["proofs"]) == (200, [])
    assert (shown.status, len(shown.body["proofs"])) == (200, 1)


@pytest.mark.parametrize("name", ["log/checkpoint", "log/tile/0/000.p/2", "log/tile/entries/000.p/2"])
def test_a_planted_tree_never_looks_unplanted_because_a_file_of_the_log_cannot_be_read(
    ordered: tuple[str, str], log: PublishedFiles, name: str
) -> None:
    order_id, number = ordered
    confirm(order_id, confirmation(number))
    log.publish()
    log.remove(name)

    for headers in (None, BROWSER):
        answer = certificate(number, headers=headers)
        assert (answer.status, answer.code) == (503, "busy")
        assert answer.headers["retry-after"]


@pytest.mark.parametrize("body", [b"", b"rubbish \xff\x00"])
def test_a_checkpoint_that_somebody_replaced_makes_no_certificate_look_wrong(
    ordered: tuple[str, str], log: PublishedFiles, body: bytes
) -> None:
    order_id, number = ordered
    confirm(order_id, confirmation(number))
    log.publish()
    log.replace("log/checkpoint", body)

    assert (certificate(number).status, certificate(number).code) == (503, "busy")


def test_the_page_says_how_to_check_the_certificate_and_counts_the_trees_of_the_log(
    ordered: tuple[str, str], log: PublishedFiles
) -> None:
    order_id, number = ordered
    confirm(order_id, confirmation(number))
    log.publish()
    page = certificate(number, headers=BROWSER).body

    address = f"{BASE}/certificates/{number}"
    line = f'saxaul-log verify {number}.json --log {LOG_URL} --vkey "{vkey()}"'
    assert f"curl -fsS -o {number}.json {address}.json &amp;&amp; {line}" in page
    assert "1 tree standing in the public log" in page
    assert BUCKET in LOG_URL
