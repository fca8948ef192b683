"""Wallets: a user's spendable points, and the harvest that moves ripe points into them.

A wallet remembers what it has taken from each page that can still change (``credited``), so a harvest adds
``ripe(page) - credited[page]``. Repeating it adds nothing, and what a page gained or lost comes with the next one.
Pages whose days are all ``settled_through`` are final: they are folded into the wallet and not read again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from saxaul.calendar import Calendar, last_day
from saxaul.pages import ZERO, Page


@dataclass(frozen=True)
class Wallet:
    """A user's points in hand. ``balance`` may fall below zero after a reversal; then nothing can be spent.

    Attributes:
        credited: points taken from each page that is not folded, by window.
        settled_through: the last day whose pages are folded; None before the first harvest.
        settled_g: grams avoided on the folded pages.
    """

    user_id: str
    balance: int = 0
    spent: int = 0
    credited: Mapping[str, int] = field(default_factory=dict)
    settled_through: date | None = None
    settled_g: Decimal = ZERO
    version: int = 0

    def is_folded(self, window: str) -> bool:
        return (
            self.settled_through is not None
            and last_day(window) <= self.settled_through
            and window not in self.credited
        )

    def reopened(self, page: Page) -> "Wallet":
        """The wallet with a folded page back among those that can change, as it was when it was folded."""
        return replace(
            self,
            credited={**self.credited, page.key.window: page.points},
            settled_g=self.settled_g - page.avoided_g,
        )


class Position(NamedTuple):
    """What a user has. ``earned == ripening + spendable + spent``, always.

    ``ripening`` is all that is still on pages; ``harvestable`` is the part of it that is ripe.
    """

    spendable: int
    ripening: int
    harvestable: int
    earned: int
    spent: int
    avoided_g: Decimal


def position(wallet: Wallet, pages: Sequence[Page], calendar: Calendar, now: int) -> Position:
    """A user's position, from the wallet and all its pages that are not folded."""
    credited = sum(wallet.credited.values())
    ripening = sum(page.points for page in pages) - credited
    return Position(
        spendable=wallet.balance,
        ripening=ripening,
        harvestable=sum(page.ripe_points(calendar, now) for page in pages) - credited,
        earned=wallet.balance + wallet.spent + ripening,
        spent=wallet.spent,
        avoided_g=wallet.settled_g + sum((page.avoided_g for page in pages), ZERO),
    )


class Harvest(NamedTuple):
    """The wallet after a harvest, and the points that it moved; negative where reversals outweigh."""

    wallet: Wallet
    moved: int


def harvest(wallet: Wallet, pages: Sequence[Page], calendar: Calendar, now: int) -> Harvest:
    """Move what is ripe, and fold what is final. Where nothing is to be moved, the wallet is left as it is."""
    ripe = {page.key.window: page.ripe_points(calendar, now) for page in pages}
    if all(points == wallet.credited.get(window, 0) for window, points in ripe.items()):
        return Harvest(wallet, 0)
    moved = sum(ripe.values()) - sum(wallet.credited.values())
    settled_through = max(filter(None, (wallet.settled_through, calendar.settled_through(now))))
    folded = [page for page in pages if last_day(page.key.window) <= settled_through]
    folded_windows = {page.key.window for page in folded}
    return Harvest(
        replace(
            wallet,
            balance=wallet.balance + moved,
            credited={window: points for window, points in ripe.items() if points and window not in folded_windows},
            settled_through=settled_through,
            settled_g=wallet.settled_g + sum((page.avoided_g for page in folded), ZERO),
        ),
        moved,
    )
