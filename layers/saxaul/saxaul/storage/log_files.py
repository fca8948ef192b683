"""The public files of the log in S3: the checkpoint, the tiles and the bundles of entries (C2SP tlog-tiles).

Tiles and bundles never change, so they may be written again, and caches may keep them for ever. The checkpoint changes,
and is written only on condition that it is still the one that was read.
"""

import gzip
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.notes import SignedNote, parse_note
from saxaul.log.tiles import bundle, entries_path, tile_path
from saxaul.races import ContendedError, attempts
from saxaul.storage.objects import NoObjectError, ObjectMovedError, read_object, write_object

PREFIX = "log/"
CHECKPOINT = f"{PREFIX}checkpoint"

_FOREVER = "public, max-age=31536000, immutable"
_CHECKPOINT_HEADERS = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "public, max-age=2"}
_TILE_HEADERS = {"Content-Type": "application/octet-stream", "Cache-Control": _FOREVER}
_BUNDLE_HEADERS = {**_TILE_HEADERS, "Content-Encoding": "gzip"}


class ReadCheckpoint(NamedTuple):
    """The published checkpoint: what it says, the note with its signatures, and the ``ETag`` of the file."""

    checkpoint: Checkpoint
    note: SignedNote
    etag: str


class LogFiles:
    """The folder of the log in the files bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def checkpoint(self) -> ReadCheckpoint | None:
        """Read the published checkpoint. Return None if there is none, or if this process may not read it.

        S3 does not tell the two apart, because no function may list the bucket. So whoever knows that a checkpoint was
        published must take None for an error.

        Raises:
            ObjectError: S3 did not send it in time.
            RefusedError: it is not a checkpoint.
        """
        try:
            stored = read_object(self._bucket, CHECKPOINT)
        except NoObjectError:
            return None
        note = parse_note(stored.body)
        return ReadCheckpoint(Checkpoint.parse(note.text), note, stored.etag)

    def replace_checkpoint(
        self,
        current: ReadCheckpoint | None,
        replacement: Callable[[ReadCheckpoint | None], SignedNote | None],
        clock: Clock,
    ) -> SignedNote | None:
        """Publish what ``replacement`` returns for the published checkpoint. Do nothing if it returns None.

        ``current`` is the checkpoint as it was read before. If it is no longer that one, it is read again, and
        ``replacement`` is asked again. Return the note that is published then; None if there is none.

        Raises:
            ContendedError: others published before each attempt.
            ObjectError: S3 did not answer in time. The checkpoint may have been published.
            RefusedError: what is published now is not a checkpoint.
        """
        for attempt in attempts(clock):
            found = self.checkpoint() if attempt else current
            note = replacement(found)
            if note is None:
                return found.note if found else None
            with suppress(ObjectMovedError):
                etag = found.etag if found else ""
                write_object(self._bucket, CHECKPOINT, note.message.encode(), etag, _CHECKPOINT_HEADERS)
                return note
        raise ContendedError

    def put_tile(self, path: str, tile: bytes) -> None:
        """Write a tile. ``path`` is that below the prefix of the log.

        Raises:
            ObjectError: S3 did not answer in time.
        """
        write_object(self._bucket, PREFIX + path, tile, headers=_TILE_HEADERS)

    def put_bundle(self, n: int, texts: Sequence[bytes]) -> None:
        """Write the bundle number ``n``: 256 entries, or all that there are in the last one.

        Raises:
            ObjectError: S3 did not answer in time.
        """
        packed = gzip.compress(bundle(texts), mtime=0)
        write_object(self._bucket, PREFIX + entries_path(n, len(texts)), packed, headers=_BUNDLE_HEADERS)

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        """Return the bytes of a tile.

        Raises:
            ObjectError: it is missing, or S3 did not send it in time.
        """
        return read_object(self._bucket, PREFIX + tile_path(level, n, width)).body
