"""How points and grams are counted: once over the sum of a day, from the requests of apps to every public number."""

import random
from decimal import Decimal
from itertools import permutations
from typing import Any
from unittest.mock import ANY

import pytest

from saxaul.catalog.entries import Cap
from tests.builders import make_action_type, make_facility, reported
from tests.integration.stack import (
    Stack,
    default_action_types,
    ledger_of,
    put_entry,
    report_actions,
    report_reversals,
    statement_of,
    wallet_of,
)
from tests.integration.test_impact import Stream, impact, tally

APPS = ("alipay-client", "taobao-client", "meituan-client", "didi-client")


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """A stack with the action types of the default catalog."""
    stack.seed("action-types", **default_action_types())
    return stack


def steps(action_id: str, quantity: object, **changes: object) -> dict[str, Any]:
    return reported(action_id=action_id, type="walking", quantity=quantity, **changes)


def refund(action: dict[str, Any]) -> dict[str, Any]:
    return {name: action[name] for name in ("action_id", "user_id", "occurred_at")} | {"reason": "refunded"}


def send_each(stack: Stack, *actions: dict[str, Any], client: str = "alipay-client") -> None:
    """Report actions one by one, and post each before the next."""
    for action in actions:
        assert report_actions(action, client=client).body == {"receipt_id": ANY, "accepted": 1, "refused": []}
        stack.deliver_reported()


def impact_row(action_type: str) -> Any:  # noqa: ANN401 - JSON
    [row] = [row for row in impact().body["people"] if row["action_type"] == action_type]
    return row


@pytest.mark.parametrize(
    ("clients", "together"), [(APPS[:1], 100), (APPS[:1], 7), (APPS[:2], 50), (APPS[:2], 1), (APPS, 7)]
)
def test_a_hundred_samples_of_49_steps_earn_as_much_as_one_of_4900(
    stack: Stack, clients: tuple[str, ...], together: int
) -> None:
    report_actions(steps("all", 4900, user_id="u-1"))
    samples = [steps(f"s-{number}", 49) for number in range(100)]
    for number, start in enumerate(range(0, 100, together)):
        report_actions(*samples[start : start + together], client=clients[number % len(clients)])
        stack.deliver_reported()

    assert wallet_of()["earned"] == wallet_of("u-1")["earned"] == 98
    assert sum(line["points"] for line in ledger_of()) == 98


@pytest.mark.parametrize("quantity", ["0.01", "0.013", "0.5", "1.999999"])
def test_splitting_a_bike_ride_neither_pays_nor_costs(stack: Stack, quantity: str) -> None:
    whole = Decimal(quantity) * 40
    report_actions(reported(type="bike_ride", quantity=f"{whole:f}", user_id="u-1"))
    report_actions(*(reported(action_id=f"b-{n}", type="bike_ride", quantity=quantity) for n in range(40)))
    stack.deliver_reported()

    assert wallet_of()["earned"] == wallet_of("u-1")["earned"] == min(500, int(whole * 50))
    assert wallet_of()["avoided_g"] == wallet_of("u-1")["avoided_g"]


@pytest.mark.parametrize("order", list(permutations([1000, 3000, 9000])))
def test_the_highest_running_total_of_a_day_counts_in_whatever_order_the_totals_arrive(
    stack: Stack, order: tuple[int, ...]
) -> None:
    for quantity in (*order, *order, order[0]):
        send_each(stack, steps("steps-of-5-june", quantity, mode="total"))

    [line] = ledger_of()
    assert wallet_of()["earned"] == 180
    assert (line["quantity"], line["mode"], line["points"], line["conflicted"]) == (9000, "total", 180, False)


def test_running_totals_of_one_request_are_all_accepted_and_the_highest_counts(stack: Stack) -> None:
    response = report_actions(*(steps("steps", quantity, mode="total") for quantity in (3000, 9000, 1000)))
    stack.deliver_reported()

    assert response.body == {"receipt_id": ANY, "accepted": 3, "refused": []}
    assert wallet_of()["earned"] == 180


