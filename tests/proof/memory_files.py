"""The files bucket in memory. It keeps every checkpoint that was ever published, and fails if a tile changes."""

import gzip
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from saxaul.log.checkpoints import Checkpoint
from saxaul.log.notes import parse_note
from saxaul.log.tiles import unbundle
from saxaul.storage.log_files import CHECKPOINT, PREFIX
from saxaul.storage.objects import NoObjectError, ObjectError, ObjectMovedError, StoredObject
from tests.proof.faults import Calls

_NO_HEADERS: Mapping[str, str] = {}


class MemoryFiles:
    """What ``storage.log_files`` reads and writes. ``calls`` can make a call fail.

    Attributes:
        objects: the files, as a browser gets them: bundles are not compressed.
        headers: the headers of each file.
        published: each checkpoint that was published, in order, as the bytes of its note.
    """

    def __init__(self, patch: pytest.MonkeyPatch, calls: Calls) -> None:
        self.calls = calls
        self.objects: dict[str, StoredObject] = {}
        self.headers: dict[str, Mapping[str, str]] = {}
        self.published: list[bytes] = []
        self._writes = 0
        patch.setattr("saxaul.storage.log_files.read_object", self.read_object)
        patch.setattr("saxaul.storage.log_files.write_object", self.write_object)

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """What each of the published checkpoints says."""
        return [Checkpoint.parse(parse_note(note).text) for note in self.published]

    def read_object(self, bucket: str, key: str) -> StoredObject:
        assert bucket == "files"
        found: StoredObject | None = self._made("get_object", partial(self.objects.get, key))
        if found is None:
            raise NoObjectError(key)
        return found

    def write_object(
        self,
        bucket: str,
        key: str,
        body: bytes,
        replaced_etag: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> str:
        assert bucket == "files"
        return str(self._made("put_object", partial(self._write, key, body, replaced_etag, headers)))

    def read_tile(self, path: str) -> bytes:
        """Return a file of the log, by its path below the prefix of the log."""
        return self.objects[PREFIX + path].body

    def entries(self, path: str) -> list[bytes]:
        return unbundle(self.read_tile(path))

    def _made(self, operation: str, call: Any) -> Any:  # noqa: ANN401 - any call
        try:
            return self.calls.make(operation, call)
        except (ClientError, BotoCoreError) as error:
            raise ObjectError(repr(error)) from error

    def _write(self, key: str, body: bytes, replaced_etag: str | None, headers: Mapping[str, str]) -> str:
        current = self.objects.get(key)
        if replaced_etag is not None and replaced_etag != (current.etag if current else ""):
            raise ObjectMovedError(key)
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if key == CHECKPOINT:
            assert replaced_etag is not None, "the checkpoint must be published on a condition"
            self.published.append(body)
        else:
            assert current is None or current.body == body, f"{key} was written again with different bytes"
        self.put(key, body)
        self.headers[key] = headers
        return self.objects[key].etag

    def put(self, key: str, body: bytes) -> None:
        """Write a file without a condition, as somebody with access to the bucket can."""
        self._writes += 1
        self.objects[key] = StoredObject(body, f'"{self._writes}"')
