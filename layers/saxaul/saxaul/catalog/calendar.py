"""The time rules of a programme: its days, the windows of caps and periods, when points ripen, and when periods close.

An instant is a whole number of seconds since 1970 (UTC). A day is a day in the programme's time zone.
A window is a year, a month or a day, written as in ISO 8601: ``2026``, ``2026-11`` or ``2026-11-23``.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

WindowLength = Literal["day", "month", "year"]
"""The length of the window of a cap or of a period."""

CLOCK_SKEW = 300
"""The most seconds by which the clock of an app may be ahead of the platform's clock."""

GRACE_DAYS = 1
"""A safety margin in whole days.

Posts to an old period start to write the wallet too. A harvest may close the period only after this many further days.
By then, no post without the wallet can still be running, because no function runs for a whole day.
"""

CATALOG_DELAY = 60
"""The default of the template's parameter CatalogDelay.

A change of an existing entry takes effect this many seconds after it was written, or later.
"""

QUEUED_DAYS = 30
"""The most days that a message may spend in queues before its actions are posted.

A message is deleted 14 days after it was sent; the time in the action queue and the time in its dead-letter queue count
together. A redrive from the dead-letter queue starts another 14 days.
"""

_LENGTH: Mapping[WindowLength, int] = {"year": 4, "month": 7, "day": 10}
"""The number of characters that a window of each length has."""


class Windows(NamedTuple):
    """The windows of one instant: its day, its month and its year."""

    day: str
    month: str
    year: str

    def of(self, length: WindowLength) -> str:
        match length:
            case "day":
                return self.day
            case "month":
                return self.month
            case "year":
                return self.year


class Calendar(NamedTuple):
    """The time rules of a programme.

    Attributes:
        zone: the time zone of its days.
        acceptance_days: how many days after an action an app may report it.
        harvest_time: the time of day at which points ripen, on the day after the action; None if they ripen at once.
    """

    zone: ZoneInfo
    acceptance_days: int
    harvest_time: time | None

    def day_of(self, instant: int) -> date:
        return datetime.fromtimestamp(instant, self.zone).date()

    def end_of(self, day: date) -> int:
        """Return the last instant of a day."""
        return instant_of(day + timedelta(days=1), time(), self.zone) - 1

    def window_of(self, instant: int, length: WindowLength) -> str:
        return self.windows_of(instant).of(length)

    def windows_of(self, instant: int) -> Windows:
        """Return the windows of the day, the month and the year that contain an instant."""
        return _windows_of(instant, self.zone)

    def ripens_at(self, occurred_at: int) -> int:
        """Return the instant at which the points of an action ripen, so that a harvest can move them to the balance."""
        if self.harvest_time is None:
            return occurred_at
        return instant_of(self.day_of(occurred_at) + timedelta(days=1), self.harvest_time, self.zone)

    def ends_at(self, window: str) -> int:
        """Return the instant at which a window ends and the next one begins."""
        return instant_of(last_day(window) + timedelta(days=1), time(), self.zone)

    def is_too_old(self, occurred_at: int, now: int) -> bool:
        earliest = self.day_of(now) - timedelta(days=self.acceptance_days)
        return occurred_at < instant_of(earliest, time(), self.zone)

    def is_in_future(self, occurred_at: int, now: int) -> bool:
        return occurred_at > now + CLOCK_SKEW

    def may_be_closed(self, window: str, now: int) -> bool:
        """Return whether the wallet may have closed the period of a window. If so, a post must also write the wallet.

        Apps can no longer report actions of such a window, and all of its points are ripe. But reversals, and actions
        that were reported in time and then delayed in a queue, can still arrive.
        """
        return last_day(window) + timedelta(days=self._open_days) < self.day_of(now)

    def closed_through(self, now: int) -> date:
        """Return a day. A harvest closes the periods whose windows ended on or before this day.

        For at least GRACE_DAYS whole days, every post to such a period has also written the wallet.
        """
        return self.day_of(now) - timedelta(days=self._open_days + GRACE_DAYS + 1)

    @property
    def _open_days(self) -> int:
        """The days from the end of a window until reporting has ended and all points are ripe, plus one day."""
        return max(self.acceptance_days, 1) + 1

    def rfc3339(self, instant: int) -> str:
        """Return an instant in the programme's time zone, with its offset."""
        return datetime.fromtimestamp(instant, self.zone).isoformat()


@lru_cache(maxsize=8192)
def _windows_of(instant: int, zone: ZoneInfo) -> Windows:
    day = datetime.fromtimestamp(instant, zone).date().isoformat()
    return Windows(day, day[: _LENGTH["month"]], day[: _LENGTH["year"]])


@lru_cache(maxsize=4096)
def last_day(window: str) -> date:
    if len(window) == _LENGTH["year"]:
        return date(int(window), 12, 31)
    if len(window) == _LENGTH["month"]:
        year, month = int(window[:4]), int(window[5:])
        return date(year, month, monthrange(year, month)[1])
    return date.fromisoformat(window)


@lru_cache(maxsize=4096)
def instant_of(day: date, at: time, zone: ZoneInfo) -> int:
    """Return the instant of a local time on a day. If clocks go back and the time occurs twice, return the first."""
    return int(datetime.combine(day, at, zone).timestamp())
