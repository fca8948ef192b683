"""Reversals through the API: they are posted to the period that holds the action, even after the period was closed."""

from decimal import Decimal
from typing import Any
from unittest.mock import ANY

import pytest
from botocore.exceptions import ClientError

from saxaul.catalog.entries import Cap
from saxaul.ledger.actions import Owner
from tests.builders import DAY, make_action, make_action_type, reported
from tests.integration.stack import Response, Stack, call, harvest, redeem, wallet_of


def reverse(*reversals: Any, client: str = "alipay-client") -> Response:  # noqa: ANN401 - an app may send anything
    return call("ingest_actions", "POST", "/reversals", client=client, body={"reversals": list(reversals)})


def refund(**changes: object) -> dict[str, Any]:
    """Return a reversal of the action ``ride-1``, as an app sends it."""
    return reported(type=None, quantity=None, reason="refunded") | changes


def deliver_all(stack: Stack) -> None:
    assert stack.accrue(*stack.receive_all(stack.actions_url)) == []


def names_by_window(stack: Stack) -> dict[str, list[str]]:
    return {period.key.window: list(period.entries) for period in stack.periods_of()}


def test_a_reversal_before_the_harvest_removes_the_points_and_grams(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action()])

    response = reverse(refund())
    deliver_all(stack)

    assert (response.status, response.body) == (202, {"receipt_id": ANY, "accepted": 1, "refused": []})
    assert (wallet_of()["earned"], wallet_of()["avoided_g"]) == (0, 0)
    assert names_by_window(stack) == {"2026-06-05": ["alipay:ride-1"]}


def test_a_reversal_after_the_harvest_is_deducted_by_the_next_harvest(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action()])
    stack.clock.instant += DAY
    assert harvest().body["moved"] == 80

    reverse(refund())
    deliver_all(stack)
    between = wallet_of()
    moved = harvest().body["moved"]

    assert (between["earned"], between["ripening"], between["spendable"]) == (0, -80, 80)
    assert moved == -80
    assert wallet_of()["spendable"] == 0


def test_a_reversal_that_arrives_before_its_action_is_noted_in_the_periods_of_all_lengths(stack: Stack) -> None:
    monthly = make_action_type(caps=(Cap(window="month", units=Decimal(10)),))
    stack.seed("action-types", bus_ride=monthly, metro_ride=make_action_type())

    reverse(refund())
    deliver_all(stack)
    awaited = {period.key.window: period.awaited for period in stack.periods_of()}
    stack.accrue_all([make_action()])

    assert awaited == {"2026-06-05": {"alipay"}, "2026-06": {"alipay"}, "2026": {"alipay"}}
    assert wallet_of()["earned"] == 0
    assert names_by_window(stack) == {"2026-06-05": [], "2026-06": ["alipay:ride-1"], "2026": []}


def test_a_reversal_that_could_not_be_written_is_written_on_redelivery(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monthly = make_action_type(caps=(Cap(window="month", units=Decimal(10)),))
    stack.seed("action-types", bus_ride=monthly, metro_ride=make_action_type())

    def throttled(_writes: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems")

    reverse(refund())
    (body,) = stack.receive_all(stack.actions_url)
    with monkeypatch.context() as for_a_while:
        for_a_while.setattr("saxaul.services.write_plans.transact", throttled)
        assert stack.accrue(body) == ["m-0"]
    assert stack.periods_of() == []
    assert stack.accrue(body) == []
    stack.accrue_all([make_action()])

    assert wallet_of()["earned"] == 0


def test_a_reversal_in_the_same_batch_as_its_action_is_written_only_to_the_period_of_the_action(stack: Stack) -> None:
    stack.seed(
        "action-types",
        bus_ride=make_action_type(caps=(Cap(window="month", units=Decimal(10)),)),
        walking=make_action_type(),
    )
    call("ingest_actions", "POST", "/actions", body={"actions": [reported()]})
    reverse(refund())

    deliver_all(stack)

    assert names_by_window(stack) == {"2026-06": ["alipay:ride-1"]}
    assert wallet_of()["earned"] == 0


def test_a_late_reversal_reopens_the_closed_period(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action()])
    stack.clock.instant += 30 * DAY
    harvest()
    assert stack.wallet().is_closed("2026-06-05")

    reverse(refund())
    deliver_all(stack)
    reverse(refund())
    deliver_all(stack)
    moved = harvest().body["moved"]

    assert moved == -80
    assert (wallet_of()["earned"], wallet_of()["spendable"], wallet_of()["avoided_g"]) == (0, 0, 0)
    assert harvest().body["moved"] == 0


def test_an_app_cannot_reverse_an_action_of_another_app(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action()])

    reverse(refund(), client="taobao-client")
    deliver_all(stack)

    assert wallet_of()["earned"] == 80


