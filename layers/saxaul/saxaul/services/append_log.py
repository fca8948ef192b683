"""Appending to the transparency log, together with whatever the entry tells of."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from saxaul.catalog.calendar import Calendar
from saxaul.log.entries import Leaf, LogEntry
from saxaul.storage.log import LogStore
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class Log:
    """The transparency log: it is appended to, and that is all."""

    def __init__(self, entries: LogStore, key: SigningKey, calendar: Calendar) -> None:
        self._entries = entries
        self._key = key
        self._calendar = calendar

    def append(
        self,
        by: str,
        leaves: Sequence[Leaf],
        writes_for: Callable[[int], Sequence["TransactWriteItemTypeDef"]],
        now: int,
    ) -> LogEntry:
        """Sign the next entry and write it in one transaction with ``writes_for(sequence)``, at most 99 writes.

        So nothing is written that the log does not tell of, and the log tells of nothing that was not written.
        ``by`` is the organisation that says so.

        Raises:
            TransactionRefusedError: another entry was appended first, or one of the other writes does not hold.
                Nothing was written; read again and append again.
            ValueError: there is no leaf, or more than an entry holds.
        """
        signed_at = self._calendar.rfc3339(now)
        draft = LogEntry.draft(self._entries.head(), by, leaves, signed_at=signed_at, key_id=self._key.key_id)
        entry = draft.signed(self._key.sign(draft.signed_bytes))
        transact([self._entries.append_write(entry), *writes_for(entry.sequence)])
        return entry
