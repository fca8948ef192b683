"""Evidence: a ride that several apps report with the same evidence_id is paid once, and its grams count once."""

from itertools import permutations
from typing import Any
from unittest.mock import ANY

import pytest

from saxaul.storage.claims import Claims
from saxaul.storage.table import transact
from tests.builders import DAY, reported
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
from tests.integration.test_impact import Stream, impact, tally

RIDE = "hangzhou-bus:20260605-0042"


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """A stack with the action types of the default catalog."""
    stack.seed("action-types", **default_action_types())
    return stack


def ride(action_id: str = "ride-1", **changes: object) -> dict[str, Any]:
    return reported(**{"action_id": action_id, "evidence_id": RIDE} | changes)


def send(stack: Stack, client: str, *actions: dict[str, Any]) -> None:
    assert report_actions(*actions, client=client).body == {"receipt_id": ANY, "accepted": len(actions), "refused": []}
    stack.deliver_reported()


def reverse(stack: Stack, client: str, action: dict[str, Any]) -> None:
    named = {name: action[name] for name in ("action_id", "user_id", "occurred_at")}
    assert report_reversals(named | {"reason": "refunded"}, client=client).body["accepted"] == 1
    stack.deliver_reported()


def states() -> dict[tuple[str, str], tuple[str, str | None, int]]:
    return {
        (line["app_id"], line["action_id"]): (line["state"], line["reason"], line["points"]) for line in ledger_of()
    }


@pytest.mark.parametrize("clients", list(permutations(["taobao-client", "alipay-client"])))
def test_a_ride_that_two_apps_report_is_paid_once_to_the_first_and_its_grams_count_once(
    stack: Stack, clients: tuple[str, str]
) -> None:
    for client in (*clients, *clients):
        send(stack, client, ride())
    tally(*Stream().records())

    first, second = (client.removesuffix("-client") for client in clients)
    assert states() == {
        (first, "ride-1"): ("ripening", None, 80),
        (second, "ride-1"): ("void", "same_evidence", 0),
    }
    assert (wallet_of()["earned"], wallet_of()["avoided_g"]) == (80, 212.5)
    assert (statement_of()["points"], statement_of()["totals"][0]["actions"]) == (80, 1)
    assert [(row["actions"], row["points"], row["avoided_g"]) for row in impact().body["people"]] == [(1, 80, 212.5)]
    assert stack.faults() == []


def test_the_claim_that_is_worth_most_counts_whatever_its_type_its_day_and_its_order(stack: Stack) -> None:
    claims = [
        ("alipay-client", ride("bus")),
        ("taobao-client", ride("metro", type="metro_ride")),
        ("meituan-client", ride("train", type="train_ticket", quantity=300, occurred_at="2026-06-01T08:00:00+08:00")),
    ]
    for user, order in enumerate(permutations(claims)):
        for client, action in order:
            send(stack, client, action | {"user_id": f"u-{user}"})

    for user in range(6):
        wallet = wallet_of(f"u-{user}")
        assert (wallet["earned"], wallet["avoided_g"]) == (136, 300 * 135)
    assert stack.faults() == []


def test_if_the_best_claim_is_reversed_the_next_best_counts_and_at_last_none(stack: Stack) -> None:
    train = ride("train", type="train_ticket", quantity=300)
    bus, metro = ride("bus"), ride("metro", type="metro_ride", occurred_at="2026-06-04T09:00:00+08:00")
    send(stack, "alipay-client", metro)
    send(stack, "taobao-client", train)
    send(stack, "meituan-client", bus)

    earned = [(wallet_of()["earned"], wallet_of()["avoided_g"])]
    for client, action in (("taobao-client", train), ("meituan-client", bus), ("alipay-client", metro)):
        reverse(stack, client, action)
        earned.append((wallet_of()["earned"], wallet_of()["avoided_g"]))

    assert earned == [(136, 300 * 135), (80, 212.5), (52, 515.5), (0, 0)]
    assert stack.faults() == []


def test_evidence_that_was_reversed_can_be_claimed_again_and_the_reversed_claim_stays_reversed(stack: Stack) -> None:
    send(stack, "taobao-client", ride())
    reverse(stack, "taobao-client", ride())
    send(stack, "taobao-client", ride())

    assert wallet_of()["earned"] == 0
    send(stack, "alipay-client", ride())
    assert wallet_of()["earned"] == 80


def test_an_early_reversal_leaves_the_evidence_to_the_claim_of_the_other_app(stack: Stack) -> None:
    reverse(stack, "taobao-client", ride())
    send(stack, "taobao-client", ride())
    send(stack, "alipay-client", ride())

    assert states() == {
        ("taobao", "ride-1"): ("reversed", "refunded", 0),
        ("alipay", "ride-1"): ("ripening", None, 80),
    }


def test_a_void_claim_uses_no_cap(stack: Stack) -> None:
    rides = [ride(f"ride-{number}", evidence_id=f"ticket-{number}") for number in range(5)]
    send(stack, "taobao-client", *rides)
    send(stack, "alipay-client", *rides)
    reverse(stack, "taobao-client", rides[0])

    assert wallet_of()["earned"] == 5 * 80


