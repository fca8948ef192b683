"""Taking an action back: after it came, before it came, twice, and what that gives back."""

from decimal import Decimal

from saxaul.actions import Reversal
from saxaul.catalog import Cap
from saxaul.pages import MAX_ENTRIES, MAX_WITHHELD, Entry, Page, post
from tests.builders import APP, NOON, USER, make_action, make_action_type, make_calendar, make_catalogue, make_page

CALENDAR = make_calendar()
CATALOGUE = make_catalogue()
EMPTY = make_page(version=0)
REFUND = Reversal(APP, USER, "ride-1", "refunded", NOON)


def entry_of(page: Page) -> Entry:
    [entry] = page.entries.values()
    return entry


def test_a_reversed_action_keeps_its_entry_without_points_and_grams() -> None:
    page = post(EMPTY, [make_action()], CATALOGUE, CALENDAR, NOON).page

    posting = post(page, [], CATALOGUE, CALENDAR, NOON + 9, [REFUND])

    entry = entry_of(posting.page)
    assert posting.outcomes == {"reversed": 1}
    assert (entry.points, entry.avoided_g, entry.reversal) == (0, Decimal(0), "refunded")
    assert (entry.type, entry.quantity, entry.recorded_at) == ("bus_ride", Decimal(1), NOON)


def test_a_second_reversal_changes_nothing() -> None:
    page = post(EMPTY, [make_action()], CATALOGUE, CALENDAR, NOON, [REFUND]).page

    posting = post(page, [], CATALOGUE, CALENDAR, NOON, [REFUND._replace(reason="fraud")])

    assert posting.page is page
    assert posting.outcomes == {"replayed": 1}


def test_a_reversal_that_overtakes_its_action_wins() -> None:
    early = post(EMPTY, [], CATALOGUE, CALENDAR, NOON, [REFUND]).page

    late = post(early, [make_action()], CATALOGUE, CALENDAR, NOON + 60)
    again = post(late.page, [make_action()], CATALOGUE, CALENDAR, NOON + 90)

    assert entry_of(early).is_tombstone
    entry = entry_of(late.page)
    assert late.outcomes == {"posted": 1}
    assert (entry.type, entry.points, entry.avoided_g, entry.reversal) == ("bus_ride", 0, Decimal(0), "refunded")
    assert again.page is late.page


def test_a_reversal_of_another_app_reaches_only_its_own_action() -> None:
    page = post(EMPTY, [make_action()], CATALOGUE, CALENDAR, NOON).page

    foreign = post(page, [], CATALOGUE, CALENDAR, NOON, [REFUND._replace(app="taobao")]).page

    assert foreign.points == 80
    assert foreign.entries["taobao:ride-1"].is_tombstone


def test_a_reversal_gives_back_what_its_action_used_of_a_cap() -> None:
    catalogue = make_catalogue({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(1)),))})
    full = post(EMPTY, [make_action("ride-1"), make_action("ride-2")], catalogue, CALENDAR, NOON).page

    page = post(full, [], catalogue, CALENDAR, NOON, [REFUND]).page
    after = post(page, [make_action("ride-3"), make_action("ride-4")], catalogue, CALENDAR, NOON).page

    assert [entry.points for entry in after.entries.values()] == [0, 0, 80, 0]


def test_a_reversal_finds_no_room_on_a_full_page_and_is_known_again() -> None:
    actions = [make_action(f"a-{number}") for number in range(MAX_ENTRIES)]
    full = post(EMPTY, actions, CATALOGUE, CALENDAR, NOON).page

    posting = post(full, [], CATALOGUE, CALENDAR, NOON, [REFUND])

    assert posting.outcomes == {"overflowed": 1}
    assert posting.page.entries == full.entries
    assert post(posting.page, [make_action("ride-1")], CATALOGUE, CALENDAR, NOON).outcomes == {"replayed": 1}
    assert post(posting.page, [], CATALOGUE, CALENDAR, NOON, [REFUND]).page is posting.page


def test_reversing_an_action_that_had_no_room_changes_nothing_and_the_action_is_still_known() -> None:
    catalogue = make_catalogue({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(1)),))})
    actions = [make_action(f"ride-{number}") for number in range(MAX_WITHHELD + 2)]
    page = post(EMPTY, actions, catalogue, CALENDAR, NOON).page

    reversal = REFUND._replace(action_id=actions[-1].action_id)
    posting = post(page, [], catalogue, CALENDAR, NOON, [reversal])

    assert posting.page is page
    assert post(posting.page, actions, catalogue, CALENDAR, NOON).page is page


def test_a_reversed_action_makes_room_for_another_that_a_cap_withholds() -> None:
    catalogue = make_catalogue({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(1)),))})
    paid, *withheld, one_more = [make_action(f"ride-{number}") for number in range(1, MAX_WITHHELD + 3)]
    page = post(EMPTY, [paid, *withheld], catalogue, CALENDAR, NOON).page

    reversals = [REFUND._replace(action_id=withheld[-1].action_id), REFUND]
    page = post(page, [], catalogue, CALENDAR, NOON, reversals).page
    page = post(page, [make_action("again"), one_more], catalogue, CALENDAR, NOON).page

    assert [page.entries[f"{APP}:{name}"].points for name in ("again", one_more.action_id)] == [80, 0]
    assert not page.overflow
