"""The events that the log records of a tree, and the states of the tree after them."""

from typing import Literal, get_args

Event = Literal["planted", "alive", "dead", "replaced", "corrected", "dedication_erased"]
EVENTS: tuple[Event, ...] = get_args(Event)

TreeState = Literal["planted", "alive", "dead", "replaced"]
TREE_STATES: tuple[TreeState, ...] = get_args(TreeState)
"""The states of a tree in the log. The event of the same name leads to each of them."""
