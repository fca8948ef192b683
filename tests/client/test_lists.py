"""Long lists: reports of many items in several calls, and lists of many pages."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from itertools import islice
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul_client import (
    Action,
    AnswerError,
    CallReceipt,
    IncompleteError,
    OperatorClient,
    PartnerClient,
    Problem,
    PublicLog,
    Reported,
    Reversal,
    items_of,
)
from tests.client.fake_api import API, ONCE, SECRET, TOKEN_URL, FakeApi, StillClock, ok, refused

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)


def actions(count: int) -> Iterator[Action]:
    for number in range(count):
        yield Action(action_id=f"a-{number}", user_id="mei", type="bus_ride", quantity=1, occurred_at=NOON)


def sent(request: httpx.Request) -> list[dict[str, Any]]:
    [items] = json.loads(request.content).values()
    found: list[dict[str, Any]] = items
    return found


def refuse_last(request: httpx.Request) -> httpx.Response:
    """Accept all actions of a call but the last one, and flag the first one."""
    items = sent(request)
    last = {"index": len(items) - 1, "action_id": items[-1]["action_id"], "code": "too_old", "detail": "Old."}
    first = {"index": 0, "action_id": items[0]["action_id"], "code": "over_plausible_quantity", "detail": "Much."}
    return httpx.Response(202, json={"accepted": len(items) - 1, "refused": [last], "flagged": [first]})


@pytest.mark.parametrize(("count", "calls"), [(1, [1]), (500, [500]), (501, [500, 1]), (1234, [500, 500, 234])])
def test_many_actions_are_sent_in_calls_of_at_most_500_and_the_indexes_are_those_of_the_whole_list(
    count: int, calls: list[int]
) -> None:
    api = FakeApi(refuse_last)
    reported = api.client().report_actions(actions(count))

    assert [len(sent(request)) for request in api.requests] == calls
    assert reported.accepted == count - len(calls)
    assert all(refusal.action_id == f"a-{refusal.index}" for refusal in (*reported.refused, *reported.flagged))
    assert [refusal.index for refusal in reported.refused] == [sum(calls[: end + 1]) - 1 for end in range(len(calls))]


def refuse_all(request: httpx.Request) -> httpx.Response:
    refused_items = [
        {"index": index, "action_id": item["action_id"], "code": "too_old", "detail": "Old."}
        for index, item in enumerate(sent(request))
    ]
    problem = {"title": "All items refused", "status": 422, "code": "all_refused", "detail": "Every item was refused."}
    return httpx.Response(422, json=problem | {"accepted": 0, "refused": refused_items})


def test_a_call_whose_actions_are_all_refused_is_returned_and_does_not_stop_the_others() -> None:
    api = FakeApi(refuse_last, refuse_all, refuse_last)
    reported = api.client().report_actions(actions(1100))

    assert len(api.requests) == 3
    assert reported.accepted == 499 + 99
    assert [refusal.index for refusal in reported.refused] == [499, *range(500, 1000), 1099]
    assert all(refusal.action_id == f"a-{refusal.index}" for refusal in reported.refused)


def test_reversals_that_are_all_refused_are_returned_like_any_refusal() -> None:
    reversal = Reversal(action_id="a-0", user_id="mei", occurred_at=NOON, reason="refunded")
    reported = FakeApi(refuse_all).client().reverse_actions([reversal])

    assert (reported.accepted, [refusal.code for refusal in reported.refused]) == (0, ["too_old"])


def with_receipt(request: httpx.Request) -> httpx.Response:
    """Accept all actions of a call. The id of the receipt is that of the first action."""
    items = sent(request)
    receipt_id = f"receipt-of-{items[0]['action_id']}"
    return httpx.Response(202, json={"accepted": len(items), "refused": [], "receipt_id": receipt_id})


def test_each_call_in_which_an_action_was_accepted_has_a_receipt_with_the_place_of_the_call_in_the_list() -> None:
    reported = FakeApi(with_receipt, refuse_all, with_receipt).client().report_actions(actions(1100))

    assert reported.receipts == (CallReceipt("receipt-of-a-0", 0), CallReceipt("receipt-of-a-1000", 1000))
    assert reported.receipt_ids == ("receipt-of-a-0", "receipt-of-a-1000")


def test_a_call_that_fails_does_not_lose_the_receipts_of_the_earlier_calls() -> None:
    with pytest.raises(IncompleteError) as raised:
        FakeApi(with_receipt, refused(400, "no")).client().report_actions(actions(600))

    assert raised.value.reported.receipt_ids == ("receipt-of-a-0",)


@pytest.mark.parametrize("receipt_id", [None, 5, ["r"], {}])
def test_a_receipt_whose_id_is_no_text_is_an_error(receipt_id: object) -> None:
    api = FakeApi(httpx.Response(202, json={"accepted": 1, "refused": [], "receipt_id": receipt_id}))

    with pytest.raises(AnswerError, match=r"CallReceipt\.receipt_id"):
        api.client().report_actions(actions(1))


def test_the_limit_of_a_day_ends_a_long_report_at_once_and_says_when_to_go_on() -> None:
    api, clock = FakeApi(with_receipt, refused(429, "daily_limit_reached", retry_after="30000")), StillClock()

    with pytest.raises(IncompleteError) as raised:
        api.client(clock).report_actions(actions(1100))

    problem = raised.value.__cause__
    assert isinstance(problem, Problem)
    assert (problem.code, problem.retry_after) == ("daily_limit_reached", 30_000)
    assert (raised.value.answered, len(api.requests), clock.pauses) == (500, 2, [])


def answer_of(accepted: int, refused: list[int], flagged: list[int]) -> dict[str, Any]:
    named = [[{"index": index, "code": "c", "detail": "D."} for index in indexes] for indexes in (refused, flagged)]
    return {"accepted": accepted, "refused": named[0], "flagged": named[1]}


@pytest.mark.parametrize(
    ("accepted", "refused", "flagged"),
    [
        *((2, [3], []), (2, [-1], []), (2, [10**20], []), (3, [], [3]), (3, [], [-1])),
        *((1, [1, 1], []), (2, [1, 1], []), (0, [0, 1, 1], [])),
        *((-1, [0, 1, 2], []), (-1, [], []), (0, [], []), (2, [], []), (4, [], []), (3, [1], []), (1, [1], [])),
    ],
)
@pytest.mark.parametrize("status", [202, 422])
def test_an_answer_that_does_not_accept_or_refuse_each_item_once_is_an_error(
    accepted: int, refused: list[int], flagged: list[int], status: int
) -> None:
    answer = {**answer_of(accepted, refused, flagged), "code": "all_refused", "title": "T"}
    api = FakeApi(httpx.Response(status, json=answer))

    with pytest.raises(AnswerError, match="item"):
        api.client().report_actions(actions(3))
    with pytest.raises(AnswerError, match="item"):
        partner_of(api).confirm("o-1", [{"certificate": str(number)} for number in range(3)])


@given(st.integers(0, 5), st.integers(-1, 6), *[st.lists(st.integers(-1, 6), max_size=6)] * 2)
def test_an_answer_that_is_returned_accepts_or_refuses_each_item_once(
    items: int, accepted: int, refused: list[int], flagged: list[int]
) -> None:
    api = FakeApi(ok(answer_of(accepted, refused, flagged)))

    with suppress(AnswerError):
        reported = partner_of(api).confirm("o-1", [{}] * items)
        indexes = [refusal.index for refusal in reported.refused]
        assert sorted({*indexes} | {*range(items)}) == list(range(items))
        assert len(set(indexes)) + reported.accepted == len(indexes) + reported.accepted == items
        assert all(0 <= flag.index < items for flag in reported.flagged)


def test_no_actions_make_no_call() -> None:
    api = FakeApi(refuse_last)

    assert api.client().report_actions([]) == Reported(0)
    assert api.requests == []


def test_a_call_that_fails_does_not_lose_what_the_earlier_calls_said() -> None:
    api = FakeApi(refuse_last, refuse_last, refused(503, "busy"))

    with pytest.raises(IncompleteError) as raised:
        api.client(retries=ONCE).report_actions(actions(2000))

    error = raised.value
    assert (error.answered, error.reported.accepted) == (1000, 998)
    assert [refusal.index for refusal in error.reported.refused] == [499, 999]
    assert isinstance(error.__cause__, Problem)
    assert len(api.requests) == 3, "the last call is not made"


def test_a_first_call_that_fails_raises_its_own_error() -> None:
    with pytest.raises(Problem, match="403 not_an_app"):
        FakeApi(refused(403, "not_an_app")).client().report_actions(actions(2000))


def test_reporting_goes_on_from_where_it_stopped_until_each_action_is_answered_once() -> None:
    api = FakeApi(refuse_last, refused(503, "busy"), refuse_last)
    app, listed = api.client(retries=ONCE), list(actions(700))

    with pytest.raises(IncompleteError) as raised:
        app.report_actions(listed)
    rest = app.report_actions(listed[raised.value.answered :])

    assert raised.value.reported.accepted + rest.accepted == 698


def test_a_decimal_quantity_is_sent_with_all_of_its_digits_and_absent_fields_are_left_out() -> None:
    api = FakeApi(refuse_last)
    quantity = Decimal("0.10000000000000000001")
    api.client().report_actions(
        [Action(action_id="a", facility_id="dc-1", type="kwh", quantity=quantity, occurred_at=NOON)]
    )

    assert sent(api.requests[0]) == [
        {
            "action_id": "a",
            "facility_id": "dc-1",
            "type": "kwh",
            "quantity": "0.10000000000000000001",
            "occurred_at": "2027-01-01T12:00:00+00:00",
        }
    ]


@pytest.mark.parametrize("quantity", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_a_quantity_that_is_no_number_is_refused(quantity: float | Decimal) -> None:
    with pytest.raises(ValueError, match="finite"):
        Action(action_id="a", type="kwh", quantity=quantity, occurred_at=NOON)


@pytest.mark.parametrize("quantity", [True, False, "1_0", "12.5", "", "x", None, [1], 1j])
def test_a_quantity_of_another_type_is_refused(quantity: Any) -> None:  # noqa: ANN401 - what is refused
    with pytest.raises(ValueError, match="quantity is not a number"):
        Action(action_id="a", type="kwh", quantity=quantity, occurred_at=NOON)


@pytest.mark.parametrize("quantity", [-1, -0.5, Decimal("-0.000001"), -(10**400)])
def test_a_negative_quantity_is_refused(quantity: Decimal | float) -> None:
    with pytest.raises(ValueError, match="quantity is negative"):
        Action(action_id="a", type="kwh", quantity=quantity, occurred_at=NOON)


class Nowhere(tzinfo):
    """A time zone that knows no offset."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize(
    "time",
    [
        datetime(2027, 1, 1),  # noqa: DTZ001 - what is refused
        datetime(2027, 1, 1, tzinfo=Nowhere()),
        *(date(2027, 1, 1), "x", "2027-01-01T12:00:00Z", 1798761600, None),
    ],
)
def test_a_time_that_is_none_or_has_no_zone_is_refused(time: Any) -> None:  # noqa: ANN401 - what is refused
    with pytest.raises(ValueError, match="time zone"):
        Action(action_id="a", type="kwh", quantity=1, occurred_at=time)
    with pytest.raises(ValueError, match="time zone"):
        Reversal(action_id="a", user_id="mei", reason="lost", occurred_at=time)


