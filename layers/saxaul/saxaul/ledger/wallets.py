"""Wallets: a user's spendable points, and the harvest that moves ripe points into them.

A wallet remembers what it has taken from each open period (``credited``), so a harvest adds
``ripe(period) - credited[period]``. Repeating it adds nothing, and what a period gained or lost comes with the next
harvest. A harvest closes the periods whose days have all passed ``closed_through``: they are not read again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar, last_day
from saxaul.ledger.periods import ZERO, Period


@dataclass(frozen=True)
class Wallet:
    """A user's points in hand. ``balance`` may fall below zero after a reversal; then nothing can be spent.

    Attributes:
        credited: points taken from each open period, by window.
        closed_through: the last day whose periods are closed; None before the first harvest.
        closed_g: grams avoided in the closed periods.
    """

    user_id: str
    balance: int = 0
    spent: int = 0
    credited: Mapping[str, int] = field(default_factory=dict)
    closed_through: date | None = None
    closed_g: Decimal = ZERO
    version: int = 0

    @property
    def open_windows(self) -> "OpenWindows":
        """The windows of the periods that may be open.

        Before the first harvest these are all. After it these are the days since ``closed_through``, the month and
        the year that the next day falls in, and those that a late action or reversal reopened.
        """
        if self.closed_through is None:
            return OpenWindows("", frozenset())
        next_day = (self.closed_through + timedelta(days=1)).isoformat()
        return OpenWindows(next_day, frozenset({next_day[:7], next_day[:4], *self.credited}))

    def is_closed(self, window: str) -> bool:
        return (
            self.closed_through is not None and last_day(window) <= self.closed_through and window not in self.credited
        )

    def reopened(self, period: Period) -> "Wallet":
        """The wallet with a closed period open again, credited with the points that it had when it was closed."""
        return replace(
            self,
            credited={**self.credited, period.key.window: period.points},
            closed_g=self.closed_g - period.avoided_g,
        )


class OpenWindows(NamedTuple):
    """Every window that sorts from ``first`` on, and ``others`` beside them."""

    first: str
    others: frozenset[str]


class Position(NamedTuple):
    """What a user has. ``earned == ripening + spendable + spent``, always.

    ``ripening`` is all that is still in periods; ``harvestable`` is the part of it that is ripe.
    """

    spendable: int
    ripening: int
    harvestable: int
    earned: int
    spent: int
    avoided_g: Decimal


def position(wallet: Wallet, periods: Sequence[Period], calendar: Calendar, now: int) -> Position:
    """A user's position, from the wallet and all its open periods."""
    credited = sum(wallet.credited.values())
    ripening = sum(period.points for period in periods) - credited
    return Position(
        spendable=wallet.balance,
        ripening=ripening,
        harvestable=sum(period.ripe_points(calendar, now) for period in periods) - credited,
        earned=wallet.balance + wallet.spent + ripening,
        spent=wallet.spent,
        avoided_g=wallet.closed_g + sum((period.avoided_g for period in periods), ZERO),
    )


class Harvest(NamedTuple):
    """The wallet after a harvest, and the points that it moved; negative where reversals outweigh."""

    wallet: Wallet
    moved: int


def harvest(wallet: Wallet, periods: Sequence[Period], calendar: Calendar, now: int) -> Harvest:
    """Move what is ripe, and close what is final. Where nothing is to be moved, the wallet is left as it is."""
    ripe = {period.key.window: period.ripe_points(calendar, now) for period in periods}
    if all(points == wallet.credited.get(window, 0) for window, points in ripe.items()):
        return Harvest(wallet, 0)
    moved = sum(ripe.values()) - sum(wallet.credited.values())
    closed_through = max(filter(None, (wallet.closed_through, calendar.closed_through(now))))
    closed = [period for period in periods if last_day(period.key.window) <= closed_through]
    closed_windows = {period.key.window for period in closed}
    return Harvest(
        replace(
            wallet,
            balance=wallet.balance + moved,
            credited={window: points for window, points in ripe.items() if points and window not in closed_windows},
            closed_through=closed_through,
            closed_g=wallet.closed_g + sum((period.avoided_g for period in closed), ZERO),
        ),
        moved,
    )
