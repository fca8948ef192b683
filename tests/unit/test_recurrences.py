"""The yearly rules of campaigns: the days that they select, which rules are refused, and how long a rule takes."""

import os
import random
from datetime import date, datetime, time, timedelta

import pytest
from dateutil.rrule import rrulestr

from saxaul.catalog.recurrences import MAX_RUNS, checked_rule, earliest_from, first_days, latest_by
from saxaul.impact.campaigns import run_after, run_at, run_before, runs_in
from tests.builders import make_campaign
from tests.proof.hostile_entries import wild_rule
from tests.search.judging import default_catalog

FIRST, LAST = date(1970, 1, 1), date(2100, 12, 31)
START, END = datetime.combine(FIRST, time()), datetime.combine(LAST, time())


RULES = 200 if os.environ.get("SAXAUL_PROFILE") == "long" else 10
"""The random rules that are evaluated on every day."""


def days_of(rule: str) -> list[date]:
    return [day for year in range(1970, 2101) for day in first_days(rule, year)]


def accepted_rules(seed: str, number: int) -> list[str]:
    rng = random.Random(seed)
    found: list[str] = []
    while len(found) < number:
        rule = wild_rule(rng)
        try:
            if len(checked_rule(rule)) <= 200:
                found.append(rule)
        except ValueError:
            continue
    return found


def is_comparable(rule: str) -> bool:
    """Leave out the two cases in which dateutil does not follow RFC 5545.

    It does not count weeks from the end of a year for the days that belong to a week of the next year, and it
    intersects plain weekdays and weekdays with ordinals.
    """
    parts = dict(part.split("=") for part in rule.split(";"))
    weekdays = {len(day) > 2 for day in parts.get("BYDAY", "").split(",")}
    return "-" not in parts.get("BYWEEKNO", "") and len(weekdays) == 1


def test_the_rules_select_the_same_days_as_a_full_iteration_by_dateutil() -> None:
    rules = list(filter(is_comparable, accepted_rules("compared", 250)))

    for rule in rules:
        try:
            iterated = rrulestr(rule, dtstart=START)
            expected = [found.date() for found in iterated.between(START, END, inc=True)]
        except IndexError:  # an ordinal that a month does not have
            continue
        assert days_of(rule) == expected, rule

    assert len(rules) > 150


@pytest.mark.parametrize(
    ("rule", "year", "expected"),
    [
        ("FREQ=YEARLY", 2026, ["2026-01-01"]),
        ("FREQ=YEARLY;BYMONTH=6", 2026, ["2026-06-01"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", 2028, ["2028-02-29"]),
        ("FREQ=YEARLY;BYYEARDAY=366,-1", 2026, ["2026-12-31"]),
        ("FREQ=YEARLY;BYDAY=-1SU", 2026, ["2026-12-27"]),
        ("FREQ=YEARLY;BYMONTH=6,9;BYDAY=5MO", 2026, ["2026-06-29"]),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=1SA,SU;BYSETPOS=1,-1", 2026, ["2026-03-01", "2026-03-29"]),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO", 2024, ["2024-01-01", "2024-12-30"]),
        ("FREQ=YEARLY;BYWEEKNO=53;BYDAY=FR", 2027, ["2027-01-01"]),
        ("FREQ=YEARLY;BYWEEKNO=-52;BYDAY=TU", 2024, ["2024-01-02", "2024-12-31"]),
        ("FREQ=YEARLY;INTERVAL=4", 2026, ["2026-01-01"]),
        ("FREQ=YEARLY;INTERVAL=4", 2027, []),
        ("FREQ=YEARLY;BYMONTHDAY=1;UNTIL=20260301", 2026, ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("FREQ=YEARLY", 1969, []),
        ("FREQ=YEARLY", 2101, []),
    ],
)
def test_a_rule_selects_its_days_of_a_year(rule: str, year: int, expected: list[str]) -> None:
    assert [day.isoformat() for day in first_days(checked_rule(rule), year)] == expected


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=YEARLY;COUNT=3", "UNTIL"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "any day"),
        ("FREQ=YEARLY;BYMONTH=6;BYDAY=9MO", "any day"),
        ("FREQ=YEARLY;BYMONTHDAY=1;UNTIL=19691231", "any day"),
        ("FREQ=YEARLY;INTERVAL=130;BYYEARDAY=366", "any day"),
        ("FREQ=YEARLY;INTERVAL=131", "INTERVAL"),
        ("FREQ=YEARLY;UNTIL=20260230", "UNTIL"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=6;BYMONTH=7", "more than once"),
        ("FREQ=YEARLY;BYDAY=MO,TU", str(MAX_RUNS)),
        ("FREQ=YEARLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=YEARLY;BYMONTH=MO", "list of numbers"),
        ("FREQ=YEARLY;BYMONTH=\u0661", "yearly rule"),
        ("FREQ=YEARLY;BYEASTER=1", "yearly rule"),
    ],
)
def test_a_refused_rule_says_why(rule: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        checked_rule(rule)


@pytest.mark.slow
def test_the_functions_for_runs_agree_on_every_day() -> None:
    campaigns = [*default_catalog().campaigns.values()]
    rng = random.Random("days")
    campaigns += [make_campaign(rule, rng.choice((1, 2, 7, 366))) for rule in accepted_rules("agreement", RULES)]

    for campaign in campaigns:
        runs = [run for year in range(1970, 2101) for run in runs_in(campaign, year)]
        begun = 0
        over = 0
        for number in range((LAST - FIRST).days + 1):
            day = FIRST + timedelta(number)
            begun += begun < len(runs) and runs[begun].first <= day
            over += over < len(runs) and runs[over].last < day
            latest = runs[begun - 1] if begun else None
            running = latest if latest and day <= latest.last else None
            assert run_at(campaign, day) == running
            assert run_after(campaign, day) == (runs[begun] if begun < len(runs) else None)
            assert run_before(campaign, day) == (runs[over - 1] if over else None)
            assert campaign.runs_on(day) == (running is not None)
            assert campaign.begins_on(day) == (running is not None and running.first == day)


def test_a_search_for_a_run_ends_at_the_first_and_the_last_year() -> None:
    leap_day = checked_rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")

    assert latest_by(leap_day, date(1972, 2, 28)) is None
    assert earliest_from(leap_day, date(2096, 3, 1)) is None
    assert latest_by(leap_day, date(9999, 12, 31)) == date(2096, 2, 29)
    assert earliest_from(leap_day, date(1, 1, 1)) == date(1972, 2, 29)
