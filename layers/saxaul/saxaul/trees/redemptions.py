"""Redemptions: points for trees, and the life of those trees.

A redemption, until it is ordered; from then on it is what its trees are:

    requested ──▶ reserved ──▶ ordered ┄▶ planted, alive, dead, replaced, refunded
        ├──▶ rejected │
        └─────────────┴──▶ cancelled

Each of its trees, because a partner plants them one by one:

                  ┌──────────────┐ failed, and waits for the next order
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
"""How often a tree is ordered before its points go back to the wallet."""

MAX_STEPS = 20
"""The most steps that a tree keeps in full. The public log has them all.

Beyond, the oldest inspection that found the tree alive makes room: it changed nothing. Where there is none, the oldest
``dead`` or ``replaced`` keeps its state, its dates and its place in the log, because the certificate must show it.
"""

MAX_REPLACEMENTS = 20
"""The most replacements of one tree: its steps must fit an item with those of nine others, each kept as above."""


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
"""Every step that a redemption may take by itself. From ``ordered`` on it follows its trees."""

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
"""Every step that a tree may take; there is no other."""

STANDING_STATES = frozenset({State.PLANTED, State.ALIVE, State.REPLACED})
"""The states of a tree that is in the ground and not known dead: those that the public counter counts."""

_TURNS = frozenset({State.DEAD, State.REPLACED})
"""What an inspection reports that changes what stands."""

UNPAID = frozenset({State.REQUESTED, State.REJECTED, State.CANCELLED})
"""The states of a redemption that holds no points and no saplings: its trees have no life, and no certificate."""

_TO_BE_PLANTED = frozenset({State.RESERVED, State.ORDERED})


class IllegalTransitionError(Exception):
    """A redemption or a tree was asked to take a step that is not among its transitions."""


@dataclass(frozen=True, slots=True)
class PlantedTree:
    """What a partner confirmed of one tree. Degrees are WGS 84; ``planted_at`` is an instant in seconds."""

    planted_at: int
    tag: str
    lat: float
    lon: float
    photo_url: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a tree's life, with all that was said of it. Instants are in seconds.

    Attributes:
        at: when it happened, by the word of who reported it.
        recorded_at: when we learnt of it.
        order_id: the planting order in which it was ordered, or failed.
        reason: why it failed.
        planting: what stands in the ground since.
        sequence, leaf: where the public log has it, once it is there: the entry, and the leaf in the entry's tree.
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
        """The link to what shows it: the photo of what was planted, or else the inspection's evidence."""
        return (self.planting.photo_url if self.planting else "") or self.evidence_url

    def comes_of_the_same_report_as(self, other: "Step") -> bool:
        """Whether both come of one report, whenever it arrived."""
        return self == replace(
            other, recorded_at=self.recorded_at, order_id=self.order_id, sequence=self.sequence, leaf=self.leaf
        )


class LogPlace(NamedTuple):
    """Where the public log has a statement: the entry, and the leaf in the entry's tree."""

    sequence: int
    leaf: int


@dataclass(frozen=True, slots=True)
class Seal:
    """What a certificate keeps of itself once its tree is planted, so that the public log's word for it can be checked.

    Attributes:
        applied_at: when the tree was asked for, as the log's commitment has it, in RFC 3339.
        salt: of the commitment to the dedication; None where the dedication was erased.
        dedication_digest: that commitment.
    """

    applied_at: str
    salt: str | None
    dedication_digest: str


@dataclass(frozen=True, slots=True)
class Tree:
    """One sapling of a redemption, under its certificate's number, with the steps of its life so far."""

    number: str
    history: tuple[Step, ...] = ()
    seal: Seal | None = None

    @property
    def state(self) -> State:
        return self.history[-1].state if self.history else State.REQUESTED

    @property
    def planting(self) -> PlantedTree | None:
        """What stands in the ground now, or stood there last. Without one it was never planted."""
        return next((step.planting for step in reversed(self.history) if step.planting), None)

    @property
    def orders(self) -> tuple[str, ...]:
        """Every planting order that it was ever in, the last one last."""
        return tuple(step.order_id for step in self.history if step.state is State.ORDERED)

    @property
    def order_id(self) -> str:
        """The planting order that it is in, or was planted by; empty while it waits for one, or after its refund."""
        return "" if self.state in {State.REQUESTED, State.RESERVED, State.REFUNDED} else self.orders[-1]

    @property
    def was_replaced_too_often(self) -> bool:
        """Whether it was replaced MAX_REPLACEMENTS times, so that nothing more can be planted in its place."""
        return sum(step.state is State.REPLACED for step in self.history) >= MAX_REPLACEMENTS

    def after(self, step: Step) -> "Tree":
        """This tree one step on.

        Raises:
            IllegalTransitionError: the step is not among TREE_TRANSITIONS.
        """
        if step.state not in TREE_TRANSITIONS.get(self.state, ()):
            raise IllegalTransitionError(f"{self.number} cannot go from {self.state} to {step.state}")
        return replace(self, history=_bounded((*self.history, step)))

    def logged(self, step: Step, place: LogPlace, seal: Seal) -> "Tree":
        """This tree with the place of one of its steps in the public log.

        It is the step itself that has the place: an equal one may have been reported before, and have made room since.
        """
        logged = replace(step, sequence=place.sequence, leaf=place.leaf)
        history = tuple(logged if known is step else known for known in self.history)
        return replace(self, history=_bounded(history), seal=seal)


