"""Repeated action ids, from the stream of the ledger to the withdrawn entry."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from saxaul.audit import Holdings, check
from saxaul.catalog.entries import Cap
from saxaul.ledger.actions import Action, Reversal, Withdrawal
from saxaul.ledger.entries import ZERO, Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.shares import digest
from saxaul.messages.bodies import ActionMessage, pack_withdrawals
from saxaul.services import wiring
from saxaul.storage.clients import dynamodb
from saxaul.storage.table import Item
from tests.builders import (
    APP,
    DAY,
    FACILITY,
    NOON,
    SHANGHAI,
    USER,
    at,
    make_action,
    make_action_type,
    make_entry,
    reversal_bodies,
)
from tests.integration.stack import Stack, harvest, invoke, wallet_of
from tests.integration.test_impact import Stream, impact, record, stored, tally

MONTHLY = (Cap(window="month", units=Decimal(10)),)
YEARLY = (Cap(window="year", units=Decimal(10)),)


def search(records: Iterable[Any]) -> None:
    assert invoke("find_repeats", {"Records": list(records)}) is None


def withdrawals(stack: Stack) -> list[tuple[str, str, str]]:
    """Take the messages from the queue of actions, and return the app, id and window of each withdrawal."""
    messages = [ActionMessage.model_validate_json(body) for body in stack.receive_all(stack.actions_url)]
    assert not any(message.actions or message.reversals for message in messages)
    return [(w.app, w.action_id, w.window) for message in messages for w in message.unpacked_withdrawals()]


def catch_up(stack: Stack, stream: Stream) -> None:
    """Deliver the stream to both of its readers, and their messages to the accrual, until nothing changes any more."""
    while records := stream.records():
        search(records)
        tally(*records)
        assert stack.accrue(*stack.receive_all(stack.actions_url)) == []


def entries(stack: Stack) -> dict[tuple[str, str], Entry]:
    """Return each entry by its window and its name."""
    return {(period.key.window, name): e for period in stack.periods_of() for name, e in period.entries.items()}


def voids(stack: Stack) -> dict[tuple[str, str], str]:
    return {place: entry.void for place, entry in entries(stack).items()}


def report(stack: Stack, *actions: Action, app: str = APP) -> None:
    """Post each action a second after the one before."""
    for action in actions:
        stack.clock.instant += 1
        assert stack.accrue_all([action._replace(app=app)], app) == []


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    """A stack with types whose periods are days, months and years."""
    stack.seed_catalog()
    stack.seed(
        "action-types",
        metro_ride=make_action_type(caps=MONTHLY),
        air_trip_saved=make_action_type(caps=YEARLY),
        solar_warehouse=make_action_type(points=None, actor="facility"),
    )
    return stack


@pytest.mark.parametrize("days", [1, 6, 8])
def test_an_id_that_is_reported_again_with_another_date_counts_once(seeded: Stack, days: int) -> None:
    stream = Stream()
    report(seeded, make_action("ride-1"), make_action("ride-1", occurred_at=NOON - days * DAY))
    assert wallet_of()["earned"] == 160

    catch_up(seeded, stream)

    day = datetime.fromtimestamp(NOON - days * DAY, SHANGHAI).date().isoformat()
    again = entries(seeded)[day, "alipay:ride-1"]
    assert (again.void, again.points, again.units, again.avoided_g) == ("repeated_id", 0, ZERO, ZERO)
    assert (wallet_of()["earned"], wallet_of()["avoided_g"]) == (80, 212.5)
    assert [(row["day"], row["actions"], row["points"]) for row in impact().body["people"]] == [("2026-06-05", 1, 80)]
    assert check(Holdings(USER, seeded.wallet(), seeded.periods_of())) == []


def test_an_id_whose_dates_are_further_apart_than_an_app_may_report_is_not_compared(seeded: Stack) -> None:
    report(seeded, make_action("1"), make_action("1", occurred_at=NOON - 9 * DAY))

    search(Stream().records())

    assert withdrawals(seeded) == []


@pytest.mark.parametrize(
    ("first", "second", "kept", "withdrawn"),
    [
        ("bus_ride", "metro_ride", "2026-06-05", "2026-06"),
        ("metro_ride", "bus_ride", "2026-06", "2026-06-05"),
        ("bus_ride", "air_trip_saved", "2026-06-05", "2026"),
        ("air_trip_saved", "metro_ride", "2026", "2026-06"),
    ],
)
def test_an_id_that_is_used_for_another_type_with_a_longer_or_shorter_window_counts_once(
    seeded: Stack, first: str, second: str, kept: str, withdrawn: str
) -> None:
    stream = Stream()
    report(seeded, make_action("1", type=first), make_action("1", type=second))

    catch_up(seeded, stream)

    assert voids(seeded) == {(kept, "alipay:1"): "", (withdrawn, "alipay:1"): "repeated_id"}


@pytest.mark.parametrize("first", ["2025-12-30T12:00", "2026-01-02T12:00"])
def test_a_repeat_in_another_year_or_month_is_found_in_the_periods_of_both(seeded: Stack, first: str) -> None:
    days = {"2025-12-30T12:00", "2026-01-02T12:00"}
    [second] = days - {first}
    for day in (first, second):
        report(seeded, make_action("1", type="air_trip_saved", occurred_at=at(day)))
        report(seeded, make_action("2", type="metro_ride", occurred_at=at(day)))

    search(Stream().records())

    assert sorted(withdrawals(seeded)) == [(APP, "1", second[:4]), (APP, "2", second[:7])]


def test_the_entry_that_was_recorded_first_stays_whatever_change_is_delivered_first(seeded: Stack) -> None:
    stream = Stream()
    report(seeded, make_action("ride-1", occurred_at=NOON - DAY))
    early = stream.records()
    report(seeded, make_action("ride-1", occurred_at=NOON - 3 * DAY))
    late = stream.records()

    search(late)
    assert withdrawals(seeded) == [(APP, "ride-1", "2026-06-02")]
    search(early)
    assert withdrawals(seeded) == [(APP, "ride-1", "2026-06-02")]


def test_of_entries_that_were_recorded_in_the_same_second_the_one_in_the_first_window_stays(seeded: Stack) -> None:
    seeded.accrue_all([make_action("ride-1"), make_action("ride-1", occurred_at=NOON - DAY)])

    search(Stream().records())

    assert withdrawals(seeded) == [(APP, "ride-1", "2026-06-05")]


def test_a_redelivered_batch_changes_nothing(seeded: Stack) -> None:
    stream = Stream()
    report(seeded, make_action("ride-1"), make_action("ride-1", occurred_at=NOON - DAY))
    batch = stream.records()
    search(batch)
    search(batch)
    bodies = seeded.receive_all(seeded.actions_url)
    assert len(bodies) == 2

    seeded.accrue(bodies[0])
    after = seeded.periods_of()
    seeded.accrue(*bodies)
    search(batch)

    assert seeded.periods_of() == after
    assert seeded.receive_all(seeded.actions_url) == []


def test_two_concurrent_writes_are_found_by_the_search_after_the_later_one(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker writes the repeat just before this worker writes the first report."""
    stream, write = Stream(), dynamodb().batch_execute_statement
    stream.records()
    rivals = [lambda: seeded.accrue_all([make_action("ride-1", occurred_at=NOON - DAY)])]

    def overtaken(**request: Any) -> Any:  # noqa: ANN401 - passed on
        if rivals:
            rivals.pop()()
        return write(**request)

    monkeypatch.setattr(dynamodb(), "batch_execute_statement", overtaken)
    seeded.accrue_all([make_action("ride-1")])
    written_first, written_second = stream.records()

    search([written_first])
    search([written_second])

    assert set(withdrawals(seeded)) == {(APP, "ride-1", "2026-06-05")}


