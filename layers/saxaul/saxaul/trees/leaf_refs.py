"""Names of leaves: how one statement about a tree refers to another, and in which order they enter the log."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

_NUMBER_DIGITS = 6


class LeafRef(NamedTuple):
    """Names a leaf: the certificate, and the number of the leaf among those of the certificate, from 1."""

    certificate: str
    number: int

    @property
    def before(self) -> "LeafRef":
        """The statement before this one about the same certificate."""
        return self._replace(number=self.number - 1)

    @property
    def digits(self) -> str:
        """The number as a text that sorts as numbers do."""
        return f"{self.number:0{_NUMBER_DIGITS}d}"

    @property
    def text(self) -> str:
        return f"{self.certificate}#{self.digits}"

    @classmethod
    def parse(cls, text: str) -> "LeafRef":
        """Read what ``text`` returned.

        Raises:
            ValueError: it is not the name of a leaf.
        """
        certificate, _, number = text.rpartition("#")
        return cls(certificate, int(number))


def in_order(needed: Mapping[LeafRef, Collection[LeafRef]], integrated: Collection[LeafRef]) -> list[LeafRef]:
    """Return the pending leaves that can be taken in, each after all that must be in the log before it.

    Other leaves keep the order in which they are given.

    Args:
        needed: for each pending leaf, oldest first, the leaves that must be in the log before it.
        integrated: those of all these leaves that are in the log already. They are left out.
    """
    chosen: dict[LeafRef, None] = {}
    rest = [ref for ref in needed if ref not in integrated]
    while True:
        blocked = []
        for ref in rest:
            if all(one in chosen or one in integrated for one in needed[ref]):
                chosen[ref] = None
            else:
                blocked.append(ref)
        if len(blocked) == len(rest):
            return list(chosen)
        rest = blocked
