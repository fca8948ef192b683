"""Stock: how many saplings of a project are released, and how many are reserved.

An operator releases saplings by hand or by a schedule. The number of saplings that a schedule has released is computed
from the stored stock and the clock. No job runs at the release time, nothing is written, and every worker sees the new
saplings in the same second. When an operator changes a schedule, the number that the old schedule has released is
stored, and the new schedule continues from that instant.
"""

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from saxaul.catalog.calendar import instant_of
from saxaul.catalog.entries import ReleaseSchedule, TreeProject

_DAY = timedelta(days=1)


class Release(NamedTuple):
    """A number of saplings, and the instant in seconds at which they are released."""

    at: int
    saplings: int


class Timetable(NamedTuple):
    """A release schedule in a time zone."""

    schedule: ReleaseSchedule
    zone: ZoneInfo

    def days_by(self, now: int) -> int:
        """Return how many daily release times of the schedule have passed at an instant."""
        latest = self._day_of(now)
        while self._release_time(latest) > now:
            latest -= _DAY
        if self.schedule.last_day:
            latest = min(latest, self.schedule.last_day)
        return max(0, (latest - self.schedule.first_day).days + 1)

    def next_after(self, now: int) -> int | None:
        """Return the next release time after an instant; None after the last day."""
        day = max(self.schedule.first_day, self._day_of(now))
        while (release_time := self._release_time(day)) <= now:
            day += _DAY
        return None if self.schedule.last_day and day > self.schedule.last_day else release_time

    def _day_of(self, now: int) -> date:
        return datetime.fromtimestamp(now, self.zone).date()

    def _release_time(self, day: date) -> int:
        return instant_of(day, time.fromisoformat(self.schedule.at), self.zone)


class Stock(NamedTuple):
    """A project's saplings.

    Attributes:
        released: saplings released by hand in total.
        reserved: saplings reserved for redemptions, without those of cancelled redemptions.
        timetable: the schedule that releases more saplings; None if there is none.
        scheduled: saplings that this timetable and earlier ones had released by the instant ``scheduled_through``.
        closed: whether the project refuses new requests.
        version: the number of times that an operator changed the stock.
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
        """Return the number of unreserved saplings.

        It can be negative: another worker whose clock is ahead may already have reserved saplings of the next release.
        """
        return self.released_by(now) - self.reserved

    def next_release(self, now: int) -> Release | None:
        """Return the next release; None if there is none."""
        if self.timetable is None or self.closed:
            return None
        next_time = self.timetable.next_after(now)
        saplings = 0 if next_time is None else self._scheduled_by(next_time) - self._scheduled_by(now)
        return Release(next_time, saplings) if next_time is not None and saplings else None

    def planned(self, project: TreeProject, zone: ZoneInfo, now: int) -> "Stock":
        """Return the stock after an operator wrote its project to the catalog.

        The new schedule releases nothing for release times that have passed already.
        """
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
        """Return the stock after the project was deleted: closed, with no released saplings and no schedule."""
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
