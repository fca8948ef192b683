"""What the story of a campaign's day says is what the API shows."""

from typing import Any

import pytest

from local.shown_campaigns import amount, multiplied, progress_of, span, stated

VIEW: dict[str, Any] = {
    "first_day": "2027-06-05",
    "last_day": "2027-06-05",
    "host": None,
    "theme": "Only One Earth",
    "multipliers": {"bus_ride": 2, "metro_ride": 2, "bike_ride": 1.5},
    "goal": {"counts": "trees", "target": 5_000, "reached": 1_234},
    "progress": {"actions": 1_000, "persons": 900, "points": 80_000, "extra_points": 40_000.5},
    "editions": [
        {"year": 2026, "host": None, "theme": "Climate change"},
        {"year": 2025, "host": "Republic of Korea", "theme": None},
        {"year": 2024, "host": "Saudi Arabia", "theme": None},
    ],
}


def test_a_host_that_is_not_stated_yet_is_said_so_with_the_latest_one_that_is() -> None:
    assert stated(VIEW, "theme") == "Only One Earth"
    assert stated(VIEW, "host") == "not stated for 2027 yet; that of 2025 was Republic of Korea"
    assert stated(VIEW | {"editions": []}, "host") == "not stated for 2027 yet"


def test_the_progress_has_what_the_campaign_cost_and_how_near_its_goal_is() -> None:
    assert progress_of(VIEW) == (
        "1,000 actions of 900 persons, 80,000 points, 40,000.5 of them by the campaign; goal: 1,234 of 5,000 trees"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"progress": None}, "goal: 1,234 of 5,000 trees"),
        ({"progress": None, "goal": {"counts": "trees", "target": 9, "reached": None}}, "goal: 0 of 9 trees"),
        ({"progress": None, "goal": None}, "this campaign counts nothing"),
    ],
)
def test_what_a_campaign_does_not_count_is_left_out(changes: dict[str, Any], said: str) -> None:
    assert progress_of(VIEW | changes) == said


def test_action_types_with_the_same_multiplier_are_named_together() -> None:
    assert multiplied(VIEW) == "2 times for bus_ride, metro_ride; 1.5 times for bike_ride"
    assert multiplied(VIEW | {"multipliers": {}}) == "as usual"


def test_the_days_of_a_run_are_named_once_if_it_has_one() -> None:
    assert span(VIEW) == "5 June 2027"
    assert span(VIEW | {"last_day": "2027-07-01"}) == "5 June 2027 to 1 July 2027"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0"), (240.0, "240"), (98720.5, "98,720.5"), (1234567890.5, "1,234,567,890.5")]
)
def test_a_number_is_said_with_all_of_its_digits(number: float, said: str) -> None:
    assert amount(number) == said
