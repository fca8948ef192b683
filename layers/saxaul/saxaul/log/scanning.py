"""Reads a log, and tells a log that contradicts what it signed from files that are not those of the log.

The files below a checkpoint are not signed. What they hold counts only after the signed root has confirmed it, and
files that lead to another root prove nothing: a broken server or a page of a hotel's network may have answered.
"""

from collections.abc import Iterator, Sequence

from .certificates import open_checkpoint
from .checkpoints import Checkpoint
from .fetching import LogReader
from .merkle import CompactRange, check_consistency, leaf_hash
from .notes import SignedNote, VerifierKey, parse_note
from .tiles import TILE_WIDTH, consistency_proof, peaks_at
from .verdicts import IncompleteError, RefusedError

_ENTRIES = 8192
_BYTES = 16 * 1024 * 1024
"""The most entries that are confirmed together, and about the most bytes. Usual entries have less than a kilobyte."""


def newest_checkpoint(reader: LogReader, key: VerifierKey) -> tuple[SignedNote, Checkpoint]:
    """Return the newest checkpoint of a log, with its note.

    Raises:
        IncompleteError: it cannot be fetched, or what is there is no checkpoint.
        RefusedError: it is one of another log, or the log's key did not sign it.
    """
    message = reader.checkpoint()
    try:
        Checkpoint.parse(parse_note(message).text)
    except RefusedError as reason:
        raise IncompleteError(f"{reader.url}/checkpoint is not a checkpoint: {reason}") from None
    return open_checkpoint(message, key)


def check_extends(size: int, root: bytes, checkpoint: Checkpoint, reader: LogReader) -> None:
    """Check that the log of a checkpoint begins with the tree of this size and root.

    Raises:
        IncompleteError: a tile cannot be fetched, or the tiles do not lead to the root of the checkpoint.
        RefusedError: the tiles lead to it, and show that it begins with another tree.
    """
    if size in (0, checkpoint.size):
        begins, is_confirmed = size == 0 or root == checkpoint.root, True
    else:
        path = consistency_proof(size, checkpoint.size, reader.read_tile)
        begins = _leads(size, root, checkpoint, path)
        shown = root if begins else CompactRange(size, peaks_at(size, checkpoint.size, reader.read_tile)).root()
        is_confirmed = _leads(size, shown, checkpoint, path)
    if not is_confirmed:
        raise IncompleteError(f"the tiles at {reader.url} are not those of its signed tree of {checkpoint.size} leaves")
    if not begins:
        raise RefusedError(
            f"the log of {checkpoint.size} leaves does not begin with the tree of {size} leaves that was seen before"
        )


def _leads(size: int, root: bytes, checkpoint: Checkpoint, path: Sequence[bytes]) -> bool:
    """Return whether a path shows that the tree of a checkpoint begins with this tree."""
    try:
        check_consistency(size, root, checkpoint.size, checkpoint.root, path)
    except ValueError:
        return False
    return True


def confirmed_entries(
    tree: CompactRange, checkpoint: Checkpoint, reader: LogReader
) -> Iterator[tuple[CompactRange, Sequence[bytes]]]:
    """Yield the entries after ``tree`` up to a checkpoint, in parts, each with the tree after it.

    Every part is confirmed: the checkpoint's tree begins with the tree after it. ``tree``, with which it begins, stays
    as it was.

    Raises:
        IncompleteError: a file cannot be fetched, or the entries are not those of the checkpoint.
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
        try:
            check_extends(after.size, after.root(), checkpoint, reader)
        except RefusedError:
            raise IncompleteError(
                f"the entries at {reader.url} are not those of its signed tree of {checkpoint.size} leaves"
            ) from None
        yield after.copy(), texts
        texts, length = [], 0


def tree_before(position: int, checkpoint: Checkpoint, reader: LogReader) -> CompactRange:
    """Return the tree of the leaves of all bundles before the one that holds this position.

    Raises:
        IncompleteError: a tile cannot be fetched, or the tiles are not those of the checkpoint.
    """
    size = position - position % TILE_WIDTH
    tree = CompactRange(size, peaks_at(size, checkpoint.size, reader.read_tile))
    check_extends(size, tree.root(), checkpoint, reader)
    return tree
