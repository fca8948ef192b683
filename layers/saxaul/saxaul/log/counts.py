"""The numbers of trees that each log entry states."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from saxaul.log.events import STANDING_EVENTS

if TYPE_CHECKING:
    from saxaul.log.entries import Leaf


class Counts(NamedTuple):
    """The numbers in a log entry: trees ever planted, trees now known to be dead, and standing trees (the others)."""

    planted: int = 0
    dead: int = 0
    standing: int = 0

    def after(self, leaves: Sequence["Leaf"]) -> "Counts":
        """Return the counts after these leaves."""
        planted = self.planted + sum(leaf.event == "planted" for leaf in leaves)
        standing = self.standing + sum(
            (leaf.event in STANDING_EVENTS) - (leaf.follows in STANDING_EVENTS) for leaf in leaves
        )
        return Counts(planted, planted - standing, standing)