def test_a_running_total_and_the_samples_of_another_app_add_up(stack: Stack) -> None:
    send_each(stack, steps("steps", 1000, mode="total"))
    send_each(stack, steps("walk", 500), client="taobao-client")
    send_each(stack, steps("steps", 4000, mode="total"))

    assert wallet_of()["earned"] == 80 + 10


def test_the_same_id_with_other_content_is_refused_in_one_request_and_marked_if_it_comes_later(stack: Stack) -> None:
    response = report_actions(steps("s", 1000), steps("s", 3000), steps("s", 1000), steps("s", 5000, mode="total"))
    stack.deliver_reported()
    send_each(stack, steps("s", 9000))

    assert response.body["accepted"] == 2
    assert [(refusal["index"], refusal["code"]) for refusal in response.body["refused"]] == [
        (1, "conflicting_action"),
        (3, "conflicting_action"),
    ]
    assert [(line["quantity"], line["conflicted"]) for line in ledger_of()] == [(1000, True)]
    assert wallet_of()["earned"] == 20


def test_the_same_id_may_be_used_for_two_people_and_by_two_apps(stack: Stack) -> None:
    response = report_actions(steps("s", 1000), steps("s", 2000, user_id="u-1"))
    report_actions(steps("s", 4000), client="taobao-client")
    stack.deliver_reported()

    assert response.body["accepted"] == 2
    assert (wallet_of()["earned"], wallet_of("u-1")["earned"]) == (100, 40)


def test_a_train_ticket_of_a_metre_is_refused_and_one_of_a_kilometre_earns_no_points(stack: Stack) -> None:
    lengths = ("0.001", 1, 19, 20)
    response = report_actions(
        *(reported(action_id=f"km-{length}", type="train_ticket", quantity=length) for length in lengths)
    )
    stack.deliver_reported()

    assert [(refusal["index"], refusal["code"]) for refusal in response.body["refused"]] == [
        (0, "quantity_out_of_range")
    ]
    lines = {line["quantity"]: (line["points"], line["state"], line["reason"]) for line in ledger_of()}
    too_small = (0, "withheld", "too_small_to_earn")
    assert lines == {1: too_small, 19: too_small, 20: (136, "ripening", None)}
    assert wallet_of()["avoided_g"] == 40 * 135


def test_the_public_totals_count_no_more_than_a_person_can_do_in_a_day_however_many_apps_report_it(
    stack: Stack,
) -> None:
    for client in APPS:
        report_actions(*(reported(action_id=f"ride-{number}") for number in range(5)), client=client)
    stack.deliver_reported()
    tally(*Stream().records())

    ride = impact_row("bus_ride")
    assert (ride["actions"], ride["quantity"], ride["points"]) == (20, 8, 5 * 80)
    assert ride["avoided_g"] == wallet_of()["avoided_g"] == 8 * 212.5
    cut = [line for line in ledger_of() if line["avoided_g_reason"]]
    assert {line["avoided_g_reason"] for line in cut} == {"over_plausible_quantity"}
    assert sum(line["avoided_g"] for line in ledger_of()) == 8 * 212.5


def test_a_changed_rate_applies_to_later_actions_and_not_to_those_that_are_awarded_again(stack: Stack) -> None:
    ride = make_action_type(points="80", caps=(Cap(window="day", units=Decimal(2)),), avoided_g="100")
    put_entry("action-types", "ride", ride.model_dump(mode="json", exclude_defaults=True))
    rides = [reported(action_id=f"ride-{number}", type="ride") for number in range(4)]
    send_each(stack, *rides[:3])
    dearer = make_action_type(points="50", caps=(Cap(window="day", units=Decimal(2)),), avoided_g="7")
    put_entry("action-types", "ride", dearer.model_dump(mode="json", exclude_defaults=True))
    stack.clock.instant += 120
    send_each(stack, rides[3])
    before = wallet_of()

    report_reversals(refund(rides[0]))
    stack.deliver_reported()
    third = {line["action_id"]: (line["rule"], line["points"]) for line in ledger_of()}
    between = wallet_of()
    report_reversals(refund(rides[1]))
    stack.deliver_reported()

    assert (before["earned"], before["avoided_g"]) == (160, 307)
    assert third == {
        "ride-0": ("ride@1", 0),
        "ride-1": ("ride@1", 80),
        "ride-2": ("ride@1", 80),
        "ride-3": ("ride@2", 0),
    }
    assert (between["earned"], between["avoided_g"]) == (160, 207)
    assert (wallet_of()["earned"], wallet_of()["avoided_g"]) == (80 + 50, 107)