def _bounded(history: tuple[Step, ...]) -> tuple[Step, ...]:
    """A history with at most MAX_STEPS in full, as far as the log has what is cut from the others."""
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
        # A step that the log does not have yet stays the object by which it gets its place there.
        if step.state in _TURNS and step.leaf is not None and place != standing and not _is_outlined(step):
            outlined = replace(step, inspector="", evidence_url="", planting=None)
            return (*history[:place], outlined, *history[place + 1 :])
    return None


def _is_outlined(step: Step) -> bool:
    return step.state in _TURNS and not (step.inspector or step.evidence or step.planting)


@dataclass(frozen=True)
class Redemption:
    """Points for trees of one project. ``points`` is the price of all its trees; instants are in seconds."""

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
        """Whether both came from the same request, whatever became of them."""
        mine = (self.app, self.project_id, len(self.trees), self.dedication)
        return mine == (other.app, other.project_id, len(other.trees), other.dedication)

    def to(self, state: State) -> "Redemption":
        """This redemption one step on.

        Raises:
            IllegalTransitionError: the step is not among TRANSITIONS.
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
        """This redemption with every tree that waits in an order."""
        step = Step(State.ORDERED, now, now, order_id=order_id)
        return self.stepped(dict.fromkeys([tree.number for tree in self.waiting], step))

    def stepped(self, steps: Mapping[str, Step]) -> "Redemption":
        """This redemption with one step for each of these trees, by number; its own state follows.

        Raises:
            IllegalTransitionError: a step is not among TREE_TRANSITIONS, or there is none at all.
        """
        if not steps or self.state in UNPAID:
            raise IllegalTransitionError(f"{self.redemption_id} is {self.state}, and no tree of it can take a step")
        trees = tuple(tree.after(steps[tree.number]) if tree.number in steps else tree for tree in self.trees)
        return replace(self, trees=trees, state=_state_of(trees))

    def logged(self, number: str, step: Step, place: LogPlace, seal: Seal) -> "Redemption":
        """This redemption with a tree's seal, and with the place of one of its steps in the public log."""
        trees = tuple(tree.logged(step, place, seal) if tree.number == number else tree for tree in self.trees)
        return replace(self, trees=trees)

    @property
    def waiting(self) -> list[Tree]:
        """The trees that are reserved and in no order."""
        return [] if self.state in UNPAID else [tree for tree in self.trees if tree.state is State.RESERVED]

    @property
    def refunded_points(self) -> int:
        """What went back to the wallet, tree by tree."""
        refunded = sum(tree.state is State.REFUNDED for tree in self.trees)
        return self.tree_price * refunded if refunded else 0

    @property
    def tree_price(self) -> int:
        return self.points // len(self.trees)

    def tree(self, number: str) -> Tree:
        return next(tree for tree in self.trees if tree.number == number)

    def tree_state(self, tree: Tree) -> State:
        """A tree is where its redemption is, until that is paid for; then it goes its own way."""
        return self.state if self.state in UNPAID else tree.state


def _state_of(trees: Sequence[Tree]) -> State:
    """Ordered while any tree is still to be planted, then what all of them are; planted where they differ."""
    states = {tree.state for tree in trees}
    if states & _TO_BE_PLANTED:
        return State.ORDERED
    kept = states - {State.REFUNDED} or states
    return kept.pop() if len(kept) == 1 else State.PLANTED


class Settlement(NamedTuple):
    """Verdicts in the order of the requests, and what they take from stock and wallets."""

    verdicts: Sequence[Redemption]
    saplings: int
    debits: Mapping[str, int]


def settle(requests: Sequence[Redemption], wallets: Mapping[str, Wallet], stock: Stock, now: int) -> Settlement:
    """Serve requests for one project, first come, first served. One that is refused leaves the rest as they were."""
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
