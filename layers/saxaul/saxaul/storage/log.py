"""Log entries as items of one partition, sorted by sequence number. Each item holds compressed canonical JSON.

500 leaves take 194 KB uncompressed, and 57 KB compressed, because their field names repeat. If every leaf has the
greatest possible length, 500 leaves take 209 KB compressed. An item may have at most 400 KB.
"""

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from saxaul.log.canonical_json import decode, encode
from saxaul.log.entries import LogEntry
from saxaul.storage.table import Item, Key, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

PARTITION = "LOG"


class LogStore:
    """Reads and appends entries of the transparency log. Stored entries never change."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def head(self) -> LogEntry | None:
        """Read the newest entry consistently. Return None if the log is empty."""
        newest = self._table.last(PARTITION)
        return from_item(newest) if newest else None

    def get_many(self, sequences: set[int]) -> dict[int, LogEntry]:
        """Return the entries that exist under these sequence numbers."""
        found = self._table.get_many([_entry_key(sequence) for sequence in sequences], consistent=True)
        return {entry.sequence: entry for entry in map(from_item, found.values())}

    def published(self, after: int, limit: int) -> Iterator[str]:
        """Return the canonical JSON of the next ``limit`` entries after sequence number ``after``, oldest first."""
        first, last = _entry_key(after + 1), _entry_key(after + limit)
        return (_text(item).decode() for item in self._table.query(PARTITION, first.sk, last.sk))

    def append_write(self, entry: LogEntry) -> "TransactWriteItemTypeDef":
        """Return the write that adds an entry, on condition that no entry has its sequence number yet."""
        return self._table.put_write(to_item(entry), expected_version=0)


def _entry_key(sequence: int) -> Key:
    return Key(PARTITION, f"{sequence:010d}")


def to_item(entry: LogEntry) -> Item:
    return {**_entry_key(entry.sequence)._asdict(), "entry": zlib.compress(encode(entry.document()))}


def from_item(item: Item) -> LogEntry:
    return LogEntry.from_document(decode(_text(item)))


def _text(item: Item) -> bytes:
    return zlib.decompress(bytes(item["entry"]))
