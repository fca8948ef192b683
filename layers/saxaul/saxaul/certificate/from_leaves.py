"""Builds the certificate of a tree from its statements in the published log."""

from collections.abc import Sequence
from typing import NamedTuple

from saxaul.catalog.entries import Text
from saxaul.catalog.recorded import recorded
from saxaul.certificate.certificate import Certificate, CertifiedTree, ProvenCount, ProvenLeaf, ShownPhoto
from saxaul.certificate.site import SitePolygon
from saxaul.log.leaves import TreeLeaf
from saxaul.log.particulars import Particulars

NEWEST_INSPECTIONS = 12
"""How many of the inspections that found the tree alive a certificate shows: the newest. It shows all other events."""

_OF_THE_PLANTING = frozenset({"planted", "replaced", "corrected"})
"""The events whose photo and link are those of the planting."""


class PublishedLeaf(NamedTuple):
    """A statement about a tree that the published log has. ``link`` is what its hash is of; empty if there is none."""

    position: int
    leaf: TreeLeaf
    link: str


def chosen(leaves: Sequence[PublishedLeaf]) -> list[PublishedLeaf]:
    """Return the statements that a certificate shows, from all of them, oldest first.

    The newest one is always among them, so that nothing that follows can be hidden.
    """
    inspections = [place for place, published in enumerate(leaves) if not published.leaf.is_in_chain]
    hidden = set(inspections[:-NEWEST_INSPECTIONS])
    return [published for place, published in enumerate(leaves) if place not in hidden]


def certificate_from_leaves(
    particulars: Particulars,
    proven: Sequence[ProvenLeaf],
    counted: ProvenCount,
    left_out: int,
    site: SitePolygon | None,
) -> Certificate:
    """Build the certificate of a tree from what the published log says about it. ``proven`` is not empty."""
    last = proven[-1].leaf
    planting = next(shown for shown in reversed(proven) if shown.leaf.event in _OF_THE_PLANTING)
    is_erased = any(shown.leaf.event == "dedication_erased" for shown in proven)
    known = particulars._replace(dedication=None, salt=None) if is_erased else particulars
    return Certificate(
        number=last.certificate,
        state=last.state,
        project_id=last.project_id,
        species=recorded(Text, particulars.species),
        latin=particulars.latin,
        place=recorded(Text, particulars.place),
        partner=particulars.partner,
        dedication=known.dedication,
        requested_at=particulars.requested_at,
        planted_at=last.planted_at,
        tree=CertifiedTree(last.tag, float(last.lat), float(last.lon), planting.photo, planting.link),
        particulars=known,
        proven=proven,
        counted=counted,
        left_out=left_out,
        site=site,
    )


def shown_photo(sha256: str, files_url: str) -> ShownPhoto | None:
    """Return the photo with this SHA-256, in hexadecimal; None if it is empty. ``files_url`` is where files are."""
    return ShownPhoto(sha256, f"{files_url}/photos/{sha256}") if sha256 else None
