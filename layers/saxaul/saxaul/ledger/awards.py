"""Awards: what the entries of a period are worth.

The entries of a period are awarded in the order in which they were recorded; sums come after all other entries. For one
person, action type and day, the points are the sum of paid units x points per unit x multiplier, rounded down once, and
then cut by each cap. An entry earns what it adds to this sum. So an act pays the same, whether it is reported as one
action or as many, and by one app or by several.

Each entry is awarded by the version of the action type that was in effect when its action was accepted. So the award of
a period can be computed again at any time. If an entry is reversed, this pays the entries that a cap had withheld for
its sake.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Context, Decimal
from typing import NamedTuple, Self

from saxaul.catalog.calendar import Calendar, Windows
from saxaul.catalog.entries import ActionType, Catalog
from saxaul.ledger.entries import ONE, ZERO, Entry

EXACT = Context(prec=100)
"""Products of a quantity, a rate and a multiplier have more digits than the 28 of the default context."""


@dataclass(frozen=True)
class Terms:
    """The rules by which entries are awarded.

    Attributes:
        calendar: divides time into the windows of caps.
        version_of: returns a version of an action type, by its id and number. It raises KeyError if there is none.
    """

    calendar: Calendar
    version_of: Callable[[str, int], ActionType]

    @classmethod
    def of_catalog(cls, catalog: Catalog, calendar: Calendar) -> Self:
        """Return terms that know only the versions in a catalog."""

        def version_of(action_type: str, version: int) -> ActionType:
            if catalog.versions.get(action_type, 0) != version:
                raise KeyError((action_type, version))
            return catalog.action_types[action_type]

        return cls(calendar, version_of)

    def rule(self, action_type: str, version: int) -> ActionType:
        """Return a version of an action type.

        Raises:
            KeyError: there is no such version.
        """
        return self.version_of(action_type, version)


class Award(NamedTuple):
    """What an entry earns, and what it uses of the caps of its windows.

    Attributes:
        points, units, counted, reason: as in Entry.
        worth: the points of the units as an exact number, not rounded.
        windows: the day, the month and the year of the entry.
    """

    points: int
    units: Decimal
    counted: Decimal
    reason: str
    worth: Decimal
    windows: Windows


class Usage:
    """How much of each cap of one action type the entries of a period use, in the order in which they are added."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._units: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._points: defaultdict[str, int] = defaultdict(int)
        self._worth: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._counted: defaultdict[str, Decimal] = defaultdict(Decimal)

    @classmethod
    def of_awarded(cls, entries: Iterable[Entry], terms: Terms) -> Self:
        """Return what entries of one action type use by the awards that they have. Nothing is awarded again."""
        usage = cls(terms)
        for entry in entries:
            worth = worth_of(entry.units, entry, terms.rule(entry.type, entry.rule))
            windows = terms.calendar.windows_of(entry.occurred_at)
            usage.add(Award(entry.points, entry.units, entry.counted, entry.reason, worth, windows))
        return usage

    def award(self, entry: Entry) -> Award:
        """Return what the entry earns if it is added next. An entry that does not count must not be awarded."""
        rule = self._terms.rule(entry.type, entry.rule)
        windows = self._terms.calendar.windows_of(entry.occurred_at)
        counted = entry.quantity
        limit = plausible_of(entry, rule)
        if limit is not None:
            counted = min(counted, max(ZERO, limit - self._counted[windows.day]))
        units, reason = wanted_units(entry, rule)
        for cap in rule.caps:
            if cap.units is not None and units > (rest := max(ZERO, cap.units - self._units[windows.of(cap.window)])):
                units, reason = rest, "over_units_cap"
        worth = worth_of(units, entry, rule)
        before = self._worth[windows.day]
        points = floor(EXACT.add(before, worth)) - floor(before)
        for cap in rule.caps:
            if cap.points is not None and points > (left := max(0, cap.points - self._points[windows.of(cap.window)])):
                points, reason = left, "over_points_cap"
        return Award(points, units, counted, reason, worth, windows)

    def add(self, award: Award) -> None:
        """Count what an award uses."""
        for window in award.windows:
            self._units[window] += award.units
            self._points[window] += award.points
        self._worth[award.windows.day] = EXACT.add(self._worth[award.windows.day], award.worth)
        self._counted[award.windows.day] += award.counted


def wanted_units(entry: Entry, rule: ActionType) -> tuple[Decimal, str]:
    """Return how many units would earn points if there were no caps, and why the entry earns nothing by its size."""
    if rule.points is None:
        return ZERO, ""
    if entry.summed:
        return entry.wanted, ""
    if rule.points.per == "unit":
        return entry.quantity, ""
    return (ONE, "") if entry.quantity >= rule.points.at_least else (ZERO, "too_small_to_earn")


def in_award_order(entries: Mapping[str, Entry], action_type: str) -> list[tuple[str, Entry]]:
    """Return the entries of an action type, with their names, in the order of the award: sums come last."""
    found = [(name, entry) for name, entry in entries.items() if entry.type == action_type]
    return sorted(found, key=lambda line: line[1].summed > 0)


def worth_of(units: Decimal, entry: Entry, rule: ActionType) -> Decimal:
    """Return the points of these units of an entry as an exact number, not rounded."""
    if not units or rule.points is None:
        return ZERO
    return EXACT.multiply(EXACT.multiply(units, rule.points.value), entry.multiplier)


def plausible_of(entry: Entry, rule: ActionType) -> Decimal | None:
    """Return the most of the quantity of the entry's day that counts: the facility's limit, or that of the type."""
    return rule.plausible_quantity if entry.plausible is None else entry.plausible


def grams_alone(entry: Entry, terms: Terms) -> Decimal:
    """Return the grams that an entry avoids if it is the only one of its day."""
    rule = terms.rule(entry.type, entry.rule)
    limit = plausible_of(entry, rule)
    counted = entry.quantity if limit is None else min(entry.quantity, limit)
    return EXACT.multiply(counted, rule.avoided_g.value)


def worth_alone(entry: Entry, terms: Terms) -> Decimal:
    """Return the points of an entry without any caps, as an exact number."""
    rule = terms.rule(entry.type, entry.rule)
    units, _ = wanted_units(entry, rule)
    return worth_of(units, entry, rule)


def with_award(entry: Entry, award: Award, terms: Terms) -> Entry:
    """Return an entry with what it earns; the same object if it has this award already."""
    found = (award.points, award.units, award.counted, award.reason)
    if found == (entry.points, entry.units, entry.counted, entry.reason):
        return entry
    factor = terms.rule(entry.type, entry.rule).avoided_g.value
    return replace(
        entry,
        points=award.points,
        units=award.units,
        counted=award.counted,
        reason=award.reason,
        avoided_g=EXACT.multiply(award.counted, factor),
    )


def award_in_order(entries: Iterable[Entry], terms: Terms) -> Iterator[Entry]:
    """Yield the entries of one action type with what each one earns. ``entries`` are in the order of the award."""
    usage = Usage(terms)
    for entry in entries:
        if entry.counts:
            award = usage.award(entry)
            usage.add(award)
            yield with_award(entry, award, terms)
        else:
            yield entry.without_award()


def points_in_order(entries: Iterable[Entry], terms: Terms) -> int:
    """Return the points that the entries of one action type earn together. Entries that do not count are left out."""
    usage = Usage(terms)
    points = 0
    for entry in entries:
        award = usage.award(entry)
        usage.add(award)
        points += award.points
    return points


def floor(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_FLOOR))