def test_a_wallet_with_a_negative_balance_cannot_pay(stack: Stack) -> None:
    stack.seed_catalog(price_points=80)
    stack.accrue_all([make_action()])
    stack.clock.instant += DAY
    harvest()
    spend = redeem("first")
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []

    reverse(refund())
    deliver_all(stack)
    harvest()
    again = redeem("second")

    assert spend.status == 202
    assert wallet_of()["spendable"] == -80
    assert (again.status, again.code) == (409, "insufficient_points")


def test_each_invalid_reversal_is_refused_and_the_valid_ones_are_queued(stack: Stack) -> None:
    response = reverse(
        refund(),
        refund(reason=""),
        refund(reason=5),
        refund(occurred_at="2026-06-07T08:30:00+08:00"),
        refund(occurred_at="2025-06-01T08:30:00+08:00"),
        refund(facility_id="dc"),
        "nonsense",
    )

    assert response.body["accepted"] == 1
    assert [refusal["code"] for refusal in response.body["refused"]] == [
        "invalid_reversal",
        "invalid_reversal",
        "in_future",
        "too_old",
        "invalid_reversal",
        "invalid_reversal",
    ]
    assert len(stack.receive_all(stack.actions_url)) == 1
    assert reverse().code == "invalid_body"


def test_a_reversal_of_an_action_that_was_added_to_a_sum_is_refused_and_the_others_are_queued(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", units=Decimal(1)),)))
    stack.accrue_all([make_action(f"ride-{number}") for number in range(50)])

    response = reverse(*(refund(action_id=f"ride-{number}") for number in (0, 40, 41, 49, 50)))

    assert response.body["accepted"] == 3
    assert [(refusal["index"], refusal["action_id"], refusal["code"]) for refusal in response.body["refused"]] == [
        (2, "ride-41", "summed"),
        (3, "ride-49", "summed"),
    ]
    assert set(response.body["refused"][0]) == {"index", "action_id", "code", "detail"}
    assert reverse(refund(action_id="ride-49"), client="taobao-client").body["accepted"] == 1
    deliver_all(stack)
    assert (wallet_of()["earned"], wallet_of()["avoided_g"]) == (80, 48 * 212.5)


@pytest.mark.parametrize("window", ["day", "month", "year"])
def test_a_summed_action_is_found_in_the_period_of_its_type_whatever_its_length(stack: Stack, window: Any) -> None:  # noqa: ANN401 - a window length
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window=window, units=Decimal(1)),)))
    stack.accrue_all([make_action(f"ride-{number}") for number in range(50)])

    response = reverse(
        refund(action_id="ride-49"), refund(action_id="ride-49", occurred_at="2025-12-31T23:00:00+08:00")
    )

    assert (response.body["accepted"], [refusal["code"] for refusal in response.body["refused"]]) == (1, ["summed"])


def test_a_reversal_that_was_queued_before_its_action_was_added_to_a_sum_changes_nothing(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", units=Decimal(1)),)))
    rides = [reported(action_id=f"ride-{number}") for number in range(50)]
    call("ingest_actions", "POST", "/actions", body={"actions": rides})

    response = reverse(refund(action_id="ride-49"))
    deliver_all(stack)

    assert (response.status, response.body) == (202, {"receipt_id": ANY, "accepted": 1, "refused": []})
    assert (wallet_of()["earned"], wallet_of()["avoided_g"]) == (80, 50 * 212.5)


def test_reversals_of_more_people_than_one_batch_reads_are_checked(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", units=Decimal(1)),)))
    last = Owner("user", "u-119")
    stack.accrue_all([make_action(f"ride-{number}", owner=last) for number in range(50)])

    response = reverse(*(refund(action_id="ride-49", user_id=f"u-{number}") for number in range(120)))

    assert (response.body["accepted"], [refusal["index"] for refusal in response.body["refused"]]) == (119, [119])
