"""The public totals: sums of actions, and numbers of trees.

A day has sums of its actions by owner kind, app and action type, and the number of trees that were reserved on the day,
by state. A facility's year has sums of the facility's actions by month and action type. A campaign's run has the number
and the points of the actions that the campaign multiplied, and the number of persons who did them. A participation, of
a person in a run, has the number of the person's periods with such actions.

The totals (the impact) are a sum over all periods, redemptions and participations. When one of these changes, the
impact of its old version is subtracted and the impact of its new version is added. So the order of changes does not
matter, and every action, every tree and every person is counted once.
"""

from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from saxaul.catalog.entries import RUN_NAME, run_name

DELIVERED_WITHIN = 30 * 3600
"""Seconds after which a change that was counted is not redelivered any more. The stream keeps changes for 24 hours."""

MOST_TALLIES = 16
"""How many tallies the totals of a day, or of a run, are dealt among.

This number may be raised at any time, but never lowered.
"""

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


class RunKey(NamedTuple):
    """A run of a campaign. As text, it is the name that entries have, such as ``earth-hour@2026-03-28``."""

    campaign_id: str
    first_day: date

    @classmethod
    def named(cls, name: str) -> "RunKey":
        """Return the run with a name.

        Raises:
            ValueError: this is not the name of a run.
        """
        if not RUN_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a run")
        campaign_id, _, first_day = name.partition("@")
        return cls(campaign_id, date.fromisoformat(first_day))

    @classmethod
    def if_named(cls, name: str) -> "RunKey | None":
        """Return the run with a name, or None if this is not the name of a run."""
        try:
            return cls.named(name)
        except ValueError:
            return None

    def __str__(self) -> str:
        return run_name(*self)


class Participation(NamedTuple):
    """A person and a run of a campaign in which the person took part."""

    user_id: str
    run: RunKey

    def __str__(self) -> str:
        return f"user {self.user_id} in {self.run}"


Subject = date | FacilityYear | RunKey | Participation
"""What totals are kept for: a day (that of the action, or of the reservation of the tree), a facility's year, a run of
a campaign, or a person's participation in it."""


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


class Progress(NamedTuple):
    """The totals of a campaign's run: of the actions of persons that it multiplied.

    ``points`` has the points of these actions by the multiplier, such as ``1.5``. So the part of the points that the
    multiplier gave can be computed exactly.
    """

    actions: int = 0
    persons: int = 0
    points: Mapping[str, int] = _EMPTY

    def plus(self, other: "Progress", sign: int = 1) -> "Progress":
        points = dict(self.points)
        for multiplier, found in other.points.items():
            points[multiplier] = points.get(multiplier, 0) + sign * found
        return Progress(
            self.actions + sign * other.actions,
            self.persons + sign * other.persons,
            {multiplier: found for multiplier, found in points.items() if found},
        )

    @property
    def all_points(self) -> int:
        return sum(self.points.values())

    @property
    def extra_points(self) -> int:
        """The part of the points that the multipliers gave, rounded once: (m - 1) / m of those with the multiplier m.

        Without the campaign, a cap would have cut less. So with caps, it is the most that the campaign can have cost.
        """
        above, below = 0, 1
        for multiplier, points in self.points.items():
            by, unit = Decimal(multiplier).as_integer_ratio()
            above, below = above * by + points * (by - unit) * below, below * by
        return (2 * above + below) // (2 * below)


NO_PROGRESS = Progress()


class Impact(NamedTuple):
    """Totals. Each kind of subject has fields of its own.

    Attributes:
        acts, trees: of a day: the sums of its actions, and the number of trees by state. A tree counts on the day of
            its reservation.
        months: of a facility's year.
        progress: of a campaign's run.
        periods: of a participation: how many periods of the person have actions that count and that the run multiplied.
    """

    acts: Mapping[Act, Sum] = _EMPTY
    trees: Mapping[str, int] = _EMPTY
    months: Mapping[MonthlyAct, Sum] = _EMPTY
    progress: Progress = NO_PROGRESS
    periods: int = 0

    def plus(self, other: "Impact", sign: int = 1) -> "Impact":
        adder = ImpactAdder()
        adder.add(self)
        adder.add(other, sign)
        return adder.total()

    @property
    def is_zero(self) -> bool:
        return not (self.acts or self.trees or self.months or any(self.progress) or self.periods)


class ImpactAdder:
    """Adds up many impacts."""

    def __init__(self) -> None:
        self._acts: dict[Act, Sum] = {}
        self._trees: dict[str, int] = {}
        self._months: dict[MonthlyAct, Sum] = {}
        self._progress = NO_PROGRESS
        self._periods = 0

    def add(self, impact: Impact, sign: int = 1) -> None:
        _add_sums(self._acts, impact.acts, sign)
        _add_sums(self._months, impact.months, sign)
        for state, number in impact.trees.items():
            self._trees[state] = self._trees.get(state, 0) + sign * number
        if impact.progress is not NO_PROGRESS:
            self._progress = self._progress.plus(impact.progress, sign)
        self._periods += sign * impact.periods

    def total(self) -> Impact:
        """Return the sum of the impacts, without what adds up to zero."""
        return Impact(
            {act: found for act, found in self._acts.items() if any(found)},
            {state: number for state, number in self._trees.items() if number},
            {act: found for act, found in self._months.items() if any(found)},
            self._progress,
            self._periods,
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
    """The impact that one change in the stream adds, by subject.

    ``sequence`` grows with every change in a shard. ``at`` is when the change was made, in seconds by DynamoDB's clock.
    """

    sequence: int
    at: int
    adds: Impacts

    @property
    def persons(self) -> set[str]:
        """The persons whose participations it changes."""
        return {subject.user_id for subject in self.adds if isinstance(subject, Participation)}

    def without(self, user_ids: Collection[str]) -> "Change":
        """Return this change without the participations of some persons."""
        adds = {
            subject: impact
            for subject, impact in self.adds.items()
            if not (isinstance(subject, Participation) and subject.user_id in user_ids)
        }
        return self._replace(adds=adds)


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
    the table, and thus in one shard at a time. So has a participation, because all changes of a person are in one.
    """
    if isinstance(subject, FacilityYear | Participation):
        return None
    return int.from_bytes(sha256(shard.encode()).digest()[-4:]) % MOST_TALLIES


class Tally(NamedTuple):
    """Sums of one subject, with a mark for each shard of the stream that added to them.

    The totals of a day are the sum of its tallies. One of them may be negative, because a reversal can be in another
    shard than its action.

    Attributes:
        marks: by the short name of a shard, the last of its changes that the sums include.
        version: 0 if the tally has no item yet.
        number: which tally of the day or run it is, from 0 on; None for a facility's year and a participation. A day or
            a run may have one tally without a number: ``recount`` adds to it what is missing, and an earlier release
            counted whole days in it.
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
