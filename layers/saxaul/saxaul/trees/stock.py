"""Stock: how many saplings of a project are released, and how many are reserved.

An operator releases saplings by hand or by a schedule. The number that a schedule has released is computed from the
stock and the clock: no job runs at the release time, nothing is written, and every worker sees the new saplings in the
same second. When a schedule changes, the saplings that the old one has released are added up and stored, and the new
one continues from that instant.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from saxaul.catalog.calendar import instant_of
from saxaul.catalog.entries import ReleaseSchedule, TreeProject

_DAY = timedelta(days=1)


class Release(NamedTuple):
    """A number of saplings that are released at an instant in seconds."""

    at: int
    saplings: int


class Timetable(NamedTuple):
    """A release schedule in a time zone."""

    schedule: ReleaseSchedule
    zone: ZoneInfo

    def days_by(self, now: int) -> int:
        """Return how many days of the schedule have reached their release time at an instant."""
        latest = self._day_of(now)
        while self._hour_of(latest) > now:
            latest -= _DAY
        if self.schedule.last_day:
            latest = min(latest, self.schedule.last_day)
        return max(0, (latest - self.schedule.first_day).days + 1)

    def next_after(self, now: int) -> int | None:
        """Return the next release time after an instant; None after the last day."""
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
        released: saplings released by hand in total.
        reserved: saplings reserved for redemptions. A cancelled redemption gives its saplings back.
        timetable: the schedule that releases more saplings; None if there is none.
        scheduled: saplings that timetables released up to the instant ``scheduled_through``.
        closed: whether the project refuses new requests.
        version: how often a field other than ``reserved`` was changed.
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
        """Return the saplings released up to an instant, by hand and by schedule."""
        return self.released + self._scheduled_by(now)

    def available(self, now: int) -> int:
        """Return the unreserved saplings.

        The number is negative if this worker's clock is behind the clock of a worker that already reserved saplings of
        a newer release.
        """
        return self.released_by(now) - self.reserved

    def next_release(self, now: int) -> Release | None:
        """Return the next release; None if there is none."""
        if self.timetable is None or self.closed:
            return None
        coming = self.timetable.next_after(now)
        saplings = 0 if coming is None else self._scheduled_by(coming) - self._scheduled_by(now)
        return Release(coming, saplings) if coming is not None and saplings else None

    def planned(self, project: TreeProject, zone: ZoneInfo, now: int) -> "Stock":
        """Return the stock after an operator's change. A schedule releases nothing for days before it was written."""
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
        """Return the stock of a deleted project: closed, with no released saplings and no schedule."""
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
