"""The journey from a bus ride to a public certificate, once, and again with every step repeated."""

from typing import Any
from unittest.mock import ANY

import pytest
from botocore.exceptions import EndpointConnectionError

from saxaul.trees.redemptions import Redemption
from tests.builders import at, confirmation, make_action_type, make_campaign, make_redemption, make_suggestion, reported
from tests.integration.stack import (
    BASE_URL,
    Response,
    Stack,
    call,
    certificate,
    confirm,
    harvest,
    put_entry,
    redeem,
    view_order,
    view_redemption,
    wallet_of,
)

NEXT_MORNING = at("2026-06-06T07:00")


def report(*actions: dict[str, Any]) -> Response:
    return call("ingest_actions", "POST", "/actions", body={"actions": actions})


def test_a_ride_on_world_environment_day_becomes_a_tree_with_a_certificate(stack: Stack) -> None:
    stack.seed_catalog()
    campaign = make_campaign(multipliers={"bus_ride": "2"})
    stack.seed("campaigns", world_environment_day=campaign)
    stack.seed("suggestions", take_the_bus=make_suggestion(campaign="world-environment-day"))

    found = call("suggest_campaigns", "GET", "/suggestions", query={"q": "环境"}).body["suggestions"]
    assert [(result["kind"], result["id"]) for result in found] == [
        ("campaign", "world-environment-day"),
        ("action", "take-the-bus"),
    ]
    assert (found[0]["state"], found[1]["link"]) == ("running", "https://www.alipay.com/green/bus")

    assert report(reported()).body == {"receipt_id": ANY, "accepted": 1, "refused": []}
    assert stack.accrue(*stack.receive_all(stack.actions_url)) == []
    before = wallet_of()
    assert (before["spendable"], before["ripening"], before["avoided_g"]) == (0, 160, 212.5)

    stack.clock.instant = NEXT_MORNING
    assert harvest().body == {"user_id": "u-42", "moved": 160, "spendable": 160}

    requested = redeem(dedication="For the desert")
    assert (requested.status, requested.body["state"], requested.body["replay"]) == (202, "requested", False)
    assert requested.headers["location"] == f"{BASE_URL}/users/u-42/redemptions/{requested.body['redemption_id']}"
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    assert view_redemption(requested.body["redemption_id"])["state"] == "reserved"
    after = wallet_of()
    assert (after["spendable"], after["spent"], after["earned"]) == (0, 160, 160)
    assert (stack.stock().reserved, stack.available_saplings()) == (1, 9)

    [order_id] = stack.run_planting_batch()
    number = requested.body["certificates"][0]
    assert view_order(order_id).body["ordered_trees"] == [
        {"certificate": number, "redemption_id": requested.body["redemption_id"], "state": "ordered"}
    ]

    confirmed = confirmation(number, planted_at="2026-06-06T06:30:00+08:00")
    assert confirm(order_id, confirmed).body == {"accepted": 1, "refused": []}
    assert view_order(order_id).body["state"] == "closed"
    shown = certificate(number.lower()).body
    assert (shown["state"], shown["species"], shown["partner"]) == ("planted", "Saxaul", "Alxa SEE Foundation")
    assert (shown["requested_at"], shown["planted_at"]) == ("2026-06-06T07:00:00+08:00", "2026-06-06T06:30:00+08:00")
    assert shown["tree"]["tag"] == confirmed["tag"]


