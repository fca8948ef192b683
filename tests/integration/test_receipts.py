"""Receipts: what the receipt of a call says, from the call to its posting, and after repeats of its messages."""

import json
from collections.abc import Sequence

import pytest
from botocore.exceptions import ClientError

from saxaul.catalog.entries import Cap
from saxaul.ledger.fates import mark_of
from saxaul.ledger.receipts import Fate, ReceiptPart, fates_of
from saxaul.storage.receipts import Receipts
from saxaul.storage.table import Item, Table
from tests.builders import APP, NOON, action_bodies, make_action, make_action_type, reported
from tests.integration.log_lines import Lines
from tests.integration.stack import Response, Stack, report_actions, report_reversals

POSTED, WAITING, REPLAYED, CONFLICTED = Fate("posted"), Fate("waiting"), Fate("replayed"), Fate("conflicted")
REVERSED, KEPT = Fate("reversed"), Fate("nothing_to_reverse", "kept")


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """A stack with rides of 80 points. A person earns at most 200 points a day."""
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", points=200),)))
    return stack


def rides(*names: str, **changes: object) -> Response:
    return report_actions(*(reported(action_id=name, **changes) for name in names))


def taken_back(*names: str) -> Response:
    fields = ("action_id", "user_id", "occurred_at")
    return report_reversals(
        *(
            {name: ride[name] for name in fields} | {"reason": "refund"}
            for ride in (reported(action_id=n) for n in names)
        )
    )


def said(stack: Stack, response: Response) -> Sequence[Fate | None]:
    """Return what the receipt of a call says."""
    assert response.status == 202
    return fates_of(stack.receipts.parts_of(response.body["receipt_id"]))


def waiting(stack: Stack) -> list[str]:
    """Return the ids of the receipts that the index has."""
    return [key.pk.removeprefix("RECEIPT#") for key in stack.receipts.waiting()]


def test_a_receipt_waits_until_its_message_is_posted_and_says_nothing_of_persons(stack: Stack) -> None:
    response = report_actions(reported(), reported(type="no_such"), reported(action_id="ride-2"))

    assert said(stack, response) == [WAITING, Fate("refused"), WAITING]
    assert waiting(stack) == [response.body["receipt_id"]]

    stack.deliver_reported()

    [part] = stack.receipts.parts_of(response.body["receipt_id"])
    assert part == ReceiptPart(response.body["receipt_id"], 0, 1, APP, "actions", NOON, "p-p")
    assert said(stack, response) == [POSTED, Fate("refused"), POSTED]
    assert waiting(stack) == []


def test_a_receipt_says_why_an_action_earns_less_than_it_is_worth(stack: Stack) -> None:
    response = rides("ride-1", "ride-2", "ride-3", "ride-4")
    stack.deliver_reported()

    cut, withheld = Fate("posted", "over_points_cap"), Fate("withheld", "over_points_cap")
    assert said(stack, response) == [POSTED, POSTED, cut, withheld]


def test_a_repeat_by_another_call_is_replayed_and_a_changed_one_conflicts(stack: Stack) -> None:
    first = rides("ride-1")
    stack.deliver_reported()
    again, changed = rides("ride-1"), rides("ride-1", quantity=2)
    stack.deliver_reported()

    assert [said(stack, response) for response in (first, again, changed)] == [[POSTED], [REPLAYED], [CONFLICTED]]


def test_a_message_that_is_delivered_again_says_the_same_again(stack: Stack) -> None:
    response = rides("ride-1", "ride-2")
    bodies = stack.receive_all(stack.actions_url)

    assert stack.accrue(*bodies) == []
    assert stack.accrue(*bodies, *bodies) == []

    assert said(stack, response) == [POSTED, POSTED]
    assert len(stack.periods_of()[0].entries) == 2


def test_the_receipt_of_reversals_says_what_was_reversed_and_what_is_kept(stack: Stack) -> None:
    rides("ride-1")
    stack.deliver_reported()
    first = taken_back("ride-1", "never")
    bodies = stack.receive_all(stack.actions_url)
    stack.accrue(*bodies)
    second = taken_back("ride-1", "never")
    stack.deliver_reported()

    assert said(stack, first) == [REVERSED, KEPT]
    assert said(stack, second) == [REPLAYED, REPLAYED]

    stack.accrue(*bodies)

    assert said(stack, first) == [REVERSED, KEPT]


def test_an_action_that_was_reversed_before_it_arrived_is_withheld(stack: Stack) -> None:
    taken_back("ride-1")
    stack.deliver_reported()
    response = rides("ride-1")
    stack.deliver_reported()

    assert said(stack, response) == [Fate("withheld", "reversed")]


