"""Receipts as items of the table of activity: one item for each part of a receipt.

Intake and posting may both write a part, whichever comes first. Posting has the last word: what intake writes never
replaces a part that exists. A part that is complete never waits again, and no later delivery of its message changes it.
"""

import zlib
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from botocore.exceptions import ClientError

from saxaul.ledger.receipts import DROPPED, WAITING, ReceiptPart
from saxaul.races import retry_lost_races
from saxaul.storage.table import BATCH_WRITE, IS_NEW, Item, ItemMovedError, Key, Table

RECEIPT_PREFIX = "RECEIPT#"
SHARDS = 16
"""How many lists of waiting receipts there are, so that the index has no partition that all calls write to."""

_PART_DIGITS = 3


class Receipts:
    """Reads and writes receipts."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, part: ReceiptPart) -> None:
        """Write a part if it does not exist yet. If it exists, posting was faster, and nothing changes."""
        self._put_if(part, IS_NEW)

    def put_complete(self, parts: Sequence[ReceiptPart]) -> list[Exception | None]:
        """Write parts in which nothing waits, over what is stored. Return for each why it may not be written.

        Some parts of a batch that failed may have been written all the same.
        """
        starts = range(0, len(parts), BATCH_WRITE)
        return [error for start in starts for error in self._put_batch(parts[start : start + BATCH_WRITE])]

    def _put_batch(self, parts: Sequence[ReceiptPart]) -> list[Exception | None]:
        try:
            self._table.put_all([to_item(part) for part in parts])
        except ClientError as refused:
            if len(parts) > 1 and refused.response["Error"]["Code"] == "ValidationException":
                # One malformed item makes DynamoDB refuse the whole batch. It must not hold up the others.
                return [error for part in parts for error in self._put_batch([part])]
            return [refused] * len(parts)
        except Exception as error:  # noqa: BLE001 - the failure of a batch must not stop the others
            return [error] * len(parts)
        return [None] * len(parts)

    def put_unless_complete(self, part: ReceiptPart) -> None:
        """Write a part, unless a complete one is stored."""
        self._put_if(part, f"{IS_NEW} OR attribute_exists(waiting)")

    def drop(self, named: ReceiptPart) -> int:
        """Mark what waits in a part as dropped, and return how many items that were.

        If the part is not stored, ``named`` is written, with what waits in it marked.

        Raises:
            ContendedError: every attempt lost its race against posting.
        """
        return retry_lost_races(lambda: self._drop(named), self._table.clock)

    def _drop(self, named: ReceiptPart) -> int:
        stored = self._table.get(receipt_key(named.receipt_id, named.part))
        part = from_item(stored) if stored else named
        if not part.is_waiting:
            return 0
        dropped = to_item(part._replace(outcomes=part.outcomes.replace(WAITING, DROPPED)))
        if stored:
            self._table.put_if(dropped, "outcomes = :read", read=part.outcomes)
        else:
            self._table.put_if(dropped, IS_NEW)
        return part.outcomes.count(WAITING)

    def parts_of(self, receipt_id: str) -> list[ReceiptPart]:
        """Return the parts of a receipt that are not expired, in order. It is empty if there is no such receipt."""
        items = self._table.query(RECEIPT_PREFIX + receipt_id, "0", "~")
        now = self._table.clock.now()
        return [part for part in map(from_item, items) if part.expires_at > now]

    def waiting(self, of_each_list: int | None = None) -> Iterator[Key]:
        """Yield the keys of the parts in which something waits, oldest first in each list. The index may lag behind.

        With ``of_each_list``, yield at most so many of each of the ``SHARDS`` lists.
        """
        return chain.from_iterable(self.waiting_by_list(of_each_list))

    def waiting_by_list(self, most: int | None = None) -> Iterator[Iterator[Key]]:
        """Yield each of the ``SHARDS`` lists: the keys that ``waiting`` yields, at most ``most`` of each list."""
        for shard in range(SHARDS):
            yield islice(self._table.indexed("Waiting", "waiting", _shard_name(shard)), most)

    def oldest_waiting(self) -> int | None:
        """Return when the oldest part in which something waits was accepted; None if nothing waits.

        This takes a query of one item for each of the ``SHARDS`` lists. The index may lag behind.
        """
        found = (self._table.first_indexed("Waiting", "waiting", _shard_name(shard)) for shard in range(SHARDS))
        return min((int(item["accepted_at"]) for item in found if item), default=None)

    def _put_if(self, part: ReceiptPart, condition: str) -> None:
        try:
            self._table.put_if(to_item(part), condition)
        except ItemMovedError:
            return


def receipt_key(receipt_id: str, part: int) -> Key:
    return Key(RECEIPT_PREFIX + receipt_id, f"{part:0{_PART_DIGITS}}")


def to_item(part: ReceiptPart) -> Item:
    shard = {"waiting": _shard_name(zlib.crc32(part.receipt_id.encode()) % SHARDS)} if part.is_waiting else {}
    return {
        **receipt_key(part.receipt_id, part.part)._asdict(),
        "app": part.app,
        "kind": part.kind,
        "accepted_at": part.accepted_at,
        "parts": part.parts,
        "outcomes": part.outcomes,
        "expires_at": part.expires_at,
        **shard,
    }


def from_item(item: Item) -> ReceiptPart:
    return ReceiptPart(
        receipt_id=item["pk"].removeprefix(RECEIPT_PREFIX),
        part=int(item["sk"]),
        parts=int(item["parts"]),
        app=item["app"],
        kind=item["kind"],
        accepted_at=int(item["accepted_at"]),
        outcomes=item["outcomes"],
    )


def _shard_name(shard: int) -> str:
    return f"{shard:02}"
