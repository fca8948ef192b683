"""Redemptions: points for trees, and the life of those trees.

    requested ──▶ reserved ──▶ ordered ──▶ planted
        ├──▶ rejected │
        └─────────────┴──▶ cancelled

A redemption holds its trees; each tree has a certificate number and a state of its own, because a partner plants
and confirms them one by one. A redemption is planted when the last of its trees is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from saxaul.stocks import Stock
from saxaul.wallets import Wallet

MAX_TREES = 10
"""The most trees of one redemption."""


class State(StrEnum):
    REQUESTED = "requested"
    RESERVED = "reserved"
    REJECTED = "rejected"
    ORDERED = "ordered"
    PLANTED = "planted"
    CANCELLED = "cancelled"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.REQUESTED: frozenset({State.RESERVED, State.REJECTED, State.CANCELLED}),
    State.RESERVED: frozenset({State.ORDERED, State.CANCELLED}),
    State.ORDERED: frozenset({State.PLANTED}),
    State.PLANTED: frozenset(),
    State.REJECTED: frozenset(),
    State.CANCELLED: frozenset(),
}
"""Every step that a redemption may take; there is no other."""


class IllegalTransitionError(Exception):
    """A redemption was asked to take a step that is not among its transitions."""


@dataclass(frozen=True, slots=True)
class Planting:
    """What a partner confirmed of one tree. Degrees are WGS 84; ``planted_at`` is an instant in seconds."""

    planted_at: int
    tag: str
    lat: float
    lon: float
    photo_url: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """One sapling of a redemption, under its certificate's number. Without a planting it is not in the ground."""

    number: str
    planting: Planting | None = None


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
    ordered_at: int = 0
    order_id: str = ""
    version: int = 0

    def asks_the_same_as(self, other: "Redemption") -> bool:
        """Whether both came from the same request, whatever became of them."""
        mine = (self.app, self.project_id, len(self.trees), self.dedication)
        return mine == (other.app, other.project_id, len(other.trees), other.dedication)

    def to(self, state: State) -> "Redemption":
        """This redemption one step on.

        Raises:
            IllegalTransitionError: no such step is drawn.
        """
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransitionError(f"{self.redemption_id} cannot go from {self.state} to {state}")
        return replace(self, state=state)

    def reserved(self, now: int) -> "Redemption":
        return replace(self.to(State.RESERVED), reserved_at=now)

    def rejected(self, reason: str) -> "Redemption":
        return replace(self.to(State.REJECTED), reason=reason)

    def cancelled(self) -> "Redemption":
        return self.to(State.CANCELLED)

    def ordered(self, order_id: str, now: int) -> "Redemption":
        return replace(self.to(State.ORDERED), order_id=order_id, ordered_at=now)

    def confirmed(self, number: str, planting: Planting) -> "Redemption":
        """This redemption with one more tree in the ground, and planted once all are."""
        trees = tuple(replace(tree, planting=planting) if tree.number == number else tree for tree in self.trees)
        grown = replace(self, trees=trees)
        return grown.to(State.PLANTED) if all(tree.planting for tree in trees) else grown

    def tree(self, number: str) -> Tree:
        return next(tree for tree in self.trees if tree.number == number)

    def tree_state(self, tree: Tree) -> State:
        """A tree is planted when it is in the ground; until then it is where its redemption is."""
        if tree.planting:
            return State.PLANTED
        return self.state


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
