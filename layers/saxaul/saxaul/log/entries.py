"""The transparency log: what was said of which certificate, by whom, in which order, and never changed afterwards.

An **entry** is one batch of statements about certificates. Its **leaves** are hashed into a Merkle tree; its **header**
holds the root, the hash of the header before, and how many trees stand, and is signed. A header is checked without the
leaves, a leaf with its inclusion path alone, and whoever has the whole log can count again.

All that is hashed is canonical JSON of text and whole numbers. Nothing personal stands in the log: what is particular
to a certificate is there as a commitment only, and so is the link to a photo.
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
"""The events after which a tree stands, as far as anyone knows."""

MAX_LEAVES = 500
"""The most leaves of one entry: at their longest they fit an item of DynamoDB, which ends at 400 KB."""

NOTHING_BEFORE = "0" * 64
"""What the first entry commits to."""

DEGREE_DECIMALS = 7
"""A ten-millionth of a degree is about a centimetre."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the log says of one certificate at one event.

    Attributes:
        follows: the event before it in the log, of the same certificate; empty for ``planted``, which is the first.
        occurred_at: when it was so, in RFC 3339.
        recorded_at: when it was taken in, in RFC 3339.
        lat: degrees of WGS 84, from :func:`degrees`.
        lon: likewise.
        evidence: the commitment to the photo, from :func:`evidence_of`.
        particulars: the commitment to what the certificate says for good, from :attr:`Particulars.commitment`.
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
    """What a certificate says for good, fixed when its tree is planted, whatever the catalog says later.

    Attributes:
        applied_at: when the tree was asked for, in RFC 3339.
        dedication: None where it was erased; the commitment to it stays.
        salt: 32 random bytes in hexadecimal, so that nobody can find a dedication by trying; erased with it.
        dedication_digest: the commitment to the dedication under its salt.
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
        """Particulars under a new salt. ``species`` and ``place`` are texts by language."""
        salt = secrets.token_hex(32)
        sealed = dedication_digest(dedication, salt)
        return cls(species, latin, place, partner, applied_at, dedication, salt, sealed)

    @property
    def commitment(self) -> str:
        """A hiding, binding commitment to the particulars: it shows nothing of them, and no others have it."""
        return digest(self.committed())

    def committed(self) -> dict[str, Json]:
        """What the commitment is over: everything, and the dedication by its digest."""
        return {name: value for name, value in asdict(self).items() if name not in ("dedication", "salt")}


def dedication_digest(dedication: str, salt: str) -> str:
    return digest({"dedication": dedication, "salt": salt})


def evidence_of(photo_url: str) -> str:
    """The commitment to a link to a photo; empty where there is none. The link may die, the log does not."""
    return hashlib.sha256(photo_url.encode()).hexdigest() if photo_url else ""


def degrees(value: float) -> str:
    """Degrees as the log writes them, with seven decimals, so that no two programs differ over a fraction."""
    return f"{round(value, DEGREE_DECIMALS) + 0.0:.{DEGREE_DECIMALS}f}"


class Counts(NamedTuple):
    """How many trees were ever planted, how many of those are known dead, and how many stand: the public counter."""

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
    """An entry without its leaves: what is signed, and the signature.

    Attributes:
        sequence: 1 for the first entry, and one more for each that follows.
        by: the organisation that said so.
        size: how many leaves the tree has.
        root: the root of the tree, in hexadecimal.
        previous: the hash of the header before, in hexadecimal.
        counts: of the whole log, with this entry.
        signed_at: in RFC 3339.
        key_id: SHA-256 of the public key (its DER), in hexadecimal.
        signature: ECDSA over P-256 and SHA-256 of everything else here, as DER in hexadecimal.
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
        """What the signature is over."""
        return encode({name: value for name, value in self.header().items() if name != "signature"})

    @property
    def hash(self) -> str:
        """What the next header commits to."""
        return digest(self.header())


def sequence_after(head: Header | None) -> int:
    """The sequence of the entry that follows ``head``; None stands for an empty log."""
    return head.sequence + 1 if head else 1


@dataclass(frozen=True, kw_only=True)
class LogEntry(Header):
    """An entry of the log with its leaves."""

    leaves: tuple[Leaf, ...]

    @classmethod
    def draft(cls, head: Header | None, by: str, leaves: Sequence[Leaf], *, signed_at: str, key_id: str) -> "LogEntry":
        """The entry after ``head``, still to be signed.

        Raises:
            ValueError: there is no leaf, or more than an entry holds.
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
        """The inclusion path of one leaf, in hexadecimal."""
        return [beside.hex() for beside in merkle.inclusion_path([leaf.hash for leaf in self.leaves], index)]

    def document(self) -> dict[str, Json]:
        """The entry as the log publishes it."""
        return self.header() | {"leaves": [leaf.document() for leaf in self.leaves]}

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "LogEntry":
        """The entry that was published as ``document``."""
        leaves = tuple(Leaf(**leaf) for leaf in document["leaves"])
        return cls(**document | {"counts": Counts(**document["counts"]), "leaves": leaves})
