"""Reconciliation: checks that every earned point is accounted for, and that related items agree.

:func:`check` checks one owner from the owner's own items. Stocks, planting orders and certificates concern many owners,
so :class:`CrossChecks` compares them with the redemptions while all items are read. ``CrossChecks`` stores a
tree only until both items that contain the tree have been read, and what is known of an order only until its items
agree. So checking a whole table needs little memory.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple, TypeVar

from saxaul.ledger.actions import Owner
from saxaul.ledger.awards import Terms, award_in_order, in_award_order
from saxaul.ledger.claims import MAX_CLAIMS
from saxaul.ledger.entries import ZERO, Entry, app_of
from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Wallet
from saxaul.log.counts import Counts
from saxaul.log.leaves import CountLeaf, parse
from saxaul.log.verdicts import RefusedError
from saxaul.trees.orders import OrderedTree, OrderProgress, PlantingOrder, open_trees
from saxaul.trees.redemptions import Redemption, Tree
from saxaul.trees.states import STANDING_STATES, State
from saxaul.trees.stock import Stock

MAX_ITEM_BYTES = 400 * 1024
"""The size of the largest item that DynamoDB stores."""

PAID = frozenset({State.RESERVED, State.ORDERED, State.REFUNDED, *STANDING_STATES, State.DEAD})
"""The states of redemptions for which points were spent and saplings were reserved.

The points of a refunded tree went back to the wallet. Its sapling was used up, so the sapling still counts as reserved.
"""

_GRAM_TOLERANCE = Decimal("0.001")
"""Smaller differences are not a fault: a wallet and this module add grams in different orders, so the last of 28 digits
may differ."""


class Finding(NamedTuple):
    """A message for the operator: a fault, or only information if ``is_fault`` is False."""

    subject: str
    detail: str
    is_fault: bool = True


@dataclass(frozen=True)
class Holdings:
    """All items of one owner. ``sizes`` has the size in bytes of each period's item, by window."""

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
    def received(self) -> int:
        """The points that harvests moved to the wallet: all points of closed periods; of open ones, ``credited``."""
        return sum(period.points for period in self.closed) + sum(self.wallet.credited.values())

    @property
    def ripening(self) -> int:
        """The points that are earned and not harvested yet. Some of them may be ripe."""
        return self.earned - self.received


def check(holdings: Holdings, terms: Terms | None = None) -> list[Finding]:
    """Check one owner, and return the findings. The list is empty if everything adds up.

    With ``terms``, compute again what each entry earns.
    """
    checks = (
        [*_wallet_faults(holdings), *_spending_faults(holdings)]
        if holdings.owner.kind == "user"
        else _facility_faults(holdings)
    )
    subject = f"{holdings.owner.kind} {holdings.owner.id}"
    awards = [line for period in holdings.periods for line in _award_faults(period, terms)] if terms else []
    repeats = [*_duplicates(holdings.periods), *_withdrawn_without_cause(holdings.periods)]
    faults = [*checks, *_period_faults(holdings), *repeats, *awards]
    findings = [Finding(subject, detail) for detail in faults]
    findings += [Finding(subject, detail, is_fault=False) for detail in _full_periods(holdings.periods)]
    if holdings.wallet.balance < 0:
        detail = f"the wallet is at {holdings.wallet.balance} points, because reversals took more than was left"
        findings.append(Finding(subject, detail, is_fault=False))
    return findings


def _wallet_faults(holdings: Holdings) -> Iterator[str]:
    wallet = holdings.wallet
    in_wallet = wallet.balance + wallet.spent
    if in_wallet != holdings.received:
        # in_wallet (spendable + spent) must be equal to received (earned - ripening).
        yield (
            f"earned {holdings.earned} is not equal to ripening {holdings.ripening} + spendable {wallet.balance} "
            f"+ spent {wallet.spent}: the difference is {in_wallet - holdings.received:+d} points"
        )
    windows = {period.key.window for period in holdings.periods}
    for window, points in wallet.credited.items():
        if points and window not in windows:
            yield f"the wallet has {points} points from period {window}, which does not exist"
    closed_g = sum((period.avoided_g for period in holdings.closed), ZERO)
    if abs(wallet.closed_g - closed_g) >= _GRAM_TOLERANCE:
        yield f"the wallet has {wallet.closed_g:f} g from closed periods, but these periods hold {closed_g:f} g"


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
        yield f"a facility cannot earn points, but this one has {holdings.earned}"