@pytest.mark.parametrize("seed", range(5))
def test_wallet_ledger_statement_and_public_totals_agree_to_the_point_and_the_gram(stack: Stack, seed: int) -> None:
    rng = random.Random(seed)
    quantities = {"walking": (49, 333, 5000), "bike_ride": ("0.37", 7, 90), "train_ticket": (1, 30, 2000)}
    actions = []
    for number in range(120):
        kind, day = rng.choice([*quantities]), rng.choice(["2026-06-04", "2026-06-05"])
        evidence = rng.choice([None, None, f"ticket-{number % 9}"])
        changes = {"evidence_id": evidence} if evidence else {"mode": rng.choice(["single", "total"])}
        actions.append(
            reported(
                action_id=f"a-{number}",
                type=kind,
                quantity=rng.choice(quantities[kind]),
                occurred_at=f"{day}T08:{rng.randrange(60):02d}:00+08:00",
                **changes,
            )
        )
    stream = Stream()
    for start in range(0, len(actions), 20):
        part = actions[start : start + 20]
        client = rng.choice(APPS)
        report_actions(*part, client=client)
        report_reversals(*map(refund, rng.sample(part, 3)), client=client)
        if rng.random() < 0.5:
            stack.deliver_reported()
        tally(*stream.records())
    stack.deliver_reported()
    tally(*stream.records())

    wallet, statement, lines, rows = wallet_of(), statement_of(), ledger_of(), impact().body["people"]
    earned = {wallet["earned"], statement["points"], *(sum(row["points"] for row in found) for found in (lines, rows))}
    avoided = [
        wallet["avoided_g"],
        statement["avoided_g"],
        *(sum(row["avoided_g"] for row in found) for found in (lines, rows)),
    ]
    assert len(lines) == len(actions)
    assert len(earned) == 1
    assert min(earned) > 0
    assert avoided == pytest.approx([avoided[0]] * 4, abs=0.001)
    assert sum(row["actions"] for row in rows) == sum(t["actions"] for t in statement["totals"])
    assert stack.faults() == []


def test_an_app_beyond_its_share_is_paid_for_every_action_and_may_repeat_them(stack: Stack) -> None:
    walks = [steps(f"{number:0128d}", 10) for number in range(600)]
    for start in (0, 300):
        report_actions(*walks[start : start + 300])
        stack.deliver_reported()
    [period] = stack.periods_of()
    repeated = [report_actions(*walks[start : start + 300]).body["accepted"] for start in (0, 300)]
    stack.deliver_reported()

    kept = sum(not entry.summed for entry in period.entries.values())
    assert 0 < kept < 150
    assert wallet_of()["earned"] == 120
    assert repeated == [300, 300]
    assert stack.periods_of() == [period]
    assert statement_of()["totals"][0]["actions"] == 600
    refusals = report_reversals(*map(refund, walks[:kept]), *map(refund, walks[-100:])).body["refused"]
    assert [refusal["index"] for refusal in refusals] == list(range(kept, kept + 100))
    assert {refusal["code"] for refusal in refusals} == {"summed"}
    stack.deliver_reported()
    assert wallet_of()["earned"] == (600 - kept) * 10 // 50
    assert stack.faults() == []


