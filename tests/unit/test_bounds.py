"""Nobody can grow a page at will, and the worst page still fits an item."""

import random
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from saxaul.catalog import Cap
from saxaul.pages import MAX_ENTRIES, MAX_OVERFLOW, MAX_WITHHELD, Page, post
from saxaul.storage.pages import from_item, to_item
from tests.builders import NOON, make_action, make_action_type, make_calendar, make_catalogue, make_entry, make_page

CALENDAR = make_calendar()
EMPTY = make_page(version=0)
ITEM_LIMIT = 400 * 1024


def item_size(page: Page) -> int:
    """Bytes of an item as DynamoDB counts them: texts in UTF-8, numbers by their digits, 3 for a container."""

    def size(value: Any) -> int:  # noqa: ANN401 - DynamoDB's own notation
        [pair] = value.items()
        match pair:
            case "M", dict(members):
                return 3 + sum(1 + len(name.encode()) + size(member) for name, member in members.items())
            case "S", str(text):
                return len(text.encode())
            case "N", str(number):
                return 2 + len(number.strip("-0.").replace(".", "")) // 2 + 1
            case "B", bytes(content):
                return len(content)
            case "BOOL", _:
                return 1
        raise AssertionError(pair)

    serialize = TypeSerializer().serialize
    return sum(len(name.encode()) + size(serialize(value)) for name, value in {**to_item(page), "v": 2**31}.items())


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
    worst = make_entry(
        type="t" * 64,
        quantity=Decimal("999999999.999999"),
        points=10**9,
        avoided_g="999999999999999.123456789012",
        units=Decimal("999999999.999999"),
        rule=10**6,
        reason="over_points_cap",
        campaign="c" * 64,
        reversal="退" * 64,
        conflicted=True,
    )
    entries = {f"{'a' * 64}:{n:0128}": worst for n in range(MAX_ENTRIES)}
    page = Page(EMPTY.key, entries, overflow=b"x" * 6 * MAX_OVERFLOW, uncounted=10**9)

    assert ITEM_LIMIT / 2 < item_size(page) < ITEM_LIMIT


def test_a_page_with_all_that_it_can_hold_comes_back_from_its_item_as_it_was() -> None:
    page = Page(EMPTY.key, {"alipay:1": make_entry(reversal="x", conflicted=True, campaign="c")}, 3, b"sixsix", 4)

    assert from_item({**to_item(page), "v": 3}) == page
