"""What an app reported: the entries of one app that were posted in a span of time."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Self

from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import Entry, app_of
from saxaul.ledger.periods import Period

Standing = Literal["counts", "void", "reversed"]
"""Whether an entry counts, and if not, why. It is not the state of a ledger line, which the API shows."""


class Sought(NamedTuple):
    """Which entries are sought.

    Attributes:
        first, end: when they were posted, in seconds; ``end`` is excluded. A sum was posted when its first action was.
        action_type, user_id: the only type and the only person; empty if any.
    """

    app: str
    first: int
    end: int
    action_type: str = ""
    user_id: str = ""

    def has(self, owner: Owner, name: str, entry: Entry) -> bool:
        return (
            app_of(name) == self.app
            and self.first <= entry.recorded_at < self.end
            and self.action_type in ("", entry.type)
            and (not self.user_id or owner == Owner("user", self.user_id))
        )


class AppLine(NamedTuple):
    """An entry of the app: an action, or a sum of ``summed`` actions, which ``action_id`` then names.

    Attributes:
        points, avoided_g: what it earns now, which is nothing unless it counts.
    """

    owner: Owner
    action_id: str
    type: str
    summed: int
    quantity: Decimal
    occurred_at: int
    recorded_at: int
    points: int
    avoided_g: Decimal
    standing: Standing

    @classmethod
    def of(cls, owner: Owner, name: str, entry: Entry) -> Self:
        return cls(
            owner,
            name.partition(":")[2],
            entry.type,
            entry.summed,
            entry.quantity,
            entry.occurred_at,
            entry.recorded_at,
            entry.points,
            entry.avoided_g,
            "reversed" if entry.reversal else "void" if entry.void else "counts",
        )

    @property
    def actions(self) -> int:
        """How many actions it stands for."""
        return self.summed or 1

    def row(self) -> list[Any]:
        """Return the line as JSON values."""
        return [list(value) if isinstance(value, Owner) else _plain(value) for value in self]

    @classmethod
    def of_row(cls, row: list[Any]) -> Self:
        owner, action_id, type_, summed, quantity, occurred_at, recorded_at, points, avoided_g, standing = row
        numbers = (summed, Decimal(quantity), occurred_at, recorded_at, points, Decimal(avoided_g))
        return cls(Owner(*owner), action_id, type_, *numbers, standing)


def lines_of(period: Period, sought: Sought) -> Iterator[AppLine]:
    """Yield the lines of a period that are sought."""
    for name, entry in period.entries.items():
        if sought.has(period.key.owner, name, entry):
            yield AppLine.of(period.key.owner, name, entry)


def _plain(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else value
