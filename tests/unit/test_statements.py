"""What the log is told of a tree: a leaf for each step, under one commitment for its whole life."""

from typing import Any

from saxaul.log.entries import evidence_of
from saxaul.services.take_statements import Take
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import Redemption
from saxaul.trees.statements import Statements, particulars_of, statements_of
from saxaul.trees.tree_reports import confirm, inspect
from tests.builders import NOON, confirmation, inspection, make_calendar, make_order, make_redemption

CALENDAR = make_calendar()
ORDERED = make_redemption(trees=2, dedication="For my grandmother").reserved(NOON).ordered("o-1", NOON)
ORDER: PlantingOrder = make_order(ORDERED)
FIRST, SECOND = (tree.number for tree in ORDERED.trees)


def told(take: Take, redemption: Redemption, *reports: Any) -> Statements:  # noqa: ANN401 - any report
    outcome = take(ORDER, {redemption.redemption_id: redemption}, reports, NOON)
    assert not outcome.refused
    return statements_of(outcome, ORDER, CALENDAR)


def test_a_confirmed_tree_is_a_leaf_that_follows_nothing() -> None:
    statements = told(confirm, ORDERED, confirmation(FIRST), confirmation(SECOND, photo_url=None))

    first, second = statements.leaves
    assert (first.number, first.event, first.follows) == (FIRST, "planted", "")
    assert (first.occurred_at, first.recorded_at) == ("2026-06-05T10:00:00+08:00", "2026-06-05T12:00:00+08:00")
    assert (first.tag, first.lat, first.lon) == ("AX-0001", "38.8510000", "105.7310000")
    assert first.evidence == evidence_of("https://trees.example/ax-0001.jpg")
    assert (second.number, second.evidence) == (SECOND, "")


def test_trees_of_one_redemption_are_sealed_apart() -> None:
    [redemption] = told(confirm, ORDERED, confirmation(FIRST), confirmation(SECOND)).redemptions

    seals = [tree.seal for tree in redemption.trees]
    assert None not in seals
    assert len({seal.salt for seal in seals if seal}) == 2


def test_a_tree_that_dies_and_is_replaced_keeps_the_commitment_that_it_was_planted_under() -> None:
    planted = told(confirm, ORDERED, confirmation(FIRST))
    [redemption] = planted.redemptions

    later = told(inspect, redemption, inspection(FIRST, "dead"), inspection(FIRST, "replaced"))

    dead, replaced = later.leaves
    assert [(leaf.event, leaf.follows) for leaf in later.leaves] == [("dead", "planted"), ("replaced", "dead")]
    assert dead.particulars == replaced.particulars == planted.leaves[0].particulars
    assert (dead.tag, replaced.tag) == ("AX-0001", "AX-0002"), "a leaf tells of what it found"
    assert later.redemptions[0].tree(FIRST).seal == redemption.tree(FIRST).seal


def test_the_particulars_of_a_sealed_tree_open_its_commitment() -> None:
    statements = told(confirm, ORDERED, confirmation(FIRST))
    [redemption] = statements.redemptions
    seal = redemption.tree(FIRST).seal
    assert seal

    particulars = particulars_of(redemption, seal, ORDER.project)

    assert particulars.commitment == statements.leaves[0].particulars
    assert (particulars.dedication, particulars.applied_at) == ("For my grandmother", "2026-06-05T12:00:00+08:00")


def test_nobody_and_no_dedication_stands_in_a_leaf() -> None:
    leaves = told(confirm, ORDERED, confirmation(FIRST)).leaves

    assert not [word for word in ("u-42", "grandmother", "r-1", "alipay") if word in str(leaves)]
