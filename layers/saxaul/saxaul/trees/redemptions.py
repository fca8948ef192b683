"""Redemptions: a person spends points on trees. ``states.py`` has the states.

A requested redemption is settled: it becomes ``reserved`` if the points and the saplings suffice, or else ``rejected``.
A planting order then asks a partner to plant the reserved trees, which are now ``ordered``.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from saxaul.trees.plantings import PlantedTree
from saxaul.trees.states import CORRECTIONS, TRANSITIONS, TREE_TRANSITIONS, UNPAID, IllegalTransitionError, State

if TYPE_CHECKING:
    from saxaul.ledger.wallets import Wallet
    from saxaul.log.leaves import TreeLeaf
    from saxaul.trees.stock import Stock

MAX_TREES_PER_REDEMPTION = 10
"""The most trees of one redemption."""

MAX_TRIES = 3
"""The most planting orders of one tree. If planting fails in the last one too, the tree is refunded."""

MAX_STEPS = 20
"""The most steps that a tree stores. The leaves of the public log keep every statement about it.

If a tree has more steps, the oldest inspections that found it alive are removed first, because they changed nothing,
and then the oldest other inspections and corrections. The planting that stands, the newest correction and the newest
inspection are kept, because later reports are compared with them.
"""

MAX_REPLACEMENTS = 20
"""The most replacements of one tree. Its certificate shows all of them, so their number is limited."""

MAX_CORRECTIONS = 20
"""The most corrections of one tree. They are limited for the same reason."""

NOBODYS = "#"
"""Begins the ``user_id`` of a redemption that is nobody's, because its person was erased. No id of a user has it."""

_INSPECTED = frozenset({State.ALIVE, State.DEAD, State.REPLACED})
"""The states that an inspection reports."""

_TO_BE_PLANTED = frozenset({State.RESERVED, State.ORDERED})


class Step(NamedTuple):
    """One step in the history of a tree: a change of its state, an inspection or a correction. Instants are in seconds.

    Attributes:
        state: the state of the tree after this step.
        at: when the step happened. For a planting or an inspection, the partner reported this time.
        recorded_at: when the service recorded the step.
        order_id: the planting order, for a step to ``ordered`` and for a failure.
        reason: why planting failed, or why the correction was made.
        photo: the SHA-256 of the photo of an inspection, in hexadecimal; a planting has its own.
        planting: the details of the tree that was planted, for a step to ``planted`` or ``replaced``. For a correction,
            the details of the tree as they are after it.
        is_correction: whether the step corrects what was reported before.
        statement: the number of the statement in the public log, which is 1 for the planting; None if the step is not
            in the log.
    """

    state: State
    at: int
    recorded_at: int
    order_id: str = ""
    reason: str = ""
    inspector: str = ""
    evidence_url: str = ""
    photo: str = ""
    planting: PlantedTree | None = None
    is_correction: bool = False
    statement: int | None = None

    @property
    def link(self) -> str:
        """The link that belongs to the planted tree; without one, the link to the evidence of the inspection."""
        return (self.planting.photo_url if self.planting else "") or self.evidence_url

    @property
    def shown_photo(self) -> str:
        """The SHA-256 of the photo of the planted tree, or of the inspection; empty if there is none."""
        return self.planting.photo if self.planting else self.photo

    @property
    def changes_tree(self) -> bool:
        """Whether the step is more than an inspection that found the tree alive."""
        return self.is_correction or self.state is not State.ALIVE

    def has_same_report_as(self, other: "Step") -> bool:
        """Return whether both steps have the same reported content.

        ``recorded_at``, the order and the number of the statement are not compared.
        """
        return self == other._replace(recorded_at=self.recorded_at, order_id=self.order_id, statement=self.statement)


class Chain(NamedTuple):
    """What the next statement about a tree depends on. It also counts what a tree may have only so often.

    Attributes:
        previous: the hash of the newest leaf of the chain, in hexadecimal; empty before the planting.
        since: the number of statements after that leaf.
        statements: the number of all statements.
    """

    previous: str = ""
    since: int = 0
    statements: int = 0
    replacements: int = 0
    corrections: int = 0

    def after(self, leaf: "TreeLeaf", leaf_hash: bytes) -> "Chain":
        """Return the chain after one more statement, which is this leaf with this hash."""
        return Chain(
            previous=leaf_hash.hex() if leaf.is_in_chain else self.previous,
            since=0 if leaf.is_in_chain else self.since + 1,
            statements=self.statements + 1,
            replacements=self.replacements + (leaf.event == "replaced"),
            corrections=self.corrections + (leaf.event == "corrected"),
        )


