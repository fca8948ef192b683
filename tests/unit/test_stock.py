"""Stock: saplings released by schedule, unreserved saplings, and the effect of operators' changes."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.entries import ReleaseSchedule, TreeProject
from saxaul.catalog.models import ValidationError
from saxaul.trees.stock import Release, Stock, Timetable
from tests.builders import DAY, SHANGHAI, at, make_tree_project

ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")]
WRITTEN = at("2026-06-01T12:00")


def make_schedule(
    daily: int = 100,
    hour: str = "07:00",
    first_day: str = "2026-06-01",
    last_day: str | None = None,
    total: int | None = None,
) -> ReleaseSchedule:
    return ReleaseSchedule.model_validate(
        {"daily": daily, "at": hour, "first_day": first_day, "last_day": last_day, "total": total}
    )


def scheduled(schedule: ReleaseSchedule | None, *, saplings: int = 0, closed: bool = False) -> TreeProject:
    changed = {"schedule": schedule, "closed": closed}
    return make_tree_project(saplings=saplings).model_copy(update=changed)


def make_stock(schedule: ReleaseSchedule, now: int = WRITTEN, *, saplings: int = 0) -> Stock:
    return Stock("saxaul-alxa").planned(scheduled(schedule, saplings=saplings), SHANGHAI, now)


def test_saplings_released_by_hand_and_not_reserved_are_available() -> None:
    assert Stock("saxaul-alxa", released=10, reserved=4).available(WRITTEN) == 6


@pytest.mark.parametrize(
    ("now", "available"),
    [
        ("2026-06-01T23:59:59", 0),
        ("2026-06-02T06:59:59", 0),
        ("2026-06-02T07:00:00", 100),
        ("2026-06-03T06:59:59", 100),
        ("2026-06-03T07:00:00", 200),
    ],
)
def test_a_scheduled_release_happens_exactly_at_its_hour(now: str, available: int) -> None:
    assert make_stock(make_schedule()).available(at(now)) == available


def test_nothing_is_released_for_days_before_the_schedule_was_written_or_before_its_first_day() -> None:
    late = make_stock(make_schedule(first_day="2026-05-01"))
    early = make_stock(make_schedule(first_day="2026-06-10"))

    assert late.available(at("2026-06-02T07:00")) == 100
    assert [early.available(at(f"2026-06-{day}T07:00")) for day in ("09", "10", "11")] == [0, 100, 200]


def test_nothing_is_released_after_the_last_day() -> None:
    stock = make_stock(make_schedule(last_day="2026-06-03"))

    assert [stock.available(at(f"2026-06-{day:02}T07:00")) for day in (2, 3, 4, 30)] == [100, 200, 200, 200]


def test_a_total_is_never_exceeded_and_the_last_release_is_the_rest() -> None:
    stock = make_stock(make_schedule(total=250))

    assert [stock.available(at(f"2026-06-{day:02}T07:00")) for day in (3, 4, 5)] == [200, 250, 250]
    assert stock.next_release(at("2026-06-03T08:00")) == Release(at("2026-06-04T07:00"), 50)
    assert stock.next_release(at("2026-06-04T08:00")) is None


def test_the_next_release_is_today_before_the_hour_and_tomorrow_from_the_hour_on() -> None:
    stock = make_stock(make_schedule())

    assert stock.next_release(at("2026-06-05T06:59:59")) == Release(at("2026-06-05T07:00"), 100)
    assert stock.next_release(at("2026-06-05T07:00")) == Release(at("2026-06-06T07:00"), 100)


def test_the_next_release_is_never_before_the_first_day_or_after_the_last_day() -> None:
    stock = make_stock(make_schedule(first_day="2026-07-01", last_day="2026-07-02"))

    assert stock.next_release(WRITTEN) == Release(at("2026-07-01T07:00"), 100)
    assert stock.next_release(at("2026-07-02T07:00")) is None


def test_a_closed_project_or_one_without_a_schedule_has_no_next_release() -> None:
    closed = Stock("saxaul-alxa").planned(scheduled(make_schedule(), closed=True), SHANGHAI, WRITTEN)

    assert Stock("saxaul-alxa", released=5).next_release(WRITTEN) is None
    assert closed.next_release(WRITTEN) is None


def test_changing_a_schedule_keeps_the_saplings_that_the_old_one_released() -> None:
    changed_at = at("2026-06-04T12:00")
    stock = make_stock(make_schedule(daily=100)).planned(scheduled(make_schedule(daily=7)), SHANGHAI, changed_at)

    assert stock.available(changed_at) == 300
    assert stock.available(at("2026-06-05T07:00")) == 307


def test_ending_a_schedule_keeps_the_saplings_that_it_released_and_releases_no_more() -> None:
    stock = make_stock(make_schedule()).planned(scheduled(None, saplings=5), SHANGHAI, at("2026-06-04T12:00"))

    assert stock.available(at("2027-01-01T00:00")) == 305


def test_a_total_below_the_saplings_already_released_withdraws_none() -> None:
    stock = make_stock(make_schedule()).planned(scheduled(make_schedule(total=150)), SHANGHAI, at("2026-06-04T12:00"))

    assert stock.available(at("2026-06-30T07:00")) == 300
    assert stock.next_release(at("2026-06-30T07:00")) is None


def test_reserved_saplings_stay_reserved_when_an_operator_changes_the_project() -> None:
    stock = make_stock(make_schedule(), saplings=10)._replace(reserved=4)

    changed = stock.planned(scheduled(None, saplings=20), SHANGHAI, WRITTEN)

    assert (changed.reserved, changed.available(WRITTEN), changed.version) == (4, 16, 2)


def test_no_day_is_lost_or_counted_twice_when_the_clocks_change() -> None:
    new_york = ZoneInfo("America/New_York")
    project = scheduled(make_schedule(daily=1, hour="02:30", first_day="2026-01-01"))
    written = int(datetime(2026, 3, 6, 12, tzinfo=new_york).timestamp())
    stock = Stock("saxaul-alxa").planned(project, new_york, written)

    noons = [int(datetime(2026, 3, day, 12, tzinfo=new_york).timestamp()) for day in (7, 8, 9)]

    assert [stock.available(noon) for noon in noons] == [1, 2, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {"daily": 0},
        {"hour": "7:00"},
        {"hour": "24:00"},
        {"last_day": "2026-05-31"},
        {"total": 0},
        {"first_day": "soon"},
    ],
)
def test_an_invalid_schedule_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        make_schedule(**changes)  # type: ignore[arg-type] # invalid on purpose


schedules = st.builds(
    ReleaseSchedule,
    daily=st.integers(1, 500),
    at=st.times().map(lambda clock: f"{clock:%H:%M}"),
    first_day=st.dates(date(2011, 12, 25), date(2012, 1, 5)),
    last_day=st.none() | st.dates(date(2012, 1, 5), date(2012, 1, 20)),
    total=st.none() | st.integers(1, 3000),
)
instants = st.integers(0, 60 * DAY).map(
    lambda seconds: seconds + int(datetime(2011, 12, 20, tzinfo=ZONES[0]).timestamp())
)


def hours(timetable: Timetable) -> list[int]:
    """Return every release time of a schedule, computed in the simplest way."""
    schedule, zone = timetable
    days = (date(2011, 12, 1) + timedelta(days=n) for n in range(120))
    return [
        int(datetime.combine(day, time.fromisoformat(schedule.at), zone).timestamp())
        for day in days
        if schedule.first_day <= day <= (schedule.last_day or day)
    ]


@given(schedules, st.sampled_from(ZONES), instants)
def test_the_days_of_a_schedule_are_counted_correctly_where_the_clocks_change(
    schedule: ReleaseSchedule, zone: ZoneInfo, now: int
) -> None:
    """Samoa skipped 30 December 2011, so a release on that day is at the same instant as the one on the 31st."""
    timetable = Timetable(schedule, zone)

    assert timetable.days_by(now) == sum(hour <= now for hour in hours(timetable))
    assert timetable.next_after(now) == next((hour for hour in hours(timetable) if hour > now), None)


@given(st.lists(st.tuples(schedules, instants), min_size=1, max_size=4), st.sampled_from(ZONES), instants, instants)
def test_released_saplings_never_decrease_over_time_and_each_release_counts_once(
    plans: list[tuple[ReleaseSchedule, int]], zone: ZoneInfo, one: int, other: int
) -> None:
    stock = Stock("saxaul-alxa")
    expected, through = 0, 0
    for schedule, written in sorted(plans, key=lambda plan: plan[1]):
        if stock.timetable:
            expected = _after(expected, stock.timetable, through, written)
        stock, through = stock.planned(scheduled(schedule), zone, written), written
    sooner, later = sorted((max(one, through), max(other, through)))

    assert stock.timetable
    assert stock.released_by(later) == _after(expected, stock.timetable, through, later)
    assert stock.released_by(sooner) <= stock.released_by(later)


def _after(released: int, timetable: Timetable, since: int, until: int) -> int:
    schedule = timetable.schedule
    for _ in (hour for hour in hours(timetable) if since < hour <= until):
        more = released + schedule.daily
        released = more if schedule.total is None else max(released, min(more, schedule.total))
    return released