def _period_faults(holdings: Holdings) -> Iterator[str]:
    for period in holdings.periods:
        window = period.key.window
        if (size := holdings.sizes.get(window, 0)) > MAX_ITEM_BYTES:
            yield f"period {window} takes {size} bytes, but the limit of an item is {MAX_ITEM_BYTES}"
        for name, entry in period.entries.items():
            if entry.points < 0:
                yield f"action {name} in period {window} has {entry.points} points"
            if not entry.counts and _has_value(entry):
                why = "was reversed" if entry.reversal else f"is void ({entry.void})"
                yield f"action {name} in period {window} {why} but still has points, grams or units"


def _award_faults(period: Period, terms: Terms) -> Iterator[str]:
    """Yield a line for each entry that does not earn what the versions of the action types give."""
    for action_type in {entry.type for entry in period.entries.values()}:
        found = in_award_order(period.entries, action_type)
        try:
            awarded = list(award_in_order((entry for _, entry in found), terms))
        except KeyError as missing:
            yield f"period {period.key.window} has entries of {action_type} by a version that does not exist: {missing}"
            continue
        for (name, entry), correct in zip(found, awarded, strict=True):
            if entry != correct:
                yield (
                    f"action {name} in period {period.key.window} has {entry.points} points and "
                    f"{entry.avoided_g:f} g, but its rules give {correct.points} points and {correct.avoided_g:f} g"
                )


def _full_periods(periods: Sequence[Period]) -> Iterator[str]:
    for period in periods:
        for app in sorted(period.full):
            yield f"period {period.key.window} had no room for further actions of {app}, which earned nothing"


def _has_value(entry: Entry) -> bool:
    return bool(entry.points or entry.avoided_g or entry.units)


def _duplicates(periods: Sequence[Period]) -> Iterator[str]:
    """Yield a line for each action id that counts in two periods, and for each evidence that is paid twice or not."""
    windows: defaultdict[str, list[str]] = defaultdict(list)
    claims: defaultdict[str, list[Entry]] = defaultdict(list)
    reported: Counter[tuple[str, str]] = Counter()
    for period in periods:
        for name, entry in period.entries.items():
            if entry.counts and not entry.summed:
                windows[name].append(period.key.window)
            if entry.evidence_id:
                reported[entry.evidence_id, app_of(name)] += 1
            if entry.evidence_id and not entry.reversal and entry.void != "repeated_id":
                claims[entry.evidence_id].append(entry)
    # If an app claimed evidence too often, not all of its claims were kept. Those that remain may be such claims.
    may_be_unkept = {evidence_id for (evidence_id, _), number in reported.items() if number > MAX_CLAIMS}
    for name, found in windows.items():
        if len(found) > 1:
            yield f"action {name} counts in the periods {' and '.join(found)}"
    for evidence_id, entries in claims.items():
        counting = sum(entry.counts for entry in entries)
        if counting > 1 or (counting == 0 and evidence_id not in may_be_unkept):
            yield f"evidence {evidence_id} has {len(entries)} claims, of which {counting} count instead of one"


def _withdrawn_without_cause(periods: Sequence[Period]) -> Iterator[str]:
    """Yield a line for each action id that is withdrawn as a repeat, although no other period has it."""
    voids: defaultdict[str, set[str]] = defaultdict(set)
    for period in periods:
        for name, entry in period.entries.items():
            if not entry.reversal:
                voids[name].add(entry.void)
    for name, found in voids.items():
        if found == {"repeated_id"} and not any(period.sums_up(name) for period in periods):
            yield f"action {name} is withdrawn, but counts in no other period"


