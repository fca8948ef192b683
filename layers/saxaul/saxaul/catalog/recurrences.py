"""The yearly rules by which campaigns recur, in the notation of RFC 5545.

Apart from its interval and its end, a yearly rule selects the same days in all years of the same kind. The kind of a
year is the weekday of its first day, whether it is a leap year, and whether the year before it was one. So a rule is
evaluated once for each kind, with sets of days, and not day by day. A set is an integer with one bit for each day.
"""

import re
from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache, lru_cache, reduce
from operator import or_
from typing import NamedTuple

FIRST_YEAR, LAST_YEAR = 1970, 2100
"""The years in which campaigns can begin. The interval of a rule is counted from the first of them."""

MAX_RUNS = 53
"""The most days of a year that a rule may select: one in each week. A year touches up to 53 weeks."""

_WEEKDAYS = {name: number for number, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_ONE = r"[+-]?[1-9][0-9]{0,2}"
_NUMBERS = rf"{_ONE}(?:,{_ONE})*"
_DAY = r"(?:[+-]?[1-9][0-9]?)?(?:MO|TU|WE|TH|FR|SA|SU)"
_PART = re.compile(
    rf"(?P<name>INTERVAL|UNTIL|BYMONTH|BYMONTHDAY|BYYEARDAY|BYWEEKNO|BYDAY|BYSETPOS)="
    rf"(?P<value>[1-9][0-9]{{0,7}}|{_NUMBERS}|{_DAY}(?:,{_DAY})*)"
)
_LARGEST = {"BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
_EXAMPLE = "this must be a yearly rule of days, such as FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5"


class _Kind(NamedTuple):
    """The kind of a year. ``weekday`` is that of 1 January; Monday is 0."""

    weekday: int
    is_leap: bool
    follows_leap: bool

    @property
    def days(self) -> int:
        return 366 if self.is_leap else 365


@cache
def _kind_of(year: int) -> _Kind:
    return _Kind(date(year, 1, 1).weekday(), isleap(year), isleap(year - 1))


class _Days(NamedTuple):
    """The days of a kind of year, grouped into sets by month, day of the month, weekday and week."""

    months: tuple[int, ...]
    monthdays: dict[int, int]
    weekdays: tuple[int, ...]
    weeks: dict[int, int]


@cache  # there are 21 kinds of years
def _days_of(kind: _Kind) -> _Days:
    months, start = [0], 0
    monthdays: dict[int, int] = {}
    for length in (31, 29 if kind.is_leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        months.append(_span(start, length))
        for day in range(1, length + 1):
            bit = 1 << start + day - 1
            monthdays[day] = monthdays.get(day, 0) | bit
            monthdays[day - length - 1] = monthdays.get(day - length - 1, 0) | bit
        start += length
    every_seventh = sum(1 << number for number in range(0, kind.days, 7))
    weekdays = (every_seventh << (weekday - kind.weekday) % 7 for weekday in range(7))
    whole_year = _span(0, kind.days)
    return _Days(tuple(months), monthdays, tuple(days & whole_year for days in weekdays), _weeks_of(kind))


def _weeks_of(kind: _Kind) -> dict[int, int]:
    """Return the days of each week of ISO 8601, by its number, and by its number from the end of the week's year."""
    new_year = date(next(year for year in range(FIRST_YEAR, LAST_YEAR + 1) if _kind_of(year) == kind), 1, 1)
    weeks: dict[int, int] = {}
    for monday in range(-kind.weekday, kind.days, 7):
        first, last = max(monday, 0), min(monday + 7, kind.days)
        year, week, _ = (new_year + timedelta(first)).isocalendar()
        last_week = date(year, 12, 28).isocalendar().week
        for name in (week, week - last_week - 1):
            weeks[name] = weeks.get(name, 0) | _span(first, last - first)
    return weeks


def _span(first: int, length: int) -> int:
    """Return the set of ``length`` days from the day ``first`` on."""
    return (1 << length) - 1 << first


class _Rule(NamedTuple):
    """A parsed rule. Each set of numbers is None if the rule does not have this part.

    ``weekdays`` has pairs of an ordinal and a weekday. The ordinal 0 stands for every such weekday.
    """

    interval: int = 1
    until: date = date(LAST_YEAR, 12, 31)
    months: tuple[int, ...] | None = None
    monthdays: tuple[int, ...] | None = None
    yeardays: tuple[int, ...] | None = None
    weeks: tuple[int, ...] | None = None
    weekdays: tuple[tuple[int, int], ...] | None = None
    positions: tuple[int, ...] | None = None


@lru_cache(maxsize=4096)
def _parsed(rule: str) -> _Rule:
    """Parse a rule.

    Raises:
        ValueError: the text is not a yearly rule of days; the message says why.
    """
    frequency, *parts = rule.split(";")
    if frequency != "FREQ=YEARLY":
        raise ValueError(_EXAMPLE)
    values: dict[str, str] = {}
    for part in parts:
        if part.startswith("COUNT="):
            raise ValueError("COUNT is not supported, because it would count from 1970; use UNTIL to end a rule")
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(_EXAMPLE)
        if found["name"] in values:
            raise ValueError(f"{found['name']} occurs more than once")
        values[found["name"]] = found["value"]
    return _Rule(
        interval=_interval(values.get("INTERVAL", "1")),
        until=_until(values["UNTIL"]) if "UNTIL" in values else date(LAST_YEAR, 12, 31),
        months=_numbers(values, "BYMONTH", range(1, 13)),
        monthdays=_numbers(values, "BYMONTHDAY"),
        yeardays=_numbers(values, "BYYEARDAY"),
        weeks=_numbers(values, "BYWEEKNO"),
        weekdays=_weekdays(values["BYDAY"]) if "BYDAY" in values else None,
        positions=_numbers(values, "BYSETPOS"),
    )


def _interval(value: str) -> int:
    if not value.isdecimal() or int(value) > LAST_YEAR - FIRST_YEAR:
        raise ValueError(f"INTERVAL must be a number of years from 1 to {LAST_YEAR - FIRST_YEAR}")
    return int(value)


def _until(value: str) -> date:
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:])) if len(value) == len("20261231") else date(0, 1, 1)
    except ValueError:
        raise ValueError("UNTIL must be a day, such as UNTIL=20301231") from None


