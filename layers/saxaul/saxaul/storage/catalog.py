"""The catalog as items. Each write changes one entry. A worker caches the published snapshot of the catalog.

Each write also increases the version of one item, the head. The function ``publish_catalog`` reads the head and then
the entries, and writes them to S3 as a snapshot with the version of the head. So a worker reads two things: the
snapshot, and the head. If the head has the version of the snapshot, the snapshot has every change up to now. Later, the
worker only reads the head again; while that has not changed, its copy is still complete. If the snapshot is missing,
behind the head or broken, or if S3 does not answer, the worker reads the entries from the table.

A change of an existing entry takes effect later than any worker keeps its copy of the catalog. Until then, the item of
the entry has the new version and the ones before it (``before``). So each worker has read the change before it takes
effect, and all workers use the same version of an entry at the same time.

The table keeps every version of an entry. An action that was posted to a period names the version of the action type
that was applied to it. Deleting an entry leaves an item without a document. If the entry is created again, its version
numbers continue from there.

Entries refer to other entries; a suggestion, for example, names its campaign. One item, the guard, keeps these
references valid. Each write that adds a reference, or removes an entry that could be referred to, also increases the
version of the guard. Such a write reads the guard before all other data that it depends on. It fails if the guard has
changed since. So if two such writes run at the same time, one of them fails, and its worker must read again.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from saxaul.catalog.calendar import CATALOG_DELAY
from saxaul.catalog.entries import KINDS, MODELS, ActionType, Catalog, Entity, Kind, Reference
from saxaul.catalog.on_demand import OnDemand
from saxaul.catalog.snapshot import (
    CORE_KINDS,
    HIGHEST_HEAD,
    BrokenSnapshotError,
    PublishedIndex,
    Snapshot,
    recorded_entry,
)
from saxaul.catalog.timeline import Timeline, renewed_after, usable_for
from saxaul.catalog.versions import HIGHEST_VERSION, EntryVersion, VersionedEntry, content_of
from saxaul.observability import logger
from saxaul.races import LostRaceError
from saxaul.storage.objects import ObjectError
from saxaul.storage.snapshots import ReadSnapshot, Snapshots
from saxaul.storage.table import IS_AS_EXPECTED, Item, Key, Table, TransactionRefusedError, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MISSING_CACHED_FOR = 5.0
"""If the cached catalog lacks an entry, a worker reads the catalog again if its copy is older than this many seconds.

