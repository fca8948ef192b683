"""The entries of one owner that the API shows: those of a month, their states, and the totals by action type."""

from decimal import Decimal

from saxaul.ledger.history import lines_of_month, state_of, totals_by_type
from tests.builders import NOON, at, make_calendar, make_entry, make_period

CALENDAR = make_calendar()


def test_the_entries_of_a_month_come_newest_first_from_periods_of_every_length() -> None:
    day = make_period(make_entry(occurred_at=at("2026-06-05T09:00")), window="2026-06-05")
    month = make_period(make_entry(occurred_at=at("2026-06-20T09:00")), window="2026-06")
    year = make_period(
        make_entry(occurred_at=at("2026-06-10T09:00")), make_entry(occurred_at=at("2026-07-01T00:00")), window="2026"
    )

    lines = lines_of_month([day, month, year], "2026-06", CALENDAR)

    assert [CALENDAR.day_of(line.entry.occurred_at).day for line in lines] == [20, 10, 5]


def test_an_entry_is_ripening_ripe_withheld_or_reversed() -> None:
    tomorrow_at_seven = at("2026-06-06T07:00")

    assert state_of(make_entry(), CALENDAR, NOON) == "ripening"
    assert state_of(make_entry(), CALENDAR, tomorrow_at_seven) == "ripe"
    assert state_of(make_entry(points=0, reason="over_units_cap"), CALENDAR, NOON) == "withheld"
    assert state_of(make_entry(points=0, reversal="refunded"), CALENDAR, NOON) == "reversed"
    assert state_of(make_entry(points=0, void="same_evidence"), CALENDAR, NOON) == "void"


def test_totals_by_type_leave_out_reversed_actions() -> None:
    period = make_period(
        make_entry(),
        make_entry(),
        make_entry(points=0, avoided_g="0", reversal="refunded"),
        make_entry(points=0, avoided_g="0", void="repeated_id"),
        make_entry(type="metro_ride", points=52, avoided_g="515.5"),
    )

    bus, metro = totals_by_type(lines_of_month([period], "2026-06", CALENDAR))

    assert (bus.type, bus.actions, bus.quantity, bus.points, bus.avoided_g) == (
        "bus_ride",
        2,
        Decimal(2),
        160,
        Decimal(425),
    )
    assert (metro.actions, metro.points) == (1, 52)
