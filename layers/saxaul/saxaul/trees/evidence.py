"""Evidence: what shows that a tree is a tree of its own. It is unique across all certificates.

A tree has a tag, a place and perhaps a photo, and no other tree has them. A tree that dies gives up its place and
nothing else. A correction gives up what it replaces. A photo belongs to one statement.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

from saxaul.log.degrees import degrees
from saxaul.log.leaves import place_key, tag_key
from saxaul.trees.redemptions import Step, Tree
from saxaul.trees.states import STANDING_STATES


class TreeEvidence(NamedTuple):
    """A tag, a place or a photo. The key is the same for two tags, places or photos that count as the same."""

    kind: Literal["tag", "place", "photo"]
    key: str


class KnownEvidence(NamedTuple):
    """What is known before reports are applied.

    Attributes:
        owners: the number of the certificate that each evidence belongs to. What is not in it may have an owner too:
            only the write of the reports decides.
        photos: the SHA-256 of each photo that the reports name and that Saxaul has hashed.
    """

    owners: Mapping[TreeEvidence, str] = {}
    photos: AbstractSet[str] = frozenset()


class Transfer(NamedTuple):
    """Whose an evidence is before and after a change: the number of a certificate, or empty if it is nobody's."""

    before: str
    after: str


class Transfers:
    """The evidence that changes hands while the reports of a request are applied, by redemption."""

    def __init__(self, owners: Mapping[TreeEvidence, str]) -> None:
        self._owners = dict(owners)
        self._transfers: dict[str, dict[TreeEvidence, Transfer]] = {}

    def owner(self, evidence: TreeEvidence) -> str:
        """Return the certificate that an evidence belongs to after the reports so far; empty if none is known."""
        return self._owners.get(evidence, "")

    def add(self, redemption_id: str, before: Tree, after: Tree) -> None:
        """Add what the latest step of a tree takes and gives up."""
        transfers = self._transfers.setdefault(redemption_id, {})
        for evidence in given_up(before, after):
            known = transfers.get(evidence, Transfer(before.number, before.number))
            transfers[evidence] = known._replace(after="")
            self._owners.pop(evidence, None)
        for evidence in taken(before, after):
            known = transfers.get(evidence, Transfer("", ""))
            transfers[evidence] = known._replace(after=after.number)
            self._owners[evidence] = after.number

    def of(self, redemption_id: str) -> Mapping[TreeEvidence, Transfer]:
        """Return what the trees of a redemption take and give up, in total."""
        return self._transfers.get(redemption_id, {})


def taken(before: Tree, after: Tree) -> frozenset[TreeEvidence]:
    """Return the evidence that the latest step of a tree takes."""
    step = after.history[-1]
    if _is_new_tree(step):
        return held(after)  # also what an earlier tree of the certificate has, because this is another tree
    return (held(after) - held(before)) | _photo_of(step)


def given_up(before: Tree, after: Tree) -> frozenset[TreeEvidence]:
    """Return the evidence that the latest step of a tree gives up."""
    return frozenset() if _is_new_tree(after.history[-1]) else held(before) - held(after)


def _is_new_tree(step: Step) -> bool:
    return step.planting is not None and not step.is_correction


def held(tree: Tree) -> frozenset[TreeEvidence]:
    """Return the evidence that the current tree of a certificate has. A dead tree has no place."""
    planting = tree.planting
    if planting is None:
        return frozenset()
    held = {TreeEvidence("tag", tag_key(planting.tag))}
    if tree.state in STANDING_STATES:
        held.add(TreeEvidence("place", place_key(degrees(planting.lat), degrees(planting.lon))))
    if planting.photo:
        held.add(TreeEvidence("photo", planting.photo))
    return frozenset(held)


def _photo_of(step: Step) -> frozenset[TreeEvidence]:
    return frozenset({TreeEvidence("photo", step.photo)} if step.photo else ())
