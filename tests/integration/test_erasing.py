"""Erasing a person with the deployed function and its policy: the whole person, wide periods, and what is left over."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operations import recount as command
from operations.ledger_reading import scan
from saxaul.catalog.calendar import Calendar
from saxaul.impact.changes import impact_of_period
from saxaul.impact.totals import Impacts, total
from saxaul.ledger.actions import Owner
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.people.erasures import ErasureMark, ErasureReceipt
from saxaul.services import erase_person
from saxaul.services.erase_items import LittleTimeError
from saxaul.services.erase_person import STALLED_AFTER, erasing
from saxaul.settings import settings as function_settings
from saxaul.storage.erasures import Erasures
from saxaul.storage.nameless import NamelessSums, impacts_in, is_nameless
from saxaul.storage.queues import send_erasure
from saxaul.trees.states import State
from tests.builders import DAY, NOON, make_action, make_calendar, make_entry
from tests.integration.erasing import begin_erasure
from tests.integration.stack import Stack, deliver, invoke, redeem
from tests.integration.test_impact import Stream, tally

CALENDAR: Calendar = make_calendar()
MEI = "u-mei"
"""The person who is erased. No other text has these characters."""

DELAY = 90


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    stack.seed_catalog(saplings=100)
    stack.add_wallet(16_000, MEI)
    return stack


def erase(stack: Stack) -> ErasureReceipt:
    """Erase Mei with the function. Return the receipt at the end."""
    mark = begin_erasure(stack, MEI)
    send_erasure(function_settings().erase_queue_url, mark.name)
    for _ in range(20):
        run_messages(stack)
        receipt = receipt_of(stack)
        if receipt.finished_at:
            return receipt
        stack.clock.instant += DELAY
    raise AssertionError("the erasure does not end")


def run_messages(stack: Stack) -> None:
    assert deliver("erase_persons", messages(stack)) == []


def messages(stack: Stack) -> list[str]:
    """Return the messages of the erasure. moto keeps delayed ones back in real time, so their delay is taken away."""
    found = stack.receive_all(function_settings().erase_queue_url)
    name = Erasures(stack.ledger).name_of(MEI)
    return found or [f'{{"name":"{name}"}}']


def receipt_of(stack: Stack) -> ErasureReceipt:
    receipt = Erasures(stack.ledger).receipt("e-1")
    assert receipt
    return receipt


def named(stack: Stack) -> list[Any]:
    return [(item["pk"], item["sk"]) for item in scan(stack.ledger) if MEI in str(item)]


def test_the_function_erases_a_person_within_its_policy(seeded: Stack) -> None:
    seeded.accrue_all([make_action("ride", owner=Owner("user", MEI))])
    ordered = redeem("ordered", MEI, trees=2, dedication="For my grandmother").body["redemption_id"]
    assert seeded.settle(*seeded.receive_all(seeded.redemptions_url)) == []
    seeded.run_planting_batch()
    redeem("waiting", MEI, trees=1)
    assert seeded.redemption(ordered, MEI).state is State.ORDERED

    receipt = erase(seeded)

    assert receipt.state == "erased"
    assert receipt.erased == {"certificate": 2, "ordered_tree": 2, "period": 1, "redemption": 2, "wallet": 1}
    assert named(seeded) == []
    assert seeded.available_saplings() == 98


@pytest.mark.usefixtures("seeded")
def test_a_message_that_is_no_erasure_message_fails_alone() -> None:
    assert deliver("erase_persons", ["{}", '{"name":"' + "0" * 64 + '"}']) == ["m-0"]


def test_the_schedule_queues_an_erasure_whose_message_was_lost(seeded: Stack) -> None:
    begin_erasure(seeded, MEI)
    seeded.clock.instant += STALLED_AFTER + 1

    assert invoke("erase_persons", {"schedule": "sweep"}) == {"erasures": 1}
    assert len(seeded.receive_all(function_settings().erase_queue_url)) == 1


def test_an_erasure_that_fails_stops_no_other_one(seeded: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase_person, "MAX_ERASURES", 1)
    names = {begin_erasure(seeded, person, f"e-{person}").name for person in (MEI, "another")}
    seeded.clock.instant += STALLED_AFTER + 1

    assert [invoke("erase_persons", {"schedule": "sweep"}) for _ in range(3)] == [
        {"erasures": 1},
        {"erasures": 1},
        {"erasures": 0},
    ]
    queued = seeded.receive_all(function_settings().erase_queue_url)
    assert {json.loads(body)["name"] for body in queued} == names


def wide_period(days: int) -> Period:
    entries = {
        f"alipay:{number}": make_entry(points=1, occurred_at=NOON - number * DAY, type="leave_the_car")
        for number in range(days)
    }
    return Period(PeriodKey(Owner("user", MEI), "2026"), entries)


@pytest.mark.parametrize("days", [97, 98, 150])
def test_a_period_with_more_days_than_a_transaction_has_room_for_is_erased_in_parts(
    seeded: Stack, days: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.clocks.StoppedClock.sleep", lambda *_: None)
    seeded.put_period(wide_period(days))
    tally(*Stream().records())

    receipt = erase(seeded)

    assert receipt.erased == {"period": 1, "wallet": 1}
    assert named(seeded) == []
    first = CALENDAR.day_of(NOON) - timedelta(days=days - 1)
    found = NamelessSums(seeded.ledger).of(first + timedelta(days=number) for number in range(days))
    assert sum(s.actions for sums in found.values() for s in sums.impact.acts.values()) == days
    assert command.recount(seeded.ledger, CALENDAR, lambda _: None).lacking == 0
    assert not [item for item in scan(seeded.ledger) if item["sk"].startswith("SUMS#")]


def test_an_item_of_a_kind_that_nothing_knows_keeps_the_erasure_from_its_end(seeded: Stack) -> None:
    seeded.ledger.replace({"pk": f"USER#{MEI}", "sk": "NEWS#1"})
    mark = begin_erasure(seeded, MEI)
    body = f'{{"name":"{mark.name}"}}'
    assert deliver("erase_persons", [body]) == []
    seeded.clock.instant += DELAY

    assert deliver("erase_persons", [body]) == ["m-0"]
    assert receipt_of(seeded).finished_at is None


def test_a_period_that_cannot_be_read_is_erased_all_the_same(seeded: Stack) -> None:
    seeded.ledger.replace({"pk": f"USER#{MEI}", "sk": "PAGE#2026-06-05", "v": 1, "z": b"broken"})

    assert erase(seeded).erased == {"period": 1, "wallet": 1}
    assert named(seeded) == []


@given(
    entries=st.lists(
        st.tuples(
            st.sampled_from(["bus_ride", "walking"]),
            st.integers(0, 40),
            st.integers(0, 500),
            st.sampled_from(["", "world-environment-day@2026-06-05"]),
            st.booleans(),
        ),
        max_size=25,
    ),
    windows=st.sampled_from(["day", "month", "year"]),
    most=st.sampled_from([4, 10, 100]),
    checks=st.integers(1, 3),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_a_person_did_is_in_the_nameless_sums_afterwards(
    stack: Stack, entries: list[tuple[str, int, int, str, bool]], windows: str, most: int, checks: int
) -> None:
    """A transaction has room for ``most`` writes, and a message has time for ``checks`` transactions."""
    held = periods_with(entries, {"day": 10, "month": 7, "year": 4}[windows])
    before = sums_in(stack)
    for period in held:
        stack.put_period(period)
    erasures = Erasures(stack.ledger)
    known = erasures.find(MEI)
    number = known.version if known else 0
    mark = ErasureMark(erasures.name_of(MEI), f"e-{number}", stack.clock.instant, MEI, version=number)
    erasures.begin(mark, ErasureReceipt(mark.erasure_id, stack.clock.instant, "console"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("saxaul.services.erase_items.TRANSACTION_WRITES", most)
        patch.setattr("saxaul.services.erase_items._POURED", 1)
        while (found := erasures.receipt(mark.erasure_id)) and found.finished_at is None:
            stack.clock.instant += DELAY
            erasing().run(mark.name, time_for(checks))

    counted = [impact_of_period(period, CALENDAR) for period in held]
    assert found
    assert found.erased == ({"period": len(held)} if held else {})
    assert named(stack) == []
    assert sums_in(stack) == added(before, *counted)


def time_for(transactions: int) -> Any:  # noqa: ANN401 - a function without a result
    left = iter([None] * transactions)

    def check_time() -> None:
        if next(left, "over") == "over":
            raise LittleTimeError

    return check_time


def periods_with(entries: list[tuple[str, int, int, str, bool]], length: int) -> list[Period]:
    """Return the periods of these entries. ``length`` is that of the window's text."""
    found: dict[str, dict[str, Any]] = {}
    for number, (type_, day, points, run, is_reversed) in enumerate(entries):
        at = NOON - day * DAY
        entry = make_entry(
            points, at, type=type_, run=run, multiplier=Decimal("1.5"), reversal="refund" if is_reversed else ""
        )
        found.setdefault(str(CALENDAR.day_of(at))[:length], {})[f"alipay:{number}"] = entry
    return [Period(PeriodKey(Owner("user", MEI), window), held) for window, held in found.items()]


def sums_in(stack: Stack) -> Impacts:
    return added(*(dict(impacts_in(item)) for item in scan(stack.ledger) if is_nameless(item)))


def added(*impacts: Impacts) -> Impacts:
    subjects = {subject for found in impacts for subject in found}
    sums = {each: total(found[each] for found in impacts if each in found) for each in subjects}
    return {subject: found for subject, found in sums.items() if not found.is_zero}
