"""The public totals: sums of actions, and numbers of trees.

A day has sums of its actions by owner kind, app and action type, and the number of trees that were reserved on the day,
by state. A facility's year has sums of the facility's actions by month and action type.

The totals (the impact) are a sum over all periods and redemptions. When a period or a redemption changes, the impact of
its old version is subtracted and the impact of its new version is added. So the order of changes does not matter, and
every action and every tree is counted once.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

DELIVERED_WITHIN = 30 * 3600
"""Seconds after which a change that was counted is not redelivered any more. The stream keeps changes for 24 hours."""

TALLIES_OF_A_DAY = 16
"""How many tallies the totals of a day are dealt among. This number may be raised at any time, but never lowered."""

_ZERO = Decimal(0)  # that of ledger/entries.py would be one more import


class Act(NamedTuple):
    """The actions that one sum adds up: those of one kind of owner (``user`` or ``facility``), one app and one type."""

    owner: str
    app: str
    type: str


class MonthlyAct(NamedTuple):
    """The actions of one facility that one sum adds up: those of one month, such as ``2026-06``, and one type."""

    month: str
    type: str


class FacilityYear(NamedTuple):
    """A facility and a year in the programme's time zone."""

    facility_id: str
    year: int

    def __str__(self) -> str:
        return f"facility {self.facility_id} in {self.year}"


Subject = date | FacilityYear
"""What totals are kept for: a day (that of the action, or of the reservation of the tree), or a facility's year."""


class Sum(NamedTuple):
    """The totals of actions. ``quantity`` is in the type's unit, so it can only be added within one type."""

    actions: int = 0
    quantity: Decimal = _ZERO
    points: int = 0
    avoided_g: Decimal = _ZERO

    def plus(self, other: "Sum", sign: int = 1) -> "Sum":
        return Sum(
            self.actions + sign * other.actions,
            self.quantity + sign * other.quantity,
            self.points + sign * other.points,
            self.avoided_g + sign * other.avoided_g,
        )


ZERO_SUM = Sum()
_EMPTY: Mapping[Any, Any] = MappingProxyType({})


class Impact(NamedTuple):
    """Totals. Those of a day have ``acts`` and ``trees``, and those of a facility's year have ``months``.

    ``trees`` has the number of trees by state. A tree counts on the day of its reservation.
    """

    acts: Mapping[Act, Sum] = _EMPTY
    trees: Mapping[str, int] = _EMPTY
    months: Mapping[MonthlyAct, Sum] = _EMPTY

    def plus(self, other: "Impact", sign: int = 1) -> "Impact":
        adder = ImpactAdder()
        adder.add(self)
        adder.add(other, sign)
        return adder.total()

    @property
    def is_zero(self) -> bool:
        return not self.acts and not self.trees and not self.months


class ImpactAdder:
    """Adds up many impacts."""

    def __init__(self) -> None:
        self._acts: dict[Act, Sum] = {}
        self._trees: dict[str, int] = {}
        self._months: dict[MonthlyAct, Sum] = {}

    def add(self, impact: Impact, sign: int = 1) -> None:
        _add_sums(self._acts, impact.acts, sign)
        _add_sums(self._months, impact.months, sign)
        for state, number in impact.trees.items():
            self._trees[state] = self._trees.get(state, 0) + sign * number

    def total(self) -> Impact:
        """Return the sum of the impacts, without what adds up to zero."""
        return Impact(
            {act: found for act, found in self._acts.items() if any(found)},
            {state: number for state, number in self._trees.items() if number},
            {act: found for act, found in self._months.items() if any(found)},
        )


_Summed = TypeVar("_Summed", Act, MonthlyAct)


def _add_sums(sums: dict[_Summed, Sum], added: Mapping[_Summed, Sum], sign: int) -> None:
    for act, found in added.items():
        sums[act] = sums.get(act, ZERO_SUM).plus(found, sign)


def sums_by_type(impact: Impact) -> Mapping[str, Sum]:
    """Return what a facility did in its year, by action type: the sum over the months."""
    sums: dict[str, Sum] = {}
    for act, found in impact.months.items():
        sums[act.type] = sums.get(act.type, ZERO_SUM).plus(found)
    return sums


def total(impacts: Iterable[Impact]) -> Impact:
    """Return the sum of many impacts."""
    adder = ImpactAdder()
    for impact in impacts:
        adder.add(impact)
    return adder.total()


Impacts = Mapping[Subject, Impact]


class Change(NamedTuple):
    """The impact that one change in the stream adds, by subject. ``sequence`` grows with every change in a shard."""

    sequence: int
    adds: Impacts


class Mark(NamedTuple):
    """The last counted change of a shard, and the instant in seconds when this change was counted."""

    sequence: int
    at: int


def short_name(shard: str) -> str:
    """Return a name of 11 characters for a shard of the stream, whose id has 37. It depends only on the id."""
    return urlsafe_b64encode(sha256(shard.encode()).digest()[:8]).decode().rstrip("=")


def tally_number(subject: Subject, shard: str) -> int | None:
    """Return the number of the tally to which a shard adds its changes of a subject. It is always the same.

    ``shard`` is the short name of the shard. The mark of the shard is in the same tally as the changes that it marks.
    A facility's year has only one tally, without a number, because all changes of a facility are in one partition of
    the table, and thus in one shard at a time.
    """
    if isinstance(subject, FacilityYear):
        return None
    return int.from_bytes(sha256(shard.encode()).digest()[-4:]) % TALLIES_OF_A_DAY


class Tally(NamedTuple):
    """Sums of one subject, with a mark for each shard of the stream that added to them.

    The totals of a day are the sum of its tallies. One of them may be negative, because a reversal can be in another
    shard than its action.

    Attributes:
        marks: by the short name of a shard, the last of its changes that the sums include.
        version: 0 if the tally has no item yet.
        number: which tally of the day it is, from 0 on; None for a facility's year. A day may have one tally without a
            number: an earlier release counted the whole day in it, and ``recount`` adds to it what is missing.
    """

    subject: Subject
    impact: Impact = Impact()
    marks: Mapping[str, Mark] = _EMPTY
    version: int = 0
    number: int | None = None

    def with_changes(self, changes: Sequence[Change], shard: str, now: int) -> "Tally":
        """Return this tally with the new changes of a shard added, or this same object if there are none.

        A shard delivers its changes in order, and may redeliver them. So the changes after the shard's mark are new.
        ``shard`` is the short name of the shard.
        """
        counted = self.marks[shard].sequence if shard in self.marks else -1
        new = [change for change in changes if change.sequence > counted and self.subject in change.adds]
        if not new:
            return self
        recent = {name: mark for name, mark in self.marks.items() if mark.at > now - DELIVERED_WITHIN}
        mark = Mark(max(change.sequence for change in new), now)
        return self._replace(
            impact=total([self.impact, *(change.adds[self.subject] for change in new)]),
            marks={**recent, shard: mark},
        )


def month_of(day: date) -> str:
    """Return the month of a day, such as ``2026-06``."""
    return day.isoformat()[:7]
