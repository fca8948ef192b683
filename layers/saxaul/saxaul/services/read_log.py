"""Reading the transparency log: its entries as they were published, and the key that signs it."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.log import LogStore
from saxaul.storage.signing import SigningKey

MAX_CHARACTERS = 2_000_000
"""Characters of a page of the log after which it ends: Lambda hands on six megabytes at most, quotes escaped."""


class LogPage(NamedTuple):
    """Entries of the log, each in its canonical JSON. A page that is full never changes."""

    entries: list[str]
    is_full: bool


@dataclass(frozen=True)
class LogReading:
    """Shows the log to anyone."""

    log: LogStore
    key: SigningKey

    def page(self, after: int, limit: int) -> LogPage:
        """The entries that follow a sequence, oldest first."""
        entries: list[str] = []
        characters = 0
        for entry in self.log.published(after, limit):
            entries.append(entry)
            characters += len(entry)
            if characters >= MAX_CHARACTERS:
                break
        return LogPage(entries, len(entries) == limit or characters >= MAX_CHARACTERS)

    def public_key(self) -> str:
        """The public half of the key that signs the log, as PEM (RFC 7468)."""
        return self.key.pem


@cache
def log_reading() -> LogReading:
    """The log reading of this process."""
    return LogReading(LogStore(wiring.ledger()), SigningKey(settings().signing_key))
