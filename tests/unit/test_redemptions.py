"""Redemptions: the transitions of redemptions and of their trees, and the settlement of requests."""

from typing import Any

import pytest

from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import MAX_REPLACEMENTS, MAX_STEPS, Step, Tree, settle
from saxaul.trees.states import (
    CORRECTIONS,
    STANDING_STATES,
    TRANSITIONS,
    TREE_TRANSITIONS,
    IllegalTransitionError,
    State,
)
from saxaul.trees.stock import Stock
from tests.builders import DAY, NOON, make_redemption, make_wallet

PAIRS = [(start, end) for start in State for end in State]
TWO_TREES = make_redemption(trees=2).trees
PLANTING = PlantedTree(NOON, "AX-0001", 38.851, 105.731)


def tree_transitions(start: State) -> frozenset[State]:
    return TREE_TRANSITIONS.get(start, frozenset())


def step(state: State, order_id: str = "") -> Step:
    return Step(state, NOON, NOON, order_id=order_id, planting=PLANTING if state in STANDING_STATES else None)


def tree_in(state: State) -> Tree:
    return Tree("n", () if state is State.REQUESTED else (step(state),))


@pytest.mark.parametrize(("start", "end"), [(start, end) for start, end in PAIRS if end in TRANSITIONS[start]])
def test_a_redemption_can_make_each_allowed_transition(start: State, end: State) -> None:
    assert make_redemption(state=start).to(end).state is end


@pytest.mark.parametrize(("start", "end"), [(start, end) for start, end in PAIRS if end not in TRANSITIONS[start]])
def test_a_redemption_cannot_make_any_other_transition(start: State, end: State) -> None:
    with pytest.raises(IllegalTransitionError):
        make_redemption(state=start).to(end)


@pytest.mark.parametrize(("start", "end"), [(start, end) for start, end in PAIRS if end in tree_transitions(start)])
def test_a_tree_can_make_each_allowed_transition(start: State, end: State) -> None:
    assert tree_in(start).after(step(end)).state is end


@pytest.mark.parametrize(("start", "end"), [(start, end) for start, end in PAIRS if end not in tree_transitions(start)])
def test_a_tree_cannot_make_any_other_transition(start: State, end: State) -> None:
    with pytest.raises(IllegalTransitionError):
        tree_in(start).after(step(end))


def test_final_states_stay_final_and_a_dead_tree_can_only_be_replaced() -> None:
    final = {state for state in State if not TRANSITIONS[state] and not tree_transitions(state)}

    assert final == {State.REJECTED, State.CANCELLED, State.REFUNDED}
    assert tree_transitions(State.DEAD) == {State.REPLACED}
    assert {start for start in State if State.REPLACED in tree_transitions(start)} == {State.DEAD}


def test_no_ordered_redemption_can_be_cancelled_and_no_planted_tree_can_wait_again() -> None:
    cancelled = {start for start in State if State.CANCELLED in TRANSITIONS[start]}
    waiting_again = {start for start in State if State.RESERVED in tree_transitions(start)}

    assert cancelled == {State.REQUESTED, State.RESERVED}
    assert waiting_again == {State.REQUESTED, State.ORDERED}


def test_steps_keep_their_times_and_orders_and_a_rejection_keeps_its_reason() -> None:
    reserved = make_redemption().reserved(NOON + 1)

    [tree] = reserved.ordered("o-1", NOON + 2).trees

    assert reserved.reserved_at == NOON + 1
    assert [(step.state, step.at, step.order_id) for step in tree.history] == [
        (State.RESERVED, NOON + 1, ""),
        (State.ORDERED, NOON + 2, "o-1"),
    ]
    assert make_redemption().rejected("sold_out").reason == "sold_out"


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ([State.RESERVED, State.PLANTED], State.ORDERED),
        ([State.ORDERED, State.DEAD], State.ORDERED),
        ([State.PLANTED, State.PLANTED], State.PLANTED),
        ([State.ALIVE, State.REFUNDED], State.ALIVE),
        ([State.DEAD, State.DEAD], State.DEAD),
        ([State.REFUNDED, State.REFUNDED], State.REFUNDED),
        ([State.ALIVE, State.DEAD], State.PLANTED),
    ],
)
def test_the_state_of_a_redemption_is_derived_from_its_trees(states: list[State], whole: State) -> None:
    lives = {
        State.RESERVED: [State.ORDERED, State.RESERVED],
        State.REFUNDED: [State.ORDERED, State.REFUNDED],
        State.ALIVE: [State.ORDERED, State.PLANTED, State.ALIVE],
        State.DEAD: [State.ORDERED, State.PLANTED, State.DEAD],
        State.PLANTED: [State.ORDERED, State.PLANTED],
        State.ORDERED: [State.ORDERED],
    }
    redemption = make_redemption(trees=2).reserved(NOON)
    for tree, state in zip(redemption.trees, states, strict=True):
        for stop in lives[state]:
            redemption = redemption.stepped({tree.number: step(stop, "o-1")})

    assert redemption.state is whole
    assert [redemption.tree_state(tree) for tree in redemption.trees] == states


