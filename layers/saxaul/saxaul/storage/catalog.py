"""The catalog as items. A worker reads the whole catalog and caches it for a minute. Each write changes one entry.

The table keeps every version of an entry. An action that was posted to a period names the version of the action type
that was applied to it. Deleting an entry leaves an item without a document. If the entry is created again, its version
numbers continue from there.

Entries refer to other entries; a suggestion, for example, names its campaign. One item, the guard, keeps these
references valid. Each write that adds a reference, or removes an entry that could be referred to, also increases the
version of the guard. Such a write reads the guard before all other data that it depends on. It fails if the guard has
changed since. So if two such writes run at the same time, one of them fails, and its worker must read again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from saxaul.catalog.entries import KINDS, MODELS, ActionType, Catalog, Entity, Kind, Reference
from saxaul.catalog.versions import EntryVersion, VersionedEntry
from saxaul.storage.table import Item, Key, Table, TransactionRefusedError, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

CATALOG_CACHED_FOR = 60.0
"""How many seconds a worker uses the catalog that it has read."""

MISSING_CACHED_FOR = 5.0
"""If the cached catalog lacks an entry, a worker reads the catalog again if its copy is older than this many seconds.

So requests for unknown entries cause at most one read of the catalog in this time.
"""

RULES_CACHED = 4096
"""How many versions of action types a worker keeps. A version never changes, so a kept one is never out of date."""

_FIRST, _LAST = "0", "z~"
_GUARD = Key("references", "guard")


class CompanionRefusedError(Exception):
    """An entry was not written, because the condition of another write (``also``) in the same transaction failed."""


class CatalogStore:
    """Reads and writes the table of the catalog, and caches the catalog in this worker."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._catalog = Catalog()
        self._read_at = float("-inf")
        self._rules: dict[tuple[str, int], ActionType] = {}

    def catalog(self, max_age: float = CATALOG_CACHED_FOR) -> Catalog:
        """Return the whole catalog, at most ``max_age`` seconds old."""
        if self._table.clock.elapsed() - self._read_at > max_age:
            self._catalog = self._read()
            self._read_at = self._table.clock.elapsed()
        return self._catalog

    def _read(self) -> Catalog:
        # Entries that refer to others are read first. If an entry and a reference to it are added during the read, the
        # catalog may have the entry without the reference, but never the reference without the entry.
        entries = {kind: self._entries(kind) for kind in reversed(KINDS)}
        entities = {
            kind.replace("-", "_"): {k: entry.entity for k, entry in found.items()} for kind, found in entries.items()
        }
        versions = {identifier: entry.version for identifier, entry in entries["action-types"].items()}
        return Catalog(**entities, versions=versions)  # type: ignore[arg-type] # each kind has its model

    def _entries(self, kind: Kind) -> dict[str, VersionedEntry]:
        return {item["sk"]: _from_item(kind, item) for item in self._items(kind, _FIRST)}

    def _items(self, kind: Kind, first: str) -> Iterator[Item]:
        return (item for item in self._table.query(kind, first, _LAST) if "document" in item)

    def get(self, kind: Kind, identifier: str) -> VersionedEntry | None:
        """Read an entry consistently. Return None if it does not exist or was deleted."""
        entry = self.latest(kind, identifier)
        return entry if entry.entity else None

    def latest(self, kind: Kind, identifier: str) -> VersionedEntry:
        """Read the latest version of an entry consistently.

        If the entry was deleted, the result has no entity. If it never existed, the result also has version 0.
        """
        item = self._table.get(Key(kind, identifier))
        return _from_item(kind, item) if item else VersionedEntry(None, 0)

    def resolve(self, references: Iterable[Reference]) -> Mapping[Reference, Entity]:
        """Read the entities that these references name, consistently. A reference to a missing entry has no result."""
        keys = {reference: Key(reference.kind, reference.identifier) for reference in references}
        items = self._table.get_many(keys.values(), consistent=True)
        found = {
            reference: _from_item(reference.kind, items[key]).entity for reference, key in keys.items() if key in items
        }
        return {reference: entity for reference, entity in found.items() if entity}

    def listed(self, kind: Kind, after: str, limit: int) -> list[tuple[str, VersionedEntry]]:
        """Return up to ``limit`` entries of a kind, sorted by identifier, starting after the identifier ``after``."""
        first = f"{after}!" if after else _FIRST  # "!" sorts before every character of an identifier
        return [(item["sk"], _from_item(kind, item)) for item in islice(self._items(kind, first), limit)]

    def versions(self, kind: Kind, identifier: str, before: int, limit: int) -> list[EntryVersion]:
        """Return up to ``limit`` versions of an entry that are older than version ``before``, newest first."""
        items = self._table.query_back(f"{kind}/{identifier}", _FIRST, _version_key(before))
        return [_version_from_item(item) for item in islice(items, limit)]

    def version(self, kind: Kind, identifier: str, number: int) -> VersionedEntry | None:
        """Read one version of an entry consistently. Return None if the entry has no such version.

        If this version is a deletion, the result has no entity.
        """
        item = self._table.get(_version_place(kind, identifier, number))
        return _from_item(kind, item)._replace(version=number) if item else None

    def rules(self, pairs: Iterable[tuple[str, int]]) -> dict[tuple[str, int], ActionType]:
        """Return versions of action types. Each pair has the id of an action type and the number of a version.

        Versions of deleted action types are found too. A version that does not exist, or that is a deletion, has no
        result. The number 0 stands for the current version, of which a cached copy may be returned.
        """
        catalog = self.catalog()
        kept = self._rules
        found: dict[tuple[str, int], ActionType] = {}
        missing: dict[tuple[str, int], Key] = {}
        for name, number in pairs:
            if name in catalog.action_types and number in (0, catalog.versions.get(name)):
                found[name, number] = catalog.action_types[name]
            elif (name, number) in kept:
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
            KeyError: there is no such version.
        """
        return self.rules([(action_type, version)])[action_type, version]

    def _read_rules(self, places: Mapping[tuple[str, int], Key]) -> dict[tuple[str, int], ActionType]:
        items = self._table.get_many(places.values(), consistent=True)
        return {
            pair: ActionType.model_validate_json(items[place]["document"])
            for pair, place in places.items()
            if "document" in items.get(place, {})
        }

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
        """Replace an entry by its next version, and store a copy of that version, in one transaction.

        The transaction also makes the writes in ``also``. If ``guard`` is given, the transaction requires this version
        of the guard and increases it.

        Raises:
            LostRaceError: the entry or the guard has changed since it was read.
            CompanionRefusedError: the condition of a write in ``also`` failed.
        """
        content: Item = {"changed_at": entry.changed_at, "changed_by": entry.changed_by}
        if entry.entity:
            document = entry.entity.model_dump(mode="json", exclude_defaults=True)
            content["document"] = json.dumps(document, ensure_ascii=False)
        copy = {**_version_place(kind, identifier, entry.version)._asdict(), **content}
        writes = [
            self._table.put_write({**Key(kind, identifier)._asdict(), **content}, entry.version - 1),
            self._table.put_write(copy, 0),
        ]
        if guard is not None:
            writes.append(self._table.put_write({**_GUARD._asdict()}, guard))
        try:
            transact([*writes, *also])
        except TransactionRefusedError as refusal:
            if "ConditionalCheckFailed" in refusal.reasons[len(writes) :]:
                raise CompanionRefusedError(identifier) from None
            raise


def _version_place(kind: Kind, identifier: str, version: int) -> Key:
    return Key(f"{kind}/{identifier}", _version_key(version))


def _version_key(version: int) -> str:
    return f"{version:08d}"


def _from_item(kind: Kind, item: Item) -> VersionedEntry:
    entity = MODELS[kind].model_validate_json(item["document"]) if "document" in item else None
    return VersionedEntry(entity, int(item["v"]), int(item.get("changed_at", 0)), item.get("changed_by", ""))


def _version_from_item(item: Item) -> EntryVersion:
    document = json.loads(item["document"]) if "document" in item else None
    return EntryVersion(int(item["sk"]), int(item.get("changed_at", 0)), item.get("changed_by", ""), document)