def test_a_repeat_of_a_reversed_action_is_not_withdrawn(seeded: Stack) -> None:
    stream = Stream()
    report(seeded, make_action("ride-1"))
    seeded.accrue(*reversal_bodies(APP, NOON, [Reversal(APP, USER, "ride-1", "wrong date", NOON)]))
    report(seeded, make_action("ride-1", occurred_at=NOON - DAY))

    catch_up(seeded, stream)

    assert voids(seeded) == {("2026-06-04", "alipay:ride-1"): "", ("2026-06-05", "alipay:ride-1"): ""}
    assert wallet_of()["earned"] == 80


def test_the_same_id_of_another_app_or_owner_is_not_a_repeat(seeded: Stack) -> None:
    report(seeded, make_action("1"), make_action("1", owner=FACILITY, type="solar_warehouse", occurred_at=NOON - DAY))
    report(seeded, make_action("1", occurred_at=NOON - DAY), app="taobao")

    search(Stream().records())

    assert withdrawals(seeded) == []


def test_a_repeat_of_a_facility_is_withdrawn_too(seeded: Stack) -> None:
    solar = make_action("1", type="solar_warehouse", owner=FACILITY)
    report(seeded, solar, solar._replace(occurred_at=NOON - DAY))

    search(Stream().records())

    assert withdrawals(seeded) == [(APP, "1", "2026-06-04")]


