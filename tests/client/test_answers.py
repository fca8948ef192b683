"""Answers become typed values with exact numbers, unknown members are ignored, and nonsense is an AnswerError."""

import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul_client import AnswerError, AppClient, Problem, SaxaulError, ShownPhoto
from tests.client.fake_api import API, ONCE, WALLET, FakeApi, ok, refused, text

LINE = {
    "action_id": "ride-1",
    "summed": None,
    "app_id": "alipay",
    "action_type": "bus_ride",
    "quantity": 1.0,
    "mode": "single",
    "evidence_id": None,
    "unit": "ride",
    "points": 80,
    "avoided_g": 212.5,
    "avoided_g_reason": None,
    "avoided_g_source": "a paper",
    "occurred_at": "2027-01-01T08:00:00+08:00",
    "recorded_at": "2027-01-01T00:00:05Z",
    "state": "ripe",
    "reason": "over_points_cap",
    "caps": [
        {
            "window": "day",
            "period": "2027-01-01",
            "units": None,
            "points": 400,
            "used": 400.0,
            "left": 0.0,
            "cut": True,
            "resets_at": "2027-01-02T00:00:00+08:00",
        }
    ],
    "at_least": None,
    "rule": "bus_ride@1",
    "factor": f"{API}/factors/bus_ride/1",
    "campaign_id": None,
    "conflicted": False,
}
CERTIFICATE: dict[str, Any] = {
    "certificate": "1234",
    "state": "planted",
    "project_id": "saxaul-alxa",
    "species": "Saxaul",
    "latin": None,
    "place": "Alxa",
    "partner": "SEE",
    "dedication": None,
    "requested_at": "2027-01-01T08:00:00+08:00",
    "planted_at": None,
    "tree": {"tag": "A-1", "lat": 38.85, "lon": 105.73, "photo": {"sha256": "ab", "url": "https://f/ab"}, "link": None},
    "history": [
        {
            "event": "corrected",
            "state": "planted",
            "at": "2027-01-02T08:00:00+08:00",
            "recorded_at": "2027-01-02T08:00:00+08:00",
            "photo": {"sha256": "ab", "url": "https://f/ab"},
            "link": "https://p/1.jpg",
        }
    ],
    "proofs": [{"leaf": "{}", "tlog_proof": "x"}],
}


def test_a_wallet_has_exact_grams_and_ignores_members_of_a_later_release() -> None:
    wallet = FakeApi(ok(WALLET | {"frozen": {"a": 1}})).client().wallet("mei")

    assert (wallet.spendable, wallet.avoided_g) == (50, Decimal("212.5"))


@pytest.mark.parametrize("digits", ["0.1", "12345678901234567890.123", "3e2", "0", "7", "0.000001"])
def test_grams_are_exactly_the_digits_that_the_api_sent(digits: str) -> None:
    document = httpx.Response(200, json=WALLET).text.replace("212.5", digits)

    assert FakeApi(text(document)).client().wallet("mei").avoided_g == Decimal(digits)


def test_a_ledger_line_has_times_with_their_offsets_and_its_caps() -> None:
    [page] = FakeApi(ok({"entries": [LINE], "cursor": None})).client().ledger_pages("mei")
    [line] = page.items

    assert line.occurred_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert line.occurred_at.utcoffset() == timedelta(hours=8)
    [cap] = line.caps
    assert (cap.period, cap.points, cap.units, cap.cut) == ("2027-01-01", 400, None, True)
    assert (cap.used, cap.left) == (Decimal(400), Decimal(0))
    assert line.at_least is None
    assert (line.quantity, line.reason) == (Decimal(1), "over_points_cap")


ACTION_TYPE: dict[str, Any] = {
    "action_type": "bus_ride",
    "version": 3,
    "name": "Bus ride",
    "category": "travel",
    "actor": "person",
    "unit": "ride",
    "points": {"value": 80.0, "per": "action", "at_least": 0.5, "confidence": "none", "source": None},
    "avoided_g": {
        "value": 212.5,
        "confidence": "B",
        "source": "China Daily",
        "region": "CN",
        "year": 2024,
        "method": None,
    },
    "caps": [{"window": "day", "units": 2.0, "points": None}],
    "plausible_a_day": None,
    "min_quantity": 0.01,
    "max_quantity": 10.0,
    "retired_from": "2027-05-01",
    "factor": f"{API}/factors/bus_ride/3",
}


