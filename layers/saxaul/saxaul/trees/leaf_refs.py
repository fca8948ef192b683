"""Names of leaves: how one statement about a tree refers to another."""

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
