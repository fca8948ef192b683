"""Reconciliation: whether all points that were earned are still there, and whether references agree.

An owner is checked from its own items alone. What spans owners (saplings, planting orders, certificates) is counted
in :class:`Books` while the items pass, and what agrees is forgotten again, so a whole table fits into little memory.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from saxaul.ledger.actions import Owner
from saxaul.ledger.periods import MAX_ENTRIES, ZERO, Entry, Period
from saxaul.ledger.wallets import Wallet
from saxaul.log.entries import Counts
from saxaul.trees.orders import OrderedTree, PlantingOrder
from saxaul.trees.redemptions import STANDING_STATES, Redemption, State
from saxaul.trees.stock import Stock

MAX_ITEM_BYTES = 400 * 1024
"""The largest item that DynamoDB takes."""

PAID = frozenset({State.RESERVED, State.ORDERED, State.REFUNDED, *STANDING_STATES, State.DEAD})
"""The states of redemptions that took saplings from a stock, and points from a wallet.

The points of a refunded tree went back; its saplings did not, for they are used up.
"""

_GRAM_TOLERANCE = Decimal("0.001")
"""A wallet adds up grams in another order than we do, so the last of 28 digits may differ."""


class Finding(NamedTuple):
    """Something that an operator should know. It is a fault unless it is only information."""

    subject: str
    detail: str
    is_fault: bool = True


@dataclass(frozen=True)
class Holdings:
    """All that the ledger holds of one owner. ``sizes`` has the bytes of each period's item, by window."""

    owner: Owner
    wallet: Wallet
    periods: Sequence[Period]
    redemptions: Sequence[Redemption] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def earned(self) -> int:
        return sum(period.points for period in self.periods)

    @cached_property
    def closed(self) -> Sequence[Period]:
        return [period for period in self.periods if self.wallet.is_closed(period.key.window)]

    @cached_property
    def taken(self) -> int:
        """The points that the wallet should have received: those of closed periods, and those credited of open ones."""
        return sum(period.points for period in self.closed) + sum(self.wallet.credited.values())

    @property
    def ripening(self) -> int:
        return self.earned - self.taken


def check(holdings: Holdings) -> list[Finding]:
    """What does not add up for one owner; nothing where all does."""
    checks = (
        [*_wallet_faults(holdings), *_spending_faults(holdings)]
        if holdings.owner.kind == "user"
        else _facility_faults(holdings)
    )
    subject = f"{holdings.owner.kind} {holdings.owner.id}"
    faults = [*checks, *_period_faults(holdings), *_doubles(holdings.periods)]
    findings = [Finding(subject, detail) for detail in faults]
    findings += [Finding(subject, detail, is_fault=False) for detail in _full_periods(holdings.periods)]
    if holdings.wallet.balance < 0:
        detail = f"the wallet is at {holdings.wallet.balance} points: more was reversed than was left"
        findings.append(Finding(subject, detail, is_fault=False))
    return findings


def _wallet_faults(holdings: Holdings) -> Iterator[str]:
    wallet = holdings.wallet
    received = wallet.balance + wallet.spent
    if received != holdings.taken:
        # spendable + spent is what the wallet received, so this is earned - ripening - spendable - spent.
        yield (
            f"earned {holdings.earned} is not ripening {holdings.ripening} + spendable {wallet.balance} "
            f"+ spent {wallet.spent}: {received - holdings.taken:+d} points"
        )
    windows = {period.key.window for period in holdings.periods}
    for window, points in wallet.credited.items():
        if points and window not in windows:
            yield f"the wallet has {points} points of period {window}, which is not there"
    closed_g = sum((period.avoided_g for period in holdings.closed), ZERO)
    if abs(wallet.closed_g - closed_g) >= _GRAM_TOLERANCE:
        yield f"the wallet has {wallet.closed_g:f} g of closed periods that hold {closed_g:f} g"


def _spending_faults(holdings: Holdings) -> Iterator[str]:
    paid = sum(
        redemption.points - redemption.refunded_points
        for redemption in holdings.redemptions
        if redemption.state in PAID
    )
    if paid != holdings.wallet.spent:
        yield f"the wallet spent {holdings.wallet.spent} points, but the redemptions took {paid}"


def _facility_faults(holdings: Holdings) -> Iterator[str]:
    if holdings.earned:
        yield f"a facility earns no points, and this one has {holdings.earned}"


def _period_faults(holdings: Holdings) -> Iterator[str]:
    for period in holdings.periods:
        window = period.key.window
        if len(period.entries) > MAX_ENTRIES:
            yield f"period {window} has {len(period.entries)} entries, and its bound is {MAX_ENTRIES}"
        if (size := holdings.sizes.get(window, 0)) > MAX_ITEM_BYTES:
            yield f"period {window} takes {size} bytes, and an item may take {MAX_ITEM_BYTES}"
        for name, entry in period.entries.items():
            if entry.points < 0:
                yield f"action {name} on period {window} has {entry.points} points"
            if entry.reversal and _is_worth_something(entry):
                yield f"action {name} on period {window} was reversed and still has points, grams or units"


def _full_periods(periods: Sequence[Period]) -> Iterator[str]:
    for period in periods:
        if period.overflowed:
            yield f"period {period.key.window} had no room for {period.overflowed} more actions, which earned nothing"