def test_action_types_of_all_pages_have_their_limits_and_exact_factors() -> None:
    other = ACTION_TYPE | {"action_type": "solar", "actor": "facility", "points": None, "retired_from": None}
    pages = [{"action_types": [ACTION_TYPE], "cursor": "next"}, {"action_types": [other], "cursor": None}]
    api = FakeApi(*(ok(page) for page in pages))

    ride, solar = api.client().action_types(lang="en")

    assert [dict(request.url.params) for request in api.requests] == [{"lang": "en"}, {"lang": "en", "cursor": "next"}]
    assert ride.points is not None
    assert (ride.points.value, ride.points.per, ride.points.at_least) == (Decimal(80), "action", Decimal("0.5"))
    assert (ride.avoided_g.value, ride.avoided_g.source, ride.avoided_g.year) == (Decimal("212.5"), "China Daily", 2024)
    assert (ride.caps[0].window, ride.caps[0].units, ride.caps[0].points) == ("day", Decimal(2), None)
    assert (ride.min_quantity, ride.max_quantity) == (Decimal("0.01"), Decimal(10))
    assert (ride.retired_from, ride.factor) == (date(2027, 5, 1), f"{API}/factors/bus_ride/3")
    assert (solar.actor, solar.points, solar.retired_from) == ("facility", None, None)


RECEIPT: dict[str, Any] = {
    "receipt_id": "abcDEF0123456789",
    "kind": "actions",
    "accepted_at": "2027-01-01T08:00:00+08:00",
    "expires_at": "2027-01-31T08:00:00+08:00",
    "accepted": 2,
    "counts": {"posted": 1, "withheld": 1, "refused": 1},
    "items": [
        {"index": 0, "status": "posted"},
        {"index": 1, "status": "withheld", "reason": "over_points_cap"},
        {"index": 2, "status": "refused"},
    ],
}


def test_a_receipt_says_what_became_of_each_item_and_whether_any_waits() -> None:
    waiting = RECEIPT | {"items": [{"index": 0, "status": "waiting"}, *RECEIPT["items"][1:]]}
    api = FakeApi(ok(waiting), ok(RECEIPT))
    app = api.client()

    assert app.receipt("abcDEF0123456789").is_waiting
    receipt = app.receipt("abcDEF0123456789")

    assert not receipt.is_waiting
    assert [(item.index, item.status, item.reason) for item in receipt.items][1:] == [
        (1, "withheld", "over_points_cap"),
        (2, "refused", None),
    ]
    assert receipt.counts == {"posted": 1, "withheld": 1, "refused": 1}
    assert str(api.requests[0].url) == f"{API}/receipts/abcDEF0123456789"


@pytest.mark.parametrize("counts", [None, [], 5, {"posted": "1"}, {"posted": None}, {"posted": 10**40}])
def test_counts_that_are_no_numbers_by_name_are_an_error(counts: object) -> None:
    with pytest.raises(AnswerError, match=r"Receipt\.counts"):
        FakeApi(ok(RECEIPT | {"counts": counts})).client().receipt("abcDEF0123456789")


def test_a_certificate_has_its_links_and_its_whole_document() -> None:
    api = FakeApi(ok(CERTIFICATE))
    app = api.client()
    certificate = app.certificate("1234")

    assert certificate.tree is not None
    assert (certificate.certificate, certificate.members["proofs"]) == ("1234", CERTIFICATE["proofs"])
    assert (certificate.tree.tag, certificate.tree.lat) == ("A-1", Decimal("38.85"))
    [event] = certificate.history
    assert event.photo == certificate.tree.photo == ShownPhoto("ab", "https://f/ab")
    assert (event.event, event.state, event.link) == ("corrected", "planted", "https://p/1.jpg")
    assert app.certificate_links("1234").page == f"{API}/certificates/1234"
    assert "authorization" not in api.requests[0].headers


def test_a_known_answer_is_returned_again_if_the_api_has_no_newer_one() -> None:
    found = {
        "query": "bus",
        "fallback": False,
        "suggestions": [{"kind": "action", "id": "a", "title": "A", "text": ""}],
    }
    api = FakeApi(httpx.Response(200, json=found, headers={"etag": '"v1"'}), httpx.Response(304))
    app = api.client()

    first = app.suggest("bus")
    again = app.suggest("bus", known=first)

    assert again is first
    assert api.requests[1].headers["if-none-match"] == '"v1"'


