"""Stock: a project's saplings, how many of them are released, and how many are reserved.

Saplings are released by hand, and by a schedule. What a schedule has released is a function of the stock and the
clock: no job runs at seven, nothing is written, and every worker knows of the new saplings in the same second.
When a schedule changes, what the old one released until then is counted and kept; the new one goes on from there.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from saxaul.catalog.calendar import instant_of
from saxaul.catalog.entries import ReleaseSchedule, TreeProject

_DAY = timedelta(days=1)


class Release(NamedTuple):
    """Saplings that come at an instant."""

    at: int
    saplings: int


class Timetable(NamedTuple):
    """A release schedule on the clocks of a time zone."""

    schedule: ReleaseSchedule
    zone: ZoneInfo

    def days_by(self, now: int) -> int:
        """How many days of the schedule have had their hour by an instant."""
        latest = self._day_of(now)
        while self._hour_of(latest) > now:
            latest -= _DAY
        if self.schedule.last_day:
            latest = min(latest, self.schedule.last_day)
        return max(0, (latest - self.schedule.first_day).days + 1)

    def next_after(self, now: int) -> int | None:
        """The next hour of the schedule; None after its last day."""
        day = max(self.schedule.first_day, self._day_of(now))
        while (hour := self._hour_of(day)) <= now:
            day += _DAY
        return None if self.schedule.last_day and day > self.schedule.last_day else hour

    def _day_of(self, now: int) -> date:
        return datetime.fromtimestamp(now, self.zone).date()

    def _hour_of(self, day: date) -> int:
        return instant_of(day, time.fromisoformat(self.schedule.at), self.zone)


@dataclass(frozen=True)
class Stock:
    """A project's saplings.

    Attributes:
        released: by hand, in all.
        reserved: for redemptions; one that is cancelled gives its own back.
        timetable: when more are released.
        scheduled: released by timetables up to the instant ``scheduled_through``.
        closed: the project takes no requests any more.
        version: how often anything of this but ``reserved`` was changed.
    """

    project_id: str
    released: int = 0
    reserved: int = 0
    timetable: Timetable | None = None
    scheduled: int = 0
    scheduled_through: int = 0
    closed: bool = False
    version: int = 0

    def released_by(self, now: int) -> int:
        """Saplings that were released until an instant, by hand and by schedule."""
        return self.released + self._scheduled_by(now)

    def available(self, now: int) -> int:
        """Unreserved saplings. Below zero for a worker whose clock is behind that of one which served them."""
        return self.released_by(now) - self.reserved

    def next_release(self, now: int) -> Release | None:
        """When saplings are released next, and how many; None where never again."""
        if self.timetable is None or self.closed:
            return None
        coming = self.timetable.next_after(now)
        saplings = 0 if coming is None else self._scheduled_by(coming) - self._scheduled_by(now)
        return Release(coming, saplings) if coming is not None and saplings else None

    def planned(self, project: TreeProject, zone: ZoneInfo, now: int) -> "Stock":
        """The stock as an operator wants it from now on. A schedule releases nothing for days before it was written."""
        return Stock(
            project_id=self.project_id,
            released=project.saplings,
            reserved=self.reserved,
            timetable=Timetable(project.schedule, zone) if project.schedule else None,
            scheduled=self._scheduled_by(now),
            scheduled_through=max(now, self.scheduled_through),
            closed=project.closed,
            version=self.version + 1,
        )

    def withdrawn(self, now: int) -> "Stock":
        """The stock without a sapling, released by hand or by schedule, as of a project that is no more."""
        return Stock(
            self.project_id, reserved=self.reserved, scheduled_through=now, closed=True, version=self.version + 1
        )

    def _scheduled_by(self, now: int) -> int:
        if self.timetable is None:
            return self.scheduled
        days = self.timetable.days_by(now) - self.timetable.days_by(self.scheduled_through)
        released = self.scheduled + max(0, days) * self.timetable.schedule.daily
        total = self.timetable.schedule.total
        return released if total is None else max(self.scheduled, min(released, total))