def _is_worth_something(entry: Entry) -> bool:
    return bool(entry.points or entry.avoided_g or entry.units)


def _doubles(periods: Sequence[Period]) -> Iterator[str]:
    windows: defaultdict[str, list[str]] = defaultdict(list)
    for period in periods:
        for name, entry in period.entries.items():
            if not entry.is_tombstone:
                windows[name].append(period.key.window)
    for name, found in windows.items():
        if len(found) > 1:
            yield f"action {name} stands in the periods {' and '.join(found)}"


class LooseEnd(NamedTuple):
    """A tree that is recorded on one side only: by its redemption, or by an order.

    Where ``order_id`` is None, the other side is a certificate.

    ``surplus`` is how often the redemption has it more than the other side does; negative where less.
    """

    order_id: str | None
    project_id: str
    tree: OrderedTree
    surplus: int

    @property
    def finding(self) -> Finding:
        redemption = f"redemption {self.tree.redemption_id} of user {self.tree.user_id}"
        number = self.tree.number
        match self.order_id, self.surplus > 0:
            case None, True:
                return Finding(redemption, f"has tree {number}, whose certificate does not lead to it")
            case None, False:
                return Finding(f"certificate {number}", f"leads to {redemption}, which has no such tree")
            case _, True:
                return Finding(redemption, f"has tree {number} in order {self.order_id}, which does not list it")
            case _:
                return Finding(f"order {self.order_id}", f"lists tree {number} of {redemption}, which does not say so")


class _Claim(NamedTuple):
    order_id: str | None
    project_id: str
    tree: OrderedTree


class Census:
    """The trees of all redemptions, counted as the public log counts them."""

    def __init__(self) -> None:
        self._states: Counter[State] = Counter()

    def add(self, redemption: Redemption) -> None:
        self._states.update(redemption.tree_state(tree) for tree in redemption.trees)

    @property
    def counts(self) -> Counts:
        standing, dead = sum(self._states[state] for state in STANDING_STATES), self._states[State.DEAD]
        return Counts(standing + dead, dead, standing)


def log_findings(logged: Counts, counted: Counts) -> list[Finding]:
    """What is wrong where the public log and the trees have different counts at the same time."""
    if logged == counted:
        return []
    detail = (
        f"counts {logged.planted} planted, {logged.dead} dead, {logged.standing} standing, but of the trees "
        f"{counted.planted} are planted, {counted.dead} dead, {counted.standing} standing"
    )
    return [Finding("the public log", detail)]


class Books:
    """What must agree between owners, projects, planting orders and certificates."""

    def __init__(self) -> None:
        self.census = Census()
        self._trees: Counter[str] = Counter()
        self._stocks: dict[str, Stock] = {}
        self._claims: dict[_Claim, int] = {}
        self._unpaid: set[OrderedTree] = set()

    def add_redemption(self, redemption: Redemption) -> None:
        trees = [
            (tree, OrderedTree(redemption.user_id, redemption.redemption_id, tree.number)) for tree in redemption.trees
        ]
        if redemption.state not in PAID:
            self._unpaid.update(named for _, named in trees)
            return
        self.census.add(redemption)
        self._trees[redemption.project_id] += len(trees)
        for tree, named in trees:
            self._count(_Claim(None, "", named), 1)
            for order_id in tree.orders:
                self._count(_Claim(order_id, redemption.project_id, named), 1)

    def add_order(self, order: PlantingOrder) -> None:
        for tree in order.trees:
            self._count(_Claim(order.order_id, order.project_id, tree), -1)

    def add_certificate(self, leads_to: OrderedTree) -> None:
        self._count(_Claim(None, "", leads_to), -1)

    def add_stock(self, stock: Stock) -> None:
        self._stocks[stock.project_id] = stock

    def loose_ends(self) -> list[LooseEnd]:
        """What only one side has. A certificate is written before its redemption is settled, so it may wait."""
        return [
            LooseEnd(*claim, surplus)
            for claim, surplus in self._claims.items()
            if claim.order_id is not None or surplus > 0 or claim.tree not in self._unpaid
        ]

    def uneven_projects(self, now: int) -> list[str]:
        """The projects whose stock and redemptions disagree."""
        projects = sorted({*self._trees, *self._stocks})
        return [
            project_id
            for project_id in projects
            if stock_findings(self.stock(project_id), self.stock(project_id), self._trees[project_id], now)
        ]

    def stock(self, project_id: str) -> Stock:
        return self._stocks.get(project_id, Stock(project_id))

    def _count(self, claim: _Claim, step: int) -> None:
        surplus = self._claims.pop(claim, 0) + step
        if surplus:
            self._claims[claim] = surplus


def stock_findings(before: Stock, after: Stock, trees: int, now: int) -> list[Finding]:
    """What is wrong with a stock, read before and after the trees that took its saplings were counted."""
    subject = f"project {before.project_id}"
    findings = []
    released = after.released_by(now)
    if after.reserved > released:
        findings.append(Finding(subject, f"reserved {after.reserved} of {released} saplings: it is oversold"))
    low, high = sorted((before.reserved, after.reserved))
    if not low <= trees <= high:
        findings.append(Finding(subject, f"reserved {after.reserved} saplings, but its redemptions took {trees}"))
    return findings
