"""The sums of a period are worth the same as its entries, to every wallet and at every time of reading."""

from dataclasses import replace
from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.catalog.calendar import Calendar
from saxaul.ledger.entries import ZERO, Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.wallets import harvest, position
from saxaul.storage.periods import sums_from_item, to_item
from tests.builders import DAY, USER, at, make_calendar, make_entry, make_period, make_wallet

MONTH = at("2026-05-01T00:00")
PLACES = ["Asia/Shanghai", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "UTC"]
calendars = st.builds(
    make_calendar,
    harvest_time=st.sampled_from([None, time(0), time(7), time(23, 59)]),
    zone=st.sampled_from(PLACES),
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Draw an entry of a month, recorded up to eight days later or up to five minutes before it happened."""
    occurred_at = MONTH + draw(st.integers(0, 31 * DAY))
    recorded_at = occurred_at + draw(st.integers(-300, 600) | st.integers(0, 8 * DAY))
    entry = make_entry(draw(st.integers(1, 5000)), occurred_at, recorded_at=recorded_at, avoided_g="0.000001")
    if draw(st.booleans()):
        return entry
    return replace(entry, points=0, avoided_g=ZERO, units=ZERO, counted=ZERO, reversal="by mistake")


def without_entries(period: Period) -> dict[str, object]:
    """Return what a wallet reads of a period: none of the long lists of entries."""
    item = to_item(period)
    return {name: item[name] for name in ("pk", "sk", "e", "z", "sums") if name in item}


def long_period(window: str, found: list[Entry]) -> Period:
    """Return a period that is long enough to have sums. Its first entries have long ids and earn nothing."""
    names = {f"alipay:{n:04d}{hash((n, n * 7919)) & 0xFFFFFFFFFFFF:x}": make_filler(n) for n in range(400)}
    return Period(PeriodKey(USER, window), names | {f"tmall:{n}": entry for n, entry in enumerate(found)}, 1)


def make_filler(number: int) -> Entry:
    return make_entry(0, MONTH - number * 977, avoided_g="0", recorded_at=MONTH)


@settings(deadline=None)
@given(found=st.lists(entries(), max_size=30), calendar=calendars, later=st.integers(0, 40 * DAY))
@pytest.mark.parametrize("window", ["2026-05-05", "2026-05", "2026"])
@pytest.mark.parametrize("is_long", [False, True])
def test_a_wallet_and_a_harvest_by_sums_are_those_by_entries(
    window: str, is_long: bool, found: list[Entry], calendar: Calendar, later: int
) -> None:
    period = long_period(window, found) if is_long else make_period(*found, window=window)
    item = without_entries(period)
    assert ("sums" in item) == is_long
    sums = sums_from_item(item)
    now = max([MONTH, *(entry.recorded_at for entry in found)]) + later
    wallet = make_wallet(7, credited={window: 3}, closed_through=date(2026, 4, 1), closed_g=Decimal("0.5"))

    assert position(wallet, [sums], calendar, now) == position(wallet, [period], calendar, now)
    assert harvest(wallet, [sums], calendar, now) == harvest(wallet, [period], calendar, now)


def test_only_a_long_period_has_sums_and_they_take_up_less_than_a_write_unit() -> None:
    short, long = make_period(*[make_entry()] * 40), long_period("2026-05", [make_entry()] * 100)

    assert "z" in to_item(short)
    assert to_item(short).keys() == {"pk", "sk", "z"}
    assert to_item(long).keys() == {"pk", "sk", "packed", "sums"}
    assert len(str(to_item(long)["sums"])) < 1024
