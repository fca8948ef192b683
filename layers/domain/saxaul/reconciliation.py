"""Reconciliation: whether what was earned is still all there, and what belongs together names each other.

An owner is checked from its own items alone. What spans owners (saplings, planting orders, certificates) is counted
in :class:`Books` while the items pass, and what agrees is forgotten again, so a whole table fits into little memory.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from saxaul.actions import Owner
from saxaul.pages import MAX_ENTRIES, ZERO, Entry, Page
from saxaul.planting import OrderedTree, PlantingOrder
from saxaul.redemptions import Redemption, State, Stock
from saxaul.wallets import Wallet

MAX_ITEM_BYTES = 400 * 1024
"""The largest item that DynamoDB takes."""

UNPAID = frozenset({State.REQUESTED, State.REJECTED})
PAID = frozenset({State.RESERVED, State.ORDERED, State.PLANTED})
"""The states of redemptions that took points from a wallet and saplings from a stock."""

IN_AN_ORDER = frozenset({State.ORDERED, State.PLANTED})

_GRAM_TOLERANCE = Decimal("0.001")
"""A wallet adds up grams in another order than we do, so the last of 28 digits may differ."""


class Finding(NamedTuple):
    """Something that an operator should know. It is a fault unless it is only information."""

    subject: str
    detail: str
    is_fault: bool = True


@dataclass(frozen=True)
class Holdings:
    """All that the ledger holds of one owner. ``sizes`` has the bytes of each page's item, by window."""

    owner: Owner
    wallet: Wallet
    pages: Sequence[Page]
    redemptions: Sequence[Redemption] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def earned(self) -> int:
        return sum(page.points for page in self.pages)

    @cached_property
    def folded(self) -> Sequence[Page]:
        return [page for page in self.pages if self.wallet.is_folded(page.key.window)]

    @cached_property
    def taken(self) -> int:
        """The points that the wallet should have received: those of folded pages, and what it credited of others."""
        return sum(page.points for page in self.folded) + sum(self.wallet.credited.values())

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
    faults = [*checks, *_page_faults(holdings), *_doubles(holdings.pages)]
    findings = [Finding(subject, detail) for detail in faults]
    findings += [Finding(subject, detail, is_fault=False) for detail in _full_pages(holdings.pages)]
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
    windows = {page.key.window for page in holdings.pages}
    for window, points in wallet.credited.items():
        if points and window not in windows:
            yield f"the wallet has {points} points of page {window}, which is not there"
    settled_g = sum((page.avoided_g for page in holdings.folded), ZERO)
    if abs(wallet.settled_g - settled_g) >= _GRAM_TOLERANCE:
        yield f"the wallet has {wallet.settled_g:f} g of folded pages that hold {settled_g:f} g"


def _spending_faults(holdings: Holdings) -> Iterator[str]:
    paid = sum(redemption.points for redemption in holdings.redemptions if redemption.state in PAID)
    if paid != holdings.wallet.spent:
        yield f"the wallet spent {holdings.wallet.spent} points, but the redemptions took {paid}"


def _facility_faults(holdings: Holdings) -> Iterator[str]:
    if holdings.earned:
        yield f"a facility earns no points, and this one has {holdings.earned}"


def _page_faults(holdings: Holdings) -> Iterator[str]:
    for page in holdings.pages:
        window = page.key.window
        if len(page.entries) > MAX_ENTRIES:
            yield f"page {window} has {len(page.entries)} entries, and its bound is {MAX_ENTRIES}"
        if (size := holdings.sizes.get(window, 0)) > MAX_ITEM_BYTES:
            yield f"page {window} takes {size} bytes, and an item may take {MAX_ITEM_BYTES}"
        for name, entry in page.entries.items():
            if entry.points < 0:
                yield f"action {name} on page {window} has {entry.points} points"
            if entry.reversal and _is_worth_something(entry):
                yield f"action {name} on page {window} was reversed and still has points, grams or units"


def _full_pages(pages: Sequence[Page]) -> Iterator[str]:
    for page in pages:
        if page.overflowed:
            yield f"page {page.key.window} had no room for {page.overflowed} more actions, which earned nothing"


def _is_worth_something(entry: Entry) -> bool:
    return bool(entry.points or entry.avoided_g or entry.units)


def _doubles(pages: Sequence[Page]) -> Iterator[str]:
    windows: defaultdict[str, list[str]] = defaultdict(list)
    for page in pages:
        for name, entry in page.entries.items():
            if not entry.is_tombstone:
                windows[name].append(page.key.window)
    for name, found in windows.items():
        if len(found) > 1:
            yield f"action {name} stands on the pages {' and '.join(found)}"


class LooseEnd(NamedTuple):
    """A tree that its redemption and an order (or a certificate, where ``order_id`` is None) do not both tell of.

    ``surplus`` is how often the redemption tells of it more than the other side does; negative where less.
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


class Books:
    """What must agree between owners, projects, planting orders and certificates."""

    def __init__(self) -> None:
        self._trees: Counter[str] = Counter()
        self._stocks: dict[str, Stock] = {}
        self._claims: dict[_Claim, int] = {}
        self._unpaid: set[OrderedTree] = set()

    def add_redemption(self, redemption: Redemption) -> None:
        trees = [OrderedTree(redemption.user_id, redemption.redemption_id, tree.number) for tree in redemption.trees]
        if redemption.state not in PAID:
            self._unpaid.update(trees)
            return
        self._trees[redemption.project_id] += len(trees)
        for tree in trees:
            self._count(_Claim(None, "", tree), 1)
            if redemption.state in IN_AN_ORDER:
                self._count(_Claim(redemption.order_id, redemption.project_id, tree), 1)

    def add_order(self, order: PlantingOrder) -> None:
        for tree in order.trees:
            self._count(_Claim(order.order_id, order.project_id, tree), -1)

    def add_certificate(self, leads_to: OrderedTree) -> None:
        self._count(_Claim(None, "", leads_to), -1)

    def add_stock(self, stock: Stock) -> None:
        self._stocks[stock.project_id] = stock

    def loose_ends(self) -> list[LooseEnd]:
        """What only one side tells of. A certificate is written before its redemption is settled, so it may wait."""
        return [
            LooseEnd(*claim, surplus)
            for claim, surplus in self._claims.items()
            if claim.order_id is not None or surplus > 0 or claim.tree not in self._unpaid
        ]

    def uneven_projects(self) -> list[str]:
        """The projects whose stock and redemptions do not tell the same."""
        projects = sorted({*self._trees, *self._stocks})
        return [it for it in projects if stock_findings(self.stock(it), self.stock(it), self._trees[it])]

    def stock(self, project_id: str) -> Stock:
        return self._stocks.get(project_id, Stock(project_id))

    def _count(self, claim: _Claim, step: int) -> None:
        told = self._claims.pop(claim, 0) + step
        if told:
            self._claims[claim] = told


def stock_findings(before: Stock, after: Stock, trees: int) -> list[Finding]:
    """What is wrong with a stock, read before and after the trees that took its saplings were counted."""
    subject = f"project {before.project_id}"
    findings = []
    if after.reserved > after.released:
        findings.append(Finding(subject, f"reserved {after.reserved} of {after.released} saplings: it is oversold"))
    low, high = sorted((before.reserved, after.reserved))
    if not low <= trees <= high:
        findings.append(Finding(subject, f"reserved {after.reserved} saplings, but its redemptions took {trees}"))
    return findings
