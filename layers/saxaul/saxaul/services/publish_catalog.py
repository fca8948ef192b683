"""Publishes the catalog: writes a snapshot of its entries and the search indexes to S3, where all workers read them.

A run reads the head, and then the entries. It first publishes the entries with the indexes that exist already. Then it
builds the missing indexes, one for the catalog of now and one for each later instant of change, and publishes the
snapshot again with each of them. A run that is killed leaves a snapshot that is correct, and the next run continues.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import saxaul.catalog
import saxaul.search
from saxaul.catalog.entries import KINDS, Catalog, Kind
from saxaul.catalog.snapshot import (
    CORE_KINDS,
    HIGHEST_RAISED,
    BrokenSnapshotError,
    PublishedIndex,
    Snapshot,
    published_items,
)
from saxaul.clock import Clock
from saxaul.observability import logger
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore, TableReading
from saxaul.storage.objects import ObjectError
from saxaul.storage.snapshots import Snapshots
from saxaul.storage.table import Item

BUILDING_SECONDS = 180
"""After so many seconds, a run builds no further index. The next run continues; half of the timeout is left."""

READY_BEFORE = 900
"""How many seconds before it is needed an index must be published: three intervals of the schedule."""

WRITTEN_AGAIN_AFTER = 2 * 24 * 3600
"""An index that is in use is written again after so many seconds, because the bucket deletes indexes after seven days.

