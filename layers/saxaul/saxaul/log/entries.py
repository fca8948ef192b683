"""The data model of the transparency log: an append-only record of what partners stated about each certificate.

A log **entry** holds one batch of statements about certificates, one **leaf** for each statement. The leaves are hashed
into a Merkle tree. The **header** of the entry holds the root of that tree, the hash of the previous header, and the
number of standing trees, and it is signed. The signature of a header can be checked without the leaves, and a leaf with
only its inclusion path and the header. Anyone who has the whole log can recount the trees.

Everything that is hashed is canonical JSON of strings and integers. The log contains no personal data: it holds only
commitments (hashes) to the particulars of a certificate and to the links to photos.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, NamedTuple, get_args

from saxaul.log import merkle
from saxaul.log.canonical_json import Json, digest, encode

Event = Literal["planted", "alive", "dead", "replaced"]
EVENTS: tuple[Event, ...] = get_args(Event)

STANDING_EVENTS = frozenset({"planted", "alive", "replaced"})
"""The events after which a tree counts as standing."""

MAX_LEAVES = 500
"""The most leaves of one entry. Compressed, they fit a DynamoDB item (at most 400 KB) even at their longest."""

NOTHING_BEFORE = "0" * 64
"""The value of ``previous`` in the first entry, which has no entry before it."""

DEGREE_DECIMALS = 7
"""The last decimal is about one centimetre."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One statement of the log: one event of one certificate's tree.

    Attributes:
        follows: the previous event of the same certificate in the log; empty for ``planted``, which is the first.
        occurred_at: when the event happened, as the partner stated it, in RFC 3339.
        recorded_at: when the service accepted the report, in RFC 3339.
        lat: degrees of WGS 84, from :func:`degrees`.
        lon: degrees of WGS 84, from :func:`degrees`.
        evidence: the commitment to the link to the photo, from :func:`evidence_of`.
        particulars: the commitment to the fixed facts of the certificate, from :attr:`Particulars.commitment`.
    """

    number: str
    project_id: str
    event: Event
    follows: Event | Literal[""]
    occurred_at: str
    recorded_at: str
    tag: str
    lat: str
    lon: str
    evidence: str
    particulars: str

    def document(self) -> dict[str, Json]:
        return {name: getattr(self, name) for name in self.__slots__}

    @property
    def hash(self) -> bytes:
        return merkle.leaf_hash(encode(self.document()))


@dataclass(frozen=True, slots=True)
class Particulars:
    """The facts of a certificate that are fixed when its tree is planted. Later catalog changes do not alter them.

    Attributes:
        applied_at: when the person requested the tree, in RFC 3339.
        dedication: None if it was erased. ``dedication_digest`` then remains. Nothing erases dedications today.
        salt: 32 random bytes in hexadecimal, so that nobody can find a dedication by guessing; erased together with it.
        dedication_digest: the commitment to the dedication and its salt.
    """

    species: dict[str, str]
    latin: str
    place: dict[str, str]
    partner: str
    applied_at: str
    dedication: str | None
    salt: str | None
    dedication_digest: str

    @classmethod
    def fixed(
        cls,
        *,
        species: dict[str, str],
        latin: str,
        place: dict[str, str],
        partner: str,
        applied_at: str,
        dedication: str,
    ) -> "Particulars":
        """Create particulars with a new salt. ``species`` and ``place`` hold a text for each language."""
        salt = secrets.token_hex(32)
        sealed = dedication_digest(dedication, salt)
        return cls(species, latin, place, partner, applied_at, dedication, salt, sealed)

    @property
    def commitment(self) -> str:
        """A hash that commits to the particulars without showing them. No other particulars have the same hash."""
        return digest(self.committed())

    def committed(self) -> dict[str, Json]:
        """Return the committed fields: all but the dedication and its salt, which ``dedication_digest`` covers."""
        return {name: value for name, value in asdict(self).items() if name not in ("dedication", "salt")}


def dedication_digest(dedication: str, salt: str) -> str:
    return digest({"dedication": dedication, "salt": salt})


def evidence_of(photo_url: str) -> str:
    """Return the commitment to the link to a photo; empty if there is no link.

    The hash covers the link, not the image, so it stays checkable when the image is no longer available.
    """
    return hashlib.sha256(photo_url.encode()).hexdigest() if photo_url else ""


def degrees(value: float) -> str:
    """Return degrees as text with seven decimals, because programs may write the same fraction differently."""
    return f"{round(value, DEGREE_DECIMALS) + 0.0:.{DEGREE_DECIMALS}f}"


class Counts(NamedTuple):
    """The public counter: trees ever planted, those of them that are now known dead, and those that stand."""

    planted: int = 0
    dead: int = 0
    standing: int = 0

    def after(self, leaves: Sequence[Leaf]) -> "Counts":
        planted = self.planted + sum(leaf.event == "planted" for leaf in leaves)
        standing = self.standing + sum(
            (leaf.event in STANDING_EVENTS) - (leaf.follows in STANDING_EVENTS) for leaf in leaves
        )
        return Counts(planted, planted - standing, standing)


@dataclass(frozen=True, kw_only=True)
class Header:
    """An entry without its leaves: the signed fields and the signature.

    Attributes:
        sequence: 1 for the first entry, then 2, 3 and so on without a gap.
        by: the organisation that made the statements.
        size: the number of leaves of the Merkle tree.
        root: the root of the Merkle tree, in hexadecimal.
        previous: the hash of the previous header, in hexadecimal.
        counts: the counts of the whole log up to and including this entry.
        signed_at: in RFC 3339.
        key_id: SHA-256 of the public key (its DER), in hexadecimal.
        signature: an ECDSA signature (P-256, SHA-256) over all other fields, as DER in hexadecimal.
    """

    sequence: int
    by: str
    size: int
    root: str
    previous: str
    counts: Counts
    signed_at: str
    key_id: str
    signature: str = ""

    def header(self) -> dict[str, Json]:
        document: dict[str, Json] = {field.name: getattr(self, field.name) for field in fields(Header)}
        return document | {"counts": self.counts._asdict()}

    @property
    def signed_bytes(self) -> bytes:
        """The bytes that the signature covers: all fields but the signature."""
        return encode({name: value for name, value in self.header().items() if name != "signature"})

    @property
    def hash(self) -> str:
        """The hash that the next header holds as ``previous``. It covers the signature too."""
        return digest(self.header())


def sequence_after(head: Header | None) -> int:
    """Return the sequence of the entry after ``head``; None means that the log is empty."""
    return head.sequence + 1 if head else 1


@dataclass(frozen=True, kw_only=True)
class LogEntry(Header):
    """An entry of the log with its leaves."""

    leaves: tuple[Leaf, ...]

    @classmethod
    def draft(cls, head: Header | None, by: str, leaves: Sequence[Leaf], *, signed_at: str, key_id: str) -> "LogEntry":
        """Build the entry after ``head``, without a signature.

        Raises:
            ValueError: there is no leaf, or there are more than MAX_LEAVES.
        """
        if not 1 <= len(leaves) <= MAX_LEAVES:
            raise ValueError(f"an entry has 1 to {MAX_LEAVES} leaves, not {len(leaves)}")
        return cls(
            sequence=sequence_after(head),
            by=by,
            size=len(leaves),
            root=merkle.root([leaf.hash for leaf in leaves]).hex(),
            previous=head.hash if head else NOTHING_BEFORE,
            counts=(head.counts if head else Counts()).after(leaves),
            signed_at=signed_at,
            key_id=key_id,
            leaves=tuple(leaves),
        )

    def signed(self, signature: bytes) -> "LogEntry":
        return replace(self, signature=signature.hex())

    def inclusion_path(self, index: int) -> list[str]:
        """Return the inclusion path of one leaf, in hexadecimal."""
        return [beside.hex() for beside in merkle.inclusion_path([leaf.hash for leaf in self.leaves], index)]

    def document(self) -> dict[str, Json]:
        """Return the entry as the log publishes it."""
        return self.header() | {"leaves": [leaf.document() for leaf in self.leaves]}

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "LogEntry":
        """Build the entry from its published form."""
        leaves = tuple(Leaf(**leaf) for leaf in document["leaves"])
        return cls(**document | {"counts": Counts(**document["counts"]), "leaves": leaves})