def test_a_result_of_an_unknown_kind_keeps_all_of_its_members() -> None:
    result = {"kind": "challenge", "id": "c", "title": "C", "text": "", "points": 80.0, "goal": {"km": 5}}
    found = FakeApi(ok({"query": "", "fallback": True, "suggestions": [result]})).client().suggest("")

    assert found.suggestions[0].members["goal"] == {"km": 5}
    assert found.suggestions[0].points == Decimal("80.0")


@pytest.mark.parametrize(
    "changed",
    [
        {"spendable": "50"},
        {"spendable": 50.0},
        {"spendable": True},
        {"spendable": None},
        {"spendable": [50]},
        {"spendable": 10**40},
        {"avoided_g": "212.5"},
        {"avoided_g": True},
        {"avoided_g": 1e40},
        {"avoided_g": 1e-40},
        {"user_id": 5},
        {"user_id": None},
    ],
)
def test_a_member_of_a_wrong_type_or_size_is_named_without_its_value(changed: dict[str, Any]) -> None:
    with pytest.raises(AnswerError, match=rf"Wallet\.{next(iter(changed))} is ") as raised:
        FakeApi(ok(WALLET | changed)).client().wallet("mei")

    assert "50" not in str(raised.value)


@pytest.mark.parametrize("name", WALLET)
def test_a_missing_member_is_named(name: str) -> None:
    with pytest.raises(AnswerError, match=rf"Wallet\.{name} is missing"):
        FakeApi(ok({key: value for key, value in WALLET.items() if key != name})).client().wallet("mei")


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", '{"user_id": "mei", "earn', "null", "[]", "7", '"text"', "<html>", "\ufeff{}", '{"avoided_g": NaN}'),
        *('{"avoided_g": Infinity}', "[" * 100_000, "9" * 10_000, '{"earned": 1e99999999999999999999}', "{'a': 1}"),
    ],
)
def test_a_body_that_is_not_the_json_of_a_wallet_is_an_answer_error(content: str) -> None:
    with pytest.raises(AnswerError):
        FakeApi(text(content)).client().wallet("mei")


def test_a_body_that_is_not_utf_8_is_an_answer_error() -> None:
    with pytest.raises(AnswerError):
        FakeApi(httpx.Response(200, content=b'{"user_id": "\xff\xfe"}')).client().wallet("mei")


@pytest.mark.parametrize("time", ["yesterday", "2027-01-01T08:00:00", 1798761600, None, ""])
def test_a_time_without_an_offset_or_that_is_none_is_an_answer_error(time: object) -> None:
    with pytest.raises(AnswerError, match=r"entries\[0\]\.occurred_at"):
        list(FakeApi(ok({"entries": [LINE | {"occurred_at": time}], "cursor": None})).client().ledger_pages("mei"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from([200, 202, 301, 400, 404, 409, 422]), st.dictionaries(st.sampled_from(list(LINE)), JSON))
def test_any_json_is_read_or_is_an_error_of_the_client(body: object, status: int, changed: dict[str, object]) -> None:
    for answer in (body, {"entries": [LINE | changed], "cursor": None}, WALLET | changed):
        app = FakeApi(httpx.Response(status, json=answer)).client(retries=ONCE)
        with suppress(SaxaulError):
            app.wallet("mei")
        with suppress(SaxaulError):
            next(app.ledger_pages("mei"))


def test_a_problem_has_its_members_and_the_id_of_the_request() -> None:
    document = {"type": "about:blank", "title": "Conflict", "status": 409, "code": "insufficient_points"}
    document |= {"detail": "Too few.", "errors": ["a", "b"], "missing": 5}
    api = FakeApi(httpx.Response(409, json=document, headers={"x-amzn-RequestId": "req-1"}))

    with pytest.raises(Problem) as raised:
        api.client().harvest("mei")

    problem = raised.value
    assert (problem.status, problem.code, problem.title) == (409, "insufficient_points", "Conflict")
    assert (problem.errors, problem.members, problem.request_id) == (
        ("a", "b"),
        {"type": "about:blank", "missing": 5},
        "req-1",
    )
    assert str(problem) == "POST /users/{user_id}/harvest: 409 insufficient_points: Too few."


def test_an_answer_of_the_gateway_itself_is_a_problem_with_its_message() -> None:
    with pytest.raises(Problem) as raised:
        FakeApi(httpx.Response(403, json={"message": "Missing Authentication Token"})).client().harvest("mei")

    assert (raised.value.code, raised.value.title, raised.value.detail) == (
        "",
        "Forbidden",
        "Missing Authentication Token",
    )


def test_a_problem_without_a_status_has_that_of_the_response() -> None:
    document = {"title": "Refused", "code": "refused", "detail": "No."}

    with pytest.raises(Problem) as raised:
        FakeApi(httpx.Response(418, json=document)).client().harvest("mei")

    assert (raised.value.status, raised.value.code) == (418, "refused")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text="<html>Not found</html>"),
        httpx.Response(404),
        httpx.Response(404, json=[1]),
        httpx.Response(404, json={"code": 5, "title": {}, "detail": [], "errors": "x", "status": "no", "message": 1}),
        httpx.Response(404, content=b"\xff"),
        text("[" * 100_000, 404),
    ],
)
def test_a_refusal_without_a_problem_document_is_a_problem_too(answer: httpx.Response) -> None:
    with pytest.raises(Problem) as raised:
        FakeApi(answer).client().harvest("mei")

    assert (raised.value.status, raised.value.code, raised.value.title) == (404, "", "Not Found")


