"""The time rules of a programme: windows, ripening, acceptance, and when periods are closed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.calendar import CLOCK_SKEW, last_day
from tests.builders import DAY, at, make_calendar

CALENDAR = make_calendar()
instants = st.integers(at("2020-01-01T00:00"), at("2040-01-01T00:00"))


def test_a_day_begins_at_midnight_in_the_time_zone_of_the_programme() -> None:
    midnight = at("2026-06-05T00:00")

    assert CALENDAR.day_of(midnight) == date(2026, 6, 5)
    assert CALENDAR.day_of(midnight - 1) == date(2026, 6, 4)
    assert make_calendar(zone="UTC").day_of(midnight) == date(2026, 6, 4)


@pytest.mark.parametrize(("length", "window"), [("day", "2026-12-31"), ("month", "2026-12"), ("year", "2026")])
def test_a_window_is_an_iso_date_of_a_day_a_month_or_a_year(length: str, window: str) -> None:
    last_second_of_the_year = at("2026-12-31T23:59") + 59

    assert CALENDAR.window_of(last_second_of_the_year, length) == window  # type: ignore[arg-type]


def test_all_three_windows_change_at_new_year() -> None:
    assert CALENDAR.windows_of(at("2027-01-01T00:00")) == ("2027-01-01", "2027-01", "2027")


def test_points_ripen_at_seven_on_the_morning_after_the_action() -> None:
    assert CALENDAR.ripens_at(at("2026-06-05T00:00")) == at("2026-06-06T07:00")
    assert CALENDAR.ripens_at(at("2026-06-05T23:59")) == at("2026-06-06T07:00")
    assert CALENDAR.ripens_at(at("2026-12-31T12:00")) == at("2027-01-01T07:00")


def test_points_ripen_immediately_if_there_is_no_harvest_time() -> None:
    noon = at("2026-06-05T12:00")

    assert make_calendar(harvest_time=None).ripens_at(noon) == noon


def test_an_action_is_too_old_before_the_start_of_the_day_seven_days_ago() -> None:
    now = at("2026-06-12T23:59")

    assert not CALENDAR.is_too_old(at("2026-06-05T00:00"), now)
    assert CALENDAR.is_too_old(at("2026-06-05T00:00") - 1, now)


def test_an_action_up_to_five_minutes_ahead_is_not_in_the_future() -> None:
    now = at("2026-06-05T12:00")

    assert not CALENDAR.is_in_future(now + CLOCK_SKEW, now)
    assert CALENDAR.is_in_future(now + CLOCK_SKEW + 1, now)


def test_a_day_stays_open_while_late_actions_can_be_reported_and_ripen() -> None:
    assert not CALENDAR.may_be_closed("2026-06-05", at("2026-06-13T23:59"))
    assert CALENDAR.may_be_closed("2026-06-05", at("2026-06-14T00:00"))


@pytest.mark.parametrize(
    ("window", "closes"), [("2026-02", "2026-03-09"), ("2028-02", "2028-03-09"), ("2026", "2027-01-09")]
)
def test_a_month_and_a_year_stay_open_for_eight_days_after_their_last_day(window: str, closes: str) -> None:
    closing = at(f"{closes}T00:00")

    assert CALENDAR.may_be_closed(window, closing)
    assert not CALENDAR.may_be_closed(window, closing - 1)


def test_a_harvest_closes_a_period_one_day_after_it_may_be_closed() -> None:
    earliest = at("2026-06-14T00:00")

    assert CALENDAR.closed_through(earliest) < date(2026, 6, 5)
    assert CALENDAR.closed_through(earliest + DAY) == date(2026, 6, 5)


def test_without_late_actions_a_day_still_stays_open_until_its_points_are_ripe() -> None:
    calendar = make_calendar(acceptance_days=0)

    assert not calendar.may_be_closed("2026-06-05", calendar.ripens_at(at("2026-06-05T23:59")))


@given(occurred_at=instants, delay=st.integers(0, 30 * DAY), window=st.sampled_from(["day", "month", "year"]))
def test_an_action_that_may_still_be_reported_is_never_in_a_window_that_may_be_closed(
    occurred_at: int, delay: int, window: str
) -> None:
    now = occurred_at + delay

    accepted = not CALENDAR.is_too_old(occurred_at, now)

    assert not (accepted and CALENDAR.may_be_closed(CALENDAR.window_of(occurred_at, window), now))  # type: ignore[arg-type]


@given(now=instants, back=st.integers(0, 40))
def test_a_harvest_closes_exactly_the_days_that_could_be_closed_a_day_before_and_all_their_points_are_ripe(
    now: int, back: int
) -> None:
    occurred_at = now - back * DAY
    day = CALENDAR.window_of(occurred_at, "day")

    if last_day(day) <= CALENDAR.closed_through(now):
        assert CALENDAR.may_be_closed(day, now - DAY)
        assert CALENDAR.ripens_at(occurred_at) <= now
    else:
        assert not CALENDAR.may_be_closed(day, now - DAY)


@pytest.mark.parametrize(
    ("window", "last"),
    [
        ("2026-06-05", date(2026, 6, 5)),
        ("2026-06", date(2026, 6, 30)),
        ("2028-02", date(2028, 2, 29)),
        ("2026", date(2026, 12, 31)),
    ],
)
def test_last_day_gives_the_end_of_a_day_a_month_or_a_year(window: str, last: date) -> None:
    assert last_day(window) == last


def test_an_instant_is_shown_with_the_utc_offset_of_the_programme() -> None:
    assert CALENDAR.rfc3339(at("2026-06-05T08:30")) == "2026-06-05T08:30:00+08:00"
