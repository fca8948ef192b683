"""Certificates of trees, as the service would make them, with leaves but without the log."""

import hashlib
from typing import Any

from saxaul.certificate.certificate import Certificate, ProvenCount, ProvenLeaf, ShownLog, ShownPhoto
from saxaul.certificate.from_leaves import certificate_from_leaves
from saxaul.certificate.site import SitePolygon
from saxaul.log.counts import Counts
from saxaul.log.leaves import TreeLeaf
from saxaul.log.particulars import Particulars
from tests.tree_leaves import make_count_leaf, make_tree_leaf

NUMBER = "45YW-R9YG-R3H2-Z"
ADDRESS = f"https://abc123.execute-api.cn-north-1.amazonaws.com.cn/v1/certificates/{NUMBER}"
FILES = "https://files.trees.example"
LINK = "https://trees.example/ax-0001.jpg"
LOG = ShownLog(
    url=f"{FILES}/log",
    vkey="files.trees.example/log+0a1b2c3d+AYnWHrRGq1EzGdvW0cFYR0kPVQkMNcYJwBfQpYQmrQTe",
    standing=1234,
    counted_at="2026-06-20T18:00:02+08:00",
)
SITE = SitePolygon.around(38.85, 105.73, 50)


def make_particulars(dedication: str = "For my grandmother · 献给奶奶", **changed: Any) -> Particulars:  # noqa: ANN401
    facts: dict[str, Any] = {
        "species": {"en": "Saxaul", "zh": "梭梭"},
        "latin": "Haloxylon ammodendron",
        "place": {"en": "Alxa, Inner Mongolia", "zh": "内蒙古阿拉善"},
        "partner": "Alxa SEE Foundation",
        "requested_at": "2026-06-05T09:00:00+08:00",
    }
    return Particulars.create(**facts | changed, dedication=dedication)


def make_life(*events: str) -> list[TreeLeaf]:
    """Return the leaves of a tree's life, a day apart. ``withdrawn`` ends a death, ``moved`` corrects a place."""
    leaves = [make_tree_leaf("planted", certificate=NUMBER, photo=hashed("planted"))]
    for number, event in enumerate(events, 1):
        before, day = leaves[-1], f"2026-{6 + (19 + number) // 30:02d}-{1 + (19 + number) % 30:02d}T10:00:00+08:00"
        changes: dict[str, Any] = {"occurred_at": day, "recorded_at": day, "photo": "", "link": ""}
        match event:
            case "withdrawn":
                changes |= {"event": "corrected", "state": "alive", "photo": hashed("planted")}
            case "moved":
                changes |= {"event": "corrected", "lat": "38.9000000", "tag": "AX-0009", "photo": hashed("planted")}
            case "replaced":
                changes |= {"event": "replaced", "state": "replaced", "tag": "AX-0002", "planted_at": day}
            case "dedication_erased":
                changes |= {"event": event, "by": ""}
            case _:
                changes |= {"event": event, "state": event}
        is_since = not before.is_in_chain
        previous = before.previous if is_since else before.hash.hex()
        since = before.since + 1 if is_since else 0
        leaves.append(before._replace(**changes, previous=previous, since=since))
    return leaves


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_certificate(*events: str, particulars: Particulars | None = None, left_out: int = 0) -> Certificate:
    """Return the certificate of a tree that was planted and had these events. Its proofs are only texts."""
    proven = [prove(leaf) for leaf in make_life(*events)]
    count = ProvenCount(make_count_leaf(Counts(7, 1, 6), 99), "the proof of the count")
    return certificate_from_leaves(particulars or make_particulars(), proven, count, left_out, SITE)


def prove(leaf: TreeLeaf, link: str = "") -> ProvenLeaf:
    photo = ShownPhoto(leaf.photo, f"{FILES}/photos/{leaf.photo}") if leaf.photo else None
    return ProvenLeaf(leaf, photo, link or None, "the proof of the leaf")


def make_waiting(state: str = "ordered") -> Certificate:
    """Return the certificate of a tree that is not planted yet."""
    planted = make_certificate()
    return planted._replace(
        state=state, planted_at=None, tree=None, particulars=None, proven=(), counted=None, dedication="For Mei"
    )
