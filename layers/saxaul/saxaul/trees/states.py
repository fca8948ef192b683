"""The states of a redemption and of its trees, and how they follow each other.

The states of a redemption. From ``ordered`` on (dotted arrow), its state is derived from the states of its trees:

    requested ──▶ reserved ──▶ ordered ┄▶ planted, alive, dead, replaced, refunded
        ├──▶ rejected │
        └─────────────┴──▶ cancelled

Each tree also has a state, because a partner reports on each tree separately:

                  ┌──────────────┐ planting failed: the tree waits for the next order
                  ▼              │
    requested ──▶ reserved ──▶ ordered ──▶ planted ──▶ alive ⟲
                                 │            │          │
                                 │            └────┬─────┘
                                 ▼                 ▼
                               refunded          dead ⇄ replaced ──▶ alive

A correction leaves the state of a tree as it is, with one exception: if a death was reported by mistake, the tree is
``alive`` again.

A tree counts as standing once it is ``planted``, until it is found ``dead``, and again once it is ``replaced``.
"""

from collections.abc import Mapping
from enum import StrEnum


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

CORRECTIONS: Mapping[State, frozenset[State]] = {
    State.PLANTED: frozenset({State.PLANTED}),
    State.ALIVE: frozenset({State.ALIVE}),
    State.DEAD: frozenset({State.DEAD, State.ALIVE}),
    State.REPLACED: frozenset({State.REPLACED}),
}
"""The states that a correction of a tree may lead to, by the state before it."""

STANDING_STATES = frozenset({State.PLANTED, State.ALIVE, State.REPLACED})
"""The states of a tree that was planted and is not known to be dead. They are in the public count of standing trees."""

PAID_STATES = frozenset({State.RESERVED, State.ORDERED, *STANDING_STATES})
"""The states of a tree that somebody has, or is to get, for points. They count toward the goal of a campaign."""

UNPAID = frozenset({State.REQUESTED, State.REJECTED, State.CANCELLED})
"""The states of a redemption that holds no points and no saplings. Its trees have no certificates."""


class IllegalTransitionError(Exception):
    """Raised if a transition of a redemption or a tree is not allowed."""
