"""Reads the transparency log: its entries as they were published, and the public key for checking their signatures."""

from functools import cache
from typing import NamedTuple

from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.log import LogStore
from saxaul.storage.signing import SigningKey

MAX_CHARACTERS = 2_000_000
"""A page ends after the entry that brings its length to this many characters or more.

A Lambda response has at most 6 MB, and escaping makes it longer by one character for each quotation mark of the page.
"""


class PublishedEntries(NamedTuple):
    """A page of the log: entries as canonical JSON, oldest first.

    A full page never changes. A page that is not full may get more entries later.
    """

    entries: list[str]
    is_full: bool


class LogReading(NamedTuple):
    """Reads the log and its public key for the public endpoints."""

    store: LogStore
    key: SigningKey

    def read_page(self, after: int, limit: int) -> PublishedEntries:
        """Return at most ``limit`` entries after sequence ``after``, and fewer if the page reaches MAX_CHARACTERS."""
        entries: list[str] = []
        characters = 0
        for entry in self.store.published(after, limit):
            entries.append(entry)
            characters += len(entry)
            if characters >= MAX_CHARACTERS:
                break
        return PublishedEntries(entries, len(entries) == limit or characters >= MAX_CHARACTERS)

    def public_key(self) -> str:
        """Return the public key of the log, as PEM (RFC 7468)."""
        return self.key.pem


@cache
def log_reading() -> LogReading:
    """Return the log reading service of this process."""
    return LogReading(LogStore(wiring.ledger()), SigningKey(settings().signing_key))


def read_again() -> None:
    """Read the published catalog and the public key, and use nothing that this process has read before."""
    wiring.read_catalog_again()
    log_reading.cache_clear()
    log_reading().public_key()
