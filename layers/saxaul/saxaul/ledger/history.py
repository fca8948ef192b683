"""A person's ledger as the API shows it: the entries, newest first, and the totals of a month."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.ledger.entries import ZERO, Entry
from saxaul.ledger.periods import Period

LineState = Literal["ripening", "ripe", "withheld", "void", "reversed"]
"""The state of an entry.

``void`` means that it does not count, and ``withheld`` that it counts but earns no points; its reason says why.
"""


class Line(NamedTuple):
    """An entry, its name, which is ``<app>:<action_id>``, and the period that holds it."""

    name: str
    entry: Entry
    period: Period

    @property
    def place(self) -> "LinePlace":
        return LinePlace(self.entry.occurred_at, self.name)

    @property
    def rule(self) -> tuple[str, int]:
        """The action type, and the version of it by which the points and the grams were computed; 0 if unknown."""
        return self.entry.type, self.entry.rule


class LinePlace(NamedTuple):
    """The sort position of a line: the time of the action, then the name. A cursor stores it to continue a list."""

    occurred_at: int
    name: str


class Total(NamedTuple):
    """The totals of one action type. ``quantity`` is the quantity that counts, in the type's unit."""

    type: str
    actions: int
    quantity: Decimal
    points: int
    avoided_g: Decimal


def lines_of_month(periods: Iterable[Period], month: str, calendar: Calendar) -> list[Line]:
    """Return the entries of one month, newest first."""
    lines = (Line(name, entry, period) for period in periods for name, entry in period.entries.items())
    of_month = (line for line in lines if calendar.window_of(line.entry.occurred_at, "month") == month)
    return sorted(of_month, key=lambda line: line.place, reverse=True)


def state_of(entry: Entry, calendar: Calendar, now: int) -> LineState:
    if entry.reversal:
        return "reversed"
    if entry.void:
        return "void"
    if entry.is_withheld:
        return "withheld"
    return "ripe" if calendar.ripens_at(entry.occurred_at) <= now else "ripening"


def totals_by_type(lines: Sequence[Line]) -> list[Total]:
    """Return the totals of these lines by action type, without reversed and void actions."""
    totals: dict[str, Total] = {}
    for entry in (line.entry for line in lines if line.entry.counts):
        so_far = totals.get(entry.type, Total(entry.type, 0, ZERO, 0, ZERO))
        totals[entry.type] = Total(
            entry.type,
            so_far.actions + entry.actions,
            so_far.quantity + entry.counted,
            so_far.points + entry.points,
            so_far.avoided_g + entry.avoided_g,
        )
    return sorted(totals.values(), key=lambda total: (-total.points, total.type))
