"""Appends entries to the transparency log. One transaction writes an entry and the changes that the entry records."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.log.entries import Header, Leaf, LogEntry
from saxaul.storage.log import LogStore
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class LogWriter(NamedTuple):
    """Signs and appends entries. Existing entries are never changed or deleted."""

    store: LogStore
    key: SigningKey
    calendar: Calendar

    def head(self) -> LogEntry | None:
        """Return the newest entry, with a consistent read; None if the log is empty."""
        return self.store.head()

    def append(
        self,
        head: Header | None,
        by: str,
        leaves: Sequence[Leaf],
        other_writes: Sequence["TransactWriteItemTypeDef"],
        now: int,
    ) -> LogEntry:
        """Sign a new entry and write it, together with ``other_writes``, in one transaction.

        So the log and the trees always agree: either both change or neither does.

        Args:
            head: the newest entry, which the new entry follows; None if the log is empty.
            by: the organisation that made the statements.
            leaves: the statements.
            other_writes: the writes that change the trees, at most 99.
            now: the time of signing, in seconds since 1970.

        Raises:
            TransactionRefusedError: another entry was appended after ``head``, or the condition of one of
                ``other_writes`` failed. Nothing was written; the caller must read again and append again.
            ValueError: there is no leaf, or there are more than MAX_LEAVES.
        """
        signed_at = self.calendar.rfc3339(now)
        draft = LogEntry.draft(head, by, leaves, signed_at=signed_at, key_id=self.key.key_id)
        entry = draft.signed(self.key.sign(draft.signed_bytes))
        transact([self.store.append_write(entry), *other_writes])
        return entry
