"""A snapshot of the catalog: what is published to all workers, so that none of them has to read the table.

As bytes, a snapshot is one line, ``saxaul-catalog <format> <sha256>``, and then JSON of which the line has the hash. So
a snapshot that was cut, damaged, or written by a release with another format is detected. The hash does not detect a
forgery: whoever writes a snapshot can write its hash too. Only the publisher may write to the bucket.

The publisher has validated the entries of a snapshot. A worker of the publisher's release does not validate them again.
A worker of another release does, because a field or a rule may be new to it, or be no longer allowed.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from saxaul.catalog.entries import KINDS, MODELS, Entity, Kind
from saxaul.catalog.recorded import recorded
from saxaul.catalog.versions import VersionedEntry, content_of

if TYPE_CHECKING:
    from saxaul.catalog.timeline import Timeline

HIGHEST_HEAD = 10**15
"""No head gets as high by writes of entries. So a forged version leaves the head far below the numbers of DynamoDB."""

HIGHEST_RAISED = HIGHEST_HEAD // 2
"""A snapshot with a higher version must be forged. The publisher replaces it, and does not raise the head above it.

So writes of entries never bring the head to ``HIGHEST_HEAD``, whatever somebody has written to the bucket.
"""

SNAPSHOT_FORMAT = 3
"""Increase this number if the JSON of a snapshot changes. Workers of another release then read the table instead."""

CORE_KINDS: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in {"suggestions", "synonyms"})
"""The kinds of entries that a snapshot has, in the order of ``KINDS``. The search has the others in its index."""

_NAME = b"saxaul-catalog"


class BrokenSnapshotError(ValueError):
    """The bytes are not a snapshot of this release."""


class PublishedIndex(NamedTuple):
    """A search index that is stored under its hash.

    Attributes:
        since: from when on its catalog is in effect, an instant in seconds.
        sha256: the hash of its bytes, which is also its name.
        made_from: a hash of the entries in it, and of the code that built it.
    """

    since: int
    sha256: str
    made_from: str


class Snapshot(NamedTuple):
    """The entries of the ``CORE_KINDS``, and which index the search uses when.

    Attributes:
        version: the version of the catalog's head, as it was before the entries were read.
        entries_hash: a hash of all entries of the table.
        code_hash: a hash of the code that reads and writes entries and builds indexes.
        changes: the instants at which a version of an entry of the ``CORE_KINDS`` replaces another one, ascending.
        items: the items of the entries, by kind and identifier, without their keys. Their documents are those that the
            publisher's release writes, so its workers read them without validating them again.
        indexes: the indexes, in the order of ``since``.
        indexed_until: the instant from which on no index is published; None if the last index stays in effect.
        release: the release of the publisher, as its settings name it.
    """

    version: int
    entries_hash: str
    code_hash: str
    changes: tuple[int, ...]
    items: Mapping[Kind, Mapping[str, Mapping[str, Any]]]
    indexes: tuple[PublishedIndex, ...] = ()
    indexed_until: int | None = None
    release: str = ""

    def index_at(self, instant: int) -> PublishedIndex | None:
        """Return the index for an instant, or None if none is published. A clock that is behind gets the first one."""
        if self.indexed_until is not None and instant >= self.indexed_until:
            return None
        begun = [index for index in self.indexes if index.since <= instant]
        return begun[-1] if begun else next(iter(self.indexes), None)

    def index_until(self, instant: int) -> float:
        """Return the first instant after this one from which on the index of this instant is not used any more."""
        later = [index.since for index in self.indexes if index.since > instant]
        if self.indexed_until is not None and self.indexed_until > instant:
            later.append(self.indexed_until)
        return min(later, default=float("inf"))

    def packed(self) -> bytes:
        """Return the snapshot as bytes."""
        body = json.dumps(self._asdict(), ensure_ascii=False, separators=(",", ":")).encode()
        return b"%s %d %s\n%s" % (_NAME, SNAPSHOT_FORMAT, sha256(body).hexdigest().encode(), body)

    @classmethod
    def unpacked(cls, packed: bytes) -> "Snapshot":
        """Return the snapshot that ``packed`` has written.

        Raises:
            BrokenSnapshotError: these bytes were not written by ``packed`` of a release with this format.
        """
        first_line, _, body = packed.partition(b"\n")
        if first_line != b"%s %d %s" % (_NAME, SNAPSHOT_FORMAT, sha256(body).hexdigest().encode()):
            raise BrokenSnapshotError("the format number or the hash in the first line is wrong")
        try:
            fields = json.loads(body)
            snapshot = cls(
                version=fields["version"],
                entries_hash=fields["entries_hash"],
                code_hash=fields["code_hash"],
                changes=tuple(fields["changes"]),
                items={kind: fields["items"][kind] for kind in CORE_KINDS},
                indexes=tuple(PublishedIndex(*index) for index in fields["indexes"]),
                indexed_until=fields["indexed_until"],
                release=fields["release"],
            )
            snapshot._check()
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise BrokenSnapshotError(repr(error)) from None
        return snapshot

    def _check(self) -> None:
        """Check the types of all values that are used without a further check.

        Raises:
            TypeError: one is wrong.
            ValueError: the version is not one that the head can have.
        """
        until = [] if self.indexed_until is None else [self.indexed_until]
        numbers = [self.version, *self.changes, *(index.since for index in self.indexes), *until]
        of_indexes = (text for index in self.indexes for text in index[1:])
        texts = [self.entries_hash, self.code_hash, self.release, *of_indexes]
        items = [item for found in self.items.values() for item in found.values()]
        for expected, values in ((int, numbers), (str, texts), (dict, items)):
            if not all(type(value) is expected for value in values):
                raise TypeError(f"a value is not of the type {expected.__name__}")
        if not 0 < self.version <= HIGHEST_HEAD:
            raise ValueError(f"the version {self.version} is not from 1 to {HIGHEST_HEAD}")


def published_items(timeline: "Timeline") -> dict[Kind, dict[str, dict[str, Any]]]:
    """Return the entries of the ``CORE_KINDS`` for a snapshot, with the documents that this release writes.

    A version that cannot be read has ``broken`` instead of a document.
    """
    return {
        kind: {name: _published_item(entry) for name, entry in timeline.entries.get(kind, {}).items()}
        for kind in CORE_KINDS
    }


def _published_item(entry: VersionedEntry) -> dict[str, Any]:
    item = {"v": entry.version, **content_of(entry)}
    if entry.is_broken:
        item["broken"] = True
    if entry.before:
        item["before"] = [_published_item(version) for version in entry.before]
    return item


def recorded_entry(kind: Kind, document: str) -> Entity:
    """Return the entry of a document in a snapshot of this release. Only the types of its values are checked.

    Raises:
        Exception: the document cannot be read. Which one depends on what is wrong.
    """
    return recorded(MODELS[kind], json.loads(document))
