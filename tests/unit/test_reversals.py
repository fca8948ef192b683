"""Reversals that arrive after their action, before it or twice, and the room that they free for other actions."""

from decimal import Decimal

from saxaul.catalog.entries import Cap
from saxaul.ledger.actions import Reversal
from saxaul.ledger.periods import MAX_ENTRIES, MAX_WITHHELD, Entry, Period, post
from tests.builders import APP, NOON, USER, make_action, make_action_type, make_calendar, make_catalog, make_period

CALENDAR = make_calendar()
CATALOG = make_catalog()
EMPTY = make_period(version=0)
REFUND = Reversal(APP, USER, "ride-1", "refunded", NOON)


def entry_of(period: Period) -> Entry:
    [entry] = period.entries.values()
    return entry


def test_a_reversed_action_keeps_its_entry_without_points_or_grams() -> None:
    period = post(EMPTY, [make_action()], CATALOG, CALENDAR, NOON).period

    posting = post(period, [], CATALOG, CALENDAR, NOON + 9, [REFUND])

    entry = entry_of(posting.period)
    assert posting.outcomes == {"reversed": 1}
    assert (entry.points, entry.avoided_g, entry.reversal) == (0, Decimal(0), "refunded")
    assert (entry.type, entry.quantity, entry.recorded_at) == ("bus_ride", Decimal(1), NOON)


def test_a_second_reversal_changes_nothing() -> None:
    period = post(EMPTY, [make_action()], CATALOG, CALENDAR, NOON, [REFUND]).period

    posting = post(period, [], CATALOG, CALENDAR, NOON, [REFUND._replace(reason="fraud")])

    assert posting.period is period
    assert posting.outcomes == {"replayed": 1}


def test_a_reversal_that_arrives_before_its_action_still_reverses_it() -> None:
    early = post(EMPTY, [], CATALOG, CALENDAR, NOON, [REFUND]).period

    late = post(early, [make_action()], CATALOG, CALENDAR, NOON + 60)
    again = post(late.period, [make_action()], CATALOG, CALENDAR, NOON + 90)

    assert entry_of(early).is_tombstone
    entry = entry_of(late.period)
    assert late.outcomes == {"posted": 1}
    assert (entry.type, entry.points, entry.avoided_g, entry.reversal) == ("bus_ride", 0, Decimal(0), "refunded")
    assert again.period is late.period


def test_a_reversal_from_another_app_does_not_reverse_the_action() -> None:
    period = post(EMPTY, [make_action()], CATALOG, CALENDAR, NOON).period

    foreign = post(period, [], CATALOG, CALENDAR, NOON, [REFUND._replace(app="taobao")]).period

    assert foreign.points == 80
    assert foreign.entries["taobao:ride-1"].is_tombstone


def test_a_reversal_frees_the_part_of_a_cap_that_its_action_used() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(1)),))})
    full = post(EMPTY, [make_action("ride-1"), make_action("ride-2")], catalog, CALENDAR, NOON).period

    period = post(full, [], catalog, CALENDAR, NOON, [REFUND]).period
    after = post(period, [make_action("ride-3"), make_action("ride-4")], catalog, CALENDAR, NOON).period

    assert [entry.points for entry in after.entries.values()] == [0, 0, 80, 0]


def test_a_reversal_without_room_in_a_full_period_is_recognized_when_it_is_repeated() -> None:
    actions = [make_action(f"a-{number}") for number in range(MAX_ENTRIES)]
    full = post(EMPTY, actions, CATALOG, CALENDAR, NOON).period

    posting = post(full, [], CATALOG, CALENDAR, NOON, [REFUND])

    assert posting.outcomes == {"overflowed": 1}
    assert posting.period.entries == full.entries
    assert post(posting.period, [make_action("ride-1")], CATALOG, CALENDAR, NOON).outcomes == {"replayed": 1}
    assert post(posting.period, [], CATALOG, CALENDAR, NOON, [REFUND]).period is posting.period


def test_reversing_an_action_that_had_no_room_changes_nothing_and_the_action_is_still_recognized() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(1)),))})
    actions = [make_action(f"ride-{number}") for number in range(MAX_WITHHELD + 2)]
    period = post(EMPTY, actions, catalog, CALENDAR, NOON).period

    reversal = REFUND._replace(action_id=actions[-1].action_id)
    posting = post(period, [], catalog, CALENDAR, NOON, [reversal])

    assert posting.period is period
    assert post(posting.period, actions, catalog, CALENDAR, NOON).period is period


def test_reversals_make_room_in_the_cap_and_among_the_withheld_entries() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(1)),))})
    paid, *withheld, one_more = [make_action(f"ride-{number}") for number in range(1, MAX_WITHHELD + 3)]
    period = post(EMPTY, [paid, *withheld], catalog, CALENDAR, NOON).period

    reversals = [REFUND._replace(action_id=withheld[-1].action_id), REFUND]
    period = post(period, [], catalog, CALENDAR, NOON, reversals).period
    period = post(period, [make_action("again"), one_more], catalog, CALENDAR, NOON).period

    assert [period.entries[f"{APP}:{name}"].points for name in ("again", one_more.action_id)] == [80, 0]
    assert not period.overflow
