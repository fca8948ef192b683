"""Erasures as items of the ledger: ``ERASED#<name>`` (the mark) and ``ERASURE#<erasure_id>`` (the receipt).

The name of a mark is an HMAC of the user id. Its key is random, and an item of the same table (``ERASED``, ``KEY``). So
who sees names without the key cannot test whether an id is among them. Who may read the whole table can.
"""

import hmac
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from saxaul.people.erasures import ErasureMark, ErasureReceipt
from saxaul.storage.table import IS_NEW, Item, ItemMovedError, Key, Table, transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MARK_PREFIX = "ERASED#"
ERASURE_PREFIX = "ERASURE#"
UNFINISHED = "ERASING"
"""The list of unfinished erasures in the index ``Listing``."""

KEY_OF_NAMES = Key("ERASED", "KEY")
_KEY_BYTES = 32
_COUNT = "erased_"
"""Begins the name of an attribute of a receipt: the number of erased items of one kind."""


class Erasures:
    """Reads and writes marks and receipts."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._secret = b""

    def name_of(self, user_id: str) -> str:
        """Return the name of the mark of a person."""
        return _name(self._known_key() or self._new_key(), user_id)

    def find(self, user_id: str) -> ErasureMark | None:
        """Return the mark of a person; None if there was never an erasure. The read is consistent."""
        return self.find_many([user_id]).get(user_id)

    def find_many(self, user_ids: Iterable[str]) -> Mapping[str, ErasureMark]:
        """Return the marks of those of these persons who have one, by user_id. The reads are consistent.

        As long as nobody was ever erased, nothing but the missing key is read.
        """
        wanted = set(user_ids)
        key = self._known_key() if wanted else b""
        names = {_name(key, user_id): user_id for user_id in wanted} if key else {}
        found = self._table.get_many(map(mark_key, names), consistent=True)
        marks = map(_mark_of, found.values())
        return {names[mark.name]: mark for mark in marks}

    def named(self, name: str) -> ErasureMark | None:
        item = self._table.get(mark_key(name))
        return _mark_of(item) if item else None

    def receipt(self, erasure_id: str) -> ErasureReceipt | None:
        item = self._table.get(receipt_key(erasure_id))
        return _receipt_of(item) if item else None

    def begin(self, mark: ErasureMark, receipt: ErasureReceipt) -> None:
        """Write a new mark and its receipt. ``mark`` has the version of the mark that it replaces, or 0.

        Raises:
            TransactionRefusedError: the mark has changed since it was read.
        """
        transact(
            [
                self._table.put_write(_mark_item(mark), mark.version),
                self._table.put_write(_receipt_item(receipt), expected_version=0),
            ]
        )

    def count_write(self, erasure_id: str, erased: Mapping[str, int]) -> "TransactWriteItemTypeDef":
        """Return the write that adds numbers of erased items, by kind, to the receipt of an unfinished erasure."""
        added = ", ".join(f"{_COUNT}{kind} :{kind}" for kind in sorted(erased))
        values = {f":{kind}": number for kind, number in erased.items()}
        condition = "attribute_exists(pk) AND attribute_not_exists(finished_at)"
        return self._table.update_write(receipt_key(erasure_id), f"ADD {added}", condition, values)

    def advance(self, mark: ErasureMark) -> None:
        """Write the mark of an unfinished erasure with its next step.

        Raises:
            ItemMovedError: the mark has changed since it was read.
        """
        self._table.put(_mark_item(mark), mark.version)

    def finish(self, mark: ErasureMark, now: int) -> None:
        """Finish an erasure: the mark loses the user id, and it and the receipt get the time.

        Raises:
            TransactionRefusedError: the mark has changed since it was read.
        """
        finished = "SET finished_at = :now"
        after = mark._replace(user_id="", finished_at=now)
        transact(
            [
                self._table.put_write(_mark_item(after), mark.version),
                self._table.update_write(receipt_key(mark.erasure_id), finished, "attribute_exists(pk)", {":now": now}),
            ]
        )

    def unfinished(self, limit: int, due_before: int | None = None) -> Iterator[str]:
        """Return the names of up to ``limit`` marks of unfinished erasures, first those whose next step is due first.

        With ``due_before``, return only those that are due before this instant. The index may lag behind.
        """
        before = "" if due_before is None else f"{due_before:012d}"
        return (item["pk"].removeprefix(MARK_PREFIX) for item in self._table.listed(UNFINISHED, limit, before=before))

    def _known_key(self) -> bytes:
        """Return the key of the names; nothing if no process has made it yet."""
        if not self._secret:
            stored = self._table.get(KEY_OF_NAMES)
            self._secret = bytes(stored["key"]) if stored else b""
        return self._secret

    def _new_key(self) -> bytes:
        """Make the key of the names. The first erasure needs it."""
        key = secrets.token_bytes(_KEY_BYTES)
        try:
            self._table.put_if({**KEY_OF_NAMES._asdict(), "key": key}, IS_NEW)
        except ItemMovedError:  # another process was faster, or an earlier attempt of this write succeeded
            return self._known_key() or key
        return key


def _name(key: bytes, user_id: str) -> str:
    return hmac.digest(key, user_id.encode(), "sha256").hex()


def mark_key(name: str) -> Key:
    return Key(f"{MARK_PREFIX}{name}", "ERASURE")


def receipt_key(erasure_id: str) -> Key:
    return Key(f"{ERASURE_PREFIX}{erasure_id}", "RECEIPT")


def _mark_item(mark: ErasureMark) -> Item:
    item: Item = {
        **mark_key(mark.name)._asdict(),
        "erasure_id": mark.erasure_id,
        "requested_at": mark.requested_at,
    }
    if mark.user_id:
        due_at = max(mark.due_at, mark.requested_at)
        item |= {"user_id": mark.user_id, "step": mark.step, "due_at": mark.due_at}
        item |= {"list_name": UNFINISHED, "list_order": f"{due_at:012d}#{mark.name}"}
    return item if mark.finished_at is None else item | {"finished_at": mark.finished_at}


def _mark_of(item: Item) -> ErasureMark:
    return ErasureMark(
        name=item["pk"].removeprefix(MARK_PREFIX),
        erasure_id=item["erasure_id"],
        requested_at=int(item["requested_at"]),
        user_id=item.get("user_id", ""),
        step=item.get("step", "cancelling"),
        due_at=int(item.get("due_at", 0)),
        finished_at=int(item["finished_at"]) if "finished_at" in item else None,
        version=int(item["v"]),
    )


def _receipt_item(receipt: ErasureReceipt) -> Item:
    return {
        **receipt_key(receipt.erasure_id)._asdict(),
        "requested_at": receipt.requested_at,
        "requested_by": receipt.requested_by,
        "reason": receipt.reason,
    }


def _receipt_of(item: Item) -> ErasureReceipt:
    return ErasureReceipt(
        erasure_id=item["pk"].removeprefix(ERASURE_PREFIX),
        requested_at=int(item["requested_at"]),
        requested_by=item["requested_by"],
        reason=item["reason"],
        erased={name.removeprefix(_COUNT): int(item[name]) for name in sorted(item) if name.startswith(_COUNT)},
        finished_at=int(item["finished_at"]) if "finished_at" in item else None,
    )