def test_a_tree_of_an_unpaid_redemption_has_the_state_of_its_redemption() -> None:
    rejected = make_redemption().rejected("sold_out")

    assert rejected.tree_state(rejected.trees[0]) is State.REJECTED
    assert rejected.waiting == []
    with pytest.raises(IllegalTransitionError):
        rejected.stepped({rejected.trees[0].number: step(State.RESERVED)})


def test_a_tree_cannot_be_planted_before_it_is_ordered() -> None:
    redemption = make_redemption().reserved(NOON)

    with pytest.raises(IllegalTransitionError):
        redemption.stepped({redemption.trees[0].number: step(State.PLANTED)})


def test_a_redemption_without_a_waiting_tree_cannot_be_ordered() -> None:
    ordered = make_redemption().reserved(NOON).ordered("o-1", NOON)

    with pytest.raises(IllegalTransitionError):
        ordered.ordered("o-2", NOON)


def test_a_tree_with_many_inspections_keeps_the_newest_ones_and_its_planting() -> None:
    tree = Tree("n").after(step(State.RESERVED)).after(step(State.ORDERED, "o-1")).after(step(State.PLANTED))
    for year in range(100):
        tree = tree.after(Step(State.ALIVE, NOON + year, NOON + year))

    assert len(tree.history) == MAX_STEPS
    assert [step.state for step in tree.history[:4]] == [State.RESERVED, State.ORDERED, State.PLANTED, State.ALIVE]
    assert tree.history[-1].at == NOON + 99
    assert (tree.orders, tree.planting) == (("o-1",), PLANTING)


def make_long_lived_tree() -> Tree:
    """Make a tree that was corrected once after its planting, and then died and was replaced twenty times."""
    tree = Tree("n").after(step(State.RESERVED)).after(step(State.ORDERED, "o-1")).after(step(State.PLANTED))
    corrected = PLANTING._replace(tag="AX-0009")
    tree = tree.after(Step(State.PLANTED, NOON, NOON, reason="typo", planting=corrected, is_correction=True))
    for number in range(MAX_REPLACEMENTS):
        planting = PLANTING._replace(tag=f"AX-1{number}")
        for state in (State.ALIVE, State.DEAD, State.REPLACED):
            tree = tree.after(Step(state, NOON + number, NOON, planting=planting if state is State.REPLACED else None))
    return tree


def test_a_long_history_keeps_its_newest_changes_and_the_first_planting() -> None:
    tree = make_long_lived_tree()

    states = [known.state for known in tree.history]
    assert len(tree.history) == MAX_STEPS
    assert states[:3] == [State.RESERVED, State.ORDERED, State.PLANTED]
    assert State.ALIVE not in states
    assert states[-4:] == [State.DEAD, State.REPLACED] * 2
    assert tree.planting == PLANTING._replace(tag=f"AX-1{MAX_REPLACEMENTS - 1}")


def test_a_long_history_keeps_what_later_reports_are_compared_with() -> None:
    tree = make_long_lived_tree()
    corrected = Step(State.REPLACED, NOON + DAY, NOON + DAY, reason="typo", planting=PLANTING, is_correction=True)
    for _ in range(2 * MAX_STEPS):
        tree = tree.after(corrected)

    replaced = [known for known in tree.history if known.state is State.REPLACED and not known.is_correction]
    assert [known for known in tree.history if known.is_correction][-1] == corrected
    assert tree.latest == replaced[-1]
    assert tree.planting == PLANTING


@pytest.mark.parametrize(
    ("state", "corrected"),
    [(state, corrected) for state in State for corrected in State if corrected not in CORRECTIONS.get(state, ())],
)
def test_a_correction_changes_no_state_but_withdraws_a_death(state: State, corrected: State) -> None:
    with pytest.raises(IllegalTransitionError):
        tree_in(state).after(step(corrected)._replace(is_correction=True))


