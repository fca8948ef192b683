"""Redemptions: a person spends points on trees. This module holds the states of redemptions and of their trees.

The states of a redemption. Once it is ordered, its state is derived from the states of its trees:

    requested ──▶ reserved ──▶ ordered ┄▶ planted, alive, dead, replaced, refunded
        ├──▶ rejected │
        └─────────────┴──▶ cancelled

The states of each tree, because a partner plants trees one by one:

                  ┌──────────────┐ planting failed, the tree waits for the next order
                  ▼              │
    requested ──▶ reserved ──▶ ordered ──▶ planted ──▶ alive ⟲
                                 │            │          │
                                 │            └────┬─────┘
                                 ▼                 ▼
                               refunded          dead ⇄ replaced ──▶ alive

A tree counts as standing from ``planted`` until it is found ``dead``, and again once it is ``replaced``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from saxaul.ledger.wallets import Wallet
from saxaul.trees.stock import Stock

MAX_TREES_PER_REDEMPTION = 10
"""The most trees of one redemption."""

MAX_TRIES = 3
"""How often a tree is ordered. If the last order fails too, its points go back to the wallet."""

MAX_STEPS = 20
"""The most steps that a tree stores in full. The public log has all its planting and inspection steps.

Beyond this limit, the oldest inspection that found the tree alive is removed, because it changed nothing. If there is
none, the oldest ``dead`` or ``replaced`` step keeps only its state, its dates and its place in the log, because the
certificate must show it.
"""

MAX_REPLACEMENTS = 20
"""The most replacements of one tree. Ten trees that reach it, each stored as above, fit one DynamoDB item."""


class State(StrEnum):
    REQUESTED = "requested"
    RESERVED = "reserved"
    REJECTED = "rejected"
    ORDERED = "ordered"
    PLANTED = "planted"
    CANCELLED = "cancelled"
    ALIVE = "alive"
    DEAD = "dead"
    REPLACED = "replaced"
    REFUNDED = "refunded"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.RESERVED, State.REJECTED, State.CANCELLED}),
    State.RESERVED: frozenset({State.ORDERED, State.CANCELLED}),
    State.REJECTED: frozenset(),
    State.CANCELLED: frozenset(),
    State.ORDERED: frozenset(),
    State.PLANTED: frozenset(),
    State.ALIVE: frozenset(),
    State.DEAD: frozenset(),
    State.REPLACED: frozenset(),
    State.REFUNDED: frozenset(),
}
"""The allowed transitions of a redemption. From ``ordered`` on, its state is derived from its trees instead."""

TREE_TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.RESERVED}),
    State.RESERVED: frozenset({State.ORDERED}),
    State.ORDERED: frozenset({State.PLANTED, State.RESERVED, State.REFUNDED}),
    State.PLANTED: frozenset({State.ALIVE, State.DEAD}),
    State.ALIVE: frozenset({State.ALIVE, State.DEAD}),
    State.DEAD: frozenset({State.REPLACED}),
    State.REPLACED: frozenset({State.ALIVE, State.DEAD}),
    State.REFUNDED: frozenset(),
}
"""The allowed transitions of a tree."""

STANDING_STATES = frozenset({State.PLANTED, State.ALIVE, State.REPLACED})
"""The states of a tree that is in the ground and not known dead. The public counter counts these trees."""

_TURNS = frozenset({State.DEAD, State.REPLACED})
"""The results of an inspection that change which tree stands, or whether one stands."""

UNPAID = frozenset({State.REQUESTED, State.REJECTED, State.CANCELLED})
"""The states in which a redemption holds no points and no saplings. Its trees then have no certificates."""

_TO_BE_PLANTED = frozenset({State.RESERVED, State.ORDERED})


class IllegalTransitionError(Exception):
    """A redemption or a tree was asked to make a transition that is not allowed."""


@dataclass(frozen=True, slots=True)
class PlantedTree:
    """The planting of one tree, as its partner reported it. Degrees are WGS 84; ``planted_at`` is in seconds."""

    planted_at: int
    tag: str
    lat: float
    lon: float
    photo_url: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step in the history of a tree, with the details that were reported. Instants are in seconds.

    Attributes:
        state: the state of the tree after this step.
        at: when the step happened, as it was reported.
        recorded_at: when the platform recorded it.
        order_id: the planting order in which the tree was ordered, or in which planting failed.
        reason: why planting failed.
        planting: the tree that stands in the ground from this step on.
        sequence, leaf: the place of the step in the public log: the log entry, and the leaf in the entry's Merkle tree.
    """

    state: State
    at: int
    recorded_at: int
    order_id: str = ""
    reason: str = ""
    inspector: str = ""
    evidence_url: str = ""
    planting: PlantedTree | None = None
    sequence: int | None = None
    leaf: int | None = None

    @property
    def evidence(self) -> str:
        """The link to the evidence of this step: the photo of the planted tree, or else that of the inspection."""
        return (self.planting.photo_url if self.planting else "") or self.evidence_url

    def comes_of_the_same_report_as(self, other: "Step") -> bool:
        """Whether both steps have the same reported content, even if the reports arrived at different times."""
        return self == replace(
            other, recorded_at=self.recorded_at, order_id=self.order_id, sequence=self.sequence, leaf=self.leaf
        )