def test_reversals_are_sent_as_they_were_reported() -> None:
    api = FakeApi(httpx.Response(202, json={"accepted": 1, "refused": []}))
    api.client().reverse_actions([Reversal(action_id="a", user_id="mei", reason="lost", occurred_at=NOON)])

    assert str(api.requests[0].url) == f"{API}/reversals"
    assert sent(api.requests[0])[0]["reason"] == "lost"


def order(number: int) -> dict[str, object]:
    named = {"order_id": f"o-{number}", "project_id": "saxaul-alxa", "partner": "SEE"}
    return {**named, "ordered_at": "2027-01-01T08:00:00+08:00", "state": "open", "trees": 3, "open_trees": 2}


def partner_of(api: FakeApi) -> PartnerClient:
    return PartnerClient(API, TOKEN_URL, "id", SECRET, transport=httpx.MockTransport(api), clock=StillClock())


def test_pages_follow_the_cursor_until_there_is_none_and_are_requested_when_they_are_needed() -> None:
    api = FakeApi(
        ok({"orders": [order(1), order(2)], "cursor": "c1=="}),
        ok({"orders": [], "cursor": "c2"}),
        ok({"orders": [order(3)], "cursor": None}),
    )
    pages = partner_of(api).order_pages(limit=2)

    first = next(pages)
    assert len(api.requests) == 1
    assert [found.order_id for found in (*first.items, *items_of(pages))] == ["o-1", "o-2", "o-3"]
    assert [dict(request.url.params) for request in api.requests] == [
        {"limit": "2"},
        {"limit": "2", "cursor": "c1=="},
        {"limit": "2", "cursor": "c2"},
    ]


