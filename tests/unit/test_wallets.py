"""Harvesting: ripe points move into the wallet once, and old periods are closed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from saxaul.ledger.periods import post
from saxaul.ledger.wallets import harvest, position
from tests.builders import NOON, at, make_action, make_calendar, make_catalog, make_entry, make_period, make_wallet

CALENDAR = make_calendar()
MORNING_AFTER = at("2026-06-06T07:00")
WEEKS_LATER = at("2026-07-01T12:00")
A_YEAR_LATER = at("2027-06-05T12:00")


def test_points_that_are_not_ripe_are_not_harvested() -> None:
    period = make_period(make_entry(80))

    harvested = harvest(make_wallet(), [period], CALENDAR, MORNING_AFTER - 1)

    assert harvested.moved == 0
    assert harvested.wallet == make_wallet()


def test_ripe_points_move_into_the_wallet() -> None:
    period = make_period(make_entry(80), make_entry(50))

    harvested = harvest(make_wallet(), [period], CALENDAR, MORNING_AFTER)

    assert (harvested.moved, harvested.wallet.balance) == (130, 130)
    assert harvested.wallet.credited == {"2026-06-05": 130}


def test_a_second_harvest_moves_nothing_and_does_not_change_the_wallet() -> None:
    period = make_period(make_entry(80))
    first = harvest(make_wallet(), [period], CALENDAR, MORNING_AFTER)

    second = harvest(first.wallet, [period], CALENDAR, MORNING_AFTER + 60)

    assert second.moved == 0
    assert second.wallet is first.wallet


def test_points_that_a_period_gains_after_a_harvest_move_with_the_next_one() -> None:
    wallet = harvest(make_wallet(), [make_period(make_entry(80))], CALENDAR, MORNING_AFTER).wallet

    harvested = harvest(wallet, [make_period(make_entry(80), make_entry(50))], CALENDAR, MORNING_AFTER)

    assert (harvested.moved, harvested.wallet.balance) == (50, 130)


def test_reversing_spent_points_makes_the_balance_negative() -> None:
    wallet = make_wallet(0, spent=80, credited={"2026-06-05": 80})

    harvested = harvest(wallet, [make_period(make_entry(0, reason="reversed"))], CALENDAR, MORNING_AFTER)

    assert (harvested.moved, harvested.wallet.balance) == (-80, -80)


def test_points_that_ripen_later_fill_up_a_negative_wallet() -> None:
    wallet = make_wallet(-80, spent=80)

    assert harvest(wallet, [make_period(make_entry(100))], CALENDAR, MORNING_AFTER).wallet.balance == 20


def test_the_ripe_part_of_a_month_is_harvested_and_the_rest_is_still_ripening() -> None:
    period = make_period(make_entry(80), make_entry(50, occurred_at=at("2026-06-06T08:00")), window="2026-06")

    harvested = harvest(make_wallet(), [period], CALENDAR, MORNING_AFTER)

    after = position(harvested.wallet, [period], CALENDAR, MORNING_AFTER)
    assert (after.spendable, after.ripening, after.harvestable, after.earned) == (80, 50, 0, 130)


def test_a_harvest_weeks_later_closes_the_period_and_keeps_its_grams() -> None:
    wallet = harvest(make_wallet(), [make_period(make_entry(80))], CALENDAR, WEEKS_LATER).wallet

    assert wallet.is_closed("2026-06-05")
    assert wallet.credited == {}
    assert (wallet.balance, wallet.closed_g) == (80, Decimal("212.5"))
    assert wallet.closed_through == date(2026, 6, 21)


def test_a_month_is_not_closed_before_its_last_day_may_be_closed() -> None:
    june, day = make_period(make_entry(80), window="2026-06"), make_period(make_entry(50), window="2026-06-05")

    wallet = harvest(make_wallet(), [june, day], CALENDAR, WEEKS_LATER).wallet

    assert not wallet.is_closed("2026-06")
    assert wallet.credited == {"2026-06": 80}


def test_after_a_year_all_periods_are_closed_and_no_points_have_expired() -> None:
    periods = [make_period(make_entry(80), window=window) for window in ("2026-06-05", "2026-06", "2026")]

    wallet = harvest(make_wallet(), periods, CALENDAR, A_YEAR_LATER).wallet

    assert (wallet.balance, wallet.credited, wallet.closed_g) == (240, {}, Decimal("637.5"))
    assert all(wallet.is_closed(period.key.window) for period in periods)


def test_a_wallet_that_was_never_harvested_has_no_closed_period() -> None:
    assert not make_wallet().is_closed("2020-01-01")


def test_a_late_action_in_a_closed_period_is_harvested_once_and_the_period_is_closed_again() -> None:
    period = make_period(make_entry(80))
    wallet = harvest(make_wallet(), [period], CALENDAR, WEEKS_LATER).wallet
    late = post(period, [make_action("late")], make_catalog(), CALENDAR, WEEKS_LATER).period

    reopened = wallet.reopened(period)
    harvested = harvest(reopened, [late], CALENDAR, WEEKS_LATER)

    assert not reopened.is_closed("2026-06-05")
    assert (harvested.moved, harvested.wallet.balance) == (80, 160)
    assert harvested.wallet.is_closed("2026-06-05")
    assert harvested.wallet.closed_g == Decimal(425)


def test_reopening_a_period_does_not_change_the_position() -> None:
    period = make_period(make_entry(80))
    closed = harvest(make_wallet(), [period], CALENDAR, WEEKS_LATER).wallet

    before = position(closed, [], CALENDAR, WEEKS_LATER)

    assert position(closed.reopened(period), [period], CALENDAR, WEEKS_LATER) == before


def test_a_reversal_in_a_closed_period_removes_the_points() -> None:
    period = make_period(make_entry(80))
    wallet = harvest(make_wallet(), [period], CALENDAR, WEEKS_LATER).wallet.reopened(period)
    reversed_period = replace(period, entries={key: replace(entry, points=0) for key, entry in period.entries.items()})

    assert harvest(wallet, [reversed_period], CALENDAR, WEEKS_LATER).wallet.balance == 0


def test_a_clock_that_goes_back_reopens_no_period() -> None:
    wallet = make_wallet(closed_through=date(2026, 6, 21))

    harvested = harvest(wallet, [make_period(make_entry(80), window="2026-07")], CALENDAR, MORNING_AFTER)

    assert harvested.wallet.closed_through == date(2026, 6, 21)


def test_grams_count_as_soon_as_an_action_is_posted() -> None:
    now = position(make_wallet(closed_g=Decimal(10)), [make_period(make_entry(0))], CALENDAR, NOON)

    assert now.avoided_g == Decimal("222.5")
