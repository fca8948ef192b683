"""What became of each item of a call: the receipt that the API shows to the app that made the call."""

import pytest

from saxaul.ledger.receipts import FATES
from tests.builders import DAY, NOON, RECEIPT, make_receipt_part
from tests.integration.stack import Response, Stack, call


def receipt(receipt_id: str = RECEIPT, client: str = "alipay-client") -> Response:
    path = {"receipt_id": receipt_id}
    return call("ingest_actions", "GET", "/receipts/{receipt_id}", client=client, path=path)


def test_a_receipt_says_what_became_of_each_item_by_its_place(stack: Stack) -> None:
    stack.receipts.create(make_receipt_part("p-wU"))

    shown = receipt()

    assert shown.status == 200
    counts = {"refused": 1, "waiting": 1, "posted": 1, "withheld": 1}
    others = ("replayed", "conflicted", "reversed", "nothing_to_reverse", "dropped")
    assert shown.body == {
        "receipt_id": RECEIPT,
        "kind": "actions",
        "accepted_at": "2026-06-05T12:00:00+08:00",
        "expires_at": "2026-07-05T12:00:00+08:00",
        "accepted": 3,
        "counts": counts | dict.fromkeys(others, 0),
        "items": [
            {"index": 0, "status": "posted"},
            {"index": 1, "status": "refused"},
            {"index": 2, "status": "waiting"},
            {"index": 3, "status": "withheld", "reason": "over_units_cap"},
        ],
    }


def test_each_outcome_is_shown_with_its_status_and_its_reason(stack: Stack) -> None:
    stack.receipts.create(make_receipt_part("".join(FATES), kind="reversals"))

    body = receipt().body

    assert [(item["status"], item.get("reason", "")) for item in body["items"]] == [
        tuple(fate) for fate in FATES.values()
    ]
    assert body["kind"] == "reversals"
    assert sum(body["counts"].values()) == body["accepted"] == len(FATES)


def test_the_parts_of_a_receipt_are_shown_as_one(stack: Stack) -> None:
    stack.receipts.create(make_receipt_part("-w-w", part=1, parts=2))
    stack.receipts.create(make_receipt_part("p-r-", part=0, parts=2))

    statuses = [item["status"] for item in receipt().body["items"]]

    assert statuses == ["posted", "waiting", "replayed", "waiting"]


def test_an_item_that_may_be_in_a_missing_part_is_waiting(stack: Stack) -> None:
    stack.receipts.create(make_receipt_part("p--", part=0, parts=2))

    body = receipt().body

    assert [item["status"] for item in body["items"]] == ["posted", "waiting", "waiting"]
    assert body["accepted"] == 3


def test_the_receipt_of_another_app_is_answered_like_one_that_does_not_exist(stack: Stack) -> None:
    stack.receipts.create(make_receipt_part())

    foreign, unknown = receipt(client="taobao-client"), receipt("none")

    assert (foreign.status, foreign.code) == (404, "unknown_receipt")
    assert foreign.body == unknown.body


def test_a_receipt_can_be_read_for_30_days(stack: Stack) -> None:
    stack.receipts.create(make_receipt_part("p"))

    stack.clock.instant = NOON + 30 * DAY - 1
    last = receipt()
    stack.clock.instant += 1
    expired = receipt()

    assert (last.status, expired.status, expired.code) == (200, 404, "unknown_receipt")


@pytest.mark.parametrize("receipt_id", ["", " ", "a b", "x" * 129, "RECEIPT#1", "梭梭", "..", "\x00"])
def test_a_text_that_cannot_be_the_id_of_a_receipt_is_refused(stack: Stack, receipt_id: str) -> None:
    assert receipt(receipt_id).status in {400, 404}
    assert stack.receipts.parts_of(RECEIPT) == []
