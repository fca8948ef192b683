"""The catalogue as items: read whole and kept for a minute, written one entry at a time.

Each version of an entry is kept, because a ledger entry names the version of the rule that it was posted by.
"""

import json
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from saxaul.catalog import KINDS, MODELS, Catalogue, Entity, Kind
from saxaul.storage.table import Item, Key, Table, TransactionRefusedError, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

KEPT_FOR = 60.0
"""Seconds for which a worker answers from memory."""

RECENT = 5.0
"""Seconds within which a miss is believed, so that asking for what is not there stays cheap."""

_FIRST, _LAST = "0", "z~"


class CatalogMovedError(Exception):
    """Somebody else wrote the entry first."""


class Edition(NamedTuple):
    """An entry and how often it was changed."""

    entity: Entity
    version: int


class CatalogStore:
    """The catalogue's table, with the copy that this worker keeps."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._catalogue = Catalogue()
        self._read_at = float("-inf")

    def catalogue(self, max_age: float = KEPT_FOR) -> Catalogue:
        """The whole catalogue, at most ``max_age`` seconds old."""
        if monotonic() - self._read_at > max_age:
            self._catalogue = self._read()
            self._read_at = monotonic()
        return self._catalogue

    def _read(self) -> Catalogue:
        # What refers is read before what it refers to, so a catalogue that grows meanwhile refers to nothing missing.
        editions = {kind: self._editions(kind) for kind in reversed(KINDS)}
        entities = {
            kind.replace("-", "_"): {k: it.entity for k, it in found.items()} for kind, found in editions.items()
        }
        versions = {identifier: it.version for identifier, it in editions["action-types"].items()}
        return Catalogue(**entities, versions=versions)  # type: ignore[arg-type] # each kind has its model

    def _editions(self, kind: Kind) -> dict[str, Edition]:
        return {item["sk"]: _from_item(kind, item) for item in self._table.query(kind, _FIRST, _LAST)}

    def get(self, kind: Kind, identifier: str) -> Edition | None:
        """One entry, as of now."""
        item = self._table.get(Key(kind, identifier))
        return _from_item(kind, item) if item else None

    def put(
        self, kind: Kind, identifier: str, entity: Entity, read: int, also: Sequence["TransactWriteItemTypeDef"] = ()
    ) -> None:
        """Write an entry over version ``read`` of it, keep a copy under its new version, and do what belongs with it.

        Raises:
            CatalogMovedError: the entry is no longer that version.
            TransactionRefusedError: something else that belongs to it does not hold.
        """
        document = json.dumps(entity.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
        writes = [
            self._table.putting({"pk": kind, "sk": identifier, "document": document}, read),
            self._table.putting({"pk": f"{kind}/{identifier}", "sk": f"{read + 1:08d}", "document": document}, 0),
        ]
        try:
            transact([*writes, *also])
        except TransactionRefusedError as refusal:
            if "ConditionalCheckFailed" in refusal.reasons[len(writes) :]:
                raise
            raise CatalogMovedError(identifier) from None


def _from_item(kind: Kind, item: Item) -> Edition:
    return Edition(MODELS[kind].model_validate_json(item["document"]), int(item["v"]))
