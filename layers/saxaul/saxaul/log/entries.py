"""The data model of the transparency log: an append-only record of what partners stated about each certificate.

A log **entry** holds the statements of one request, one **leaf** for each statement. The leaves are hashed into a
Merkle tree. The signed **header** of the entry holds the root of the Merkle tree, the hash of the previous header, and
the counts of trees. To check a signature, one needs only the header. To check that a leaf belongs to an entry, one
needs only the leaf, its inclusion path and the header. Anyone who has the complete log can recount the trees.

Leaves, headers and particulars are hashed as canonical JSON. The log contains no personal data: it holds only hashes
(**commitments**) of the particulars of a certificate and of the links to photos.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

from saxaul.log import merkle
from saxaul.log.canonical_json import Json, digest, encode
from saxaul.log.counts import Counts
from saxaul.log.events import STANDING_EVENTS, TreeState
from saxaul.log.particulars import Particulars, dedication_digest

__all__ = ["NO_PREVIOUS_HASH", "Header", "Leaf", "LogEntry", "Particulars", "dedication_digest", "evidence_of"]

MAX_LEAVES = 500
"""The maximum number of leaves of one entry. Compressed, even the longest leaves fit a DynamoDB item (400 KB)."""

NO_PREVIOUS_HASH = "0" * 64
"""The value of ``previous`` in the first entry, because no entry comes before it."""


class Leaf(NamedTuple):
    """One statement of a partner: one event of the tree of one certificate.

    Attributes:
        certificate: the number of the certificate.
        follows: the previous event of the same certificate in the log; empty for ``planted``, which is the first.
        occurred_at: when the event happened, as the partner stated it, in RFC 3339.
        recorded_at: when the service accepted the report, in RFC 3339.
        lat: degrees of WGS 84, from :func:`degrees`.
        lon: degrees of WGS 84, from :func:`degrees`.
        evidence: the commitment to the link to the photo, from :func:`evidence_of`.
        particulars: the commitment to the fixed facts of the certificate, from :attr:`Particulars.commitment`.
    """

    certificate: str
    project_id: str
    event: TreeState
    follows: TreeState | Literal[""]
    occurred_at: str
    recorded_at: str
    tag: str
    lat: str
    lon: str
    evidence: str
    particulars: str

    def document(self) -> dict[str, Json]:
        return self._asdict()

    @property
    def hash(self) -> bytes:
        return merkle.leaf_hash(encode(self.document()))


def evidence_of(photo_url: str) -> str:
    """Return the commitment to the link to a photo; empty if there is no link.

    The hash covers the link, not the image, so it can be checked even when the image is no longer available.
    """
    return hashlib.sha256(photo_url.encode()).hexdigest() if photo_url else ""


@dataclass(frozen=True, kw_only=True)
class Header:
    """A log entry without its leaves: the signed fields and the signature.

    Attributes:
        sequence: 1 for the first entry, then 2, 3 and so on without a gap.
        by: the organisation that made the statements.
        size: the number of leaves of the Merkle tree.
        root: the root of the Merkle tree, in hexadecimal.
        previous: the hash of the previous header, in hexadecimal.
        counts: the counts of the whole log up to and including this entry.
        signed_at: when the entry was signed, in RFC 3339.
        key_id: SHA-256 of the public key (its DER), in hexadecimal.
        signature: an ECDSA signature (P-256, SHA-256) over all other fields, as DER in hexadecimal; empty in a draft.
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

    def header_document(self) -> dict[str, Json]:
        document: dict[str, Json] = {field.name: getattr(self, field.name) for field in fields(Header)}
        return document | {"counts": self.counts._asdict()}

    @property
    def signed_bytes(self) -> bytes:
        """The bytes that the signature covers: all fields but the signature."""
        return encode({name: value for name, value in self.header_document().items() if name != "signature"})

    @property
    def hash(self) -> str:
        """The hash that the next header holds as ``previous``. It covers the signature too."""
        return digest(self.header_document())


def counts_after(counts: Counts, leaves: Sequence[Leaf]) -> Counts:
    """Return the counts after these leaves."""
    planted = counts.planted + sum(leaf.event == "planted" for leaf in leaves)
    standing = counts.standing + sum(
        (leaf.event in STANDING_EVENTS) - (leaf.follows in STANDING_EVENTS) for leaf in leaves
    )
    return Counts(planted, planted - standing, standing)


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
            previous=head.hash if head else NO_PREVIOUS_HASH,
            counts=counts_after(head.counts if head else Counts(), leaves),
            signed_at=signed_at,
            key_id=key_id,
            leaves=tuple(leaves),
        )

    def signed(self, signature: bytes) -> "LogEntry":
        return replace(self, signature=signature.hex())

    def inclusion_path(self, index: int) -> list[str]:
        """Return the inclusion path of one leaf, in hexadecimal."""
        return [sibling.hex() for sibling in merkle.inclusion_path([leaf.hash for leaf in self.leaves], index)]

    def document(self) -> dict[str, Json]:
        """Return the entry as the log publishes it."""
        return self.header_document() | {"leaves": [leaf.document() for leaf in self.leaves]}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "LogEntry":
        """Build the entry from its published form."""
        leaves = tuple(Leaf(**leaf) for leaf in document["leaves"])
        return cls(**document | {"counts": Counts(**document["counts"]), "leaves": leaves})
