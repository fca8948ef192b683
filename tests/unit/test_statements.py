"""Statements in the log: a leaf for each step. The leaves of a tree form a chain and commit to the same particulars."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.log.leaves import MAX_LEAF, TreeLeaf, parse
from saxaul.trees.outcomes import RedemptionChange
from saxaul.trees.redemptions import MAX_STEPS, Chain, Redemption, Step
from saxaul.trees.report_rules import ApplyReports, apply_confirmations, apply_corrections, apply_inspections
from saxaul.trees.statements import particulars_of, stated
from saxaul.trees.states import IllegalTransitionError, State
from tests.builders import (
    FIRST,
    NOON,
    ORDER,
    ORDERED,
    SECOND,
    apply_reports,
    confirmation,
    correction,
    inspection,
    make_calendar,
    redemption_after,
    refusals,
)

CALENDAR = make_calendar()
PHOTO = sha256(b"a photo").hexdigest()
LINK = "https://trees.example/ax-0001.jpg"


def changed(take: ApplyReports, redemption: Redemption, *reports: object) -> RedemptionChange:
    """Apply reports, none of which may be refused. Return what they change in the redemption."""
    outcome = apply_reports(take, *reports, redemption=redemption)
    assert refusals(outcome) == []
    [change] = outcome.changes
    return change


def leaves_of(change: RedemptionChange) -> list[TreeLeaf]:
    return [statement.leaf for statement in change.statements]


def test_a_confirmed_tree_becomes_a_leaf_that_follows_no_other() -> None:
    report = confirmation(FIRST, tag="AX-0001", lat=38.851, lon=105.731, photo=PHOTO)

    change = changed(apply_confirmations, ORDERED, report, confirmation(SECOND, photo_url=None))

    first, second = leaves_of(change)
    assert (first.certificate, first.event, first.state, first.by) == (FIRST, "planted", "planted", ORDER.partner)
    assert (first.previous, first.since) == ("", 0)
    assert (first.occurred_at, first.recorded_at) == ("2026-06-05T10:00:00+08:00", "2026-06-05T12:00:00+08:00")
    assert first.planted_at == first.occurred_at
    assert (first.tag, first.lat, first.lon) == ("AX-0001", "38.8510000", "105.7310000")
    assert (first.photo, first.link) == (PHOTO, sha256(LINK.encode()).hexdigest())
    assert (second.certificate, second.photo, second.link) == (SECOND, "", "")
    assert [(found.number, found.link) for found in change.statements] == [(1, LINK), (1, "")]


def test_each_tree_of_a_redemption_has_its_own_seal() -> None:
    change = changed(apply_confirmations, ORDERED, confirmation(FIRST), confirmation(SECOND))

    seals = [tree.seal for tree in change.redemption.trees]
    assert None not in seals
    assert len({seal.salt for seal in seals if seal}) == 2


def test_a_tree_that_dies_and_is_replaced_keeps_the_commitment_from_its_planting() -> None:
    planted = changed(apply_confirmations, ORDERED, confirmation(FIRST))

    later = changed(
        apply_inspections,
        planted.redemption,
        inspection(FIRST, "dead", photo=PHOTO),
        inspection(FIRST, "replaced", photo="a" * 64),
    )

    [first], (dead, replaced) = leaves_of(planted), leaves_of(later)
    assert [(leaf.event, leaf.state) for leaf in (dead, replaced)] == [("dead", "dead"), ("replaced", "replaced")]
    assert dead.particulars == replaced.particulars == first.particulars
    assert (dead.tag, dead.planted_at) == (first.tag, first.planted_at), "the leaf of a death is about the dead tree"
    assert (replaced.tag, replaced.planted_at) == (f"BX-{FIRST}", "2026-06-05T10:30:00+08:00")
    assert (dead.photo, replaced.photo) == (PHOTO, "a" * 64)
    assert later.redemption.tree(FIRST).seal == planted.redemption.tree(FIRST).seal


def test_each_leaf_names_the_last_one_that_changed_the_state_and_how_many_lie_between() -> None:
    planted = changed(apply_confirmations, ORDERED, confirmation(FIRST))

    reports = [inspection(FIRST, state, inspector=str(n)) for n, state in enumerate(["alive", "alive", "dead"])]
    change = changed(apply_inspections, planted.redemption, *reports, inspection(FIRST, "replaced"), inspection(FIRST))

    found = leaves_of(change)
    before = leaves_of(planted)[0].hash.hex()
    assert [(leaf.event, leaf.previous, leaf.since) for leaf in found] == [
        ("alive", before, 0),
        ("alive", before, 1),
        ("dead", before, 2),
        ("replaced", found[2].hash.hex(), 0),
        ("alive", found[3].hash.hex(), 0),
    ]
    assert [statement.number for statement in change.statements] == [2, 3, 4, 5, 6]
    assert change.redemption.tree(FIRST).chain == Chain(found[3].hash.hex(), since=1, statements=6, replacements=1)


def test_a_correction_is_a_leaf_of_its_own_and_keeps_the_state() -> None:
    redemption = redemption_after(apply_confirmations, confirmation(FIRST, photo=PHOTO))

    change = changed(apply_corrections, redemption, correction(FIRST, tag="AX-0009"))

    [leaf] = leaves_of(change)
    assert (leaf.event, leaf.state, leaf.tag, leaf.photo) == ("corrected", "planted", "AX-0009", PHOTO)
    assert (leaf.occurred_at, leaf.recorded_at) == ("2026-06-05T12:00:00+08:00",) * 2
    assert leaf.planted_at == "2026-06-05T10:00:00+08:00"
    assert "typing error" not in leaf.text.decode()
    step = change.redemption.tree(FIRST).history[-1]
    assert (step.reason, step.statement, step.is_correction) == ("A typing error.", 2, True)


def test_the_particulars_of_a_sealed_tree_match_its_commitment() -> None:
    redemption = ORDERED._replace(dedication="For my grandmother")
    change = changed(apply_confirmations, redemption, confirmation(FIRST))
    seal = change.redemption.tree(FIRST).seal
    assert seal

    particulars = particulars_of(change.redemption, seal, ORDER.project)

    assert particulars.commitment == change.statements[0].leaf.particulars
    assert (particulars.dedication, particulars.requested_at) == ("For my grandmother", "2026-06-05T12:00:00+08:00")


def test_a_leaf_contains_no_user_id_dedication_redemption_app_reason_or_inspector() -> None:
    redemption = ORDERED._replace(dedication="For my grandmother")
    planted = changed(apply_confirmations, redemption, confirmation(FIRST))
    corrected = changed(apply_corrections, planted.redemption, correction(FIRST, tag="AX-0009"))
    found = changed(apply_inspections, corrected.redemption, inspection(FIRST))

    text = str([leaf.text for change in (planted, corrected, found) for leaf in leaves_of(change)])
    assert not [word for word in ("u-42", "grandmother", "r-1", "alipay", "typing", "Forestry") if word in text]


def test_a_step_that_is_reported_again_after_its_removal_is_another_statement() -> None:
    planted = redemption_after(apply_confirmations, confirmation(FIRST))
    inspectors = [*(f"I{number}" for number in range(MAX_STEPS)), "I0"]

    change = changed(apply_inspections, planted, *(inspection(FIRST, inspector=name) for name in inspectors))

    kept = change.redemption.tree(FIRST).history
    assert [statement.number for statement in change.statements] == list(range(2, len(inspectors) + 2))
    assert len(kept) == MAX_STEPS
    assert (kept[-1].inspector, kept[-1].statement) == ("I0", len(inspectors) + 1)


def test_the_log_has_no_statement_about_a_tree_that_was_never_planted() -> None:
    step = Step(State.RESERVED, NOON, NOON, order_id="o-1", reason="frost")

    with pytest.raises(IllegalTransitionError):
        stated(ORDERED, ORDERED.tree(FIRST), step, ORDER, CALENDAR)


tags = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd", "So"]), min_size=1, max_size=64)


@given(tag=tags, lat=st.floats(38.6, 39.1), lon=st.floats(105.4, 106), photo=st.none() | st.just(PHOTO))
def test_every_confirmation_that_is_accepted_makes_a_leaf_that_the_log_can_read(
    tag: str, lat: float, lon: float, photo: str | None
) -> None:
    outcome = apply_reports(apply_confirmations, confirmation(FIRST, tag=tag, lat=lat, lon=lon, photo=photo))

    for change in outcome.changes:
        [leaf] = leaves_of(change)
        assert parse(leaf.text) == leaf
        assert len(leaf.text) < MAX_LEAF
    assert [code for _, code in refusals(outcome)] in ([], ["invalid_confirmation"])