def test_a_list_continues_at_a_cursor_that_was_kept() -> None:
    api = FakeApi(ok({"orders": [], "cursor": None}))
    list(partner_of(api).order_pages(cursor="kept"))

    assert dict(api.requests[0].url.params) == {"cursor": "kept"}


@pytest.mark.parametrize("cursors", [["a", "a"], ["a", "b", "a"], ["a", "b", "c", "b"]])
def test_a_cursor_that_comes_again_ends_the_list_with_an_error(cursors: list[str]) -> None:
    api = FakeApi(*(ok({"orders": [order(1)], "cursor": cursor}) for cursor in cursors))

    with pytest.raises(AnswerError, match="does not end"):
        list(islice(partner_of(api).order_pages(), 100))

    assert len(api.requests) == len(cursors)


@pytest.mark.parametrize("cursor", [5, True, ["a"], {}])
def test_a_cursor_that_is_no_text_is_an_error(cursor: object) -> None:
    with pytest.raises(AnswerError, match="cursor"):
        list(partner_of(FakeApi(ok({"orders": [], "cursor": cursor}))).order_pages())


def test_the_public_log_says_where_its_files_are_and_how_many_trees_it_has() -> None:
    log = PublicLog("https://f.example/log", "f.example/log+1+A", size=4, planted=3, dead=1, standing=2)
    api = FakeApi(ok(asdict(log)))

    assert api.client().log() == log
    assert "authorization" not in api.requests[0].headers


