"""Harvesting: ripe points move into the wallet once, and final pages are folded away."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from saxaul.pages import post
from saxaul.wallets import harvest, position
from tests.builders import NOON, at, make_action, make_calendar, make_catalogue, make_entry, make_page, make_wallet

CALENDAR = make_calendar()
MORNING_AFTER = at("2026-06-06T07:00")
WEEKS_LATER = at("2026-07-01T12:00")
A_YEAR_LATER = at("2027-06-05T12:00")


def test_what_is_not_ripe_stays_on_its_page() -> None:
    page = make_page(make_entry(80))

    harvested = harvest(make_wallet(), [page], CALENDAR, MORNING_AFTER - 1)

    assert harvested.moved == 0
    assert harvested.wallet == make_wallet()


def test_what_is_ripe_moves_into_the_wallet() -> None:
    page = make_page(make_entry(80), make_entry(50))

    harvested = harvest(make_wallet(), [page], CALENDAR, MORNING_AFTER)

    assert (harvested.moved, harvested.wallet.balance) == (130, 130)
    assert harvested.wallet.credited == {"2026-06-05": 130}


def test_a_second_harvest_moves_nothing_and_leaves_the_wallet_as_it_is() -> None:
    page = make_page(make_entry(80))
    first = harvest(make_wallet(), [page], CALENDAR, MORNING_AFTER)

    second = harvest(first.wallet, [page], CALENDAR, MORNING_AFTER + 60)

    assert second.moved == 0
    assert second.wallet is first.wallet


def test_what_a_page_gained_after_a_harvest_comes_with_the_next_one() -> None:
    wallet = harvest(make_wallet(), [make_page(make_entry(80))], CALENDAR, MORNING_AFTER).wallet

    harvested = harvest(wallet, [make_page(make_entry(80), make_entry(50))], CALENDAR, MORNING_AFTER)

    assert (harvested.moved, harvested.wallet.balance) == (50, 130)


def test_points_taken_back_after_they_were_spent_leave_a_balance_below_zero() -> None:
    wallet = make_wallet(0, spent=80, credited={"2026-06-05": 80})

    harvested = harvest(wallet, [make_page(make_entry(0, reason="reversed"))], CALENDAR, MORNING_AFTER)

    assert (harvested.moved, harvested.wallet.balance) == (-80, -80)


def test_a_wallet_below_zero_is_filled_up_by_what_ripens_later() -> None:
    wallet = make_wallet(-80, spent=80)

    assert harvest(wallet, [make_page(make_entry(100))], CALENDAR, MORNING_AFTER).wallet.balance == 20


def test_the_ripe_part_of_a_month_is_harvested_and_the_rest_ripens() -> None:
    page = make_page(make_entry(80), make_entry(50, occurred_at=at("2026-06-06T08:00")), window="2026-06")

    harvested = harvest(make_wallet(), [page], CALENDAR, MORNING_AFTER)

    after = position(harvested.wallet, [page], CALENDAR, MORNING_AFTER)
    assert (after.spendable, after.ripening, after.harvestable, after.earned) == (80, 50, 0, 130)


def test_a_harvest_of_long_ago_folds_the_page_with_its_grams() -> None:
    wallet = harvest(make_wallet(), [make_page(make_entry(80))], CALENDAR, WEEKS_LATER).wallet

    assert wallet.is_folded("2026-06-05")
    assert wallet.credited == {}
    assert (wallet.balance, wallet.settled_g) == (80, Decimal("212.5"))
    assert wallet.settled_through == date(2026, 6, 21)


def test_a_month_is_not_folded_before_its_last_day_is_settled() -> None:
    june, day = make_page(make_entry(80), window="2026-06"), make_page(make_entry(50), window="2026-06-05")

    wallet = harvest(make_wallet(), [june, day], CALENDAR, WEEKS_LATER).wallet

    assert not wallet.is_folded("2026-06")
    assert wallet.credited == {"2026-06": 80}


def test_after_a_year_everything_is_folded_and_nothing_has_expired() -> None:
    pages = [make_page(make_entry(80), window=window) for window in ("2026-06-05", "2026-06", "2026")]

    wallet = harvest(make_wallet(), pages, CALENDAR, A_YEAR_LATER).wallet

    assert (wallet.balance, wallet.credited, wallet.settled_g) == (240, {}, Decimal("637.5"))
    assert all(wallet.is_folded(page.key.window) for page in pages)


def test_a_wallet_that_was_never_harvested_has_folded_nothing() -> None:
    assert not make_wallet().is_folded("2020-01-01")


def test_a_late_action_onto_a_folded_page_is_harvested_once_and_folded_again() -> None:
    page = make_page(make_entry(80))
    wallet = harvest(make_wallet(), [page], CALENDAR, WEEKS_LATER).wallet
    late = post(page, [make_action("late")], make_catalogue(), CALENDAR, WEEKS_LATER).page

    reopened = wallet.reopened(page)
    harvested = harvest(reopened, [late], CALENDAR, WEEKS_LATER)

    assert not reopened.is_folded("2026-06-05")
    assert (harvested.moved, harvested.wallet.balance) == (80, 160)
    assert harvested.wallet.is_folded("2026-06-05")
    assert harvested.wallet.settled_g == Decimal(425)


def test_reopening_changes_nothing_that_a_user_has() -> None:
    page = make_page(make_entry(80))
    folded = harvest(make_wallet(), [page], CALENDAR, WEEKS_LATER).wallet

    before = position(folded, [], CALENDAR, WEEKS_LATER)

    assert position(folded.reopened(page), [page], CALENDAR, WEEKS_LATER) == before


def test_a_reversal_on_a_folded_page_takes_the_points_back() -> None:
    page = make_page(make_entry(80))
    wallet = harvest(make_wallet(), [page], CALENDAR, WEEKS_LATER).wallet.reopened(page)
    reversed_page = replace(page, entries={key: replace(it, points=0) for key, it in page.entries.items()})

    assert harvest(wallet, [reversed_page], CALENDAR, WEEKS_LATER).wallet.balance == 0


def test_time_that_goes_back_unfolds_nothing() -> None:
    wallet = make_wallet(settled_through=date(2026, 6, 21))

    harvested = harvest(wallet, [make_page(make_entry(80), window="2026-07")], CALENDAR, MORNING_AFTER)

    assert harvested.wallet.settled_through == date(2026, 6, 21)


def test_grams_count_from_the_moment_of_posting() -> None:
    now = position(make_wallet(settled_g=Decimal(10)), [make_page(make_entry(0))], CALENDAR, NOON)

    assert now.avoided_g == Decimal("222.5")
