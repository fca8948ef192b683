"""Reads the published log for certificates: its checkpoint, its last leaf, and the proofs that it has a leaf.

A process holds a checkpoint for at most two seconds, and a bounded number of files. Only the checkpoint changes: what
a tile or a bundle of entries holds follows from its path.
"""

import gzip
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.log.tiles import TILE_WIDTH, entries_path, inclusion_proof, tile_path, unbundle
from saxaul.log.tlog_proofs import TlogProof
from saxaul.log.verdicts import RefusedError
from saxaul.storage.log_files import PREFIX, LogFiles
from saxaul.storage.objects import ObjectError, read_object

CHECKPOINT_CACHED_FOR = 2.0
"""The most seconds for which a process uses a checkpoint without reading it again."""

_MOST_FILES = 512
"""The most tiles and last leaves that a process holds. A tile has at most 8 KB, so they have at most 4 MB."""


class PublishedTree(NamedTuple):
    """A tree that is published: the number of its leaves, and its checkpoint with all signatures, as a note."""

    size: int
    note: str


class PublishedLog:
    """The log in the files bucket, as one process reads it."""

    def __init__(self, bucket: str, clock: Clock) -> None:
        self._bucket = bucket
        self._files = LogFiles(bucket)
        self._clock = clock
        self._newest: tuple[float, PublishedTree] | None = None
        self._held: OrderedDict[str, bytes] = OrderedDict()

    def newest(self) -> PublishedTree | None:
        """Return the published tree. It was the newest one at most CHECKPOINT_CACHED_FOR seconds ago.

        Return None if there is no checkpoint, or if this process may not read it: S3 does not tell the two apart.

        Raises:
            ObjectError: S3 did not send the checkpoint in time, or something else is in its place.
        """
        now = self._clock.elapsed()
        if self._newest is None or now - self._newest[0] >= CHECKPOINT_CACHED_FOR:
            try:
                found = self._files.checkpoint()
            except RefusedError as error:
                raise ObjectError(f"the published checkpoint cannot be read: {error}") from None
            if found is None:
                return None  # not held: the first checkpoint may be published before the next read
            self._newest = (now, PublishedTree(found.checkpoint.size, found.note.message))
        return self._newest[1]

    def proof(self, tree: PublishedTree, index: int) -> str:
        """Return the proof that a tree has the leaf with this index, as the text of C2SP tlog-proof.

        Raises:
            ObjectError: a tile is missing, or S3 did not send it in time.
        """
        path = inclusion_proof(tree.size, index, self._tile)
        return TlogProof(index, tuple(path), tree.note).text

    def last_leaf(self, tree: PublishedTree) -> bytes:
        """Return the text of the last leaf of a tree.

        Raises:
            ObjectError: the bundle of entries is missing, or S3 did not send it in time.
        """
        n, width = divmod(tree.size - 1, TILE_WIDTH)
        path = entries_path(n, width + 1)
        return self._hold(path, lambda: unbundle(gzip.decompress(read_object(self._bucket, PREFIX + path).body))[-1])

    def _tile(self, level: int, n: int, width: int) -> bytes:
        return self._hold(tile_path(level, n, width), lambda: self._files.read_tile(level, n, width))

    def _hold(self, path: str, read: Callable[[], bytes]) -> bytes:
        held = self._held.pop(path, None)
        self._held[path] = found = read() if held is None else held
        while len(self._held) > _MOST_FILES:
            self._held.popitem(last=False)  # the one that was used least recently
        return found
