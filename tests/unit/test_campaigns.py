"""Campaigns: their runs, the edition of each year, and the progress toward a shared goal."""

from datetime import date
from decimal import Decimal
from typing import Literal

import pytest

from saxaul.catalog.entries import Campaign, CampaignEdition, Goal
from saxaul.impact.campaigns import Run, edition_of, reached_goal, run_after, run_at, run_before, runs_in
from saxaul.impact.totals import Act, Impact, Sum
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
    assert reached_goal(with_goal("actions", bus_ride="2"), [IMPACT, IMPACT]) == 10
    assert reached_goal(with_goal("actions"), [IMPACT]) == 10


def test_a_goal_of_trees_counts_reserved_ordered_and_planted_trees() -> None:
    assert reached_goal(with_goal("trees", bus_ride="2"), [IMPACT]) == 7


def test_a_campaign_without_a_goal_has_no_reached_goal() -> None:
    assert reached_goal(make_campaign(), [IMPACT]) == 0