def test_a_call_is_accepted_although_its_receipt_cannot_be_opened(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Receipts, "create", lambda *_: 1 / 0)
        response = rides("ride-1")

    assert (response.status, said_nothing(stack, response)) == (202, True)
    assert "a receipt could not be opened" in lines.getvalue()
    stack.deliver_reported()
    assert said(stack, response) == [POSTED]


def said_nothing(stack: Stack, response: Response) -> bool:
    return stack.receipts.parts_of(response.body["receipt_id"]) == []


def test_a_receipt_that_posting_wrote_first_stays_as_it_is(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    create = Receipts.create

    def late(receipts: Receipts, part: ReceiptPart) -> None:
        stack.deliver_reported()
        create(receipts, part)

    monkeypatch.setattr(Receipts, "create", late)
    response = rides("ride-1")

    assert said(stack, response) == [POSTED]


def test_a_receipt_that_cannot_be_written_fails_only_its_message_and_is_written_later(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    responses = [rides(f"ride-{number}", quantity="0.5") for number in range(3)]
    bodies = stack.receive_all(stack.actions_url)
    broken, batches = responses[1].body["receipt_id"], []

    def mutant(table: Table, items: Sequence[Item]) -> None:
        batches.append(len(items))
        if any(item["pk"].endswith(broken) for item in items):
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "malformed"}}, "BatchWriteItem")
        put_all(table, items)

    put_all = Table.put_all
    with monkeypatch.context() as patch:
        patch.setattr(Table, "put_all", mutant)
        assert stack.accrue(*bodies) == ["m-1"]
    assert batches == [3, 1, 1, 1]
    assert [said(stack, response) for response in responses] == [[POSTED], [WAITING], [POSTED]]

    assert stack.accrue(bodies[1]) == []
    assert said(stack, responses[1]) == [POSTED]
    assert len(stack.periods_of()[0].entries) == 3


def test_of_a_message_that_fails_only_what_was_posted_stops_waiting(stack: Stack) -> None:
    actions = [make_action("ride-1", rule=1), make_action("ride-2", rule=9), make_action("ride-3", rule=1)]
    [body] = action_bodies(APP, NOON, actions, "a-failing-receipt")

    assert stack.accrue(body) == ["m-0"]

    assert fates_of(stack.receipts.parts_of("a-failing-receipt")) == [POSTED, WAITING, POSTED]
    assert waiting(stack) == ["a-failing-receipt"]


def test_a_complete_receipt_never_waits_again(stack: Stack) -> None:
    [body] = action_bodies(APP, NOON, [make_action("ride-1", rule=1)], "delivered-twice")
    stack.accrue(body)
    unreadable = json.loads(body)
    unreadable["actions"][0][8] = 9

    assert stack.accrue(json.dumps(unreadable)) == ["m-0"]

    assert fates_of(stack.receipts.parts_of("delivered-twice")) == [POSTED]


def test_a_large_call_has_a_receipt_of_several_parts(stack: Stack) -> None:
    persons = [f"u-{number}-{'x' * 100}" for number in range(500)]
    response = report_actions(*(reported(action_id="a" * 128, user_id=person) for person in persons))

    parts = stack.receipts.parts_of(response.body["receipt_id"])
    assert [part.parts for part in parts] == [len(parts)] * len(parts)
    assert len(parts) > 1
    assert said(stack, response) == [WAITING] * 500

    stack.deliver_reported()

    assert said(stack, response) == [POSTED] * 500


def test_an_entry_keeps_the_mark_of_its_receipt(stack: Stack) -> None:
    response = rides("ride-1")
    stack.deliver_reported()

    [entry] = stack.periods_of()[0].entries.values()
    assert entry.receipt == mark_of(response.body["receipt_id"]) != ""


def test_a_message_without_a_receipt_is_posted_without_one(stack: Stack) -> None:
    [body] = action_bodies(APP, NOON, [make_action("ride-1", rule=1)], "")

    assert stack.accrue(body) == []

    assert len(stack.periods_of()[0].entries) == 1
    assert waiting(stack) == []


def test_both_places_of_an_item_that_a_call_has_twice_say_what_became_of_the_one_action(stack: Stack) -> None:
    ridden = rides("ride-1", "ride-1")
    stack.deliver_reported()
    reversed_ = taken_back("ride-1", "ride-1")
    stack.deliver_reported()

    assert said(stack, ridden) == [POSTED, POSTED]
    assert said(stack, reversed_) == [REVERSED, REVERSED]
    assert len(stack.periods_of()[0].entries) == 1
