"""The catalog as items: read whole and kept for a minute, written one entry at a time.

Each version of an entry is kept, because a ledger entry names the version of the rule that it was posted by.
A deleted entry leaves an item without a document, so that its versions go on where it stopped if it is written again.

One item, the guard, changes with every write that adds a reference or takes away what can be referred to. Such a write
is made from what was read after the guard, and holds only while the guard stands: so none of them can miss another.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from saxaul.catalog.entries import KINDS, MODELS, ActionType, Catalog, Entity, Kind, Reference
from saxaul.catalog.versions import EntryVersion, VersionedEntry
from saxaul.storage.table import Item, Key, Table, TransactionRefusedError, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

CATALOG_KEPT_FOR = 60.0
"""Seconds for which a worker answers from memory."""

RECENT = 5.0
"""Seconds for which a missing entry is cached, so that asking for what is not there stays cheap."""

_FIRST, _LAST = "0", "z~"
_GUARD = Key("references", "guard")


class CompanionRefusedError(Exception):
    """An entry was not written, because the condition of a write that belongs to it does not hold."""


class CatalogStore:
    """The catalog's table, with the copy that this worker keeps."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._catalog = Catalog()
        self._read_at = float("-inf")

    def catalog(self, max_age: float = CATALOG_KEPT_FOR) -> Catalog:
        """The whole catalog, at most ``max_age`` seconds old."""
        if self._table.clock.elapsed() - self._read_at > max_age:
            self._catalog = self._read()
            self._read_at = self._table.clock.elapsed()
        return self._catalog

    def _read(self) -> Catalog:
        # What refers is read before what it refers to, so a catalog that grows meanwhile refers to nothing missing.
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
        """One entry, as of now."""
        entry = self.latest(kind, identifier)
        return entry if entry.entity else None

    def latest(self, kind: Kind, identifier: str) -> VersionedEntry:
        """One entry, as of now, or what is left of it."""
        item = self._table.get(Key(kind, identifier))
        return _from_item(kind, item) if item else VersionedEntry(None, 0)

    def referred(self, references: Iterable[Reference]) -> Mapping[Reference, Entity]:
        """What references lead to, as of now; a broken one is left out."""
        keys = {reference: Key(reference.kind, reference.identifier) for reference in references}
        items = self._table.get_many(keys.values(), consistent=True)
        found = {
            reference: _from_item(reference.kind, items[key]).entity for reference, key in keys.items() if key in items
        }
        return {reference: entity for reference, entity in found.items() if entity}

    def listed(self, kind: Kind, after: str, limit: int) -> list[tuple[str, VersionedEntry]]:
        """Entries of a kind in the order of their identifiers, from the one after ``after`` on."""
        first = f"{after}!" if after else _FIRST  # "!" sorts before all that an identifier is made of
        return [(item["sk"], _from_item(kind, item)) for item in islice(self._items(kind, first), limit)]

    def versions(self, kind: Kind, identifier: str, before: int, limit: int) -> list[EntryVersion]:
        """What an entry was, newest first, from the version before ``before`` on."""
        items = self._table.query_back(f"{kind}/{identifier}", _FIRST, _version_key(before))
        return [_version_from_item(item) for item in islice(items, limit)]

    def with_former(self, catalog: Catalog, action_types: Iterable[str]) -> Catalog:
        """The catalog with these action types as they last were, where they were deleted since."""
        former: dict[str, ActionType] = {}
        for name in {*action_types} - catalog.action_types.keys():
            kept = self._table.query_back(f"action-types/{name}", _FIRST, _LAST)
            last = next((item for item in kept if "document" in item), None)
            if last:
                former[name] = ActionType.model_validate_json(last["document"])
        return replace(catalog, action_types={**former, **catalog.action_types}) if former else catalog

    def guard(self) -> int:
        """The guard of the references, to be read before what a write is made from."""
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
        """Write an entry over the version before its own, keep a copy, and write what belongs to it, all or nothing.

        Raises:
            LostRaceError: the entry is not at the version before any more, or the guard is not what was read.
            CompanionRefusedError: a condition of ``also`` does not hold.
        """
        content: Item = {"changed_at": entry.changed_at, "changed_by": entry.changed_by}
        if entry.entity:
            document = entry.entity.model_dump(mode="json", exclude_defaults=True)
            content["document"] = json.dumps(document, ensure_ascii=False)
        copy = {"pk": f"{kind}/{identifier}", "sk": _version_key(entry.version), **content}
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


def _version_key(version: int) -> str:
    return f"{version:08d}"


def _from_item(kind: Kind, item: Item) -> VersionedEntry:
    entity = MODELS[kind].model_validate_json(item["document"]) if "document" in item else None
    return VersionedEntry(entity, int(item["v"]), int(item.get("changed_at", 0)), item.get("changed_by", ""))


def _version_from_item(item: Item) -> EntryVersion:
    document = json.loads(item["document"]) if "document" in item else None
    return EntryVersion(int(item["sk"]), int(item.get("changed_at", 0)), item.get("changed_by", ""), document)
