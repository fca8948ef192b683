"""Shares: whatever one app reports for a person, the actions of the other apps are counted as if it had not."""

from typing import Any
from unittest.mock import ANY

import pytest

from operations.ledger_reading import size_of
from saxaul.storage.table import Key
from tests.builders import USER, make_action, reported
from tests.integration.stack import (
    Stack,
    default_action_types,
    harvest,
    ledger_of,
    report_actions,
    report_reversals,
    statement_of,
    wallet_of,
)

PERIOD = Key(f"USER#{USER.id}", "PAGE#2026-06-05")
LONGEST = "x" * 124


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """A stack with the action types of the default catalog."""
    stack.seed("action-types", **default_action_types())
    return stack


def rides(prefix: str, number: int, **changes: object) -> list[dict[str, Any]]:
    return [reported(**{"action_id": f"{prefix}-{n}"} | changes) for n in range(number)]


def refunds(prefix: str, number: int, reason: str = "refunded") -> list[dict[str, Any]]:
    fields = {"type": None, "quantity": None, "reason": reason}
    return [reported(action_id=f"{prefix}-{n}", **fields) for n in range(number)]


def report(stack: Stack, client: str, actions: list[dict[str, Any]]) -> None:
    assert report_actions(*actions, client=client).body == {"receipt_id": ANY, "accepted": len(actions), "refused": []}
    stack.deliver_reported()


def reverse(stack: Stack, client: str, reversals: list[dict[str, Any]]) -> None:
    assert report_reversals(*reversals, client=client).body["accepted"] == len(reversals)
    stack.deliver_reported()


def size(stack: Stack) -> int:
    return size_of(stack.ledger.get(PERIOD))


@pytest.mark.slow
def test_five_hundred_reversals_of_actions_that_never_existed_take_nothing_from_the_other_apps(stack: Stack) -> None:
    report(stack, "alipay-client", rides("early", 1))
    before = size(stack)

    for round_ in range(2):
        reverse(stack, "taobao-client", refunds(f"{LONGEST[:115]}{round_}", 500, "r" * 64))
    after = size(stack)
    report(stack, "alipay-client", rides("late", 1))

    assert after - before <= len("awaited") + len("taobao") + 10
    assert [line["points"] for line in ledger_of()] == [80, 80]
    assert (wallet_of()["earned"], wallet_of()["avoided_g"]) == (160, 425)
    assert statement_of()["full_apps"] == []
    assert stack.faults() == []


@pytest.mark.parametrize(("kind", "quantity"), [("walking", 1), ("bike_ride", "0.01"), ("train_ticket", 1)])
def test_five_hundred_smallest_actions_of_one_app_leave_room_for_the_rides_of_another(
    stack: Stack, kind: str, quantity: object
) -> None:
    for round_ in range(4):
        report(stack, "taobao-client", rides(f"{LONGEST[:118]}{round_}", 500, type=kind, quantity=quantity))
    report(stack, "alipay-client", rides("mine", 5))

    mine = [line for line in ledger_of() if line["app_id"] == "alipay"]
    assert [(line["points"], line["reason"], line["avoided_g"]) for line in mine] == [(80, None, 212.5)] * 5
    assert stack.faults() == []


def test_a_quantity_below_the_smallest_of_its_type_is_refused_at_the_door(stack: Stack) -> None:
    response = report_actions(*rides("tiny", 499, type="walking", quantity="0.000001"), reported())
    stack.deliver_reported()

    assert response.body["accepted"] == 1
    assert {refusal["code"] for refusal in response.body["refused"]} == {"quantity_out_of_range"}
    assert wallet_of()["earned"] == 80


@pytest.mark.slow
def test_an_app_that_floods_a_period_in_every_way_cannot_displace_anything(stack: Stack) -> None:
    for round_ in range(2):
        report(stack, "taobao-client", rides(f"{LONGEST[:118]}{round_}", 500, type="walking", quantity=1))
        report(stack, "taobao-client", rides(f"cap{round_}", 500))
        proofs = [action | {"evidence_id": f"e{round_}-{n}"} for n, action in enumerate(rides(f"ev{round_}", 100))]
        report(stack, "taobao-client", proofs)
        reverse(stack, "taobao-client", refunds(f"never{round_}", 500))
    reverse(stack, "taobao-client", refunds("ev0", 100))
    report(stack, "alipay-client", rides("metro", 5, type="metro_ride"))

    mine = [line for line in ledger_of() if line["app_id"] == "alipay"]
    assert [line["points"] for line in mine] == [52] * 5
    assert size(stack) < 30 * 1024
    assert statement_of()["full_apps"] == ["taobao"]
    assert stack.faults() == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_the_honest_rides_are_paid_oldest_first_when_a_squatter_reverses_its_own(
    stack: Stack, order: tuple[int, ...]
) -> None:
    report(stack, "taobao-client", rides("squat", 5))
    for number in range(6):
        report(stack, "alipay-client", [reported(action_id=f"honest-{number}")])
    withheld = {line["action_id"]: line["reason"] for line in ledger_of() if line["app_id"] == "alipay"}

    paid = []
    for number in order:
        reverse(stack, "taobao-client", [refunds("squat", 5)[number]])
        lines = {line["action_id"]: line["points"] for line in ledger_of() if line["app_id"] == "alipay"}
        paid.append([lines[f"honest-{n}"] // 80 for n in range(6)])
        assert wallet_of()["earned"] == 400

    assert set(withheld.values()) == {"over_units_cap"}
    assert paid == [[1] * done + [0] * (6 - done) for done in range(1, 6)]
    assert stack.faults() == []


def test_points_that_a_reversal_releases_after_the_harvest_are_moved_by_the_next_one(stack: Stack) -> None:
    report(stack, "taobao-client", rides("squat", 5))
    report(stack, "alipay-client", rides("honest", 5, type="bus_ride"))
    stack.clock.instant += 86_400
    first = harvest().body["moved"]
    reverse(stack, "taobao-client", refunds("squat", 5))

    assert (first, harvest().body["moved"]) == (400, 0)
    assert (wallet_of()["earned"], wallet_of()["spendable"]) == (400, 400)


def test_a_reversal_pays_the_sum_of_an_app_beyond_its_share_last(stack: Stack) -> None:
    report(stack, "taobao-client", rides("squat", 5))
    report(stack, "alipay-client", rides("honest", 50))
    reverse(stack, "taobao-client", refunds("squat", 5))
    entries = [(line["action_id"], line["points"]) for line in ledger_of() if line["points"]]
    reverse(stack, "alipay-client", refunds("honest", 38))
    rest = {line["action_id"]: line["points"] for line in ledger_of() if line["points"]}

    assert sorted(entries) == [(f"honest-{n}", 80) for n in range(5)]
    assert rest == {"honest-38": 80, "honest-39": 80, None: 240}
    assert wallet_of()["earned"] == 400


def test_the_seventeenth_app_of_a_period_is_named_and_the_first_sixteen_keep_their_shares(stack: Stack) -> None:
    walk = make_action("walk", type="walking", quantity="50")
    for number in range(17):
        stack.accrue_all([walk], app=f"app-{number:02d}")
    stack.accrue_all([walk._replace(action_id="again")], app="app-00")

    assert wallet_of()["earned"] == 17
    assert statement_of()["full_apps"] == ["app-16"]
