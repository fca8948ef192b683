"""The certificate of a tree: the object from which the JSON, the picture and the web page are made."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from saxaul.catalog.entries import Language, Text
from saxaul.certificate.site import SitePolygon
from saxaul.log.canonical_json import Json
from saxaul.log.leaves import CountLeaf, TreeLeaf
from saxaul.log.particulars import Particulars


class ShownPhoto(NamedTuple):
    """A photo whose bytes Saxaul has hashed: the SHA-256 of the bytes in hexadecimal, and where they are public."""

    sha256: str
    url: str


class CertifiedTree(NamedTuple):
    """The tree of a certificate: the one in the ground, or the dead one. Degrees are WGS 84.

    Attributes:
        photo: the photo of its planting, which is evidence; None if there is none.
        link: a link that the partner gave for its planting, which is no evidence; None if there is none.
    """

    tag: str
    lat: float
    lon: float
    photo: ShownPhoto | None
    link: str | None


class ProvenLeaf(NamedTuple):
    """A statement about the tree of a certificate, with its proof.

    Attributes:
        photo: the photo whose hash the leaf holds; None if there is none.
        link: the link whose hash the leaf holds; None if there is none.
        proof: the proof that the log has the leaf, as the text of C2SP tlog-proof.
    """

    leaf: TreeLeaf
    photo: ShownPhoto | None
    link: str | None
    proof: str

    def event(self) -> dict[str, Json]:
        """Return the event as the history shows it."""
        return {
            "event": self.leaf.event,
            "state": self.leaf.state,
            "at": self.leaf.occurred_at,
            "recorded_at": self.leaf.recorded_at,
            "photo": _document_of(self.photo),
            "link": self.link,
        }

    def document(self) -> dict[str, Json]:
        return {"leaf": self.leaf.text.decode(), "tlog_proof": self.proof}


class ProvenCount(NamedTuple):
    """The last leaf of the published log, with its proof."""

    leaf: CountLeaf
    proof: str

    def document(self) -> dict[str, Json]:
        return {"leaf": self.leaf.text.decode(), "tlog_proof": self.proof}


class ShownLog(NamedTuple):
    """What the page says of the public log.

    Attributes:
        url: the address below which its files lie.
        vkey: its public key, as a verifier key (C2SP signed-note).
        standing: the public counter: how many trees stand in it.
        counted_at: when they were counted, in RFC 3339; None if the log is empty.
    """

    url: str
    vkey: str
    standing: int
    counted_at: str | None


class Certificate(NamedTuple):
    """The public facts of a tree. A certificate does not name the person who requested the tree. Times are in RFC 3339.

    Attributes:
        state: the tree's state, such as ``ordered`` or ``alive``.
        species, latin, place, partner: from the tree's project; None if the project no longer exists.
        dedication: the text; None if it was erased.
        requested_at: when the person requested the tree.
        planted_at: when the plant of ``tree`` was planted; None before the first planting.
        particulars, counted: None until the published log has a statement about the tree.
        proven: the statements that the certificate shows, oldest first; empty as long as there is none.
        left_out: how many statements the published log has besides. Each found the tree alive.
        site: where the trees of the project are planted; None if that is not known. Only the page shows it.
    """

    number: str
    state: str
    project_id: str
    species: Text | None
    latin: str | None
    place: Text | None
    partner: str | None
    dedication: str | None
    requested_at: str
    planted_at: str | None
    tree: CertifiedTree | None
    particulars: Particulars | None = None
    proven: Sequence[ProvenLeaf] = ()
    counted: ProvenCount | None = None
    left_out: int = 0
    site: SitePolygon | None = None

    def document(self, language: Language) -> dict[str, Json]:
        """Return the certificate as JSON, with its texts in one language."""
        return {
            "certificate": self.number,
            "state": self.state,
            "project_id": self.project_id,
            "species": self.species.in_language(language) if self.species else None,
            "latin": self.latin,
            "place": self.place.in_language(language) if self.place else None,
            "partner": self.partner,
            "dedication": self.dedication,
            "requested_at": self.requested_at,
            "planted_at": self.planted_at,
            "tree": _document_of_tree(self.tree) if self.tree else None,
            "history": [proven.event() for proven in self.proven],
            "particulars": self.particulars.committed_fields() if self.particulars else None,
            "salt": self.particulars.salt if self.particulars else None,
            "proofs": [proven.document() for proven in self.proven],
            "count": self.counted.document() if self.counted else None,
        }


def _document_of(photo: ShownPhoto | None) -> dict[str, Json] | None:
    return dict(photo._asdict()) if photo else None


def _document_of_tree(tree: CertifiedTree) -> Mapping[str, Json]:
    return {**tree._asdict(), "photo": _document_of(tree.photo)}
