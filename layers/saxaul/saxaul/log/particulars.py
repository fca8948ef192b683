"""The facts of a certificate that never change. Each leaf about its tree holds a hash of them, not the facts."""

import secrets
from typing import NamedTuple

from .canonical_json import Json, digest


class Particulars(NamedTuple):
    """The facts of a certificate that are fixed when its tree is planted. Later catalog changes do not alter them.

    Attributes:
        requested_at: when the person requested the tree, in RFC 3339.
        dedication: the text; None means that it was erased, which a leaf of the log records.
        salt: 32 random bytes in hexadecimal, so that nobody can find a dedication by guessing. It is None if the
            dedication is None.
        dedication_digest: the commitment to the dedication and its salt.
    """

    species: dict[str, str]
    latin: str
    place: dict[str, str]
    partner: str
    requested_at: str
    dedication: str | None
    salt: str | None
    dedication_digest: str

    @classmethod
    def create(
        cls,
        *,
        species: dict[str, str],
        latin: str,
        place: dict[str, str],
        partner: str,
        requested_at: str,
        dedication: str,
    ) -> "Particulars":
        """Create particulars with a new salt. ``species`` and ``place`` hold a text for each language."""
        salt = secrets.token_hex(32)
        digest_of_both = dedication_digest(dedication, salt)
        return cls(species, latin, place, partner, requested_at, dedication, salt, digest_of_both)

    @property
    def commitment(self) -> str:
        """The hash of the particulars, which a leaf holds instead of the particulars themselves."""
        return digest(self.committed_fields())

    def committed_fields(self) -> dict[str, Json]:
        """Return the fields that the commitment covers.

        They are all fields except the dedication and its salt, which ``dedication_digest`` covers.
        """
        return {name: value for name, value in self._asdict().items() if name not in ("dedication", "salt")}


def dedication_digest(dedication: str, salt: str) -> str:
    return digest({"dedication": dedication, "salt": salt})