def test_a_death_that_was_reported_by_mistake_can_be_withdrawn() -> None:
    dead = tree_in(State.DEAD)

    withdrawn = dead.after(Step(State.ALIVE, NOON, NOON, reason="mixed up", planting=PLANTING, is_correction=True))

    assert withdrawn.state is State.ALIVE
    assert {start: ends - {start} for start, ends in CORRECTIONS.items() if ends - {start}} == {
        State.DEAD: frozenset({State.ALIVE})
    }


def test_a_tree_that_was_replaced_long_ago_still_has_the_planting_of_its_replacement() -> None:
    tree = Tree("n").after(step(State.RESERVED)).after(step(State.ORDERED, "o-1")).after(step(State.PLANTED))
    replacement = PLANTING._replace(tag="AX-0002")
    tree = tree.after(step(State.DEAD)).after(Step(State.REPLACED, NOON, NOON, planting=replacement))
    for year in range(100):
        tree = tree.after(Step(State.ALIVE, NOON + year, NOON + year))

    assert tree.planting == replacement


def test_a_repeated_request_has_the_same_content_although_its_certificate_numbers_are_new() -> None:
    assert make_redemption().is_same_request_as(make_redemption(state=State.PLANTED, requested_at=NOON + 60))


@pytest.mark.parametrize(
    "change", [{"app": "taobao"}, {"project_id": "poplar-ejina"}, {"trees": TWO_TREES}, {"dedication": "For Mum"}]
)
def test_a_request_with_the_same_id_and_other_content_is_not_a_repeat(change: dict[str, Any]) -> None:
    assert not make_redemption().is_same_request_as(make_redemption()._replace(**change))


def test_a_request_is_reserved_and_takes_saplings_and_points() -> None:
    request = make_redemption(trees=2)

    settlement = settle([request], {"u-42": make_wallet(320)}, Stock("saxaul-alxa", released=2), NOON)

    assert [verdict.state for verdict in settlement.verdicts] == [State.RESERVED]
    assert (settlement.saplings, settlement.debits) == (2, {"u-42": 320})


def test_requests_are_served_in_order() -> None:
    requests = [make_redemption("first", user_id="u-1"), make_redemption("second", user_id="u-2")]
    wallets = {name: make_wallet(1000, name) for name in ("u-1", "u-2")}

    settlement = settle(requests, wallets, Stock("saxaul-alxa", released=5, reserved=4), NOON)

    assert [(verdict.redemption_id, verdict.state, verdict.reason) for verdict in settlement.verdicts] == [
        ("first", State.RESERVED, ""),
        ("second", State.REJECTED, "sold_out"),
    ]


def test_a_request_for_too_many_trees_does_not_block_a_smaller_one_after_it() -> None:
    requests = [make_redemption("big", trees=3), make_redemption("small")]

    settlement = settle(requests, {"u-42": make_wallet(1000)}, Stock("saxaul-alxa", released=2), NOON)

    assert [verdict.state for verdict in settlement.verdicts] == [State.REJECTED, State.RESERVED]
    assert settlement.debits == {"u-42": 160}


def test_if_a_wallet_cannot_pay_the_sapling_goes_to_the_next_request() -> None:
    requests = [make_redemption("poor", user_id="u-1"), make_redemption("rich", user_id="u-2")]
    wallets = {"u-1": make_wallet(159, "u-1"), "u-2": make_wallet(160, "u-2")}

    settlement = settle(requests, wallets, Stock("saxaul-alxa", released=1), NOON)

    assert [verdict.reason for verdict in settlement.verdicts] == ["insufficient_points", ""]
    assert settlement.debits == {"u-2": 160}


def test_all_requests_of_one_person_are_paid_from_the_same_wallet() -> None:
    requests = [make_redemption("one"), make_redemption("two"), make_redemption("three")]

    settlement = settle(requests, {"u-42": make_wallet(330)}, Stock("saxaul-alxa", released=9), NOON)

    assert [verdict.reason for verdict in settlement.verdicts] == ["", "", "insufficient_points"]
    assert (settlement.saplings, settlement.debits) == (2, {"u-42": 320})


def test_a_negative_wallet_cannot_spend() -> None:
    settlement = settle([make_redemption()], {"u-42": make_wallet(-1)}, Stock("saxaul-alxa", released=9), NOON)

    assert settlement.verdicts[0].reason == "insufficient_points"
    assert (settlement.saplings, settlement.debits) == (0, {})


def test_a_closed_project_reserves_nothing() -> None:
    stock = Stock("saxaul-alxa", released=9, closed=True)

    settlement = settle([make_redemption()], {"u-42": make_wallet(1000)}, stock, NOON)

    assert [verdict.reason for verdict in settlement.verdicts] == ["project_closed"]
    assert (settlement.saplings, settlement.debits) == (0, {})
