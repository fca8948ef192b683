"""Periods as items. DynamoDB bills writes by the kilobyte, so field names are short and long periods are compressed."""

import json
import zlib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from saxaul.ledger.actions import Owner
from saxaul.ledger.periods import ZERO, Entry, Period, PeriodKey
from saxaul.storage.table import Item, ItemMovedError, Key, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

PERIOD_PREFIX = "PAGE#"
_PARTITIONS = {"user": "USER#", "facility": "FACILITY#"}

_SHORT = {
    "type": "t",
    "quantity": "q",
    "occurred_at": "o",
    "recorded_at": "n",
    "points": "p",
    "avoided_g": "g",
    "units": "u",
    "rule": "r",
    "reason": "w",
    "campaign": "c",
    "reversal": "x",
    "conflicted": "d",
}
"""The stored name of each field of an entry. A field that has its default value is not stored."""

_DEFAULTS: Item = {
    "points": 0,
    "avoided_g": ZERO,
    "units": ZERO,
    "rule": 0,
    "reason": "",
    "campaign": "",
    "reversal": "",
    "conflicted": False,
}
_INTEGERS = {"occurred_at", "recorded_at", "points", "rule"}
_DECIMALS = {"quantity", "avoided_g", "units"}

_PLAIN_BYTES = 900
"""If the JSON of a period's entries has at most this many bytes, they are stored as a readable map, else compressed.

DynamoDB counts fewer bytes for the map than the JSON has, so such an item fits in 1 KB.
"""


class PeriodMovedError(ItemMovedError):
    """A concurrent write changed the period first. ``period`` is the period that is stored now."""

    def __init__(self, period: Period, winner: Item | None) -> None:
        super().__init__(winner)
        self.period = period


class Periods:
    """Reads and writes periods."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_many(self, keys: Iterable[PeriodKey], *, consistent: bool) -> dict[PeriodKey, Period]:
        """Return the period under each key. A period without an item is empty and has version 0."""
        wanted = {period_key(key): key for key in keys}
        items = self._table.get_many(wanted, consistent=consistent)
        return {key: from_item(items[at]) if at in items else Period(key) for at, key in wanted.items()}

    def between(self, owner: Owner, first: str, last: str) -> list[Period]:
        """Return an owner's periods whose windows, as text, are between ``first`` and ``last``, both included."""
        return [
            from_item(item) for item in self._table.query(partition(owner), PERIOD_PREFIX + first, PERIOD_PREFIX + last)
        ]

    def before(self, owner: Owner, window: str) -> Iterator[Period]:
        """Yield an owner's periods whose windows, as text, are before ``window``, last first. Reads two at a time."""
        items = self._table.query_back(partition(owner), PERIOD_PREFIX, PERIOD_PREFIX + window)
        return map(from_item, items)

    def put(self, period: Period) -> None:
        """Write a period, if the stored version is still the one that was read.

        Raises:
            PeriodMovedError: a concurrent write changed the period first.
        """
        try:
            self._table.put(to_item(period), period.version)
        except ItemMovedError as moved:
            stored = from_item(moved.winner) if moved.winner else Period(period.key)
            raise PeriodMovedError(stored, moved.winner) from None

    def put_write(self, period: Period) -> "TransactWriteItemTypeDef":
        return self._table.put_write(to_item(period), period.version)


def partition(owner: Owner) -> str:
    return _PARTITIONS[owner.kind] + owner.id


def period_key(key: PeriodKey) -> Key:
    return Key(partition(key.owner), PERIOD_PREFIX + key.window)


def to_item(period: Period) -> Item:
    entries = {key: _shortened(entry) for key, entry in period.entries.items()}
    text = json.dumps(entries, separators=(",", ":"), default=str).encode()
    stored: Item = {"e": entries} if len(text) <= _PLAIN_BYTES else {"z": zlib.compress(text, zlib.Z_BEST_COMPRESSION)}
    item: Item = {**period_key(period.key)._asdict(), **stored}
    if period.overflow:
        item["overflow"] = period.overflow
    if period.uncounted:
        item["uncounted"] = period.uncounted
    return item


def from_item(item: Item) -> Period:
    return _period(item, _entries_in(item))


def without_unchanged_entries(before: Item | None, after: Item) -> tuple[Period | None, Period]:
    """Return a period before and after a write. Unchanged entries are left out, because converting them takes time."""
    if before is None:
        return None, from_item(after)
    old, new = _entries_in(before), _entries_in(after)
    shared = {name for name, entry in new.items() if old.get(name) == entry}
    was, now = ({name: entry for name, entry in found.items() if name not in shared} for found in (old, new))
    return _period(before, was), _period(after, now)


def _entries_in(item: Item) -> Item:
    entries: Item = json.loads(zlib.decompress(bytes(item["z"]))) if "z" in item else item["e"]
    return entries


def _period(item: Item, entries: Item) -> Period:
    return Period(
        PeriodKey(owner_of(item["pk"]), item["sk"].removeprefix(PERIOD_PREFIX)),
        {key: _restored(stored) for key, stored in entries.items()},
        version=int(item["v"]),
        overflow=bytes(item.get("overflow", b"")),
        uncounted=int(item.get("uncounted", 0)),
    )


def owner_of(pk: str) -> Owner:
    kind, _, identifier = pk.partition("#")
    return Owner("user" if kind == "USER" else "facility", identifier)


def _shortened(entry: Entry) -> Item:
    return {short: value for name, short in _SHORT.items() if (value := getattr(entry, name)) != _DEFAULTS.get(name)}


def _restored(stored: Item) -> Entry:
    fields: Item = dict(_DEFAULTS)
    for name, short in _SHORT.items():
        if short in stored:
            value = stored[short]
            fields[name] = int(value) if name in _INTEGERS else Decimal(value) if name in _DECIMALS else value
    return Entry(**fields)
