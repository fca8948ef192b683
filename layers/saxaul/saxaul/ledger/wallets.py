"""Wallets. A wallet holds the points that a person can spend. A harvest moves ripe points from periods to the wallet.

Points ripen on the day after their action, at the time that the stack parameter ``HarvestTime`` sets. If
``HarvestTime`` is ``at-once``, points ripen immediately. In ``credited``, a wallet stores how many points it received
from each open period. For each open period, a harvest adds the ripe points minus ``credited[window]`` to the balance.
So a repeated harvest adds nothing, and if a period gains or loses points later, the next harvest adds or subtracts the
difference. A harvest also closes the periods that end on or before ``closed_through``. Later harvests do not read
closed periods.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar, last_day
from saxaul.ledger.entries import ZERO
from saxaul.ledger.periods import Period
from saxaul.ledger.sums import Summed


class Wallet(NamedTuple):
    """A person's wallet. ``balance`` may be negative after a reversal; then the person can spend nothing.

    Attributes:
        balance: the spendable points.
        spent: the points spent on redemptions, minus refunds.
        credited: the points received from each open period, by window.
        closed_through: periods that end on or before this day are closed, unless they are in ``credited``; None before
            the first harvest.
        closed_g: grams avoided in the closed periods.
    """

    user_id: str
    balance: int = 0
    spent: int = 0
    credited: Mapping[str, int] = MappingProxyType({})
    closed_through: date | None = None
    closed_g: Decimal = ZERO
    version: int = 0

    @property
    def open_windows(self) -> "OpenWindows":
        """The windows of the periods that may be open.

        Before the first harvest, these are all windows. After that, these are the windows that begin after
        ``closed_through``, the month and the year of the day after ``closed_through``, and every window in
        ``credited``, which includes those of reopened periods.
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
        """Return the wallet with a closed period reopened. All points of the period were already received."""
        return self._replace(
            credited={**self.credited, period.key.window: period.points},
            closed_g=self.closed_g - period.avoided_g,
        )


class OpenWindows(NamedTuple):
    """All windows that, compared as text, are not before ``first``, and the windows in ``others``."""

    first: str
    others: frozenset[str]


class Position(NamedTuple):
    """A person's points and avoided grams. Always ``earned == ripening + spendable + spent``.

    ``spendable`` is the balance. ``ripening`` is the points that are earned and not harvested yet; some of them may be
    ripe already, and ``harvestable`` is that part. ``earned`` and ``avoided_g`` are the totals of all periods.
    """

    spendable: int
    ripening: int
    harvestable: int
    earned: int
    spent: int
    avoided_g: Decimal


def position(wallet: Wallet, periods: Sequence[Summed], calendar: Calendar, now: int) -> Position:
    """Return a person's position. ``periods`` are all open periods of the wallet."""
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
    """The wallet after a harvest, and the points moved: below zero if reversals outweigh newly ripe points."""

    wallet: Wallet
    moved: int


def harvest(wallet: Wallet, periods: Sequence[Summed], calendar: Calendar, now: int) -> Harvest:
    """Move ripe points from the open periods to the wallet, and close old periods.

    If no period has points to move, the wallet stays the same object.
    """
    ripe = {period.window: period.ripe_points(calendar, now) for period in periods}
    if all(points == wallet.credited.get(window, 0) for window, points in ripe.items()):
        return Harvest(wallet, 0)
    moved = sum(ripe.values()) - sum(wallet.credited.values())
    closed_through = max(filter(None, (wallet.closed_through, calendar.closed_through(now))))
    closed = [period for period in periods if last_day(period.window) <= closed_through]
    closed_windows = {period.window for period in closed}
    return Harvest(
        wallet._replace(
            balance=wallet.balance + moved,
            credited={window: points for window, points in ripe.items() if points and window not in closed_windows},
            closed_through=closed_through,
            closed_g=wallet.closed_g + sum((period.avoided_g for period in closed), ZERO),
        ),
        moved,
    )
