"""Reads where the public log is, the key that signs it, and its counts."""

from functools import cache
from typing import NamedTuple

from saxaul.log.notes import vkey_of
from saxaul.services import wiring
from saxaul.services.wiring import PublicLog
from saxaul.settings import settings
from saxaul.storage.sequence import Published, SequenceStore
from saxaul.storage.signing import SigningKey


class LogReading(NamedTuple):
    """Reads what the public endpoint says of the log."""

    store: SequenceStore
    key: SigningKey
    public_log: PublicLog

    def published(self) -> Published:
        """Return the size of the published tree and its counts. The read is consistent."""
        return self.store.published()

    def vkey(self) -> str:
        """Return the public key of the log, as a verifier key (C2SP signed-note).

        Before the first leaf, it has the name that the log would get now.

        Raises:
            KeyUnavailableError: this process does not know it yet, and KMS did not tell it.
        """
        return vkey_of(self.store.origin() or self.public_log.first_origin, self.key.public_key)


@cache
def log_reading() -> LogReading:
    """Return the log reading service of this process."""
    return LogReading(SequenceStore(wiring.ledger()), SigningKey(settings().signing_key), wiring.public_log())


def read_again() -> None:
    """Read the published catalog and the public key, and use nothing that this process has read before."""
    wiring.read_catalog_again()
    log_reading.cache_clear()
    log_reading().vkey()