def test_a_long_detail_is_cut() -> None:
    with pytest.raises(Problem) as raised:
        FakeApi(httpx.Response(400, json={"code": "x", "detail": "y" * 10**6})).client().harvest("mei")

    assert len(str(raised.value)) < 1200


@pytest.mark.parametrize("user_id", ["", ".", ".."])
def test_an_id_that_would_lead_to_another_path_is_refused(user_id: str) -> None:
    with pytest.raises(ValueError, match="user_id"):
        FakeApi(ok(WALLET)).client().wallet(user_id)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda app: app.wallet("mei\ud800"), "user_id"),
        (lambda app: app.redeem("\udfffmei", "saxaul-alxa", max_points=1), "user_id"),
        (lambda app: app.suggest("bus", user_id="mei\udc00"), "user_id"),
        (lambda app: app.suggest("mei\ud800"), "q"),
        (lambda app: app.call("GET", "/users/mei\ud800/wallet"), "the path"),
    ],
)
def test_a_lone_surrogate_is_named_before_anything_is_sent_and_not_repeated(
    call: Callable[[AppClient], object], name: str
) -> None:
    api = FakeApi(ok(WALLET))

    with pytest.raises(ValueError, match=f"^{name} must not have a lone surrogate") as raised:
        call(api.client())

    assert "mei" not in "".join(traceback.format_exception_only(raised.value)) + repr(raised.value.__context__)
    assert api.requests + api.token_requests == []


def test_an_id_beyond_ascii_is_sent_as_utf_8() -> None:
    api = FakeApi(ok(WALLET))
    api.client().wallet("梅🌳")

    assert api.requests[0].url.raw_path == b"/v1/users/%E6%A2%85%F0%9F%8C%B3/wallet"


def test_an_id_is_percent_encoded() -> None:
    api = FakeApi(ok(WALLET))
    api.client().wallet("../admin?x=1#y")

    assert api.requests[0].url.raw_path == b"/v1/users/..%2Fadmin%3Fx%3D1%23y/wallet"


def test_a_call_with_a_missing_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match=r"parameters of /users/\{user_id\}/wallet are user_id"):
        FakeApi(ok()).client().call("GET", "/users/{user_id}/wallet")


def test_the_language_and_other_parameters_that_are_not_given_are_not_sent() -> None:
    api = FakeApi(ok({"projects": []}))
    app = api.client()

    app.tree_projects()
    app.tree_projects(lang="zh")

    assert [request.url.query for request in api.requests] == [b"", b"lang=zh"]


def test_a_refused_write_shows_the_code_of_the_api() -> None:
    with pytest.raises(Problem, match="409 sold_out: Because"):
        FakeApi(refused(409, "sold_out")).client().redeem("mei", "saxaul-alxa", max_points=5)