So requests for unknown entries cause at most one read of the catalog in this time.
"""

LARGEST_ENTRY = 350_000
"""The most bytes of the item of an entry with all its versions. DynamoDB stores at most 400 KB in an item."""

RULES_CACHED = 4096
"""How many versions of action types a worker keeps. A version never changes, so a kept one is never out of date."""

_YEAR_9999 = 253_370_764_800
"""The first second of the year 9999 in UTC. Later times cannot be shown in every time zone."""

_FIRST, _LAST = "0", "z~"
_GUARD = Key("references", "guard")
_HEAD = Key("catalog", "head")


class CompanionRefusedError(Exception):
    """An entry was not written, because the condition of another write (``also``) in the same transaction failed."""


class TableReading(NamedTuple):
    """Entries that were read from the table: their items, and what the items say.

    ``version`` is the version of the head, which was read before the entries.
    """

    version: int
    items: Mapping[Kind, Mapping[str, Item]]
    timeline: Timeline


class _Copy(NamedTuple):
    """A timeline, the version of the head up to which it is complete, and when the head was last found at that version.

    All are replaced together, because two threads may read at once.
    """

    timeline: Timeline
    version: int
    confirmed_at: float


class _InEffect(NamedTuple):
    """The catalog of a timeline that is in effect from the instant ``since`` to the instant ``until`` (excluded)."""

    timeline: Timeline
    since: int
    until: float
    catalog: Catalog


class CatalogStore:
    """Reads and writes the table of the catalog, and caches the catalog in this worker.

    ``delay`` is the template's parameter CatalogDelay, in seconds. Without ``snapshots``, the table is always read.
    ``release`` is the release of this worker, as the settings name it.
    """

    def __init__(
        self, table: Table, delay: int = CATALOG_DELAY, snapshots: Snapshots | None = None, release: str = ""
    ) -> None:
        self._table = table
        self.delay = delay
        self.release = release
        self._snapshots = snapshots
        self._copy = _Copy(Timeline({}), 0, float("-inf"))
        self._in_effect = _InEffect(self._copy.timeline, 0, 0, Catalog())
        self._last_snapshot: ReadSnapshot | None = None
        self._last_read = Timeline({})
        self._rules: dict[tuple[str, int], ActionType] = {}

    def catalog(self, max_age: float | None = None) -> Catalog:
        """Return the catalog that is in effect now, without suggestions and synonyms.

        A version that takes effect is used at once, without a read. ``max_age`` is as in :meth:`timeline`.
        """
        timeline, now = self.timeline(max_age), self._table.clock.now()
        current = self._in_effect
        if current.timeline is not timeline or not current.since <= now < current.until:
            change = timeline.next_change(now)
            until = float("inf") if change is None else change
            current = self._in_effect = _InEffect(timeline, now, until, timeline.catalog(now))
        return current.catalog

    def timeline(self, max_age: float | None = None) -> Timeline:
        """Return all entries of the ``CORE_KINDS`` with their versions.

        They have all changes up to at most ``max_age`` seconds ago, or else half of the delay, and never fewer than is
        allowed. Entries of a snapshot are read when they are needed.
        """
        limit = renewed_after(self.delay) if max_age is None else min(max_age, usable_for(self.delay))
        copy = self._copy
        if self._table.clock.elapsed() - copy.confirmed_at >= limit:
            self._copy = copy = self._confirmed(copy)
        return copy.timeline

    def forget(self) -> None:
        """Forget the copy of this process, so that the next call reads the head and the snapshot, as after a start."""
        self._copy = self._copy._replace(version=0, confirmed_at=float("-inf"))
        self._last_snapshot = None

    def _confirmed(self, copy: _Copy) -> _Copy:
        began = self._table.clock.elapsed()
        head = self.head()
        if head and copy.version == head:
            return copy._replace(confirmed_at=began)
        if snapshot := self._current_snapshot(head):
            return _Copy(_timeline_of(snapshot, self.release), snapshot.version, began)
        return _Copy(self._read(CORE_KINDS, head).timeline, head, began)

    def published(self) -> Snapshot | None:
        """Return the published snapshot if it has every change up to now. Otherwise, log why not, and return None."""
        head = self.head()
        known = self._last_snapshot.snapshot if self._last_snapshot else None
        # A snapshot that still lacks an index is published again under the same version.
        if head and known and known.version == head and known.indexed_until is None:
            return known
        return self._current_snapshot(head)

    def _current_snapshot(self, head: int) -> Snapshot | None:
        """Return the snapshot if it is at least at a version of the head."""
        if self._snapshots is None or not head:
            return None
        try:
            found = self._snapshots.current(self._last_snapshot)
        except (ObjectError, BrokenSnapshotError) as error:
            logger.warning("the published catalog cannot be used", extra={"error": repr(error)})
            return None
        self._last_snapshot, version = found, found.snapshot.version
        if version < head or (version > head and version > self.head()):  # more than the head: a table of a backup
            logger.info("the published catalog is not that of the table", extra={"version": version, "head": head})
            return None
        return found.snapshot

    def index(self, named: PublishedIndex) -> bytes:
        """Return the bytes of a published index.

        Raises:
            ObjectError: it is missing or broken, or S3 did not send it in time.
        """
        if self._snapshots is None:
            raise AssertionError("without a bucket, no snapshot names an index")
        return self._snapshots.index(named).body

    def head(self) -> int:
        """Return the version of the head, which each write of an entry increases.

        0 if there is none yet, or if somebody has damaged it. Then the table is read, until the publisher raises it.
        """
        item = self._table.get(_HEAD)
        return _head_version(item) if item else 0

    def raise_head(self, version: int, to: int) -> None:
        """Give the head the version ``to``, if it has the version ``version``: 0 if it is missing or damaged.

        Raises:
            LostRaceError: it has another version.
        """
        item = {"v": version} if version else self._table.get(_HEAD)
        if not version and item and _head_version(item):
            raise LostRaceError("the head is no longer missing or damaged")
        condition, expected = "attribute_not_exists(v)", Item()
        if item and "v" in item:
            condition, expected = IS_AS_EXPECTED, {":expected_version": item["v"]}
        transact([self._table.update_write(_HEAD, "SET v = :raised", condition, {":raised": to, **expected})])

    def read(self) -> TableReading:
        """Read all entries of all kinds from the table, consistently."""
        return self._read(KINDS, self.head())

    def _read(self, kinds: Sequence[Kind], head: int) -> TableReading:
        # Entries that refer to others are read first. If an entry and a reference to it are added during the read, the
        # catalog may have the entry without the reference, but never the reference without the entry.
        items = {kind: self._items(kind) for kind in reversed(kinds)}
        last = self._last_read
        entries = {kind: _entries_of(kind, found, last.entries.get(kind, {})) for kind, found in items.items()}
        broken = sum(
            version.is_broken for found in entries.values() for entry in found.values() for version in entry.chain
        )
        timeline = Timeline(entries)
        if broken:
            logger.error(
                "versions of catalog entries cannot be read and are left out",
                extra={"versions": broken, "also_left_out": timeline.dangling(self._table.clock.now())},
            )
        # If nothing has changed, the old objects are kept, so that what was made from them is kept too.
        self._last_read = last if timeline == last else timeline
        return TableReading(head, items, self._last_read)

    def _items(self, kind: Kind) -> dict[str, Item]:
        return {item["sk"]: item for item in self._table.query(kind, _FIRST, _LAST)}

    def get(self, kind: Kind, identifier: str) -> VersionedEntry | None:
        """Read the version of an entry that is in effect now, consistently. Return None if there is none."""
        entry = self.latest(kind, identifier).at(self._table.clock.now())
        return entry if entry.entity else None

    def latest(self, kind: Kind, identifier: str) -> VersionedEntry:
        """Read the latest version of an entry consistently, which may take effect later.

        If the entry was deleted, the result has no entity. If it never existed, the result also has version 0.
        """
        item = self._table.get(Key(kind, identifier))
        return _from_item(kind, item) if item else VersionedEntry(None, 0)

    def resolve(self, references: Iterable[Reference]) -> Mapping[Reference, Sequence[Entity]]:
        """Read the entities that these references name, consistently: the one in effect now, and those in effect later.

        A reference has no result if the entry is missing now, or if it will be missing later.
        """
        keys = {reference: Key(reference.kind, reference.identifier) for reference in references}
        items = self._table.get_many(keys.values(), consistent=True)
        now = self._table.clock.now()
        found: dict[Reference, Sequence[Entity]] = {}
        for reference, key in keys.items():
            versions = _from_item(reference.kind, items[key]).since(now) if key in items else ()
            entities = [version.entity for version in versions if version.entity]
            if entities and len(entities) == len(versions):
                found[reference] = entities
        return found

    def listed(self, kind: Kind, after: str, limit: int) -> list[tuple[str, VersionedEntry]]:
        """Return up to ``limit`` entries of a kind, sorted by identifier, starting after the identifier ``after``.

        Each is the latest version. An entry is left out once its deletion is in effect.
        """
        first = f"{after}!" if after else _FIRST  # "!" sorts before every character of an identifier
        now = self._table.clock.now()
        found = ((item["sk"], _from_item(kind, item)) for item in self._table.query(kind, first, _LAST))
        return list(islice(((name, entry) for name, entry in found if entry.exists_at(now)), limit))

    def versions(
        self, kind: Kind, identifier: str, before: int, limit: int, superseded_from: float = float("inf")
    ) -> list[EntryVersion]:
        """Return up to ``limit`` versions of an entry that are older than version ``before``, newest first.

        A version is superseded if it takes effect at ``superseded_from`` or later, or not before one of the newer
        versions in the result. ``superseded_from`` is the earliest instant at which a version from ``before`` on takes
        effect. A version of an older release has no such instant, and is never superseded.
        """
        items = self._table.query_back(f"{kind}/{identifier}", _FIRST, _version_key(before))
        found = []
        for version in map(_version_from_item, islice(items, limit)):
            found.append(version._replace(is_superseded=0 < version.effective_at >= superseded_from))
            superseded_from = min(superseded_from, version.effective_at)
        return found

    def version(self, kind: Kind, identifier: str, number: int) -> VersionedEntry | None:
        """Read one version of an entry consistently. Return None if the entry has no such version.

        If this version is a deletion, the result has no entity.
        """
        item = self._table.get(_version_place(kind, identifier, number))
        return _from_item(kind, item | {"v": number}) if item else None

    def document(self, kind: Kind, identifier: str, number: int) -> EntryVersion | None:
        """Read one version of an entry consistently, as it was written. Return None if it does not exist."""
        item = self._table.get(_version_place(kind, identifier, number))
        return _version_from_item(item) if item else None

    def rules(self, pairs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], ActionType]:
        """Return versions of action types. Each pair has the id of an action type and the number of a version.

        Versions of deleted action types are found too. A version that does not exist, that is a deletion, or that
        cannot be read has no result. Only the items of these versions are read, never the whole catalog.
        """
        kept = self._rules
        found: dict[tuple[str, int], ActionType] = {}
        missing: dict[tuple[str, int], Key] = {}
        for name, number in pairs:
            if (name, number) in kept:
                found[name, number] = kept[name, number]
            else:
                missing[name, number] = _version_place("action-types", name, number)
        if not missing:
            return found
        read = self._read_rules(missing)
        self._rules = dict([*kept.items(), *read.items()][-RULES_CACHED:])
        return found | read

    def rule(self, action_type: str, version: int) -> ActionType:
        """Return one version of an action type, as :meth:`rules` does.

        Raises:
            KeyError: there is no such version, or it cannot be read.
        """
        pair = action_type, version
        return self._rules.get(pair) or self.rules([pair])[pair]

    def _read_rules(self, places: Mapping[tuple[str, int], Key]) -> dict[tuple[str, int], ActionType]:
        items = self._table.get_many(places.values(), consistent=True)
        found = {
            pair: _from_item("action-types", items[place] | {"v": pair[1]}).entity
            for pair, place in places.items()
            if place in items
        }
        return {pair: entity for pair, entity in found.items() if isinstance(entity, ActionType)}

    def guard(self) -> int:
        """Return the version of the guard. Read it before everything else that a guarded write depends on."""
        item = self._table.get(_GUARD)
        return int(item["v"]) if item else 0

    def put(
        self,
        kind: Kind,
        identifier: str,
        entry: VersionedEntry,
        *,
        guard: int | None = None,
        also: Sequence["TransactWriteItemTypeDef"] = (),
    ) -> None:
        """Write the next version of an entry with the versions before it, and store a copy of it, in one transaction.

        The transaction also increases the version of the head, and makes the writes in ``also``. If ``guard`` is given,
        the transaction requires this version of the guard and increases it.

        Raises:
            LostRaceError: the entry or the guard has changed since it was read.
            CompanionRefusedError: the condition of a write in ``also`` failed.
        """
        copy = {**_version_place(kind, identifier, entry.version)._asdict(), **content_of(entry)}
        writes = [
            self._table.put_write(entry_item(kind, identifier, entry), entry.version - 1),
            self._table.put_write(copy, 0),
            self._table.count_write(_HEAD),
        ]
        if guard is not None:
            writes.append(self._table.put_write({**_GUARD._asdict()}, guard))
        try:
            transact([*writes, *also])
        except TransactionRefusedError as refusal:
            if "ConditionalCheckFailed" in refusal.reasons[len(writes) :]:
                raise CompanionRefusedError(identifier) from None
            raise


def _head_version(item: Item) -> int:
    """Return the version in the item of the head, or 0 if it is damaged."""
    found = item.get("v")
    if isinstance(found, Decimal) and 0 < found <= HIGHEST_HEAD and found == found.to_integral_value():
        return int(found)
    logger.error("the head of the catalog is damaged", extra={"v": repr(found)})
    return 0


def _timeline_of(snapshot: Snapshot, release: str) -> Timeline:
    """Return the entries of a snapshot. Each is read when it is first needed.

    It is validated then only if another release has published it: there, what this release does not know may be new.
    """
    read_document = recorded_entry if snapshot.release == release else _validated

    def entries_of(kind: Kind) -> Mapping[str, VersionedEntry]:
        items = snapshot.items[kind]

        def entry_of(name: str) -> VersionedEntry:
            return _from_item(kind, {**items[name], "pk": kind, "sk": name}, read_document=read_document)

        return OnDemand(items.keys(), entry_of)

    return Timeline({kind: entries_of(kind) for kind in CORE_KINDS}, snapshot.changes)


def _entries_of(
    kind: Kind, items: Mapping[str, Item], known: Mapping[str, VersionedEntry]
) -> dict[str, VersionedEntry]:
    return {name: _from_item(kind, item, known.get(name)) for name, item in items.items()}


def _version_place(kind: Kind, identifier: str, version: int) -> Key:
    return Key(f"{kind}/{identifier}", _version_key(version))


def _version_key(version: int) -> str:
    return f"{version:08d}"


def size_of(entry: VersionedEntry) -> int:
    """Return the size of the item of an entry in bytes: of its latest version, and of the versions before it."""
    return sum(_OVERHEAD + len(json.dumps(content_of(version), ensure_ascii=False).encode()) for version in entry.chain)


_OVERHEAD = 64
"""More than the bytes of a version that are not in its content: its number, and how DynamoDB counts maps."""


def entry_item(kind: Kind, identifier: str, entry: VersionedEntry) -> Item:
    """Return the item of an entry with the versions before it."""
    before = [{"v": version.version, **content_of(version)} for version in entry.before]
    key = Key(kind, identifier)._asdict()
    return {**key, "v": entry.version, **content_of(entry), **({"before": before} if before else {})}


_ReadDocument = Callable[[Kind, str], Entity]
"""Returns the entry in a document. Whatever it raises means that the document cannot be read."""


def _validated(kind: Kind, document: str) -> Entity:
    return MODELS[kind].model_validate_json(document)


def _from_item(
    kind: Kind, item: Item, known: VersionedEntry | None = None, read_document: _ReadDocument = _validated
) -> VersionedEntry:
    """Return the entry of an item. What ``known`` has, which is the same entry as it was read before, is used again.

    An item without the fields of an entry, which somebody wrote by hand, is logged and gives a broken entry.
    """
    place = f"{item['pk']}/{item['sk']}"
    known_entities = {(version.version, version.changed_at): version.entity for version in known.chain} if known else {}

    def version_of(item: Item) -> VersionedEntry:
        number, changed_at = int(item["v"]), _instant(item.get("changed_at", 0))
        entity, is_broken = None, bool(item.get("broken"))
        if "document" in item:
            entity = known_entities.get((number, changed_at))
            entity = entity or _entity(kind, f"{place} version {number}", item["document"], read_document)
            is_broken = entity is None
        changed_by, effective_at = str(item.get("changed_by", "")), _instant(item.get("effective_at", 0))
        if not 0 < number <= HIGHEST_VERSION:
            raise ValueError(f"there is no version {number}")
        return VersionedEntry(entity, number, changed_at, changed_by, effective_at, is_broken=is_broken)

    try:
        return version_of(item)._replace(before=tuple(map(version_of, item.get("before", ()))))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        logger.exception("an item of the catalog is malformed", extra={"place": place})
        return VersionedEntry(None, 0, is_broken=True)


def _instant(stored: Any) -> int:  # noqa: ANN401 - any value that somebody has written by hand
    """Return a stored instant.

    Raises:
        ArithmeticError, TypeError, ValueError: it is not a number of seconds in the years 1970 to 9998.
    """
    instant = int(stored)
    if not 0 <= instant < _YEAR_9999:
        raise ValueError(f"no version is from {instant}")
    return instant


def _entity(kind: Kind, place: str, document: str, read_document: _ReadDocument) -> Entity | None:
    """Return the entry in a document. If it cannot be read, log that and return None: one entry must stop no other."""
    try:
        return read_document(kind, document)
    except Exception:  # noqa: BLE001 - an older release wrote it, and whatever is wrong with it concerns only this entry
        logger.exception("a catalog entry cannot be read", extra={"place": place})
        return None


def _version_from_item(item: Item) -> EntryVersion:
    try:
        changed_at, effective_at = _instant(item.get("changed_at", 0)), _instant(item.get("effective_at", 0))
    except (ArithmeticError, TypeError, ValueError):
        changed_at = effective_at = 0  # not recorded
    return EntryVersion(int(item["sk"]), changed_at, str(item.get("changed_by", "")), _document(item), effective_at)


def _document(item: Item) -> Any:  # noqa: ANN401 - any JSON value
    if "document" not in item:
        return None
    try:
        return json.loads(item["document"])
    except ValueError:
        return item["document"]
