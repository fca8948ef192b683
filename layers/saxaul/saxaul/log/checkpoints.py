"""Checkpoints (C2SP tlog-checkpoint): the statement that a log has a size and a root, which the log signs as a note."""

from base64 import b64encode
from typing import NamedTuple

from .fields import parse_base64, parse_decimal
from .verdicts import RefusedError

_LINES = 3


class Checkpoint(NamedTuple):
    """The size and the root of a log. Extension lines are refused, because this log writes none.

    Attributes:
        origin: the name of the log.
        root: the root of the Merkle tree, 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of the note that the log signs: three lines."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text of a note.

        Raises:
            RefusedError: it is not the text of a checkpoint.
        """
        lines = text.split("\n")
        if len(lines) != _LINES + 1 or lines[-1] or not lines[0]:
            raise RefusedError("the checkpoint does not have exactly three lines")
        size = parse_decimal(lines[1], "the size of the checkpoint")
        return cls(lines[0], size, parse_base64(lines[2], "the root of the checkpoint", 32))
