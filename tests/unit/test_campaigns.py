"""Campaigns: their runs, the edition of each year, and the progress toward a shared goal."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.entries import Campaign, CampaignEdition, Goal
from saxaul.impact.campaigns import (
    EndRefusedError,
    Run,
    edition_of,
    ended_early,
    progress_toward_goal,
    run_after,
    run_at,
    run_before,
    run_to_show,
    runs_in,
)
from saxaul.impact.totals import Act, Impact, Progress, Sum
from tests.builders import make_campaign, make_text

FIFTH = date(2026, 6, 5)


def with_goal(counts: Literal["actions", "trees"], **multipliers: str) -> Campaign:
    return make_campaign(multipliers=multipliers).model_copy(update={"goal": Goal(counts=counts, target=10)})


@pytest.mark.parametrize(
    ("day", "running", "following", "over"),
    [
        (date(2026, 6, 4), None, 2026, 2025),
        (date(2026, 6, 5), 2026, 2027, 2025),
        (date(2026, 6, 7), 2026, 2027, 2025),
        (date(2026, 6, 8), None, 2027, 2026),
    ],
)
def test_the_current_the_next_and_the_previous_run_of_a_day_are_found(
    day: date, running: int | None, following: int, over: int
) -> None:
    campaign = make_campaign(days=3)

    found = [
        run and run.first.year for run in (run_at(campaign, day), run_after(campaign, day), run_before(campaign, day))
    ]

    assert found == [running, following, over]


def test_a_run_spans_all_its_days_and_is_next_running_or_past() -> None:
    run = run_at(make_campaign(days=3), FIFTH)

    assert run == Run(FIFTH, date(2026, 6, 7))
    assert [run.state_on(date(2026, 6, day)) for day in (4, 5, 7, 8)] == ["next", "running", "running", "past"]


def test_a_run_over_new_year_belongs_to_the_year_in_which_it_begins() -> None:
    campaign = make_campaign(recurs="FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31", days=3)

    run = run_at(campaign, date(2027, 1, 2))

    assert run
    assert run.first == date(2026, 12, 31)
    assert runs_in(campaign, 2026) == [run]


def test_a_campaign_whose_rule_has_ended_has_no_next_run() -> None:
    campaign = make_campaign(recurs="FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5;UNTIL=20251231")

    assert run_after(campaign, FIFTH) is None
    assert run_before(campaign, FIFTH) == Run(date(2025, 6, 5), date(2025, 6, 5))


def test_a_run_has_the_edition_of_its_year_or_an_empty_one() -> None:
    korea = CampaignEdition(host=make_text("Republic of Korea", "韩国"))
    campaign = make_campaign().model_copy(update={"editions": {2025: korea}})

    assert edition_of(campaign, Run(date(2025, 6, 5), date(2025, 6, 5))) is korea
    assert edition_of(campaign, Run(FIFTH, FIFTH)) == CampaignEdition()


IMPACT = Impact(
    {
        Act("user", "alipay", "bus_ride"): Sum(3, Decimal(3)),
        Act("user", "taobao", "bus_ride"): Sum(2, Decimal(2)),
        Act("user", "alipay", "walking"): Sum(5, Decimal(5)),
        Act("facility", "alipay", "solar_warehouse"): Sum(7, Decimal(7)),
    },
    {"reserved": 4, "ordered": 2, "planted": 1, "refunded": 9},
)


def test_a_goal_of_actions_counts_peoples_actions_of_the_multiplied_types_or_of_all_types() -> None:
    assert progress_toward_goal(with_goal("actions", bus_ride="2"), [IMPACT, IMPACT]) == 10
    assert progress_toward_goal(with_goal("actions"), [IMPACT]) == 10


def test_a_goal_of_trees_counts_reserved_ordered_and_planted_trees() -> None:
    assert progress_toward_goal(with_goal("trees", bus_ride="2"), [IMPACT]) == 7


def test_a_campaign_without_a_goal_makes_no_progress_toward_one() -> None:
    assert progress_toward_goal(make_campaign(), [IMPACT]) == 0


WEEK = make_campaign("FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=4", 7)


@pytest.mark.parametrize(
    ("last", "day", "running", "following", "over"),
    [
        (6, 6, (4, 6), 2027, 2025),
        (6, 7, None, 2027, 2026),
        (6, 12, None, 2027, 2026),
        (3, 4, None, 2027, 2026),  # the run has no days, and is over on its first day
        (3, 3, None, 2027, 2025),  # it is not announced before either
    ],
)
def test_a_run_that_ends_early_is_over_after_its_last_day(
    last: int, day: int, running: tuple[int, int] | None, following: int, over: int
) -> None:
    campaign = WEEK.model_copy(update={"ends": {date(2026, 6, 4): date(2026, 6, last)}})
    today = date(2026, 6, day)

    found, after, before = run_at(campaign, today), run_after(campaign, today), run_before(campaign, today)

    assert (found and (found.first.day, found.last.day)) == running
    assert [run and run.first.year for run in (after, before)] == [following, over]
    assert campaign.runs_on(today) == (running is not None)
    assert runs_in(campaign, 2026) == [Run(date(2026, 6, 4), date(2026, 6, last))]


def test_a_campaign_whose_only_run_has_lost_its_days_before_it_begins_is_shown_with_that_run() -> None:
    leap_day = date(2028, 2, 29)
    once = make_campaign("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=58", ends={leap_day: date(2028, 2, 28)})

    assert [find(once, FIFTH) for find in (run_at, run_after, run_before)] == [None, None, None]
    assert run_to_show(once, FIFTH) == Run(leap_day, date(2028, 2, 28))


def test_an_end_of_the_latest_run_is_not_undone_by_an_earlier_run_that_overlaps() -> None:
    weekly = make_campaign("FREQ=YEARLY;BYDAY=MO", 10)
    monday = date(2026, 6, 8)
    assert run_at(weekly, monday) == Run(monday, date(2026, 6, 17))

    ended = ended_early(weekly, monday, date(2026, 6, 7))

    assert run_at(ended, monday) is None
    assert run_at(ended, date(2026, 6, 15)) == Run(date(2026, 6, 15), date(2026, 6, 24))


@given(
    days=st.integers(1, 20),
    today=st.dates(date(2026, 6, 1), date(2026, 7, 1)),
    ends=st.lists(st.integers(-2, 20), max_size=4),
)
def test_an_end_is_refused_or_makes_the_run_of_today_shorter(days: int, today: date, ends: list[int]) -> None:
    campaign = make_campaign("FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5,15", days)
    for number in ends:
        last, running = today + timedelta(number), run_at(campaign, today)
        ended = end_or_refusal(campaign, today, last)
        if isinstance(ended, EndRefusedError):
            assert ended.is_over or running
            continue
        Campaign.model_validate(ended.model_dump(mode="json"))
        if ended is not campaign:
            assert running
            assert today - timedelta(1) <= last < running.last
        for later in range(40):
            day = today + timedelta(later)
            expected = run_at(campaign, day)
            if ended is not campaign and expected and running and expected.first == running.first:
                expected = Run(expected.first, last) if day <= last else None
            assert run_at(ended, day) == expected
        campaign = ended


def end_or_refusal(campaign: Campaign, today: date, last: date) -> Campaign | EndRefusedError:
    try:
        return ended_early(campaign, today, last)
    except EndRefusedError as refusal:
        return refusal


@pytest.mark.parametrize(
    ("points", "extra"),
    [({}, 0), ({"2": 5}, 3), ({"2": 4}, 2), ({"1.5": 3}, 1), ({"1.5": 1, "2.25": 1}, 1), ({"1": 80}, 0)],
)
def test_the_extra_points_are_the_part_that_the_multipliers_gave_rounded_once(
    points: dict[str, int], extra: int
) -> None:
    assert Progress(points=points).extra_points == extra
    assert Progress(points=points).all_points == sum(points.values())


@given(st.dictionaries(st.decimals(1, 100, places=6).map(str), st.integers(0, 10**12), max_size=20))
def test_the_extra_points_are_exact_up_to_the_rounding(points: dict[str, int]) -> None:
    exact = sum((number * (1 - 1 / Fraction(by)) for by, number in points.items()), Fraction())

    assert abs(Progress(points=points).extra_points - exact) <= Fraction(1, 2)