class Seal(NamedTuple):
    """Values that are needed to check a certificate against the public log. They are set when the tree is planted.

    Attributes:
        requested_at: when the tree was requested, in RFC 3339, as in the data that the log commits to.
        dedication_digest: the salted hash of the dedication, which the log commits to.
        salt: the salt of this hash; None if the dedication was erased.
    """

    requested_at: str
    salt: str | None
    dedication_digest: str


class Tree(NamedTuple):
    """One tree of a redemption, with its certificate number and its steps so far."""

    number: str
    history: tuple[Step, ...] = ()
    seal: Seal | None = None
    chain: Chain = Chain()

    @property
    def state(self) -> State:
        return self.history[-1].state if self.history else State.REQUESTED

    @property
    def planting(self) -> PlantedTree | None:
        """The latest planting, as corrected: that of the replacement, if there is one; None if there is none at all."""
        return next((step.planting for step in reversed(self.history) if step.planting), None)

    @property
    def latest(self) -> Step:
        """The latest step that is not a correction. Corrections are outside the order of events."""
        return next(step for step in reversed(self.history) if not step.is_correction)

    @property
    def orders(self) -> tuple[str, ...]:
        """The planting orders that the tree has been in, oldest first."""
        return tuple(step.order_id for step in self.history if step.state is State.ORDERED)

    @property
    def order_id(self) -> str:
        """The planting order of the tree; empty if the tree waits for its first or next order, or is refunded."""
        return "" if self.state in {State.REQUESTED, State.RESERVED, State.REFUNDED} else self.orders[-1]

    def after(self, step: Step) -> "Tree":
        """Return this tree with one more step.

        Raises:
            IllegalTransitionError: TREE_TRANSITIONS does not allow the step, or CORRECTIONS if it is a correction.
        """
        allowed = CORRECTIONS if step.is_correction else TREE_TRANSITIONS
        if step.state not in allowed.get(self.state, ()):
            raise IllegalTransitionError(f"{self.number} cannot go from {self.state} to {step.state}")
        return self._replace(history=_with_max_steps((*self.history, step)))