def _numbers(values: dict[str, str], name: str, allowed: range | None = None) -> tuple[int, ...] | None:
    if name not in values:
        return None
    largest = _LARGEST.get(name, 0)
    allowed = allowed or range(-largest, largest + 1)
    try:
        numbers = {int(number) for number in values[name].split(",")}
    except ValueError:
        raise ValueError(f"{name} must be a list of numbers") from None
    if not all(number in allowed for number in numbers):
        raise ValueError(f"{name} must have numbers from {allowed.start} to {allowed.stop - 1}")
    return tuple(sorted(numbers))


def _weekdays(value: str) -> tuple[tuple[int, int], ...]:
    pairs = {(day[:-2] or "0", day[-2:]) for day in value.split(",")}
    if not all(name in _WEEKDAYS and abs(int(ordinal)) <= MAX_RUNS for ordinal, name in pairs):
        raise ValueError("BYDAY must have weekdays such as SA, 1SA or -1SA, with ordinals of at most 53")
    return tuple(sorted((int(ordinal), _WEEKDAYS[name]) for ordinal, name in pairs))


@lru_cache(maxsize=16_384)
def _selected(rule: _Rule, kind: _Kind) -> tuple[int, ...]:
    """Return the days that a rule selects in a kind of year, as numbers from 0 on, without its interval and its end."""
    days = _days_of(kind)
    months = rule.months
    monthdays = rule.monthdays
    if all(part is None for part in (monthdays, rule.yeardays, rule.weeks, rule.weekdays)):
        # As in RFC 5545, a rule without days selects the day on which it starts, which is 1 January.
        monthdays, months = (1,), months or (1,)
    in_months = (1 << kind.days) - 1 if months is None else _union(days.months[month] for month in months)
    selected = in_months
    if monthdays is not None:
        selected &= _union(days.monthdays.get(number, 0) for number in monthdays)
    if rule.yeardays is not None:
        selected &= _union(_bit(number, kind.days) for number in rule.yeardays)
    if rule.weeks is not None:
        selected &= _union(days.weeks.get(week, 0) for week in rule.weeks)
    if rule.weekdays is not None:
        spans = [in_months] if months is None else [days.months[month] for month in months]
        selected &= _union(
            _nth(days.weekdays[weekday] & span, ordinal) for ordinal, weekday in rule.weekdays for span in spans
        )
    found = _numbers_in(selected)
    if rule.positions is None:
        return tuple(found)
    chosen = {found[_index(position)] for position in rule.positions if abs(position) <= len(found)}
    return tuple(sorted(chosen))


