"""Limits on the size of a period: no app can make it grow without limit, and the largest period fits an item."""

import random
import string
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from operations.ledger_reading import size_of
from saxaul.catalog.entries import Cap
from saxaul.ledger.periods import MAX_ENTRIES, MAX_OVERFLOW, MAX_WITHHELD, Entry, Period, post
from saxaul.storage.periods import from_item, to_item
from saxaul.storage.table import python, raw
from tests.builders import (
    APP,
    NOON,
    make_action,
    make_action_type,
    make_calendar,
    make_catalog,
    make_entry,
    make_period,
)

CALENDAR = make_calendar()
EMPTY = make_period(version=0)
ITEM_LIMIT = 400 * 1024
WRITE_UNIT = 1024


def item_size(period: Period) -> int:
    return size_of(python(raw({**to_item(period), "v": 2**31})))


def test_only_the_first_withheld_actions_become_entries_but_all_are_recognized_when_sent_again() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(5)),))})
    actions = [make_action(f"ride-{number}") for number in range(100)]

    posting = post(EMPTY, actions, catalog, CALENDAR, NOON)
    again = post(posting.period, random.Random(1).sample(actions, 100), catalog, CALENDAR, NOON)

    assert posting.period.points == 5 * 80
    assert posting.outcomes == {"posted": 5 + MAX_WITHHELD, "overflowed": 95 - MAX_WITHHELD}
    assert again.period is posting.period
    assert again.outcomes == {"replayed": 100}


def test_five_thousand_capped_actions_of_one_person_make_a_small_period() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(5)),))})

    period = post(EMPTY, [make_action(f"ride-{n}") for n in range(5000)], catalog, CALENDAR, NOON).period

    assert len(period.overflow) == 6 * MAX_OVERFLOW
    assert period.uncounted == 5000 - 5 - MAX_WITHHELD - MAX_OVERFLOW
    assert item_size(period) < 10 * 1024


def test_a_period_without_caps_still_has_a_limit_of_entries() -> None:
    period = post(EMPTY, [make_action(f"a-{n}") for n in range(MAX_ENTRIES + 7)], make_catalog(), CALENDAR, NOON).period

    assert len(period.entries) == MAX_ENTRIES
    assert period.points == MAX_ENTRIES * 80
    assert len(period.overflow) == 7 * 6


def test_the_largest_period_fits_an_item() -> None:
    rng = random.Random(7)

    def noise(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        """Return random text, which compression cannot shorten much."""
        return "".join(rng.choices(alphabet, k=length))

    def worst_entry() -> Entry:
        return make_entry(
            type=noise(64),
            quantity=Decimal(rng.randrange(10**14, 10**15)).scaleb(-6),
            occurred_at=rng.randrange(10**10),
            recorded_at=rng.randrange(10**10),
            points=rng.randrange(10**9),
            avoided_g=str(Decimal(rng.randrange(10**26, 10**27)).scaleb(-12)),
            units=Decimal(rng.randrange(10**14, 10**15)).scaleb(-6),
            rule=rng.randrange(10**6),
            reason="over_points_cap",
            campaign=noise(64),
            reversal=noise(64, "".join(map(chr, range(0x4E00, 0x9FA5)))),
            conflicted=True,
        )

    entries = {f"{noise(64)}:{noise(128)}": worst_entry() for _ in range(MAX_ENTRIES)}
    period = Period(EMPTY.key, entries, overflow=rng.randbytes(6 * MAX_OVERFLOW), uncounted=10**9)

    assert ITEM_LIMIT / 2 < item_size(period) < ITEM_LIMIT


def period_of_rides(rides: int) -> Period:
    entries = {f"{APP}:{uuid5(NAMESPACE_URL, str(n))}": make_entry(type="metro_ride", rule=1) for n in range(rides)}
    return Period(EMPTY.key, entries)


def test_a_period_that_is_not_compressed_costs_one_write_unit() -> None:
    readable = [size for size in range(1, 30) if "e" in to_item(period_of_rides(size))]

    assert max(readable) == 6
    assert item_size(period_of_rides(6)) <= WRITE_UNIT


def test_a_compressed_period_has_three_times_as_many_actions_in_one_write_unit() -> None:
    assert "z" in to_item(period_of_rides(20))
    assert item_size(period_of_rides(20)) <= WRITE_UNIT


def test_a_period_with_every_field_set_is_read_back_unchanged() -> None:
    period = Period(EMPTY.key, {"alipay:1": make_entry(reversal="x", conflicted=True, campaign="c")}, 3, b"sixsix", 4)

    assert from_item({**to_item(period), "v": 3}) == period