class LogPlace(NamedTuple):
    """The place of a statement in the public log: the log entry, and the leaf in the entry's Merkle tree."""

    sequence: int
    leaf: int


@dataclass(frozen=True, slots=True)
class Seal:
    """Data that a certificate needs so that it can be checked against the public log. It is set when a tree is planted.

    Attributes:
        applied_at: when the tree was requested, in RFC 3339, exactly as the log commits to it.
        dedication_digest: the log's commitment to the dedication.
        salt: the salt of this commitment; None if the dedication is erased, which nothing does today.
    """

    applied_at: str
    salt: str | None
    dedication_digest: str


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree of a redemption, with its certificate number and its steps so far."""

    number: str
    history: tuple[Step, ...] = ()
    seal: Seal | None = None

    @property
    def state(self) -> State:
        return self.history[-1].state if self.history else State.REQUESTED

    @property
    def planting(self) -> PlantedTree | None:
        """The planting of the tree that stands in the ground or stood there last; None if it was never planted."""
        return next((step.planting for step in reversed(self.history) if step.planting), None)

    @property
    def orders(self) -> tuple[str, ...]:
        """All planting orders that the tree was ever in, the latest last."""
        return tuple(step.order_id for step in self.history if step.state is State.ORDERED)

    @property
    def order_id(self) -> str:
        """The planting order that the tree is in or was planted under; empty while it waits, or after a refund."""
        return "" if self.state in {State.REQUESTED, State.RESERVED, State.REFUNDED} else self.orders[-1]

    @property
    def was_replaced_too_often(self) -> bool:
        """Whether the tree was replaced MAX_REPLACEMENTS times, so that it cannot be replaced again."""
        return sum(step.state is State.REPLACED for step in self.history) >= MAX_REPLACEMENTS

    def after(self, step: Step) -> "Tree":
        """Return this tree with one more step.

        Raises:
            IllegalTransitionError: TREE_TRANSITIONS does not allow the step.
        """
        if step.state not in TREE_TRANSITIONS.get(self.state, ()):
            raise IllegalTransitionError(f"{self.number} cannot go from {self.state} to {step.state}")
        return replace(self, history=_bounded((*self.history, step)))

    def logged(self, step: Step, place: LogPlace, seal: Seal) -> "Tree":
        """Return this tree with its seal, and with the place of one of its steps in the public log.

        The step is matched by identity and not by equality: an equal step may have been reported before and removed
        since.
        """
        logged = replace(step, sequence=place.sequence, leaf=place.leaf)
        history = tuple(logged if known is step else known for known in self.history)
        return replace(self, history=_bounded(history), seal=seal)


def _bounded(history: tuple[Step, ...]) -> tuple[Step, ...]:
    """Shorten a history to MAX_STEPS steps in full.

    A ``dead`` or ``replaced`` step is only shortened once the log has it, so the history may stay longer until then.
    """
    while sum(not _is_outlined(step) for step in history) > MAX_STEPS:
        shorter = _without_the_oldest_inspection(history) or _with_the_oldest_outlined(history)
        if shorter is None:
            break
        history = shorter
    return history


def _without_the_oldest_inspection(history: tuple[Step, ...]) -> tuple[Step, ...] | None:
    oldest = next((place for place, step in enumerate(history[:-1]) if step.state is State.ALIVE), None)
    return None if oldest is None else history[:oldest] + history[oldest + 1 :]


def _with_the_oldest_outlined(history: tuple[Step, ...]) -> tuple[Step, ...] | None:
    standing = max((place for place, step in enumerate(history) if step.planting), default=-1)
    for place, step in enumerate(history[:-1]):
        # A step that is not in the log yet must stay the same object: logged() finds it by identity.
        if step.state in _TURNS and step.leaf is not None and place != standing and not _is_outlined(step):
            outlined = replace(step, inspector="", evidence_url="", planting=None)
            return (*history[:place], outlined, *history[place + 1 :])
    return None


def _is_outlined(step: Step) -> bool:
    return step.state in _TURNS and not (step.inspector or step.evidence or step.planting)


@dataclass(frozen=True)
class Redemption:
    """An exchange of points for trees of one project. ``points`` is the price of all trees; instants are in seconds."""

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
    version: int = 0

    def asks_the_same_as(self, other: "Redemption") -> bool:
        """Whether both have the content of the same request. Their states may differ."""
        mine = (self.app, self.project_id, len(self.trees), self.dedication)
        return mine == (other.app, other.project_id, len(other.trees), other.dedication)

    def to(self, state: State) -> "Redemption":
        """Return this redemption in another state.

        Raises:
            IllegalTransitionError: TRANSITIONS does not allow the new state.
        """
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransitionError(f"{self.redemption_id} cannot go from {self.state} to {state}")
        return replace(self, state=state)

    def reserved(self, now: int) -> "Redemption":
        step = Step(State.RESERVED, now, now)
        trees = tuple(tree.after(step) for tree in self.trees)
        return replace(self.to(State.RESERVED), reserved_at=now, trees=trees)

    def rejected(self, reason: str) -> "Redemption":
        return replace(self.to(State.REJECTED), reason=reason)

    def cancelled(self) -> "Redemption":
        return self.to(State.CANCELLED)

    def ordered(self, order_id: str, now: int) -> "Redemption":
        """Return this redemption with every waiting tree added to an order."""
        step = Step(State.ORDERED, now, now, order_id=order_id)
        return self.stepped(dict.fromkeys([tree.number for tree in self.waiting], step))

    def stepped(self, steps: Mapping[str, Step]) -> "Redemption":
        """Return this redemption with one more step for each of these trees, by number, and with its derived state.

        Raises:
            IllegalTransitionError: TREE_TRANSITIONS does not allow a step, there are no steps, or it is unpaid.
        """
        if not steps or self.state in UNPAID:
            raise IllegalTransitionError(f"{self.redemption_id} is {self.state}, or no step was given")
        trees = tuple(tree.after(steps[tree.number]) if tree.number in steps else tree for tree in self.trees)
        return replace(self, trees=trees, state=_state_of(trees))

    def logged(self, number: str, step: Step, place: LogPlace, seal: Seal) -> "Redemption":
        """Return this redemption with the seal of a tree, and with the place of one of its steps in the public log."""
        trees = tuple(tree.logged(step, place, seal) if tree.number == number else tree for tree in self.trees)
        return replace(self, trees=trees)

    @property
    def waiting(self) -> list[Tree]:
        """The trees that are reserved and in no order, so they wait for one."""
        return [] if self.state in UNPAID else [tree for tree in self.trees if tree.state is State.RESERVED]

    @property
    def refunded_points(self) -> int:
        """The points of the refunded trees, which went back to the wallet."""
        refunded = sum(tree.state is State.REFUNDED for tree in self.trees)
        return self.tree_price * refunded if refunded else 0

    @property
    def tree_price(self) -> int:
        return self.points // len(self.trees)

    def tree(self, number: str) -> Tree:
        return next(tree for tree in self.trees if tree.number == number)

    def tree_state(self, tree: Tree) -> State:
        """Return the state of a tree. While the redemption is unpaid, this is the state of the redemption."""
        return self.state if self.state in UNPAID else tree.state


def _state_of(trees: Sequence[Tree]) -> State:
    """Return ordered while any tree is still to be planted, then the state of all trees; planted if they differ.

    Refunded trees only count if all trees are refunded.
    """
    states = {tree.state for tree in trees}
    if states & _TO_BE_PLANTED:
        return State.ORDERED
    kept = states - {State.REFUNDED} or states
    return kept.pop() if len(kept) == 1 else State.PLANTED


class Settlement(NamedTuple):
    """Verdicts in the order of the requests, with the saplings that they reserve and the points that they debit."""

    verdicts: Sequence[Redemption]
    saplings: int
    debits: Mapping[str, int]


def settle(requests: Sequence[Redemption], wallets: Mapping[str, Wallet], stock: Stock, now: int) -> Settlement:
    """Settle requests for one project, first come, first served. A rejected request does not affect the others."""
    verdicts: list[Redemption] = []
    debits: dict[str, int] = {}
    saplings = 0
    for request in requests:
        in_hand = wallets[request.user_id].balance - debits.get(request.user_id, 0)
        if stock.closed:
            verdicts.append(request.rejected("project_closed"))
        elif len(request.trees) > stock.available(now) - saplings:
            verdicts.append(request.rejected("sold_out"))
        elif request.points > in_hand:
            verdicts.append(request.rejected("insufficient_points"))
        else:
            verdicts.append(request.reserved(now))
            saplings += len(request.trees)
            debits[request.user_id] = debits.get(request.user_id, 0) + request.points
    return Settlement(verdicts, saplings, debits)