def test_the_shares_of_two_apps_are_apart(stack: Stack) -> None:
    flood = [steps(f"{number:0128d}", 1) for number in range(500)]
    report_actions(*flood, client="taobao-client")
    stack.deliver_reported()

    send_each(stack, *(steps(f"mine-{number}", 100) for number in range(5)))

    mine = [line for line in ledger_of() if line["app_id"] == "alipay"]
    assert [(line["summed"], line["points"]) for line in mine] == [(None, 2)] * 5
    assert wallet_of()["earned"] == (500 + 500) // 50


def test_a_billion_units_of_a_facility_do_not_reach_the_public_totals(stack: Stack) -> None:
    stack.seed("facilities", dc=make_facility(renewable_electricity="1000"))
    midnight = [f"2026-06-0{day}T{clock}+08:00" for day, clock in ((4, "23:59:59"), (5, "00:00:00"))]
    billion = reported(
        action_id="billion", user_id=None, facility_id="dc", type="renewable_electricity", quantity=999_999_999
    )
    many = [billion | {"action_id": f"m-{number}", "quantity": 400} for number in range(500)]

    answers = [
        report_actions(billion, billion | {"action_id": "ok", "quantity": 1}),
        report_actions(*many),
        report_actions(*(billion | {"action_id": f"at-{at}", "occurred_at": at} for at in midnight)),
        *(report_actions(billion | {"action_id": f"by-{app}"}, client=app) for app in APPS[1:]),
    ]
    stack.deliver_reported()
    tally(*Stream().records())

    assert [answer.body["accepted"] for answer in answers] == [2, 500, 2, 0, 0, 0]
    [flag] = answers[0].body["flagged"]
    assert (flag["index"], flag["action_id"], flag["code"]) == (0, "billion", "over_plausible_quantity")
    assert {code for answer in answers[3:] for code in [answer.body["refused"][0]["code"]]} == {"not_your_facility"}
    rows = {row["day"]: (row["quantity"], row["avoided_g"]) for row in impact().body["facilities"]}
    assert rows == dict.fromkeys(("2026-06-04", "2026-06-05"), (1000, 1000 * 536.6))
    assert stack.faults() == []


def test_after_a_reversal_what_was_not_plausible_counts_up_to_the_limit(stack: Stack) -> None:
    stack.seed("facilities", dc=make_facility(renewable_electricity="1000"))
    meter = reported(user_id=None, facility_id="dc", type="renewable_electricity")
    first, second = (meter | {"action_id": name, "quantity": 900} for name in ("first", "second"))
    report_actions(first, second)
    stack.deliver_reported()

    wrong = {name: first[name] for name in ("action_id", "facility_id", "occurred_at")} | {"reason": "meter"}
    answers = [report_reversals(wrong, client=client) for client in APPS[1::-1]]
    stack.deliver_reported()
    tally(*Stream().records())

    assert [answer.body["accepted"] for answer in answers] == [0, 1]
    [row] = impact().body["facilities"]
    assert (row["actions"], row["quantity"]) == (1, 900)
    assert stack.faults() == []


def test_a_facility_that_was_added_a_moment_ago_is_found(stack: Stack) -> None:
    meter = reported(user_id=None, facility_id="dc", type="renewable_electricity")
    assert report_actions(meter).body["refused"][0]["code"] == "unknown_facility"

    stack.seed("facilities", dc=make_facility(renewable_electricity="1000"))
    stack.clock.instant += 6

    assert report_actions(meter).body == {"receipt_id": ANY, "accepted": 1, "refused": []}


def test_the_actions_of_a_facility_beyond_the_share_of_an_app_count_in_the_public_totals(stack: Stack) -> None:
    stack.seed("facilities", dc=make_facility(renewable_electricity="10000"))
    meters = [
        reported(
            action_id=f"meter-{number:0120d}", user_id=None, facility_id="dc", type="renewable_electricity", quantity=2
        )
        for number in range(300)
    ]
    report_actions(*meters)
    stack.deliver_reported()
    tally(*Stream().records())

    [row] = impact().body["facilities"]
    assert (row["actions"], row["quantity"], row["points"], row["avoided_g"]) == (300, 600, 0, 600 * 536.6)
