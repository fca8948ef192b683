"""Appending to the transparency log, together with whatever the entry records."""

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
    """The transparency log: it is appended to, and that is all."""

    log: LogStore
    key: SigningKey
    calendar: Calendar

    def head(self) -> LogEntry | None:
        """The newest entry, as of now; None before the first."""
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

        So nothing is written that the log does not record, and the log records nothing that was not written.
        ``by`` is the organisation that says so.

        Raises:
            TransactionRefusedError: another entry was appended first, or one of the other writes does not hold.
                Nothing was written; read again and append again.
            ValueError: there is no leaf, or more than an entry holds.
        """
        signed_at = self.calendar.rfc3339(now)
        draft = LogEntry.draft(head, by, leaves, signed_at=signed_at, key_id=self.key.key_id)
        entry = draft.signed(self.key.sign(draft.signed_bytes))
        transact([self.log.append_write(entry), *also])
        return entry
