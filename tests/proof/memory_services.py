"""The parts of S3 and EventBridge that planting and the published catalog use, in memory."""

from email.utils import formatdate
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from saxaul.catalog.snapshot import BrokenSnapshotError, Snapshot
from saxaul.clock import Clock
from saxaul.storage.objects import NoObjectError, ObjectError, ObjectMovedError, StoredObject
from saxaul.storage.snapshots import POINTER
from tests.proof.faults import Calls

Raw = dict[str, Any]


class MemoryS3:
    """One bucket. It fails the test if an object is written again with different bytes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **put: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        known = self.objects.setdefault(put["Key"], put["Body"])
        assert known == put["Body"], f"{put['Key']} was written again with different bytes"
        return {}


class MemoryEventBridge:
    """A bus that keeps every event it receives, duplicates included."""

    def __init__(self) -> None:
        self.events: list[Raw] = []

    def put_events(self, **put: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        self.events += put["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "e"} for _ in put["Entries"]]}


class MemoryObjects:
    """The objects that ``storage.objects`` reads and writes. ``calls`` can make a call fail.

    ``versions`` has the version of each snapshot that was written, in order.
    """

    def __init__(self, patch: pytest.MonkeyPatch, calls: Calls, clock: Clock) -> None:
        self.objects: dict[str, StoredObject] = {}
        self._clock = clock
        self.versions: list[int] = []
        self._calls = calls
        self._writes = 0
        patch.setattr("saxaul.storage.snapshots.read_object", self.read_object)
        patch.setattr("saxaul.storage.snapshots.read_if_changed", self.read_if_changed)
        patch.setattr("saxaul.storage.snapshots.write_object", self.write_object)

    def read_object(self, bucket: str, key: str) -> StoredObject:  # noqa: ARG002 - one bucket
        found: StoredObject | None = self._made("get_object", partial(self.objects.get, key))
        if found is None:
            raise NoObjectError(key)
        return found

    def read_if_changed(self, bucket: str, key: str, known_etag: str) -> StoredObject | None:
        found = self.read_object(bucket, key)
        return None if found.etag == known_etag else found

    def write_object(self, bucket: str, key: str, body: bytes, replaced_etag: str | None = None) -> str:  # noqa: ARG002
        return str(self._made("put_object", partial(self._write, key, body, replaced_etag)))

    def _made(self, operation: str, call: Any) -> Any:  # noqa: ANN401 - any call
        try:
            return self._calls.make(operation, call)
        except (ClientError, BotoCoreError) as error:
            raise ObjectError(repr(error)) from error

    def _write(self, key: str, body: bytes, replaced_etag: str | None) -> str:
        current = self.objects.get(key)
        if replaced_etag is not None and replaced_etag != (current.etag if current else ""):
            raise ObjectMovedError(key)
        self.put(key, body)
        return self.objects[key].etag

    def put(self, key: str, body: bytes) -> None:
        """Write an object without a condition, as somebody with access to the bucket can."""
        self._writes += 1
        self.objects[key] = StoredObject(body, f'"{self._writes}"', formatdate(self._clock.now(), usegmt=True))
        if key == POINTER:
            try:
                self.versions.append(Snapshot.unpacked(body).version)
            except BrokenSnapshotError:
                self.versions.append(0)
