"""The public totals: sums of actions by day, app and action type, and numbers of trees by day of reservation and state.

The totals (the impact) are a sum over all periods and redemptions. When a period or a redemption changes, the impact of
its old version is subtracted and the impact of its new version is added. So the order of changes does not matter, and
every action and every tree is counted once.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.ledger.entries import ZERO, app_of
from saxaul.ledger.periods import Period
from saxaul.trees.redemptions import UNPAID, Redemption

DELIVERED_WITHIN = 48 * 3600
"""Seconds after which a change is not redelivered any more. The stream keeps changes for only 24 hours."""


class Act(NamedTuple):
    """The actions that one sum adds up: those of one kind of owner (``user`` or ``facility``), one app and one type."""

    owner: str
    app: str
    type: str


class Sum(NamedTuple):
    """The totals of actions. ``quantity`` is in the type's unit, so it can only be added within one type."""

    actions: int = 0
    quantity: Decimal = ZERO
    points: int = 0
    avoided_g: Decimal = ZERO

    def plus(self, other: "Sum", sign: int = 1) -> "Sum":
        return Sum(
            self.actions + sign * other.actions,
            self.quantity + sign * other.quantity,
            self.points + sign * other.points,
            self.avoided_g + sign * other.avoided_g,
        )


ZERO_SUM = Sum()


@dataclass(frozen=True)
class Impact:
    """The totals of actions, and the number of trees by state. A tree counts on the day of its reservation."""

    acts: Mapping[Act, Sum] = field(default_factory=dict)
    trees: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: "Impact", sign: int = 1) -> "Impact":
        acts = {
            act: self.acts.get(act, ZERO_SUM).plus(other.acts.get(act, ZERO_SUM), sign)
            for act in {*self.acts, *other.acts}
        }
        trees = {
            state: self.trees.get(state, 0) + sign * other.trees.get(state, 0) for state in {*self.trees, *other.trees}
        }
        return _without_zeros(acts, trees)

    @property
    def is_zero(self) -> bool:
        return not self.acts and not self.trees


Impacts = Mapping[date, Impact]
"""Impact by day: the day of the action, or of the reservation of the tree."""


class Change(NamedTuple):
    """The impact that one change in the stream adds, by day. ``sequence`` grows with every change in a shard."""

    sequence: int
    adds: Impacts


class Mark(NamedTuple):
    """The last counted change of a shard, and the instant in seconds when this change was counted."""

    sequence: int
    at: int


@dataclass(frozen=True)
class Day:
    """The impact of one day, with a mark for each shard of the stream. A day without an item has version 0."""

    day: date
    impact: Impact = field(default_factory=Impact)
    marks: Mapping[str, Mark] = field(default_factory=dict)
    version: int = 0

    def with_changes(self, changes: Sequence[Change], shard: str, now: int) -> "Day":
        """Return this day with the new changes of a shard added, or this same object if there are none.

        A shard delivers its changes in order, and may redeliver them. So the changes after the shard's mark are new.
        """
        counted = self.marks[shard].sequence if shard in self.marks else -1
        new = [change for change in changes if change.sequence > counted and self.day in change.adds]
        if not new:
            return self
        recent = {name: mark for name, mark in self.marks.items() if mark.at > now - DELIVERED_WITHIN}
        mark = Mark(max(change.sequence for change in new), now)
        return replace(
            self, impact=total([self.impact, *(change.adds[self.day] for change in new)]), marks={**recent, shard: mark}
        )


def total(impacts: Iterable[Impact]) -> Impact:
    """Return the sum of many impacts."""
    acts: dict[Act, Sum] = {}
    trees: dict[str, int] = {}
    for impact in impacts:
        for act, found in impact.acts.items():
            acts[act] = acts.get(act, ZERO_SUM).plus(found)
        for state, number in impact.trees.items():
            trees[state] = trees.get(state, 0) + number
    return _without_zeros(acts, trees)


def _without_zeros(acts: Mapping[Act, Sum], trees: Mapping[str, int]) -> Impact:
    return Impact(
        {act: found for act, found in acts.items() if any(found)},
        {state: number for state, number in trees.items() if number},
    )


def impact_of_period(period: Period | None, calendar: Calendar) -> Impacts:
    """Return the impact of a period. Reversed and void entries do not count, nor does an implausible quantity."""
    if period is None:
        return {}
    return _by_day(
        (
            calendar.day_of(entry.occurred_at),
            Impact(
                {
                    Act(period.key.owner.kind, app_of(name), entry.type): Sum(
                        entry.actions, entry.counted, entry.points, entry.avoided_g
                    )
                }
            ),
        )
        for name, entry in period.entries.items()
        if entry.counts
    )


def impact_of_redemption(redemption: Redemption | None, calendar: Calendar) -> Impacts:
    """Return the impact of a redemption: its trees by state, on the day of the reservation."""
    if redemption is None or not redemption.reserved_at:
        return {}
    day = calendar.day_of(redemption.reserved_at)
    states = [redemption.tree_state(tree) for tree in redemption.trees]
    return _by_day((day, Impact(trees={state.value: 1})) for state in states if state not in UNPAID)


def difference(after: Impacts, before: Impacts) -> Impacts:
    """Return ``after`` minus ``before``, without the days on which they are equal."""
    days = {day: after.get(day, Impact()).plus(before.get(day, Impact()), -1) for day in {*after, *before}}
    return {day: impact for day, impact in days.items() if not impact.is_zero}


def impact_of_change(before: Period | Redemption | None, after: Period | Redemption, calendar: Calendar) -> Impacts:
    """Return the impact that a change of one period or one redemption adds, by day. It can be negative."""
    match before, after:
        case (Period() | None, Period()):
            return difference(impact_of_period(after, calendar), impact_of_period(before, calendar))
        case (Redemption() | None, Redemption()):
            return difference(impact_of_redemption(after, calendar), impact_of_redemption(before, calendar))
    raise TypeError("before and after must both be periods or both be redemptions")


def _by_day(found: Iterator[tuple[date, Impact]]) -> Impacts:
    days: defaultdict[date, list[Impact]] = defaultdict(list)
    for day, impact in found:
        days[day].append(impact)
    return {day: total(impacts) for day, impacts in days.items()}
