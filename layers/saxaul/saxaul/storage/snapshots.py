"""The bucket in which the catalog is published: the current snapshot, and the search indexes that it names."""

from hashlib import sha256
from typing import NamedTuple

from saxaul.catalog.snapshot import PublishedIndex, Snapshot
from saxaul.storage.objects import NoObjectError, ObjectError, StoredObject, read_if_changed, read_object, write_object

POINTER = "catalog/current"
INDEXES = "catalog/index/"


class BrokenObjectError(ObjectError):
    """The bytes of an index do not have the hash by which the snapshot names them."""


class ReadSnapshot(NamedTuple):
    """A snapshot, and the ``ETag`` of its object."""

    snapshot: Snapshot
    etag: str


class Snapshots:
    """The bucket of the published catalog."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def current(self, known: ReadSnapshot | None = None) -> ReadSnapshot:
        """Read the current snapshot. If it is the one that is known, its bytes are not sent again.

        Raises:
            ObjectError: it is missing, or S3 did not send it in time.
            BrokenSnapshotError: it cannot be used.
        """
        if known is None:
            return _snapshot_of(read_object(self._bucket, POINTER))
        changed = read_if_changed(self._bucket, POINTER, known.etag)
        return _snapshot_of(changed) if changed else known

    def stored(self) -> StoredObject | None:
        """Return the object of the current snapshot, which may be broken. None if there is none.

        Raises:
            ObjectError: S3 did not send it in time.
        """
        try:
            return read_object(self._bucket, POINTER)
        except NoObjectError:
            return None

    def replace(self, snapshot: Snapshot, etag: str) -> str:
        """Replace the snapshot of this ``ETag``, or write the first one if ``etag`` is empty. Return its ``ETag``.

        Raises:
            ObjectMovedError: the current snapshot is not the one of this ``ETag``.
            ObjectError: S3 did not answer in time. The snapshot may have been written.
        """
        return write_object(self._bucket, POINTER, snapshot.packed(), etag)

    def index(self, named: PublishedIndex) -> StoredObject:
        """Read an index, and check its hash.

        Raises:
            ObjectError: it is missing, S3 did not send it in time, or it is broken.
        """
        stored = read_object(self._bucket, INDEXES + named.sha256)
        if sha256(stored.body).hexdigest() != named.sha256:
            raise BrokenObjectError(f"{INDEXES}{named.sha256}: the hash of the bytes is another one")
        return stored

    def put_index(self, packed: bytes) -> str:
        """Write an index, and return its name. It is safe to repeat this, because the name is the hash of the bytes.

        Raises:
            ObjectError: S3 did not answer in time.
        """
        name = sha256(packed).hexdigest()
        write_object(self._bucket, INDEXES + name, packed)
        return name


def _snapshot_of(stored: StoredObject) -> ReadSnapshot:
    return ReadSnapshot(Snapshot.unpacked(stored.body), stored.etag)
