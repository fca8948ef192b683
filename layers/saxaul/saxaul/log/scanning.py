"""Reads entries of a log in large parts, and hands them out only after the signed root has confirmed them."""

from collections.abc import Iterator, Sequence

from .checkpoints import Checkpoint
from .fetching import LogReader
from .merkle import CompactRange, check_consistency, leaf_hash
from .tiles import TILE_WIDTH, consistency_proof, peaks_at
from .verdicts import RefusedError

_ENTRIES = 8192
_BYTES = 16 * 1024 * 1024
"""The most entries that are confirmed together, and about the most bytes. Usual entries have less than a kilobyte."""


def check_extends(size: int, root: bytes, checkpoint: Checkpoint, reader: LogReader) -> None:
    """Check that the log of a checkpoint begins with the tree of this size and root.

    Raises:
        IncompleteError: a tile cannot be fetched.
        RefusedError: it begins with another tree.
    """
    path = consistency_proof(size, checkpoint.size, reader.read_tile)
    try:
        check_consistency(size, root, checkpoint.size, checkpoint.root, path)
    except ValueError:
        raise RefusedError(
            f"the log of {checkpoint.size} leaves does not begin with the tree of {size} leaves that was seen before"
        ) from None


def confirmed_entries(
    tree: CompactRange, checkpoint: Checkpoint, reader: LogReader
) -> Iterator[tuple[CompactRange, Sequence[bytes]]]:
    """Yield the entries after ``tree`` up to a checkpoint, in parts, each with the tree after it.

    Every part is confirmed: the checkpoint's tree begins with the tree after it. ``tree`` stays as it was.

    Raises:
        IncompleteError: a file cannot be fetched.
        RefusedError: the entries are not those of the checkpoint.
    """
    if tree.size == checkpoint.size:
        return
    after, skipped = tree.copy(), tree.size % TILE_WIDTH
    texts: list[bytes] = []
    length = 0
    for bundle in reader.bundles(tree.size - skipped, checkpoint.size):
        texts += bundle[skipped:]
        length += sum(map(len, bundle))
        skipped = 0
        if len(texts) < _ENTRIES and length < _BYTES and after.size + len(texts) < checkpoint.size:
            continue
        for text in texts:
            after.append(leaf_hash(text))
        check_extends(after.size, after.root(), checkpoint, reader)
        yield after.copy(), texts
        texts, length = [], 0


def tree_before(position: int, checkpoint: Checkpoint, reader: LogReader) -> CompactRange:
    """Return the tree of the leaves of all bundles before the one that holds this position.

    Raises:
        IncompleteError: a tile cannot be fetched.
        RefusedError: the tiles are not those of the checkpoint.
    """
    size = position - position % TILE_WIDTH
    tree = CompactRange(size, peaks_at(size, checkpoint.size, reader.read_tile))
    check_extends(size, tree.root(), checkpoint, reader)
    return tree