class Disagreement(NamedTuple):
    """A tree that a redemption links to an order although the order does not list the tree, or the reverse.

    If ``order_id`` is None, a certificate takes the place of the order. ``surplus`` is the number of such links in the
    redemption, minus their number in the order or certificate.
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
                return Finding(
                    f"order {self.order_id}", f"lists tree {number} of {redemption}, which does not name this order"
                )


Counted = TypeVar("Counted")


class _Link(NamedTuple):
    """A pair of a tree and an order, or of a tree and its certificate if ``order_id`` is None.

    The redemption must have this pair, and so must the order or the certificate.
    """

    order_id: str | None
    project_id: str
    tree: OrderedTree


class Census:
    """Counts trees by the same rules as the public log."""

    def __init__(self) -> None:
        self._states: Counter[State] = Counter()

    def add(self, redemption: Redemption) -> None:
        self._states.update(redemption.tree_state(tree) for tree in redemption.trees)

    @property
    def counts(self) -> Counts:
        standing, dead = sum(self._states[state] for state in STANDING_STATES), self._states[State.DEAD]
        return Counts(standing + dead, dead, standing)


def log_findings(logged: Counts, counted: Counts) -> list[Finding]:
    """Return a finding if the counts of the public log differ from the counted trees."""
    if logged == counted:
        return []
    detail = (
        f"counts {logged.planted} planted, {logged.dead} dead, {logged.standing} standing, but the redemptions have "
        f"{counted.planted} planted, {counted.dead} dead, {counted.standing} standing"
    )
    return [Finding("the public log", detail)]


class LoggedLife(NamedTuple):
    """What the statements about a tree come to. The tree and its leaves must agree on it.

    Attributes:
        certificate: the number of the tree's certificate.
        state: the state of the tree after the last one.
        statements: how many there are.
        previous: the hash of the newest leaf of its chain, in hexadecimal digits.
        since: how many came after that one.
    """

    certificate: str
    state: str
    statements: int
    previous: str
    since: int

    @classmethod
    def of_tree(cls, tree: Tree) -> "LoggedLife":
        return cls(tree.number, tree.state, tree.chain.statements, tree.chain.previous, tree.chain.since)

    @classmethod
    def of_leaves(cls, certificate: str, texts: Sequence[bytes]) -> "LoggedLife":
        """Return that of all leaves of a certificate, oldest first.

        Raises:
            RefusedError: a leaf is malformed, or is a count.
        """
        state, previous, since = "", "", 0
        for leaf in map(parse, texts):
            if isinstance(leaf, CountLeaf):
                raise RefusedError("it is a count, which no certificate has")
            state = leaf.state
            previous, since = (leaf.hash.hex(), 0) if leaf.is_in_chain else (previous, since + 1)
        return cls(certificate, state, len(texts), previous, since)


class PlacedLeaf(NamedTuple):
    """A leaf that has a position in the log: by its own item, or by that of its batch. The two must agree."""

    certificate: str
    number: int
    position: int

    @property
    def fingerprint(self) -> int:
        return int.from_bytes(sha256(repr(tuple(self)).encode()).digest()[:16])


PLACED_TOGETHER = 4096
"""The positions of so many leaves are compared by one number. Only if it differs are these leaves read again."""


class CrossChecks:
    """Collects items of owners, projects, planting orders, certificates and the log, and finds those that disagree."""

    def __init__(self) -> None:
        self.census = Census()
        self._lives: dict[LoggedLife, int] = {}
        self._placed: dict[int, int] = {}
        self._trees: Counter[str] = Counter()
        self._stocks: dict[str, Stock] = {}
        self._surpluses: dict[_Link, int] = {}
        self._unpaid: set[OrderedTree] = set()
        self._progress: dict[OrderProgress, int] = {}
        self._open_trees: dict[str, int] = {}

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
            _count(self._surpluses, _Link(None, "", named), 1)
            if tree.chain.statements:
                _count(self._lives, LoggedLife.of_tree(tree), 1)
            if tree.state is State.ORDERED:
                _count(self._open_trees, tree.order_id, 1)
            for order_id in tree.orders:
                _count(self._surpluses, _Link(order_id, redemption.project_id, named), 1)

    def add_order(self, order: PlantingOrder) -> None:
        _count(self._progress, OrderProgress.of(order, open_trees=0), 1)
        for tree in order.trees:
            _count(self._surpluses, _Link(order.order_id, order.project_id, tree), -1)

    def add_progress(self, progress: OrderProgress) -> None:
        """Add a progress. Its open trees are compared with the redemptions, and its other fields with the order."""
        _count(self._progress, progress._replace(open_trees=0, version=0), -1)
        _count(self._open_trees, progress.order_id, -progress.open_trees)

    def add_leaves(self, life: LoggedLife) -> None:
        """Add all leaves of a certificate."""
        _count(self._lives, life, -1)

    def add_placed(self, leaf: PlacedLeaf, *, by_batch: bool) -> None:
        """Add a position of a leaf: as its batch has it, or as the leaf itself has it."""
        _count(self._placed, leaf.position // PLACED_TOGETHER, leaf.fingerprint if by_batch else -leaf.fingerprint)

    def unlike_leaves(self) -> list[str]:
        """Return the certificates whose tree and leaves disagree, or of which only one of the two exists."""
        return sorted({life.certificate for life in self._lives})

    def unlike_positions(self) -> list[range]:
        """Return the positions at which batches and leaves disagree, or those around them."""
        groups = sorted(self._placed)
        return [range(group * PLACED_TOGETHER, (group + 1) * PLACED_TOGETHER) for group in groups]

    def add_certificate(self, leads_to: OrderedTree) -> None:
        _count(self._surpluses, _Link(None, "", leads_to), -1)

    def add_stock(self, stock: Stock) -> None:
        self._stocks[stock.project_id] = stock

    def disagreements(self) -> list[Disagreement]:
        """Return the trees on which a redemption disagrees with an order or a certificate.

        A certificate is written before its redemption is settled. So certificates of unpaid redemptions are left out.
        """
        return [
            Disagreement(*link, surplus)
            for link, surplus in self._surpluses.items()
            if link.order_id is not None or surplus > 0 or link.tree not in self._unpaid
        ]

    def unbalanced_projects(self, now: int) -> list[str]:
        """Return the projects whose stock does not match their redemptions."""
        projects = sorted({*self._trees, *self._stocks})
        return [
            project_id
            for project_id in projects
            if stock_findings(self.stock(project_id), self.stock(project_id), self._trees[project_id], now)
        ]

    def unbalanced_orders(self) -> list[str]:
        """Return the orders that disagree with their progress, and those of which only one of the two exists."""
        return sorted({*self._open_trees, *(progress.order_id for progress in self._progress)})

    def stock(self, project_id: str) -> Stock:
        return self._stocks.get(project_id, Stock(project_id))


def _count(surpluses: dict[Counted, int], counted: Counted, step: int) -> None:
    """Add a step to the surplus of something. A surplus of zero is not stored."""
    surplus = surpluses.pop(counted, 0) + step
    if surplus:
        surpluses[counted] = surplus


def life_findings(certificate: str, tree: Tree | None, texts: Sequence[bytes]) -> list[Finding]:
    """Return how the leaves of a certificate, oldest first, disagree with its tree."""
    subject = f"certificate {certificate}"
    if tree is None:
        return [Finding(subject, f"has {len(texts)} leaves for the public log, but no tree")] if texts else []
    if tree.chain.statements != len(texts):
        detail = f"has {len(texts)} leaves for the public log, but its tree has {tree.chain.statements} statements"
        return [Finding(subject, detail)]
    if texts and LoggedLife.of_leaves(certificate, texts) != LoggedLife.of_tree(tree):
        return [Finding(subject, "has leaves for the public log that its tree does not follow from")]
    return []


def evidence_findings(certificate: str, held: Iterable[str], owners: Mapping[str, str]) -> list[Finding]:
    """Return which evidence of a tree is not noted as its own.

    ``held`` names the tag, the place and the photo of the tree in the ground; ``owners`` has the certificate of each.
    """
    subject = f"certificate {certificate}"
    return [
        Finding(subject, f"has the {name}, which is noted for {owners.get(name) or 'nobody'}")
        for name in held
        if owners.get(name) != certificate
    ]


def progress_findings(
    order_id: str,
    order: PlantingOrder | None,
    redemptions: Mapping[str, Redemption],
    progress: OrderProgress | None,
) -> list[Finding]:
    """Return how the progress of an order disagrees with the order and its redemptions, which are given by id.

    If one of the redemptions is missing, or if a redemption names an order that does not exist, that is a finding of
    its own. So the open trees are not compared if a redemption is missing.
    """
    subject = f"order {order_id}"
    if order is None:
        return [Finding(subject, "has a progress, but does not exist")] if progress else []
    if progress is None:
        return [Finding(subject, "has no progress")]
    findings = []
    if redemptions.keys() >= {tree.redemption_id for tree in order.trees}:
        counted = open_trees(order, redemptions)
        if progress.open_trees != counted:
            detail = f"counts {progress.open_trees} open trees, but its redemptions have {counted}"
            findings.append(Finding(subject, detail))
    expected = OrderProgress.of(order, progress.open_trees)._replace(version=progress.version)
    findings += [
        Finding(subject, f"has a progress with {name} {found!r} instead of {right!r}")
        for name, right, found in zip(OrderProgress._fields, expected, progress, strict=True)
        if right != found
    ]
    return findings


def stock_findings(before: Stock, after: Stock, trees: int, now: int) -> list[Finding]:
    """Return the faults of a project's stock.

    ``trees`` is the number of trees of the project's paid redemptions. ``before`` and ``after`` are the stock, read
    before and after these trees were counted.
    """
    subject = f"project {before.project_id}"
    findings = []
    released = after.released_by(now)
    if after.reserved > released:
        findings.append(Finding(subject, f"reserved {after.reserved} of {released} saplings: it is oversold"))
    low, high = sorted((before.reserved, after.reserved))
    if not low <= trees <= high:
        findings.append(Finding(subject, f"reserved {after.reserved} saplings, but its redemptions took {trees}"))
    return findings