def test_a_partners_reports_have_their_refusals() -> None:
    refusal = {"index": 1, "certificate": "x", "code": "not_in_order", "detail": "No."}
    api = FakeApi(ok({"accepted": 1, "refused": [refusal]}))
    reported = partner_of(api).confirm("o/1", [{"certificate": "1"}, {"certificate": "x"}])

    assert (reported.accepted, reported.refused[0].certificate) == (1, "x")
    assert api.requests[0].url.raw_path == b"/v1/planting-orders/o%2F1/confirmations"


def test_reports_that_are_all_refused_are_returned_and_other_problems_are_raised() -> None:
    refusal = {"index": 0, "certificate": "x", "code": "not_in_order", "detail": "No."}
    refused = {"title": "All items refused", "status": 422, "code": "all_refused", "accepted": 0, "refused": [refusal]}
    api = FakeApi(httpx.Response(422, json=refused), httpx.Response(404, json={"code": "unknown_order"}))

    reported = partner_of(api).fail("o-1", [{"certificate": "x"}])

    assert (reported.accepted, [refusal.code for refusal in reported.refused]) == (0, ["not_in_order"])
    with pytest.raises(Problem, match="404"):
        partner_of(api).fail("o-2", [{"certificate": "x"}])


def test_an_operator_replaces_exactly_the_version_that_was_read() -> None:
    entry = httpx.Response(200, json={"id": "bus", "words": ["bus"], "weight": 1.5}, headers={"etag": '"3"'})
    api = FakeApi(entry)
    operator = OperatorClient(API, TOKEN_URL, "id", SECRET, transport=httpx.MockTransport(api), clock=StillClock())

    read = operator.entry("synonyms", "bus")
    operator.write_entry("synonyms", "bus", read.document, if_match=read.etag)
    operator.write_entry("synonyms", "coach", {"words": []}, new=True)

    assert api.requests[1].headers["if-match"] == '"3"'
    assert json.loads(api.requests[1].content)["weight"] == 1.5
    assert api.requests[2].headers["if-none-match"] == "*"


def test_an_operator_ends_a_campaign_and_previews_the_search_of_a_day() -> None:
    entry = httpx.Response(200, json={"id": "earth", "ends": {"2026-06-04": "2026-06-05"}}, headers={"etag": '"2"'})
    found = httpx.Response(200, json={"query": "bus", "fallback": False, "suggestions": []})
    api = FakeApi(entry, entry, found)
    operator = OperatorClient(API, TOKEN_URL, "id", SECRET, transport=httpx.MockTransport(api), clock=StillClock())

    ended = operator.end_campaign("earth")
    operator.end_campaign("earth", last_day=date(2026, 6, 4), if_match='"1"')
    operator.suggest("bus", on=date(2027, 6, 5))

    today, yesterday, search = api.requests
    assert (ended.document["ends"], ended.etag) == ({"2026-06-04": "2026-06-05"}, '"2"')
    assert (today.url.path.endswith("/catalog/campaigns/earth/end"), json.loads(today.content)) == (True, {})
    assert json.loads(yesterday.content) == {"last_day": "2026-06-04"}
    assert yesterday.headers["if-match"] == '"1"'
    assert dict(search.url.params) == {"q": "bus", "on": "2027-06-05"}
