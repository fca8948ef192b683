"""Which photos Saxaul has hashed and published, as items of the ledger: ``PHOTO#<sha256>`` and ``PHOTO``.

The last upload that was declared as this photo and was refused is ``PHOTO#<sha256>`` and ``REFUSED``.
"""

from collections.abc import Iterable

from saxaul.storage.table import IS_NEW, ItemMovedError, Key, Table
from saxaul.trees.photos import HashedPhoto, RefusedUpload


class Photos:
    """Reads and writes which photos are hashed. Such an item never changes, because the bytes of a photo never do."""

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

    def refused(self, sha256s: Iterable[str]) -> dict[str, RefusedUpload]:
        """Return the last refused upload of each of these photos, by SHA-256; none if no upload was refused."""
        keys = {_key(sha256, "REFUSED"): sha256 for sha256 in sha256s}
        found = self._table.get_many(keys, consistent=True)
        return {
            keys[key]: RefusedUpload(item["upload"], item["code"], int(item["refused_at"]))
            for key, item in found.items()
        }

    def put_refused(self, sha256: str, refused: RefusedUpload) -> None:
        """Write that an upload of a photo was refused, in place of an earlier refusal."""
        self._table.replace(
            {
                **_key(sha256, "REFUSED")._asdict(),
                "upload": refused.key,
                "code": refused.code,
                "refused_at": refused.refused_at,
            }
        )


def _key(sha256: str, kind: str = "PHOTO") -> Key:
    return Key(f"PHOTO#{sha256}", kind)