def test_squatting_on_evidence_with_a_small_claim_takes_nothing_from_the_honest_app(stack: Stack) -> None:
    send(stack, "taobao-client", *(ride(f"x-{n}", type="walking", quantity=1) for n in range(20)))
    send(stack, "alipay-client", ride())

    assert states()["alipay", "ride-1"] == ("ripening", None, 80)
    assert wallet_of()["earned"] == 80
    assert stack.faults() == []


def test_squatting_on_evidence_with_a_type_whose_cap_is_used_up_takes_neither_points_nor_grams(stack: Stack) -> None:
    steps = reported(action_id="steps", type="walking", quantity=20_000)
    send(stack, "alipay-client", steps)
    squatted = [ride("squat-1", type="walking", quantity=90_000), ride("squat-2", type="walking", evidence_id="trip-2")]
    send(stack, "taobao-client", *squatted)

    send(stack, "alipay-client", ride())
    full = [reported(action_id=f"t-{number}", type="train_ticket", quantity=20) for number in range(10)]
    send(stack, "alipay-client", *full, ride("far", type="train_ticket", quantity=300, evidence_id="trip-2"))

    found = states()
    assert found["alipay", "ride-1"] == ("ripening", None, 80)
    assert found["taobao", "squat-1"] == ("void", "same_evidence", 0)
    assert found["alipay", "far"] == ("withheld", "over_units_cap", 0)
    assert found["taobao", "squat-2"] == ("void", "same_evidence", 0)
    assert wallet_of()["avoided_g"] == 212.5 + (10 * 20 + 300) * 135


def test_real_acts_that_come_after_a_squatted_claim_take_the_cap_back(stack: Stack) -> None:
    send(stack, "taobao-client", ride("squat", type="walking", quantity=90_000))
    send(stack, "alipay-client", ride())
    before = wallet_of()["earned"]

    send(stack, "alipay-client", reported(action_id="steps", type="walking", quantity=20_000))

    assert (before, wallet_of()["earned"]) == (296, 296 + 80)
    assert states()["taobao", "squat"] == ("void", "same_evidence", 0)


def test_the_same_evidence_of_two_people_counts_for_each(stack: Stack) -> None:
    send(stack, "alipay-client", ride(), ride(user_id="u-1"))

    assert (wallet_of()["earned"], wallet_of("u-1")["earned"]) == (80, 80)


def test_more_claims_of_one_person_than_a_transaction_holds_are_all_posted_in_one_batch(stack: Stack) -> None:
    claims = [ride(f"ride-{n}", type="walking", quantity=n + 1, evidence_id=f"e-{n % 7}") for n in range(50)]
    send(stack, "alipay-client", *claims)

    counting = [line for line in ledger_of() if line["state"] != "void"]
    assert len(ledger_of()) == 50
    assert len(counting) == 7
    assert {line["reason"] for line in ledger_of()} == {None, "same_evidence"}
    assert stack.faults() == []


def test_a_claim_that_another_worker_wrote_after_the_period_was_read_is_seen(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, rivals = Claims.evidence, [lambda: send(stack, "taobao-client", ride())]

    def overtaken(claims: Claims, *arguments: Any) -> Any:  # noqa: ANN401 - passed on
        if rivals:
            rivals.pop()()
        return read(claims, *arguments)

    monkeypatch.setattr(Claims, "evidence", overtaken)
    send(stack, "alipay-client", ride(type="metro_ride"), ride("train", type="train_ticket", quantity=300))

    assert wallet_of()["earned"] == 136
    assert states()["taobao", "ride-1"] == ("void", "same_evidence", 0)
    assert stack.faults() == []


def test_an_action_with_evidence_that_shares_its_period_is_written_in_one_transaction_with_the_others(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []

    def counted(items: Any) -> None:  # noqa: ANN401 - passed on
        writes.append(len(items))
        transact(items)

    monkeypatch.setattr("saxaul.services.write_plans.transact", counted)
    send(stack, "alipay-client", ride(evidence_id="only"))
    send(stack, "alipay-client", *(ride(f"r-{n}", evidence_id=f"e-{n}") for n in range(4)))

    assert writes == [1 + 1, 1 + 4]


@pytest.mark.usefixtures("stack")
def test_a_running_total_with_evidence_is_refused() -> None:
    response = report_actions(ride(type="walking", mode="total"), ride())

    assert response.body["accepted"] == 1
    assert [(refusal["index"], refusal["code"]) for refusal in response.body["refused"]] == [(0, "invalid_action")]


def test_a_reversal_long_after_the_harvest_pays_the_other_claim_although_both_periods_are_closed(stack: Stack) -> None:
    first, second = ride(), ride(occurred_at="2026-06-04T08:00:00+08:00")
    send(stack, "taobao-client", first)
    send(stack, "alipay-client", second)
    stack.clock.instant += 30 * DAY
    moved = [harvest().body["moved"]]
    assert stack.wallet().is_closed("2026-06-05")

    reverse(stack, "taobao-client", first)
    between = wallet_of()
    moved += [harvest().body["moved"], harvest().body["moved"]]
    reverse(stack, "alipay-client", second)
    moved += [harvest().body["moved"], harvest().body["moved"]]

    assert (between["earned"], between["avoided_g"]) == (80, 212.5)
    assert moved == [80, 0, 0, -80, 0]
    assert (wallet_of()["earned"], wallet_of()["spendable"], wallet_of()["avoided_g"]) == (0, 0, 0)
    assert stack.faults() == []
