"""The benchmarks compute units, requests and dollars correctly, and the simulated day is as described."""

from datetime import date

import pytest

from benchmarks.day import Day
from benchmarks.metering import capacity_units, chunks, units_of_batch
from benchmarks.prices import Usage
from tests.builders import SHANGHAI

KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}


def make_day(users: int = 400, *, together: bool = False, seed: int = 1) -> Day:
    return Day(users, date(2026, 6, 4), SHANGHAI, together=together, seed=seed)


def test_a_million_units_requests_and_invocations_cost_their_list_prices() -> None:
    usage = Usage(actions=1_000_000, write_units=10**6, read_units=10**6, sqs_requests=10**6, invocations=10**6)

    assert usage.bill(512) == pytest.approx({"writes": 0.625, "reads": 0.125, "sqs": 0.40, "lambda": 0.20})


def test_a_million_requests_to_a_fair_queue_cost_ten_cents_more() -> None:
    usage = Usage(actions=1_000_000, sqs_requests=10**6, fair_queue_requests=10**6)

    assert usage.bill(512)["sqs"] == pytest.approx(0.50)


def test_computing_takes_longer_with_less_memory_but_waiting_does_not() -> None:
    computing = Usage(actions=1_000_000, processor_seconds=1000)
    waiting = Usage(actions=1_000_000, round_trips=200_000)

    assert computing.bill(512)["lambda"] == pytest.approx(1000 * 1769 / 512 * 0.5 * 0.0000133334)
    assert waiting.bill(512)["lambda"] == pytest.approx(1000 * 0.5 * 0.0000133334)


def test_dollars_are_scaled_to_a_million_actions() -> None:
    assert Usage(actions=2, write_units=3).bill(512)["writes"] == pytest.approx(0.625 * 1.5)
    assert Usage(actions=200, api_calls=2).api_gateway_dollars() == pytest.approx(0.035)


@pytest.mark.parametrize(
    ("response", "units"),
    [
        ({"ConsumedCapacity": {"CapacityUnits": 2.0}}, 2),
        ({"ConsumedCapacity": [{"CapacityUnits": 4.0}, {"CapacityUnits": 1.0}]}, 5),
        ({"Error": {"Code": "ConditionalCheckFailedException"}}, 1),
        ({"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": "None"}] * 2}, 4),
        ({"Error": {"Code": "ValidationException"}}, 0),
    ],
)
def test_capacity_units_are_read_from_responses_and_errors(response: dict[str, object], units: float) -> None:
    assert capacity_units(response) == units


def test_a_batch_read_costs_half_a_unit_for_each_4_kb_and_for_each_missing_item() -> None:
    long = {**KEY, "z": {"B": b"x" * 5000}}
    request_items = {"Ledger": {"Keys": [KEY] * 3, "ConsistentRead": False}}

    assert units_of_batch(request_items, {"Ledger": [KEY, long]}) == 0.5 + 1.0 + 0.5
    assert units_of_batch({"Ledger": {"Keys": [KEY], "ConsistentRead": True}}, {"Ledger": [KEY]}) == 1


def test_sqs_bills_a_request_for_each_64_kb_of_payload() -> None:
    assert chunks([]) == 1
    assert chunks(["x" * 65_536]) == 1
    assert chunks(["x" * 65_536, "x"]) == 2


@pytest.mark.parametrize("together", [False, True])
def test_the_calls_of_a_day_report_each_action_once_in_order_and_repeat_some(together: bool) -> None:
    day = make_day(together=together)
    come: dict[int, int] = {}
    again = 0

    for call in day.calls(100):
        assert sum(arrival.acts for arrival in call) <= 100
        for arrival in call:
            if arrival.again:
                again += 1
                assert arrival.first + arrival.acts <= come[arrival.user]
            else:
                assert arrival.first == come.get(arrival.user, 0)
                come[arrival.user] = arrival.first + arrival.acts

    assert come == {user: len(day.reported(user)) for user in range(day.users)}
    assert sum(come.values()) == day.actions
    assert 0.005 < again / sum(1 for arrival in day.arrivals if not arrival.again) < 0.02


def test_a_day_has_five_actions_per_user_and_the_busiest_tenth_has_two_fifths_of_them() -> None:
    day = make_day(users=5000)
    acts = sorted((len(day.reported(user)) for user in range(day.users)), reverse=True)

    assert day.actions / day.users == pytest.approx(5, abs=0.3)
    assert sum(acts[:500]) / day.actions == pytest.approx(0.4, abs=0.03)


def test_actions_are_reported_one_by_one_or_about_two_at_once() -> None:
    alone, together = make_day(users=5000), make_day(users=5000, together=True)

    assert {arrival.acts for arrival in alone.arrivals} == {1}
    assert together.actions / sum(1 for arrival in together.arrivals if not arrival.again) == pytest.approx(
        2.2, abs=0.1
    )


def test_the_same_seed_gives_the_same_day() -> None:
    assert make_day().arrivals == make_day().arrivals
    assert make_day().reported(7) == make_day().reported(7)
    assert make_day(seed=2).arrivals != make_day().arrivals