def _union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


def _index(ordinal: int) -> int:
    return ordinal - 1 if ordinal > 0 else ordinal


def _bit(number: int, size: int) -> int:
    return 1 << (_index(number) % size) if abs(number) <= size else 0


def _nth(days: int, ordinal: int) -> int:
    """Return the set with the n-th day of a set, counted from its end if ``ordinal`` is negative; all days for 0.

    The set has the days with one weekday in a month or a year, so each is a week after the one before.
    """
    if ordinal == 0 or not days:
        return days
    if ordinal > 0:
        return days & (days & -days) << 7 * (ordinal - 1)
    return days & (1 << days.bit_length() - 1) >> 7 * (-ordinal - 1)


def _numbers_in(days: int) -> list[int]:
    return [number for number, bit in enumerate(reversed(f"{days:b}")) if bit == "1"]


@lru_cache(maxsize=16_384)
def first_days(rule: str, year: int) -> tuple[date, ...]:
    """Return the days of a year that a checked rule selects, in order. Before 1970 and after 2100 there are none."""
    parsed = _parsed(rule)
    if not FIRST_YEAR <= year <= LAST_YEAR or (year - FIRST_YEAR) % parsed.interval:
        return ()
    new_year = date(year, 1, 1)
    days = (new_year + timedelta(number) for number in _selected(parsed, _kind_of(year)))
    return tuple(day for day in days if day <= parsed.until)


def latest_by(rule: str, day: date, first_year: int = FIRST_YEAR) -> date | None:
    """Return the latest day on or before ``day`` that a rule selects from ``first_year`` on, or None."""
    for year in range(min(day.year, LAST_YEAR), max(first_year, FIRST_YEAR) - 1, -1):
        found = first_days(rule, year)
        if place := bisect_right(found, day):
            return found[place - 1]
    return None


def earliest_from(rule: str, day: date) -> date | None:
    """Return the earliest day on or after ``day`` that a rule selects, or None."""
    for year in range(max(day.year, FIRST_YEAR), LAST_YEAR + 1):
        found = first_days(rule, year)
        if (place := bisect_left(found, day)) < len(found):
            return found[place]
    return None


@lru_cache(maxsize=4096)
def checked_rule(rule: str) -> str:
    """Return a rule that is valid: it selects at least one day from 1970 to 2100, and at most 53 days in any year.

    Raises:
        ValueError: the rule is not valid; the message says why.
    """
    parsed = _parsed(rule)
    kinds = {_kind_of(year): year for year in range(FIRST_YEAR, LAST_YEAR + 1)}
    if any(len(_selected(parsed, kind)) > MAX_RUNS for kind in kinds):
        raise ValueError(
            f"this rule selects more than {MAX_RUNS} days of a year; set days for a campaign that lasts long"
        )
    if earliest_from(rule, date(FIRST_YEAR, 1, 1)) is None:
        raise ValueError(f"this rule does not match any day from {FIRST_YEAR} to {LAST_YEAR}")
    return rule
