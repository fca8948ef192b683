"""A person's ledger as the API shows it: the entries, newest first, and the totals of a month."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.ledger.periods import ZERO, Entry, Period


class Line(NamedTuple):
    """An entry and its name, which is ``<app>:<action_id>``."""

    name: str
    entry: Entry

    @property
    def place(self) -> "LinePlace":
        return LinePlace(self.entry.occurred_at, self.name)


class LinePlace(NamedTuple):
    """The sort position of a line: the time of the action, then the name. A cursor stores it to continue a list."""

    occurred_at: int
    name: str


class Total(NamedTuple):
    """The totals of one action type. ``quantity`` is in the type's unit."""

    type: str
    actions: int
    quantity: Decimal
    points: int
    avoided_g: Decimal


def lines_of_month(periods: Iterable[Period], month: str, calendar: Calendar) -> list[Line]:
    """Return the entries of one month, newest first, without tombstones (reversals whose action has not arrived)."""
    lines = (
        Line(name, entry) for period in periods for name, entry in period.entries.items() if not entry.is_tombstone
    )
    of_month = (line for line in lines if calendar.window_of(line.entry.occurred_at, "month") == month)
    return sorted(of_month, key=lambda line: line.place, reverse=True)


def state_of(entry: Entry, calendar: Calendar, now: int) -> str:
    """Return the state of an entry: ``reversed``, ``withheld`` (a cap left no points), ``ripening`` or ``ripe``."""
    if entry.reversal:
        return "reversed"
    if entry.reason and not entry.points:
        return "withheld"
    return "ripe" if calendar.ripens_at(entry.occurred_at) <= now else "ripening"


def totals_by_type(lines: Sequence[Line]) -> list[Total]:
    """Return the totals of these lines by action type, without reversed actions."""
    totals: dict[str, Total] = {}
    for entry in (line.entry for line in lines if not line.entry.reversal):
        so_far = totals.get(entry.type, Total(entry.type, 0, ZERO, 0, ZERO))
        totals[entry.type] = Total(
            entry.type,
            so_far.actions + 1,
            so_far.quantity + entry.quantity,
            so_far.points + entry.points,
            so_far.avoided_g + entry.avoided_g,
        )
    return sorted(totals.values(), key=lambda total: (-total.points, total.type))
