"""Statements in the log: a leaf for each step. All leaves of a tree have the same commitment to its particulars."""

from typing import Any

from saxaul.log.entries import evidence_of
from saxaul.services.take_reports import ApplyReports
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import MAX_STEPS, Redemption
from saxaul.trees.report_rules import apply_confirmations, apply_inspections
from saxaul.trees.statements import LogDraft, log_draft, particulars_of
from tests.builders import NOON, confirmation, inspection, make_calendar, make_order, make_redemption

CALENDAR = make_calendar()
ORDERED = make_redemption(trees=2, dedication="For my grandmother").reserved(NOON).ordered("o-1", NOON)
ORDER: PlantingOrder = make_order(ORDERED)
FIRST, SECOND = (tree.number for tree in ORDERED.trees)


def drafted(
    take: ApplyReports,
    redemption: Redemption,
    *reports: Any,  # noqa: ANN401 - any report
    sequence: int = 1,
) -> LogDraft:
    outcome = take(ORDER, {redemption.redemption_id: redemption}, reports, NOON, CALENDAR)
    assert not outcome.refused
    return log_draft(outcome, ORDER, CALENDAR, sequence)


def test_a_confirmed_tree_becomes_a_leaf_that_follows_no_event() -> None:
    draft = drafted(apply_confirmations, ORDERED, confirmation(FIRST), confirmation(SECOND, photo_url=None))

    first, second = draft.leaves
    assert (first.certificate, first.event, first.follows) == (FIRST, "planted", "")
    assert (first.occurred_at, first.recorded_at) == ("2026-06-05T10:00:00+08:00", "2026-06-05T12:00:00+08:00")
    assert (first.tag, first.lat, first.lon) == ("AX-0001", "38.8510000", "105.7310000")
    assert first.evidence == evidence_of("https://trees.example/ax-0001.jpg")
    assert (second.certificate, second.evidence) == (SECOND, "")


def test_each_tree_of_a_redemption_has_its_own_seal() -> None:
    [redemption] = drafted(apply_confirmations, ORDERED, confirmation(FIRST), confirmation(SECOND)).redemptions

    seals = [tree.seal for tree in redemption.trees]
    assert None not in seals
    assert len({seal.salt for seal in seals if seal}) == 2


def test_a_tree_that_dies_and_is_replaced_keeps_the_commitment_from_its_planting() -> None:
    planted = drafted(apply_confirmations, ORDERED, confirmation(FIRST))
    [redemption] = planted.redemptions

    later = drafted(apply_inspections, redemption, inspection(FIRST, "dead"), inspection(FIRST, "replaced"))

    dead, replaced = later.leaves
    assert [(leaf.event, leaf.follows) for leaf in later.leaves] == [("dead", "planted"), ("replaced", "dead")]
    assert dead.particulars == replaced.particulars == planted.leaves[0].particulars
    assert (dead.tag, replaced.tag) == ("AX-0001", "AX-0002"), "each leaf has the tag of the tree that it reports"
    assert later.redemptions[0].tree(FIRST).seal == redemption.tree(FIRST).seal


def test_the_particulars_of_a_sealed_tree_match_its_commitment() -> None:
    draft = drafted(apply_confirmations, ORDERED, confirmation(FIRST))
    [redemption] = draft.redemptions
    seal = redemption.tree(FIRST).seal
    assert seal

    particulars = particulars_of(redemption, seal, ORDER.project)

    assert particulars.commitment == draft.leaves[0].particulars
    assert (particulars.dedication, particulars.requested_at) == ("For my grandmother", "2026-06-05T12:00:00+08:00")


def test_a_leaf_contains_no_user_id_dedication_redemption_or_app() -> None:
    leaves = drafted(apply_confirmations, ORDERED, confirmation(FIRST)).leaves

    assert not [word for word in ("u-42", "grandmother", "r-1", "alipay") if word in str(leaves)]


def test_each_tree_keeps_the_places_of_its_leaves_in_all_log_entries() -> None:
    [planted] = drafted(apply_confirmations, ORDERED, confirmation(FIRST), confirmation(SECOND), sequence=7).redemptions

    [found] = drafted(
        apply_inspections, planted, inspection(SECOND), inspection(SECOND, "dead"), sequence=8
    ).redemptions

    places = [(step.sequence, step.leaf) for tree in found.trees for step in tree.history if step.leaf is not None]
    assert places == [(7, 0), (7, 1), (8, 0), (8, 1)]


def test_a_step_that_is_reported_again_after_its_removal_gets_its_own_place() -> None:
    planted = drafted(apply_confirmations, ORDERED, confirmation(FIRST)).redemptions[0]
    inspectors = [*(f"I{number}" for number in range(MAX_STEPS)), "I0"]

    draft = drafted(apply_inspections, planted, *(inspection(FIRST, inspector=name) for name in inspectors), sequence=2)

    kept = [step for step in draft.redemptions[0].tree(FIRST).history if step.sequence == 2]
    assert len(draft.leaves) == len(inspectors)
    assert [step.leaf for step in kept] == list(range(len(inspectors)))[-len(kept) :]
    assert kept[-1].inspector == "I0"
