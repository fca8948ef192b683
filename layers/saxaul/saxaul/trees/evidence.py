"""Evidence: what distinguishes a tree from every other. It is unique across all certificates.

A tree has a tag, a place and perhaps a photo, and no other tree has them. A tree that dies gives up its place and
nothing else. A correction gives up what it replaces. A photo belongs to one statement.

In the public log, a statement that takes evidence comes after the statement that freed it. So freed evidence is
remembered together with that statement.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

from saxaul.log.degrees import degrees
from saxaul.log.leaves import place_key, tag_key
from saxaul.trees.leaf_refs import LeafRef
from saxaul.trees.redemptions import Step, Tree
from saxaul.trees.states import STANDING_STATES


class TreeEvidence(NamedTuple):
    """A tag, a place or a photo. The key is the same for two tags, places or photos that count as the same."""

    kind: Literal["tag", "place", "photo"]
    key: str


class Holding(NamedTuple):
    """Which tree holds a piece of evidence, if any does.

    Attributes:
        certificate: the number of the certificate; empty if the evidence is free.
        freed_by: the statement that freed it; None if it was never taken, or is taken now.
    """

    certificate: str = ""
    freed_by: LeafRef | None = None


NEVER_TAKEN = Holding()


class KnownEvidence(NamedTuple):
    """What is known before reports are applied.

    Attributes:
        holds: the holding of each piece of evidence. What is not in it may be taken too: only the write of the reports
            decides.
        photos: the SHA-256 of each photo that the reports name and that Saxaul has hashed.
    """

    holds: Mapping[TreeEvidence, Holding] = {}
    photos: AbstractSet[str] = frozenset()


class Transfer(NamedTuple):
    """The holding of a piece of evidence before and after a change."""

    before: Holding
    after: Holding


class Transfers:
    """The evidence that changes hands while the reports of a request are applied, by redemption."""

    def __init__(self, holds: Mapping[TreeEvidence, Holding]) -> None:
        self._holds = dict(holds)
        self._transfers: dict[str, dict[TreeEvidence, Transfer]] = {}
        self._redemption_of: dict[TreeEvidence, str] = {}

    def owner(self, evidence: TreeEvidence) -> str:
        """Return the certificate that holds a piece of evidence after the reports so far; empty if none is known."""
        return self._holds.get(evidence, NEVER_TAKEN).certificate

    def is_of_other(self, redemption_id: str, evidence: TreeEvidence) -> bool:
        """Return whether a tree of another redemption has taken this evidence or given it up in this request."""
        return self._redemption_of.get(evidence, redemption_id) != redemption_id

    def add(self, redemption_id: str, after: Tree, wanted: "Moved") -> frozenset[LeafRef]:
        """Add what the latest step of a tree takes and gives up. The step is a statement.

        Returns the statements about other trees that freed what the step takes.
        """
        leaf = LeafRef(after.number, after.chain.statements)
        for evidence in wanted.given_up:
            self._holds[evidence] = Holding(after.number)
            self._change(redemption_id, evidence, Holding(freed_by=leaf))
        freed_by = {self._change(redemption_id, evidence, Holding(after.number)) for evidence in wanted.taken}
        return frozenset(ref for ref in freed_by if ref and ref.certificate != after.number)

    def _change(self, redemption_id: str, evidence: TreeEvidence, after: Holding) -> LeafRef | None:
        """Change the holding of a piece of evidence. Return the statement that had freed it."""
        before = self._holds.get(evidence, NEVER_TAKEN)
        transfers = self._transfers.setdefault(redemption_id, {})
        transfers[evidence] = transfers.get(evidence, Transfer(before, after))._replace(after=after)
        self._holds[evidence] = after
        self._redemption_of[evidence] = redemption_id
        return before.freed_by

    def of(self, redemption_id: str) -> Mapping[TreeEvidence, Transfer]:
        """Return what the trees of a redemption take and give up, in total."""
        return self._transfers.get(redemption_id, {})


class Moved(NamedTuple):
    """The evidence that a step of a tree takes and gives up."""

    taken: frozenset[TreeEvidence]
    given_up: frozenset[TreeEvidence]


def moved(before: Tree, after: Tree) -> Moved:
    """Return the evidence that the latest step of a tree takes and gives up."""
    step, has = after.history[-1], held(after)
    if _is_new_tree(step):
        return Moved(has, frozenset())  # also what an earlier tree of the certificate has: this is another tree
    had = held(before)
    return Moved((has - had) | _photo_of(step), had - has)


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
