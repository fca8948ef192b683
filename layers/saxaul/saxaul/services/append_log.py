"""Appends entries to the transparency log, in one transaction with the changes that they record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from saxaul.catalog.calendar import Calendar
from saxaul.log.entries import Header, Leaf, LogEntry
from saxaul.storage.log import LogStore
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


@dataclass(frozen=True)
class Log:
    """Appends to the transparency log. No entry is ever changed or deleted."""

    log: LogStore
    key: SigningKey
    calendar: Calendar

    def head(self) -> LogEntry | None:
        """Return the newest entry, with a consistent read; None if the log is empty."""
        return self.log.head()

    def append(
        self,
        head: Header | None,
        by: str,
        leaves: Sequence[Leaf],
        also: Sequence["TransactWriteItemTypeDef"],
        now: int,
    ) -> LogEntry:
        """Sign the entry after ``head`` and write it in one transaction with ``also``, at most 99 writes.

        The transaction keeps the log and the trees in step: both change or neither does. ``by`` is the organisation
        that made the statements.

        Raises:
            TransactionRefusedError: another entry was appended first, or the condition of another write failed.
                Nothing was written; the caller must read again and append again.
            ValueError: there is no leaf, or there are more than MAX_LEAVES.
        """
        signed_at = self.calendar.rfc3339(now)
        draft = LogEntry.draft(head, by, leaves, signed_at=signed_at, key_id=self.key.key_id)
        entry = draft.signed(self.key.sign(draft.signed_bytes))
        transact([self.log.append_write(entry), *also])
        return entry
