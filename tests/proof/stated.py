"""Invariants of statements and evidence: each leaf has its tree, each tree its leaves, and all evidence its one owner.

The owners of evidence are computed here from the leaves alone, by the rules in the words of the documentation.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from saxaul.log.counts import Counts
from saxaul.log.degrees import degrees
from saxaul.log.leaves import TreeLeaf, parse, place_key, tag_key
from saxaul.log.lives import Life, next_life
from saxaul.storage import leaves
from saxaul.storage.evidence import TREE_EVIDENCE_PREFIX
from saxaul.storage.leaves import LEAF_PREFIX
from saxaul.storage.table import Item
from saxaul.trees.leaf_refs import LeafRef
from saxaul.trees.redemptions import Redemption, Tree
from saxaul.trees.states import STANDING_STATES, State

Evidence = tuple[str, str]


def leaves_by_certificate(items: list[Item]) -> dict[str, list[TreeLeaf]]:
    """Return the leaves among some items, oldest first, by certificate. Check that each certificate has them all."""
    stored = sorted(leaves.from_item(item) for item in items if item["pk"].startswith(LEAF_PREFIX))
    found: dict[str, list[TreeLeaf]] = {}
    for each in stored:
        leaf = parse(each.text)
        assert isinstance(leaf, TreeLeaf)
        assert leaf.certificate == each.certificate
        found.setdefault(each.certificate, []).append(leaf)
        assert each.number == len(found[each.certificate]), "a number of a leaf is missing"
    return found


def assert_each_tree_has_its_leaves(items: list[Item], redemptions: list[Redemption]) -> None:
    stated = leaves_by_certificate(items)
    counts = Counts()
    states = Counter(tree.state for redemption in redemptions for tree in redemption.trees)
    for tree in (tree for redemption in redemptions for tree in redemption.trees):
        own = stated.pop(tree.number, [])
        assert_agree(tree, own)
        for before, leaf in pairwise([None, *own]):
            assert leaf
            counts = counts.after(leaf, before.state if before else "")
    assert not stated, "a leaf has no tree"
    standing = sum(states[state] for state in STANDING_STATES)
    assert counts == (standing + states[State.DEAD], states[State.DEAD], standing)


def assert_agree(tree: Tree, own: list[TreeLeaf]) -> None:
    assert tree.chain.statements == len(own)
    assert [step.statement for step in tree.history if step.statement] == sorted(
        {step.statement for step in tree.history if step.statement}
    )
    for step in tree.history:
        if step.statement is None:
            assert step.planting is None
            assert step.state not in {*STANDING_STATES, State.DEAD}
            continue
        leaf = own[step.statement - 1]
        assert (leaf.event, leaf.state) == ("corrected" if step.is_correction else step.state, step.state)
        assert leaf.photo == step.shown_photo
    if own:
        assert tree.planting
        assert (own[-1].state, own[-1].tag) == (tree.state, tree.planting.tag)
        assert (own[-1].lat, own[-1].lon) == (degrees(tree.planting.lat), degrees(tree.planting.lon))
        assert_chained(own)
        *_, last = [leaf for leaf in own if leaf.is_in_chain]
        assert (tree.chain.previous, tree.chain.since) == (last.hash.hex(), len(own) - 1 - own.index(last))
        life: Life | None = None
        for leaf in own:
            life = next_life(life, leaf)
        assert life
        assert (life.state, life.previous, life.since) == (tree.state, tree.chain.previous, tree.chain.since)


def assert_chained(own: list[TreeLeaf]) -> None:
    """Check that each leaf names the newest leaf of its chain before it, and counts those between."""
    assert (own[0].event, own[0].previous, own[0].since) == ("planted", "", 0)
    for before, leaf in pairwise(own):
        previous = before.hash.hex() if before.is_in_chain else before.previous
        assert (leaf.previous, leaf.since) == (previous, 0 if before.is_in_chain else before.since + 1)
        assert leaf.event != "planted"
        assert leaf.particulars == before.particulars


def owners_by_leaves(stated: dict[str, list[TreeLeaf]]) -> dict[Evidence, str]:
    """Return whose all evidence is after these leaves. Check that nothing belongs to two certificates."""
    owners: dict[Evidence, str] = {}
    for certificate, own in stated.items():
        held: Counter[Evidence] = Counter()
        for before, leaf in _changes(own):
            held += _taken(before, leaf)
            held -= _given_up(before, leaf)
            assert max(held.values()) == 1, "a certificate has the same evidence twice"
        for evidence in held:
            assert owners.setdefault(evidence, certificate) == certificate, f"{evidence} belongs to two certificates"
    return owners


def _taken(before: TreeLeaf | None, leaf: TreeLeaf) -> Counter[Evidence]:
    if leaf.event in {"alive", "dead"}:
        return Counter(_photo(leaf))
    new = _tag(leaf) + _place(leaf) + _photo(leaf)
    if leaf.event == "corrected" and before:
        return Counter(new) - Counter(_tag(before) + _place(before) + _photo(before))
    return Counter(new)


def _given_up(before: TreeLeaf | None, leaf: TreeLeaf) -> Counter[Evidence]:
    if leaf.event == "dead":
        return Counter(_place(leaf._replace(state="planted")))
    if leaf.event == "corrected" and before:
        return Counter(_tag(before) + _place(before) + _photo(before)) - Counter(
            _tag(leaf) + _place(leaf) + _photo(leaf)
        )
    return Counter()


def _changes(own: list[TreeLeaf]) -> Iterator[tuple[TreeLeaf | None, TreeLeaf]]:
    """Yield each leaf of a certificate and the one before it. That one has the photo of its planting."""
    before: TreeLeaf | None = None
    for leaf in own:
        yield before, leaf
        is_inspection = before is not None and leaf.event in {"alive", "dead"}
        before = leaf._replace(photo=before.photo) if before and is_inspection else leaf


def _tag(leaf: TreeLeaf) -> list[Evidence]:
    return [("tag", tag_key(leaf.tag))]


def _place(leaf: TreeLeaf) -> list[Evidence]:
    return [("place", place_key(leaf.lat, leaf.lon))] if leaf.state != "dead" else []


def _photo(leaf: TreeLeaf) -> list[Evidence]:
    return [("photo", leaf.photo)] if leaf.photo else []


def freed_by_leaves(stated: dict[str, list[TreeLeaf]]) -> dict[Evidence, set[LeafRef]]:
    """Return which leaves have given up each evidence."""
    freed: dict[Evidence, set[LeafRef]] = {}
    for certificate, own in stated.items():
        for number, (before, leaf) in enumerate(_changes(own), 1):
            for evidence in _given_up(before, leaf):
                freed.setdefault(evidence, set()).add(LeafRef(certificate, number))
    return freed


def assert_evidence_belongs_to_its_trees(items: list[Item]) -> None:
    """Check that the items of evidence are what the leaves say: none is missing, and none is left over.

    What belongs to no tree any more is remembered with a leaf that gave it up.
    """
    stored: dict[Evidence, Item] = {}
    for item in items:
        if item["pk"].startswith(TREE_EVIDENCE_PREFIX):
            kind, key = item["pk"].removeprefix(TREE_EVIDENCE_PREFIX).split("#", 1)
            stored[kind, key] = item
    stated = leaves_by_certificate(items)
    owners, freed = owners_by_leaves(stated), freed_by_leaves(stated)
    assert {evidence: item["certificate"] for evidence, item in stored.items() if "certificate" in item} == owners
    free = {evidence: LeafRef.parse(item["freed_by"]) for evidence, item in stored.items() if "freed_by" in item}
    assert free.keys() == freed.keys() - owners.keys()
    assert all(ref in freed[evidence] for evidence, ref in free.items())
    assert free.keys() | owners.keys() == stored.keys()