def test_every_step_of_the_journey_may_be_repeated_and_nothing_counts_twice(stack: Stack) -> None:
    stack.seed_catalog(price_points=80)

    report(reported())
    report(reported())
    bodies = stack.receive_all(stack.actions_url)
    assert stack.accrue(*bodies) == stack.accrue(*bodies) == []
    assert wallet_of()["earned"] == 80

    stack.clock.instant = NEXT_MORNING
    assert [harvest().body["moved"] for _ in range(3)] == [80, 0, 0]

    first, again = redeem(), redeem()
    assert (first.body["replay"], again.body["replay"]) == (False, True)
    assert again.body | {"replay": False} == first.body
    bodies = stack.receive_all(stack.redemptions_url)
    assert len(bodies) == 1
    assert stack.settle(*bodies, *bodies) == stack.settle(*bodies) == []
    assert (stack.wallet().balance, stack.wallet().spent, stack.stock().reserved) == (0, 80, 1)
    assert redeem().body["state"] == "reserved"
    assert stack.receive_all(stack.redemptions_url) == []

    [order_id] = stack.run_planting_batch()
    assert stack.run_planting_batch() == []
    assert stack.settle(*bodies) == []
    confirmed = confirmation(first.body["certificates"][0], planted_at="2026-06-06T06:30:00+08:00")
    assert confirm(order_id, confirmed, confirmed).body == {"accepted": 2, "refused": []}
    assert confirm(order_id, confirmed).body == {"accepted": 1, "refused": []}
    assert view_redemption(first.body["redemption_id"])["state"] == "planted"
    assert stack.wallet().spent == 80


def test_repeating_a_request_that_could_not_be_queued_queues_it(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_url: str, _redemption: Redemption) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs")

    stack.seed_catalog()
    stack.add_wallet(160)
    with monkeypatch.context() as broken:
        broken.setattr("saxaul.services.redeem.send_redemption", fail)
        assert redeem().code == "internal_error"
    assert stack.receive_all(stack.redemptions_url) == []

    repeated = redeem()

    assert (repeated.status, repeated.body["replay"]) == (202, True)
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    assert view_redemption(repeated.body["redemption_id"])["state"] == "reserved"


@pytest.mark.usefixtures("stack")
def test_actions_of_a_type_that_an_operator_just_created_are_accepted() -> None:
    ride = make_action_type().model_dump(mode="json", exclude_defaults=True)

    assert put_entry("action-types", "bus_ride", ride).status == 200
    assert report(reported()).body["accepted"] == 1


def test_a_cap_applies_across_requests_messages_and_batches(stack: Stack) -> None:
    capped = make_action_type().model_dump(mode="json") | {"caps": [{"window": "day", "units": 5}]}
    put_entry("action-types", "bus_ride", capped)

    for call_number in range(3):
        report(*(reported(action_id=f"ride-{call_number}-{n}") for n in range(4)))
        assert stack.accrue(*stack.receive_all(stack.actions_url)) == []

    assert wallet_of()["earned"] == 5 * 80
    assert wallet_of()["avoided_g"] == 12 * 212.5


def test_the_last_sapling_goes_to_the_first_request_and_the_other_person_keeps_the_points(stack: Stack) -> None:
    stack.seed_catalog(saplings=1)
    for user in ("u-1", "u-2"):
        stack.add_wallet(160, user)
    requested = [redeem(user_id=user).body for user in ("u-1", "u-2")]

    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []

    settled = [
        stack.redemption(request["redemption_id"], user)
        for request, user in zip(requested, ("u-1", "u-2"), strict=True)
    ]
    assert [(redemption.state, redemption.reason) for redemption in settled] == [
        ("reserved", ""),
        ("rejected", "sold_out"),
    ]
    assert (stack.wallet("u-1").balance, stack.wallet("u-2").balance) == (0, 160)
    assert stack.available_saplings() == 0


def test_a_queued_request_that_the_wallet_can_no_longer_pay_is_rejected(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(200)
    redeem("key-1")
    second = redeem("key-2").body

    stack.settle(*stack.receive_all(stack.redemptions_url))

    assert view_redemption(second["redemption_id"])["reason"] == "insufficient_points"
    assert (stack.wallet().balance, stack.wallet().spent) == (40, 160)


@pytest.mark.parametrize("people", [1, 100])
def test_all_reserved_trees_are_ordered_even_if_that_takes_several_orders(stack: Stack, people: int) -> None:
    stack.seed_catalog(saplings=people)
    for n in range(people):
        stack.redemptions.add(make_redemption(f"r-{n}", user_id=f"u-{n}").reserved(NEXT_MORNING))

    order_ids = stack.run_planting_batch()

    ordered = [len(view_order(order_id).body["ordered_trees"]) for order_id in order_ids]
    assert (sum(ordered), len(ordered)) == (people, 1 + people // 100)
    assert stack.run_planting_batch() == []
