"""The public files of the log in S3: the checkpoint, the tiles and the bundles of entries (C2SP tlog-tiles).

Tiles and bundles never change, so they may be written again, and caches may keep them for ever. The checkpoint changes,
and is written only on condition that it is still the one that was read.
"""

import gzip
from collections.abc import Sequence
from typing import NamedTuple

from saxaul.log.checkpoints import Checkpoint
from saxaul.log.notes import SignedNote, parse_note
from saxaul.log.tiles import bundle, entries_path, tile_path
from saxaul.storage.objects import NoObjectError, ObjectError, read_object, write_object

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
        """Read the published checkpoint. Return None if there is none.

        Raises:
            ObjectError: S3 did not send it in time.
            RefusedError: it is not a checkpoint.
        """
        try:
            stored = read_object(self._bucket, CHECKPOINT)
        except NoObjectError:
            return None
        if stored is None:
            raise ObjectError("S3 answered a condition that the request did not have")
        note = parse_note(stored.body)
        return ReadCheckpoint(Checkpoint.parse(note.text), note, stored.etag)

    def publish(self, note: SignedNote, etag: str) -> None:
        """Replace the checkpoint of this ``ETag``, or write the first one if ``etag`` is empty.

        Raises:
            ObjectMovedError: the published checkpoint is not the one of this ``ETag``.
            ObjectError: S3 did not answer in time. The checkpoint may have been published.
        """
        write_object(self._bucket, CHECKPOINT, note.message.encode(), etag, _CHECKPOINT_HEADERS)

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
        stored = read_object(self._bucket, PREFIX + tile_path(level, n, width))
        return stored.body if stored else b""
