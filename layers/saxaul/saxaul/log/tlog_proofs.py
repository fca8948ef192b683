"""Proofs that a log has a leaf (C2SP tlog-proof): the index of the leaf, its inclusion path, and a checkpoint."""

from base64 import b64encode
from dataclasses import dataclass

from .fields import parse_base64, parse_decimal
from .verdicts import RefusedError

_FIRST_LINE = "c2sp.org/tlog-proof@v1"
_INDEX = "index "
_MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class TlogProof:
    """The proof of one leaf. This log writes no extra data, and they are refused, because nothing protects them.

    Attributes:
        path: the inclusion path, from the bottom up.
        checkpoint: the whole note of the checkpoint, with its signatures.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    @property
    def text(self) -> str:
        path = "".join(f"{b64encode(sibling).decode()}\n" for sibling in self.path)
        return f"{_FIRST_LINE}\n{_INDEX}{self.index}\n{path}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> "TlogProof":
        """Read a proof. Neither its path nor its checkpoint is checked.

        Raises:
            RefusedError: it is not a proof.
        """
        head, separator, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not separator or lines[0] != _FIRST_LINE or len(lines) < 2 or not lines[1].startswith(_INDEX):  # noqa: PLR2004
            raise RefusedError("a proof does not have the lines of a tlog-proof")
        if len(lines) > 2 + _MOST_HASHES:
            raise RefusedError("a proof has too many hashes")
        index = parse_decimal(lines[1].removeprefix(_INDEX), "the index of a proof")
        return cls(index, tuple(parse_base64(line, "a hash of a proof", 32) for line in lines[2:]), checkpoint)