def _with_max_steps(history: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return a history with at most MAX_STEPS steps; see MAX_STEPS."""
    surplus = len(history) - MAX_STEPS
    if surplus <= 0:
        return history
    newest_first = range(len(history) - 1, -1, -1)
    needed = {
        next((place for place in newest_first if history[place].planting and not history[place].is_correction), None),
        next((place for place in newest_first if history[place].is_correction), None),
        next((place for place in newest_first if not history[place].is_correction), None),
    }
    removable = [place for place, step in enumerate(history) if _is_inspection(step) and place not in needed]
    removed = {*sorted(removable, key=lambda place: (history[place].changes_tree, place))[:surplus]}
    return tuple(step for place, step in enumerate(history) if place not in removed)


def _is_inspection(step: Step) -> bool:
    """Return whether a step is an inspection or a correction. These may be removed from a long history."""
    return step.is_correction or step.state in _INSPECTED


class Redemption(NamedTuple):
    """An exchange of points for trees of one project. Instants are in seconds.

    Attributes:
        user_id: the person; if the redemption is nobody's, ``#`` and the certificate number of its first tree.
        points: the total price of the trees, at the time of the request. The settlement takes exactly these points.
        max_points: the most points that the app let the trees cost; None if it set no limit.
    """

    user_id: str
    redemption_id: str
    app: str
    project_id: str
    trees: tuple[Tree, ...]
    points: int
    requested_at: int
    dedication: str = ""
    state: State = State.REQUESTED
    reason: str = ""
    reserved_at: int = 0
    max_points: int | None = None
    version: int = 0

    def is_same_request_as(self, other: "Redemption") -> bool:
        """Return whether both were requested with the same values. The states of the redemptions may differ."""
        mine = (self.app, self.project_id, len(self.trees), self.dedication, self.max_points)
        return mine == (other.app, other.project_id, len(other.trees), other.dedication, other.max_points)

    def to(self, state: State) -> "Redemption":
        """Return this redemption in another state.

        Raises:
            IllegalTransitionError: TRANSITIONS does not allow the new state.
        """
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransitionError(f"{self.redemption_id} cannot go from {self.state} to {state}")
        return self._replace(state=state)

    def reserved(self, now: int) -> "Redemption":
        step = Step(State.RESERVED, now, now)
        trees = tuple(tree.after(step) for tree in self.trees)
        return self.to(State.RESERVED)._replace(reserved_at=now, trees=trees)

    def rejected(self, reason: str) -> "Redemption":
        return self.to(State.REJECTED)._replace(reason=reason)

    def cancelled(self) -> "Redemption":
        return self.to(State.CANCELLED)

    def ordered(self, order_id: str, now: int) -> "Redemption":
        """Return this redemption with every waiting tree added to an order."""
        step = Step(State.ORDERED, now, now, order_id=order_id)
        return self.stepped(dict.fromkeys([tree.number for tree in self.waiting], step))

    def stepped(self, steps: Mapping[str, Step]) -> "Redemption":
        """Return this redemption with one more step for each of these trees, by number, and with its derived state.

        Raises:
            IllegalTransitionError: ``steps`` is empty, TREE_TRANSITIONS forbids a step, or the state is in UNPAID.
        """
        if not steps or self.state in UNPAID:
            raise IllegalTransitionError(f"{self.redemption_id} is {self.state}, or no step was given")
        trees = tuple(tree.after(steps[tree.number]) if tree.number in steps else tree for tree in self.trees)
        return self._replace(trees=trees, state=_state_of(trees))

    def with_tree(self, tree: Tree) -> "Redemption":
        """Return this redemption with one of its trees changed, and with its derived state."""
        trees = tuple(tree if known.number == tree.number else known for known in self.trees)
        return self._replace(trees=trees, state=_state_of(trees))

    @property
    def is_nobodys(self) -> bool:
        """Whether the person who requested the trees was erased."""
        return self.user_id.startswith(NOBODYS)

    @property
    def can_be_cancelled(self) -> bool:
        """Whether it is not settled yet, or is reserved and not ordered yet."""
        return State.CANCELLED in TRANSITIONS[self.state]

    @property
    def waiting(self) -> list[Tree]:
        """The trees that wait for a planting order: their first one, or the next one after planting failed."""
        return [] if self.state in UNPAID else [tree for tree in self.trees if tree.state is State.RESERVED]

    @property
    def refunded_points(self) -> int:
        """The points that went back to the wallet, for the refunded trees."""
        refunded = sum(tree.state is State.REFUNDED for tree in self.trees)
        return self.tree_price * refunded if refunded else 0

    @property
    def tree_price(self) -> int:
        return self.points // len(self.trees)

    def tree(self, number: str) -> Tree:
        return next(tree for tree in self.trees if tree.number == number)

    def tree_state(self, tree: Tree) -> State:
        """Return the state of a tree. In an unpaid redemption, each tree has the state of the redemption."""
        return self.state if self.state in UNPAID else tree.state


def _state_of(trees: Sequence[Tree]) -> State:
    """Derive the state of a redemption from its trees.

    It is ``ordered`` while a tree is still reserved or ordered. After that, it is the state that all trees have, or
    ``planted`` if they have different states. Refunded trees are ignored, unless all trees are refunded.
    """
    states = {tree.state for tree in trees}
    if states & _TO_BE_PLANTED:
        return State.ORDERED
    kept = states - {State.REFUNDED} or states
    return kept.pop() if len(kept) == 1 else State.PLANTED


class Settlement(NamedTuple):
    """The result of settling requests.

    Attributes:
        verdicts: the requests in their order, each ``reserved`` or ``rejected``.
        saplings: the number of saplings to reserve, in total.
        debits: the points to debit from each wallet, by user_id.
    """

    verdicts: Sequence[Redemption]
    saplings: int
    debits: Mapping[str, int]


def settle(requests: Sequence[Redemption], wallets: Mapping[str, "Wallet"], stock: "Stock", now: int) -> Settlement:
    """Settle requests for one project in their order. Each request is reserved if possible, or else rejected.

    ``wallets`` has the wallet of each user_id, as it is before this settlement.
    """
    verdicts: list[Redemption] = []
    debits: dict[str, int] = {}
    saplings = 0
    for request in requests:
        spendable = wallets[request.user_id].balance - debits.get(request.user_id, 0)
        if stock.closed:
            verdicts.append(request.rejected("project_closed"))
        elif len(request.trees) > stock.available(now) - saplings:
            verdicts.append(request.rejected("sold_out"))
        elif request.points > spendable:
            verdicts.append(request.rejected("insufficient_points"))
        else:
            verdicts.append(request.reserved(now))
            saplings += len(request.trees)
            debits[request.user_id] = debits.get(request.user_id, 0) + request.points
    return Settlement(verdicts, saplings, debits)