def test_each_app_gets_messages_of_its_own_and_three_dates_of_an_id_leave_one_entry(seeded: Stack) -> None:
    for app in (APP, "taobao"):
        report(seeded, *(make_action("ride-1", occurred_at=NOON - days * DAY) for days in (0, 1, 2)), app=app)

    search(Stream().records())

    bodies = seeded.receive_all(seeded.actions_url)
    assert [(json.loads(body)["app"], len(json.loads(body)["withdrawals"])) for body in bodies] == [
        (APP, 2),
        ("taobao", 2),
    ]


def test_a_withdrawal_pays_what_a_cap_had_withheld_and_is_deducted_from_harvested_points(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", units=Decimal(1)),)))
    stream = Stream()
    report(
        stack,
        make_action("ride-1"),
        make_action("ride-1", occurred_at=NOON - DAY),
        make_action("ride-2", occurred_at=NOON - DAY),
        make_action("ride-3"),
    )
    assert [entry.points for entry in entries(stack).values()] == [80, 0, 80, 0]
    stack.clock.instant += DAY
    assert harvest().body["moved"] == 160

    catch_up(stack, stream)

    assert {place: (entry.void, entry.points) for place, entry in entries(stack).items()} == {
        ("2026-06-04", "alipay:ride-1"): ("repeated_id", 0),
        ("2026-06-04", "alipay:ride-2"): ("", 80),
        ("2026-06-05", "alipay:ride-1"): ("", 80),
        ("2026-06-05", "alipay:ride-3"): ("", 0),
    }
    assert harvest().body["moved"] == 0
    assert wallet_of()["spendable"] == 160


def test_a_withdrawal_after_the_period_was_closed_is_deducted_by_the_next_harvest(seeded: Stack) -> None:
    stream = Stream()
    report(seeded, make_action("ride-1"), make_action("ride-1", occurred_at=NOON - DAY))
    seeded.clock.instant += 30 * DAY
    assert harvest().body["moved"] == 160
    assert seeded.wallet().is_closed("2026-06-04")

    catch_up(seeded, stream)

    assert harvest().body["moved"] == -80
    assert (wallet_of()["spendable"], wallet_of()["avoided_g"]) == (80, 212.5)
    assert check(Holdings(USER, seeded.wallet(), seeded.periods_of())) == []


def test_the_evidence_of_a_withdrawn_entry_goes_to_the_next_best_claim(seeded: Stack) -> None:
    stream = Stream()
    first = make_action("trip", occurred_at=NOON - 2 * DAY)
    repeat = make_action("trip", quantity="3", occurred_at=NOON - DAY)._replace(evidence_id="ticket-1")
    other = make_action("ride", quantity="2")._replace(evidence_id="ticket-1")
    report(seeded, first, repeat, other)
    assert voids(seeded)["2026-06-05", "alipay:ride"] == "same_evidence"

    catch_up(seeded, stream)

    assert voids(seeded) == {
        ("2026-06-03", "alipay:trip"): "",
        ("2026-06-04", "alipay:trip"): "repeated_id",
        ("2026-06-05", "alipay:ride"): "",
    }
    assert wallet_of()["earned"] == 80 + 160


def test_a_withdrawn_entry_with_contested_evidence_stops_nothing_of_other_apps(seeded: Stack) -> None:
    stream = Stream()
    today = make_action("trip")._replace(evidence_id="ticket-2")
    report(seeded, make_action("trip", occurred_at=NOON - DAY), today, app="citybike")
    report(seeded, make_action("other", type="metro_ride")._replace(evidence_id="ticket-2"), app="citybike")
    catch_up(seeded, stream)
    assert voids(seeded)["2026-06-05", "citybike:trip"] == "repeated_id"
    [body] = reversal_bodies("citybike", NOON, [Reversal("citybike", USER, "other", "no ride", NOON)])
    assert seeded.accrue(body) == []

    report(seeded, make_action("ride-1")._replace(evidence_id="ticket-1"))
    report(seeded, make_action("ride-2", type="metro_ride")._replace(evidence_id="ticket-1"), app="taobao")

    counting = [name for (_, name), void in voids(seeded).items() if not void and name.endswith(("ride-1", "ride-2"))]
    assert len(counting) == 1
    assert check(Holdings(USER, seeded.wallet(), seeded.periods_of())) == []


def test_two_withdrawals_of_claims_to_one_evidence_are_both_posted(seeded: Stack) -> None:
    for app, kind in ((APP, "bus_ride"), ("taobao", "metro_ride"), ("tmall", "air_trip_saved")):
        report(seeded, make_action("ride", type=kind)._replace(evidence_id="ticket-1"), app=app)
    ids = {"trip-1": "bus_ride", "trip-2": "metro_ride"}
    in_may = NOON - 6 * DAY
    report(seeded, *(make_action(name, type=kind, occurred_at=in_may) for name, kind in ids.items()), app="citybike")
    again = (make_action(name, type=kind)._replace(evidence_id="ticket-2") for name, kind in ids.items())
    report(seeded, *again, app="citybike")
    for name, window in (("trip-1", "2026-06-05"), ("trip-2", "2026-06")):
        [body] = pack_withdrawals("citybike", NOON, [Withdrawal("citybike", USER, name, window)])
        assert seeded.accrue(body) == []

    withdrawn = {name.partition(":")[2] for (_, name), void in voids(seeded).items() if void == "repeated_id"}
    assert withdrawn == ids.keys()
    assert check(Holdings(USER, seeded.wallet(), seeded.periods_of())) == []


def test_an_entry_that_counts_again_is_searched_for_repeats(seeded: Stack) -> None:
    """The ride is void while the metro ride has its ticket. Meanwhile the app reports the ride with another date."""
    stream = Stream()
    ride = make_action("ride")._replace(evidence_id="ticket-1")
    metro = make_action("metro", quantity="2")._replace(evidence_id="ticket-1")
    report(seeded, ride, metro, make_action("ride", occurred_at=NOON - DAY))
    catch_up(seeded, stream)
    assert wallet_of()["earned"] == 160 + 80

    seeded.accrue(*reversal_bodies(APP, NOON, [Reversal(APP, USER, "metro", "refund", NOON)]))
    catch_up(seeded, stream)

    assert voids(seeded) == {
        ("2026-06-04", "alipay:ride"): "repeated_id",
        ("2026-06-05", "alipay:ride"): "",
        ("2026-06-05", "alipay:metro"): "",
    }
    assert wallet_of()["earned"] == 80


def test_an_entry_whose_id_was_added_to_a_sum_of_another_period_is_withdrawn(seeded: Stack) -> None:
    total = make_entry(0, NOON - DAY, summed=30, quantity=Decimal(30))
    name = f"{APP}:2026-06-04/bus_ride/1//1"
    full = Period(PeriodKey(USER, "2026-06-04"), {name: total}, digests={APP: digest("alipay:ride-1")})
    seeded.put_period(full)
    report(seeded, make_action("ride-1"), make_action("ride-2"))

    search(Stream().records())

    assert withdrawals(seeded) == [(APP, "ride-1", "2026-06-05")]


def items_of_user() -> list[Item]:
    """Return all items of the user, as they are stored."""
    return list(wiring.ledger().query(f"USER#{USER.id}", " ", "~"))


def undo(stack: Stack, action_id: str, days: int) -> None:
    """Reverse the action of some days ago."""
    [body] = reversal_bodies(APP, NOON, [Reversal(APP, USER, action_id, "wrong date", NOON - days * DAY)])
    assert stack.accrue(body) == []


def repeated(stack: Stack, stream: Stream, *repeats: Action) -> None:
    """Report a ride, repeat it, and let the search withdraw the repeats."""
    report(stack, make_action("ride-1"), *repeats)
    catch_up(stack, stream)
    assert wallet_of()["earned"] == 80


YESTERDAY = make_action("ride-1", occurred_at=NOON - DAY)


@pytest.mark.parametrize("days", [1, 6, 8])
def test_if_the_first_date_is_reversed_the_withdrawn_one_counts_again(seeded: Stack, days: int) -> None:
    stream = Stream()
    repeated(seeded, stream, make_action("ride-1", quantity="3", occurred_at=NOON - days * DAY))

    undo(seeded, "ride-1", days=0)
    assert wallet_of()["earned"] == 0
    catch_up(seeded, stream)

    day = datetime.fromtimestamp(NOON - days * DAY, SHANGHAI).date().isoformat()
    assert voids(seeded) == {("2026-06-05", "alipay:ride-1"): "", (day, "alipay:ride-1"): ""}
    assert (wallet_of()["earned"], wallet_of()["avoided_g"]) == (240, 637.5)
    assert [(row["day"], row["points"]) for row in impact().body["people"] if row["actions"]] == [(day, 240)]
    assert check(Holdings(USER, seeded.wallet(), seeded.periods_of())) == []


def test_of_three_dates_each_reversal_lets_the_next_one_in_recorded_order_count(seeded: Stack) -> None:
    stream = Stream()
    report(
        seeded, *(make_action("ride-1", quantity=str(days + 1), occurred_at=NOON - days * DAY) for days in (0, 2, 1))
    )
    catch_up(seeded, stream)
    earned = [wallet_of()["earned"]]

    for days in (0, 2, 1):
        undo(seeded, "ride-1", days)
        catch_up(seeded, stream)
        earned.append(wallet_of()["earned"])

    assert earned == [80, 240, 160, 0]


def test_the_reversal_of_a_withdrawn_entry_lets_nothing_count_again(seeded: Stack) -> None:
    stream = Stream()
    repeated(seeded, stream, YESTERDAY, make_action("ride-1", occurred_at=NOON - 2 * DAY))

    undo(seeded, "ride-1", days=1)
    search(stream.records())

    assert withdrawals(seeded) == []
    assert wallet_of()["earned"] == 80


def test_an_entry_that_is_reversed_before_it_counts_again_leaves_this_to_the_next_one(seeded: Stack) -> None:
    stream = Stream()
    repeated(seeded, stream, YESTERDAY, make_action("ride-1", quantity="3", occurred_at=NOON - 2 * DAY))
    undo(seeded, "ride-1", days=0)
    search(stream.records())
    [second] = seeded.receive_all(seeded.actions_url)

    undo(seeded, "ride-1", days=1)
    assert seeded.accrue(second) == []
    catch_up(seeded, stream)

    assert wallet_of()["earned"] == 240


def test_a_redelivered_batch_or_message_does_not_let_an_entry_count_twice(seeded: Stack) -> None:
    stream = Stream()
    repeated(seeded, stream, YESTERDAY, make_action("ride-1", occurred_at=NOON - 2 * DAY))
    undo(seeded, "ride-1", days=0)
    batch = stream.records()
    search(batch)
    search(batch)
    bodies = seeded.receive_all(seeded.actions_url)
    assert len(bodies) == 2

    assert seeded.accrue(bodies[0]) == []
    after = seeded.periods_of()
    assert seeded.accrue(*bodies) == []
    search(batch)
    catch_up(seeded, stream)

    assert seeded.periods_of() == after
    assert wallet_of()["earned"] == 80


def test_a_late_copy_of_the_withdrawal_is_corrected_by_the_search(seeded: Stack) -> None:
    stream = Stream()
    report(seeded, make_action("ride-1"), YESTERDAY)
    search(stream.records())
    [withdrawal] = seeded.receive_all(seeded.actions_url)
    undo(seeded, "ride-1", days=0)
    search(stream.records())
    assert withdrawals(seeded) == []

    for _ in range(2):
        assert seeded.accrue(withdrawal) == []
        assert wallet_of()["earned"] == 0
        catch_up(seeded, stream)
        assert wallet_of()["earned"] == 80


def test_a_late_copy_of_the_message_that_lets_an_entry_count_again_is_corrected_by_the_search(seeded: Stack) -> None:
    stream = Stream()
    repeated(seeded, stream, YESTERDAY, make_action("ride-1", quantity="3", occurred_at=NOON - 2 * DAY))
    [late] = pack_withdrawals(APP, NOON, [Withdrawal(APP, USER, "ride-1", "2026-06-03", is_lifted=True)])

    assert seeded.accrue(late) == []
    assert wallet_of()["earned"] == 320
    catch_up(seeded, stream)

    assert wallet_of()["earned"] == 80


@pytest.mark.parametrize("is_searched_before", [True, False])
def test_a_date_that_is_reported_after_the_reversal_counts_only_if_no_earlier_report_does(
    seeded: Stack, is_searched_before: bool
) -> None:
    stream = Stream()
    repeated(seeded, stream, YESTERDAY)

    undo(seeded, "ride-1", days=0)
    if is_searched_before:
        catch_up(seeded, stream)
    report(seeded, make_action("ride-1", quantity="3", occurred_at=NOON - 2 * DAY))
    catch_up(seeded, stream)

    assert voids(seeded)["2026-06-03", "alipay:ride-1"] == "repeated_id"
    assert wallet_of()["earned"] == 80


@pytest.mark.parametrize(("quantity", "earned"), [("1", 240), ("5", 400)])
def test_an_entry_with_evidence_that_counts_again_is_one_of_the_claims_again(
    seeded: Stack, quantity: str, earned: int
) -> None:
    stream = Stream()
    repeated(
        seeded, stream, make_action("ride-1", quantity="3", occurred_at=NOON - DAY)._replace(evidence_id="ticket-1")
    )
    report(seeded, make_action("trip-9", quantity=quantity)._replace(evidence_id="ticket-1"), app="taobao")

    undo(seeded, "ride-1", days=0)
    catch_up(seeded, stream)

    is_better = quantity == "5"
    assert voids(seeded) == {
        ("2026-06-05", "alipay:ride-1"): "",
        ("2026-06-04", "alipay:ride-1"): "same_evidence" if is_better else "",
        ("2026-06-05", "taobao:trip-9"): "" if is_better else "same_evidence",
    }
    assert wallet_of()["earned"] == earned
    assert check(Holdings(USER, seeded.wallet(), seeded.periods_of())) == []
    [body] = reversal_bodies("taobao", NOON, [Reversal("taobao", USER, "trip-9", "refund", NOON)])
    assert seeded.accrue(body) == []
    assert wallet_of()["earned"] == 240


def test_copies_of_a_withdrawal_and_of_its_end_in_one_batch_write_nothing(seeded: Stack) -> None:
    stream = Stream()
    report(seeded, make_action("ride-1"), YESTERDAY._replace(evidence_id="ticket-1"))
    search(stream.records())
    [withdrawal] = seeded.receive_all(seeded.actions_url)
    assert seeded.accrue(withdrawal) == []
    undo(seeded, "ride-1", days=0)
    search(stream.records())
    [end] = seeded.receive_all(seeded.actions_url)
    assert seeded.accrue(end) == []
    before = items_of_user()
    assert "EVIDENCE#ticket-1" in {item["sk"] for item in before}

    assert seeded.accrue(withdrawal, end) == []

    assert items_of_user() == before


def test_an_entry_of_a_closed_period_that_counts_again_is_added_by_the_next_harvest(seeded: Stack) -> None:
    stream = Stream()
    repeated(seeded, stream, YESTERDAY._replace(quantity=Decimal(3)))
    seeded.clock.instant += 30 * DAY
    assert harvest().body["moved"] == 80

    undo(seeded, "ride-1", days=0)
    catch_up(seeded, stream)

    assert harvest().body["moved"] == 160
    assert wallet_of()["spendable"] == 240


def test_an_entry_whose_id_a_sum_holds_does_not_count_again(seeded: Stack) -> None:
    stream = Stream()
    repeated(seeded, stream, YESTERDAY)
    total = make_entry(0, NOON - 2 * DAY, summed=30, quantity=Decimal(30))
    name = f"{APP}:2026-06-03/bus_ride/1//1"
    key = PeriodKey(USER, "2026-06-03")
    seeded.put_period(Period(key, {name: total}, digests={APP: digest("alipay:ride-1")}))

    undo(seeded, "ride-1", days=0)
    search(stream.records())

    assert withdrawals(seeded) == []


@pytest.mark.usefixtures("seeded")
def test_changes_that_let_nothing_count_or_end_read_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def period(*entries: Entry) -> Any:  # noqa: ANN401 - an item
        return stored(Period(PeriodKey(USER, "2026-06-05"), {f"alipay:{n}": e for n, e in enumerate(entries)}, 1))

    def unread(**_: object) -> None:
        pytest.fail("the search read the table")

    ride = make_entry()
    raised = make_entry(quantity=Decimal(2), points=160)
    withdrawn = make_entry(0, void="repeated_id")
    monkeypatch.setattr(dynamodb(), "query", unread)
    monkeypatch.setattr(dynamodb(), "batch_get_item", unread)

    search(
        [
            record(period(ride), period(ride)),
            record(period(ride), period(raised)),
            record(period(withdrawn), period(replace(withdrawn, conflicted=True))),
            record(None, period(make_entry(0, reversal="refund")), "INSERT"),
            record(period(ride), period(ride, make_entry(0, void="same_evidence"))),
            record(period(ride), period(ride, make_entry(0, summed=3))),
            record(None, {"pk": "USER#u-42", "sk": "WALLET", "balance": 5, "v": 1}, "INSERT"),
            record(period(ride), None, "REMOVE"),
        ]
    )


def test_the_changes_of_one_owner_need_one_query_and_one_batch_and_both_are_consistent(seeded: Stack) -> None:
    report(seeded, make_action("1"), make_action("2"), make_action("3", occurred_at=NOON - DAY))
    requests: list[Any] = []

    def recorded(params: Any, model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        requests.append((model.name, json.loads(params["body"])))

    dynamodb().meta.events.register("before-call.dynamodb", recorded, unique_id="recorded")
    records = Stream().records()
    requests.clear()

    search(records)

    dynamodb().meta.events.unregister("before-call.dynamodb", unique_id="recorded")
    [(batch, got), (query, asked)] = requests
    assert (batch, query) == ("BatchGetItem", "Query")
    assert [key["sk"]["S"] for key in got["RequestItems"]["Ledger"]["Keys"]] == ["PAGE#2026-05", "PAGE#2026"]
    assert got["RequestItems"]["Ledger"]["ConsistentRead"] is asked["ConsistentRead"] is True
    values = asked["ExpressionAttributeValues"]
    assert [values[name]["S"] for name in (":pk", ":first", ":last")] == [
        "USER#u-42",
        "PAGE#2026-05-27",
        "PAGE#2026-06-13",
    ]


def test_a_period_that_cannot_be_read_fails_the_batch_so_that_lambda_singles_it_out(seeded: Stack) -> None:
    stream = Stream()
    stream.records()
    report(seeded, make_action("ride-1"))
    [broken] = stream.records()
    broken["dynamodb"]["NewImage"]["e"] = {"S": "broken"}

    with pytest.raises(TypeError):
        search([broken])
