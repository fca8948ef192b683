"""The sums of a period: all that a wallet needs of it, without its entries.

A full period has hundreds of entries, but a wallet only needs its points, its avoided grams, and which of the points
are ripe. Most entries of a month or a year have been ripe for long. So the points are stored as one sum, together with
the points of the entries that may not be ripe yet. These are grouped by quarter of an hour: every time zone begins its
days at a full quarter of an hour of UTC, so the entries of a quarter ripen at the same time. (If points ripen at once,
they ripen at different times; but then all points of the past are ripe.)
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, Protocol

from saxaul.catalog.calendar import Calendar

_QUARTER = 900

RIPE_AFTER = 3 * 86_400
"""An entry that happened this many seconds before the newest entry was recorded is ripe whenever it is read.

Points ripen at most two days after their action (at 24:00 of the next day, on a day of 25 hours one hour later). The
rest is for a reader whose clock is behind that of the worker that recorded the newest entry.
"""


class Awarded(NamedTuple):
    """What a wallet needs of an entry. The instants are in seconds."""

    points: int
    avoided_g: Decimal
    occurred_at: int
    recorded_at: int


class Summed(Protocol):
    """What a wallet needs of a period: a ``Period`` with its entries has it, and so have ``PeriodSums``."""

    @property
    def window(self) -> str: ...

    @property
    def points(self) -> int: ...

    @property
    def avoided_g(self) -> Decimal: ...

    def ripe_points(self, calendar: Calendar, now: int) -> int: ...


class PeriodSums(NamedTuple):
    """The sums of one period.

    Attributes:
        points: the points of all entries.
        avoided_g: the grams avoided by all entries.
        ripening: the points of entries that may not be ripe, by an instant that ripens together with them: the start
            of the quarter of an hour in which they happened.
    """

    window: str
    points: int = 0
    avoided_g: Decimal = Decimal(0)
    ripening: Mapping[int, int] = MappingProxyType({})

    def ripe_points(self, calendar: Calendar, now: int) -> int:
        """Return the points that may be harvested at ``now``."""
        return self.points - sum(points for at, points in self.ripening.items() if calendar.ripens_at(at) > now)


def sums_of(window: str, entries: Iterable[Awarded]) -> PeriodSums:
    """Add up the entries of a period."""
    counted = list(entries)
    newest = max((entry.recorded_at for entry in counted), default=0)
    ripening: defaultdict[int, int] = defaultdict(int)
    for entry in counted:
        if entry.points and entry.occurred_at > newest - RIPE_AFTER:
            # The clock of an app may be ahead. If points ripen at once, an entry of the future is not ripe until then.
            is_ahead = entry.occurred_at > newest
            ripening[entry.occurred_at - (0 if is_ahead else entry.occurred_at % _QUARTER)] += entry.points
    return PeriodSums(
        window,
        sum(entry.points for entry in counted),
        sum((entry.avoided_g for entry in counted), Decimal(0)),
        dict(ripening),
    )
