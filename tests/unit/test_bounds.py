"""Nobody can grow a page at will, and the worst page still fits an item."""

import random
import string
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from operations.ledger_reading import size_of
from saxaul.catalog import Cap
from saxaul.pages import MAX_ENTRIES, MAX_OVERFLOW, MAX_WITHHELD, Entry, Page, post
from saxaul.storage.pages import from_item, to_item
from saxaul.storage.table import python, raw
from tests.builders import (
    APP,
    NOON,
    make_action,
    make_action_type,
    make_calendar,
    make_catalogue,
    make_entry,
    make_page,
)

CALENDAR = make_calendar()
EMPTY = make_page(version=0)
ITEM_LIMIT = 400 * 1024
WRITE_UNIT = 1024


def item_size(page: Page) -> int:
    return size_of(python(raw({**to_item(page), "v": 2**31})))


def test_what_a_cap_withheld_is_shown_while_it_is_little_and_known_again_beyond() -> None:
    catalogue = make_catalogue({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(5)),))})
    actions = [make_action(f"ride-{number}") for number in range(100)]

    posting = post(EMPTY, actions, catalogue, CALENDAR, NOON)
    again = post(posting.page, random.Random(1).sample(actions, 100), catalogue, CALENDAR, NOON)

    assert posting.page.points == 5 * 80
    assert posting.outcomes == {"posted": 5 + MAX_WITHHELD, "overflowed": 95 - MAX_WITHHELD}
    assert again.page is posting.page
    assert again.outcomes == {"replayed": 100}


def test_five_thousand_actions_of_one_user_leave_a_small_page_where_a_cap_holds() -> None:
    catalogue = make_catalogue({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(5)),))})

    page = post(EMPTY, [make_action(f"ride-{n}") for n in range(5000)], catalogue, CALENDAR, NOON).page

    assert len(page.overflow) == 6 * MAX_OVERFLOW
    assert page.uncounted == 5000 - 5 - MAX_WITHHELD - MAX_OVERFLOW
    assert item_size(page) < 10 * 1024


def test_a_page_without_caps_stops_at_its_bound() -> None:
    page = post(EMPTY, [make_action(f"a-{n}") for n in range(MAX_ENTRIES + 7)], make_catalogue(), CALENDAR, NOON).page

    assert len(page.entries) == MAX_ENTRIES
    assert page.points == MAX_ENTRIES * 80
    assert len(page.overflow) == 7 * 6


def test_the_worst_page_fits_an_item() -> None:
    chance = random.Random(7)

    def noise(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        """What no compression makes small."""
        return "".join(chance.choices(alphabet, k=length))

    def worst_entry() -> Entry:
        return make_entry(
            type=noise(64),
            quantity=Decimal(chance.randrange(10**14, 10**15)).scaleb(-6),
            occurred_at=chance.randrange(10**10),
            recorded_at=chance.randrange(10**10),
            points=chance.randrange(10**9),
            avoided_g=str(Decimal(chance.randrange(10**26, 10**27)).scaleb(-12)),
            units=Decimal(chance.randrange(10**14, 10**15)).scaleb(-6),
            rule=chance.randrange(10**6),
            reason="over_points_cap",
            campaign=noise(64),
            reversal=noise(64, "".join(map(chr, range(0x4E00, 0x9FA5)))),
            conflicted=True,
        )

    entries = {f"{noise(64)}:{noise(128)}": worst_entry() for _ in range(MAX_ENTRIES)}
    page = Page(EMPTY.key, entries, overflow=chance.randbytes(6 * MAX_OVERFLOW), uncounted=10**9)

    assert ITEM_LIMIT / 2 < item_size(page) < ITEM_LIMIT


def page_of_rides(rides: int) -> Page:
    entries = {f"{APP}:{uuid5(NAMESPACE_URL, str(n))}": make_entry(type="metro_ride", rule=1) for n in range(rides)}
    return Page(EMPTY.key, entries)


def test_a_page_that_stays_readable_costs_one_write_unit() -> None:
    readable = [size for size in range(1, 30) if "e" in to_item(page_of_rides(size))]

    assert max(readable) == 6
    assert item_size(page_of_rides(6)) <= WRITE_UNIT


def test_a_packed_page_costs_one_write_unit_for_three_times_as_many_actions() -> None:
    assert "z" in to_item(page_of_rides(20))
    assert item_size(page_of_rides(20)) <= WRITE_UNIT


def test_a_page_with_all_that_it_can_hold_comes_back_from_its_item_as_it_was() -> None:
    page = Page(EMPTY.key, {"alipay:1": make_entry(reversal="x", conflicted=True, campaign="c")}, 3, b"sixsix", 4)

    assert from_item({**to_item(page), "v": 3}) == page
