"""The numbers of trees that the log states, and that anyone can count again from its leaves."""

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from .events import TreeState
    from .leaves import TreeLeaf


class Counts(NamedTuple):
    """The numbers of a log: trees ever planted, trees now known to be dead, and standing trees (the others)."""

    planted: int = 0
    dead: int = 0
    standing: int = 0

    def after(self, leaf: "TreeLeaf", state_before: "TreeState | Literal['']") -> "Counts":
        """Return the counts after one more leaf. ``state_before`` is its tree's state before it; empty if none."""
        planted = self.planted + (leaf.event == "planted")
        dead = self.dead + (leaf.state == "dead") - (state_before == "dead")
        return Counts(planted, dead, planted - dead)
