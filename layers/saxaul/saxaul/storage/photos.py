"""Which photos Saxaul has hashed and published, as items of the ledger: ``PHOTO#<sha256>`` and ``PHOTO``."""

from collections.abc import Iterable

from saxaul.storage.table import IS_NEW, ItemMovedError, Key, Table
from saxaul.trees.photos import HashedPhoto


class Photos:
    """Reads and writes which photos are hashed. An item never changes, because the bytes of a photo never do."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def known(self, sha256s: Iterable[str]) -> set[str]:
        """Return those of these SHA-256 values whose photos are hashed and published. The read is consistent."""
        keys = {_key(sha256): sha256 for sha256 in sha256s}
        return {keys[key] for key in self._table.get_many(keys, consistent=True, only="pk, sk")}

    def put(self, photo: HashedPhoto) -> None:
        """Write that a photo is hashed and published. If that is written already, change nothing."""
        item = {
            **_key(photo.sha256)._asdict(),
            "bytes": photo.size,
            "type": photo.type,
            "hashed_at": photo.hashed_at,
        }
        try:
            self._table.put_if(item, IS_NEW)
        except ItemMovedError:
            return


def _key(sha256: str) -> Key:
    return Key(f"PHOTO#{sha256}", "PHOTO")