So an index that no snapshot names any more stays for at least five days, although a worker needs it for a minute.
"""


class Publication(NamedTuple):
    """What a run did: the version of the snapshot that is published now, and how many objects it wrote."""

    version: int
    snapshots: int = 0
    indexes: int = 0


class _Pointer(NamedTuple):
    """The object of the current snapshot: its ``ETag``, empty if there is none, and the snapshot, None if broken."""

    etag: str
    snapshot: Snapshot | None


class _Wanted(NamedTuple):
    """An index that is needed.

    Attributes:
        since: from when on, an instant in seconds; 0 for the index of now.
        instant: an instant at which its catalog is in effect.
        made_from: a hash of the entries that are in effect then, and of the code that builds it.
    """

    since: int
    instant: int
    made_from: str


class _Version(NamedTuple):
    """A version of an entry, with its identifier and its document as a text."""

    effective_at: int
    changed_at: int
    text: str


_Chain = Sequence[_Version]
"""The versions of one entry that are in effect now or will be, oldest first."""


@dataclass
class _Run:
    """What a run has found and done. ``known`` has the names of the indexes that exist, by what they were made from."""

    ends_at: float
    known: dict[str, str] = field(default_factory=dict)
    snapshots: int = 0
    indexes: int = 0


class CatalogPublishing(NamedTuple):
    """Publishes the catalog of a table in a bucket."""

    catalog_store: CatalogStore
    snapshots: Snapshots
    clock: Clock

    def publish(self) -> Publication:
        """Read the table, and publish what has changed.

        If the entries have changed and the head has not, somebody wrote them without the API, or with an older release.
        Then the head is raised, so that workers see the change.

        Raises:
            ObjectError: S3 failed. The next run continues.
            ContendedError: every attempt lost a race against another run or an operator.
        """
        run = _Run(self.clock.elapsed() + BUILDING_SECONDS)
        return retry_lost_races(lambda: self._attempt(run), self.clock)

    def repair(self) -> Publication:
        """Publish the catalog, if what is published is missing, broken, behind the head, or complete only for now.

        Raises:
            ObjectError, ContendedError: as for :meth:`publish`.
        """
        pointer, run = self._pointer(), _Run(self.clock.elapsed() + BUILDING_SECONDS)
        snapshot = pointer.snapshot
        if snapshot and self._are_sound(snapshot, run) and self._is_current(snapshot):
            return Publication(snapshot.version, 0, run.indexes)
        return retry_lost_races(lambda: self._attempt(run, are_checked=True), self.clock)

    def _is_current(self, snapshot: Snapshot) -> bool:
        until = snapshot.indexed_until
        is_ready = until is None or until > self.clock.now() + READY_BEFORE
        has_index = bool(snapshot.indexes)  # else somebody else wrote it, or a run ended before its first index
        return (
            has_index
            and is_ready
            and (snapshot.release, snapshot.code_hash) == (self.catalog_store.release, code_hash())
            and snapshot.version == self.catalog_store.head()
        )

    def _are_sound(self, snapshot: Snapshot, run: _Run) -> bool:
        """Return whether all indexes of a snapshot exist and are unchanged. Write those again that are rather old."""
        for named in snapshot.indexes:
            try:
                stored = self.snapshots.index(named)
            except ObjectError as error:
                logger.warning("a published index must be built again", extra={"error": repr(error)})
                continue
            run.known[named.made_from] = named.sha256
            if self.clock.now() - stored.modified_at > WRITTEN_AGAIN_AFTER:
                self.snapshots.put_index(stored.body)
                run.indexes += 1
        return run.known.keys() >= {named.made_from for named in snapshot.indexes}

    def _pointer(self) -> _Pointer:
        stored = self.snapshots.stored()
        if stored is None:
            return _Pointer("", None)
        try:
            return _Pointer(stored.etag, Snapshot.unpacked(stored.body))
        except BrokenSnapshotError as error:
            logger.warning("the published catalog must be replaced", extra={"error": repr(error)})
            return _Pointer(stored.etag, None)

    def _attempt(self, run: _Run, *, are_checked: bool = False) -> Publication:
        pointer = self._pointer()
        reading = self.catalog_store.read()
        published, entries_hash = pointer.snapshot, _hash_of(json.dumps(items_of(reading), sort_keys=True))
        if published and not are_checked:
            run.known |= {named.made_from: named.sha256 for named in published.indexes}
        version = self._version(reading.version, entries_hash, published)
        changes = tuple(reading.timeline.changes_in(CORE_KINDS))
        bare = Snapshot(
            version=version,
            entries_hash=entries_hash,
            code_hash=code_hash(),
            changes=changes,
            items=published_items(reading.timeline),
            release=self.catalog_store.release,
        )
        chains, etag = chains_of(reading), pointer.etag
        wanted = self._wanted(chains, reading.timeline.changes_in(KINDS))
        while True:
            snapshot = self._with_indexes(bare, wanted, chains, run, published)
            if snapshot != published:
                etag, published = self.snapshots.replace(snapshot, etag), snapshot
                run.snapshots += 1
            missing = next((index for index in wanted if index.made_from not in run.known), None)
            if missing is None or self.clock.elapsed() > run.ends_at:
                return Publication(version, run.snapshots, run.indexes)
            catalog = reading.timeline.catalog(missing.instant)
            run.known[missing.made_from] = self.snapshots.put_index(_packed_index(catalog))
            run.indexes += 1

    def _version(self, head: int, entries_hash: str, published: Snapshot | None) -> int:
        """Return the version of a snapshot of entries that were read after the head.

        It is higher than that of a snapshot with other entries. If the head is not, it is raised. That fails if an
        operator has written in the meantime, so the entries are those of the raised head.

        Raises:
            LostRaceError: the head has changed.
        """
        if published and published.version > HIGHEST_RAISED:
            published = None
        is_same = published and (published.version, published.entries_hash) == (head, entries_hash)
        if head and (published is None or head > published.version or is_same):
            return head
        raised = max(head, published.version if published else 0) + 1
        logger.warning("the head of the catalog is raised", extra={"head": head, "raised": raised})
        self.catalog_store.raise_head(head, raised)
        return raised

    def _wanted(self, chains: Sequence[_Chain], changes: Sequence[int]) -> list[_Wanted]:
        """Return the indexes that are needed: for now, and for each later instant of which the catalog is another."""
        now = self.clock.now()
        wanted = [_Wanted(0, now, _made_from(chains, now))]
        for change in changes:
            if change > now and (made_from := _made_from(chains, change)) != wanted[-1].made_from:
                wanted.append(_Wanted(change, change, made_from))
        return wanted

    def _with_indexes(
        self, bare: Snapshot, wanted: Sequence[_Wanted], chains: Sequence[_Chain], run: _Run, published: Snapshot | None
    ) -> Snapshot:
        """Return the snapshot with the indexes that exist, up to the first one that is missing.

        If that is the index of now, the last published one takes its place, for at most the CatalogDelay, if it lacks
        nothing but entries that are new. The search need not find a new entry at once.
        """
        known = run.known
        missing = next((place for place, index in enumerate(wanted) if index.made_from not in known), len(wanted))
        listed = tuple(
            PublishedIndex(index.since, known[index.made_from], index.made_from) for index in wanted[:missing]
        )
        until = wanted[missing].since if missing < len(wanted) else None
        now = wanted[0].instant
        last = published.index_at(now) if published else None
        if (
            missing == 0
            and last
            and last.made_from in known
            and _lacks_only_new_entries(last, chains, now, self._delay)
        ):
            listed = (last._replace(since=0),)
            until = min([now + self._delay, *(index.since for index in wanted[1:2])])
        return bare._replace(indexes=listed, indexed_until=until)

    @property
    def _delay(self) -> int:
        return self.catalog_store.delay


def _packed_index(catalog: Catalog) -> bytes:
    from saxaul.search.index import SearchIndex  # noqa: PLC0415 - most runs find that nothing has changed
    from saxaul.search.packing import pack  # noqa: PLC0415

    return pack(SearchIndex(catalog))


def items_of(reading: TableReading) -> dict[Kind, dict[str, Item]]:
    """Return the items of entries without their keys, as values of JSON."""
    return {
        kind: {
            name: {field: _plain(value) for field, value in item.items() if field not in {"pk", "sk"}}
            for name, item in reading.items[kind].items()
        }
        for kind in KINDS
    }


def _plain(value: object) -> object:
    """Return a value of an item as a value of JSON. Values that no entry has become texts, which no worker can read."""
    match value:
        case str() | int() | None:
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() else str(value)
        case list():
            return [_plain(member) for member in value]
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case frozenset():
            return sorted(map(repr, value))
        case _:
            return repr(value)


def chains_of(reading: TableReading) -> list[_Chain]:
    """Return the versions of all entries. Those that cannot be read have a text too."""
    chains: list[_Chain] = []
    for kind in KINDS:
        for name, entry in reading.timeline.entries[kind].items():
            item = reading.items[kind][name]
            documents = [*(item["before"] if entry.before else ()), item]
            chains.append(
                [
                    _Version(
                        version.effective_at,
                        version.changed_at,
                        f"{kind}/{name} {version.version} {document.get('document', '') if version.entity else ''}",
                    )
                    for version, document in zip(entry.chain, documents, strict=True)
                ]
            )
    return chains


def _made_from(chains: Iterable[_Chain], instant: int) -> str:
    """Return a hash of the versions that are in effect at an instant, and of the code that indexes them."""
    return _hash_of("\n".join([code_hash(), *(_in_effect(chain, instant).text for chain in chains)]))


def _in_effect(chain: _Chain, instant: int) -> _Version:
    begun = [version for version in chain if version.effective_at <= instant]
    return begun[-1] if begun else chain[0]


def _lacks_only_new_entries(last: PublishedIndex, chains: Sequence[_Chain], now: int, delay: int) -> bool:
    """Return whether an index has everything that is in effect now, except entries that took effect when written.

    These entries must be new since less than a ``delay``.
    """
    new = sorted({chain[0].changed_at for chain in chains if _is_new(chain) and chain[0].changed_at > now - delay})
    return any(
        last.made_from == _made_from((chain for chain in chains if not _is_new(chain, since)), now)
        for since in reversed(new)
    )


def _is_new(chain: _Chain, since: int = 0) -> bool:
    """Return whether an entry took effect when it was written, at an instant or later, and has not changed."""
    return len(chain) == 1 and chain[0].effective_at == chain[0].changed_at >= since


def _hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@cache
def code_hash() -> str:
    """Return a hash of the code that reads and writes entries and builds indexes.

    If it changes, the indexes are built again.
    """
    packages = (Path(saxaul.catalog.__path__[0]), Path(saxaul.search.__path__[0]))
    files = sorted(path for package in packages for path in package.iterdir() if path.is_file())
    return _hash_of("".join(f"{path.name} {sha256(path.read_bytes()).hexdigest()}" for path in files))


@cache
def catalog_publishing() -> CatalogPublishing:
    """Return the publishing service of this process."""
    return CatalogPublishing(wiring.catalog_store(), Snapshots(settings().catalog_bucket), wiring.clock())
