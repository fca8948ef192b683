"""The programme's time: its days, the windows of its caps, and when what was earned may be harvested.

An instant is whole seconds since 1970 (UTC). A day is a day of the programme's time zone.
A window is an ISO 8601 date of its own length: ``2026``, ``2026-11`` or ``2026-11-23``.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

WindowLength = Literal["day", "month", "year"]
"""How long a window of a cap is, and so the period that holds its entries."""

CLOCK_SKEW = 300
"""Seconds that an app's clock may be ahead of ours."""

GRACE_DAYS = 1
"""Days between the last direct post onto a period and its closing: far longer than any function runs."""

_LENGTH: Mapping[WindowLength, int] = {"year": 4, "month": 7, "day": 10}
"""Characters of the ISO 8601 date of a window."""


@dataclass(frozen=True)
class Calendar:
    """The time rules of a programme.

    Attributes:
        zone: where its days begin and end.
        acceptance_days: how long after the act an app may report it.
        harvest_time: when, on the day after the act, its points ripen; None where they ripen at once.
    """

    zone: ZoneInfo
    acceptance_days: int
    harvest_time: time | None

    def day_of(self, instant: int) -> date:
        return datetime.fromtimestamp(instant, self.zone).date()

    def window_of(self, instant: int, length: WindowLength) -> str:
        return self.day_of(instant).isoformat()[: _LENGTH[length]]

    def windows_of(self, instant: int) -> tuple[str, str, str]:
        """The day, the month and the year that an instant falls in."""
        day = self.day_of(instant).isoformat()
        return day, day[:7], day[:4]

    def ripens_at(self, occurred_at: int) -> int:
        """The instant from which the points of an act may be harvested."""
        if self.harvest_time is None:
            return occurred_at
        return instant_of(self.day_of(occurred_at) + timedelta(days=1), self.harvest_time, self.zone)

    def is_too_old(self, occurred_at: int, now: int) -> bool:
        earliest = self.day_of(now) - timedelta(days=self.acceptance_days)
        return occurred_at < instant_of(earliest, time(), self.zone)

    def is_in_future(self, occurred_at: int, now: int) -> bool:
        return occurred_at > now + CLOCK_SKEW

    def may_be_closed(self, window: str, now: int) -> bool:
        """Whether all that may still be accepted into a window has ripened.

        Such a period may be closed into its wallet, so whoever posts onto it must reopen it there.
        """
        return last_day(window) + timedelta(days=self._open_days) < self.day_of(now)

    def closed_through(self, now: int) -> date:
        """The last day whose periods a harvest closes: so long ago that no direct post onto them is under way."""
        return self.day_of(now) - timedelta(days=self._open_days + GRACE_DAYS + 1)

    @property
    def _open_days(self) -> int:
        """Days after its last day for which a window stays open: late reports, and the ripening of the last one."""
        return max(self.acceptance_days, 1) + 1

    def rfc3339(self, instant: int) -> str:
        """An instant as people of the programme read it, with its offset."""
        return datetime.fromtimestamp(instant, self.zone).isoformat()


def last_day(window: str) -> date:
    """The last day of a window."""
    if len(window) == _LENGTH["year"]:
        return date(int(window), 12, 31)
    if len(window) == _LENGTH["month"]:
        year, month = int(window[:4]), int(window[5:])
        return date(year, month, monthrange(year, month)[1])
    return date.fromisoformat(window)


@lru_cache(maxsize=4096)
def instant_of(day: date, at: time, zone: ZoneInfo) -> int:
    """The instant of a wall clock; the first one where the clocks are set back."""
    return int(datetime.combine(day, at, zone).timestamp())
