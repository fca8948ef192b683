"""Planting orders: which trees they contain, and when an order is done."""

from typing import Any

from operations.ledger_reading import size_of
from saxaul.audit import MAX_ITEM_BYTES
from saxaul.storage.redemptions import to_item
from saxaul.storage.table import python, raw
from saxaul.trees.numbers import new_number
from saxaul.trees.orders import MAX_REDEMPTIONS, MAX_TREES_PER_ORDER, OrderedProject, create_order, open_trees
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.reach import Reach
from saxaul.trees.redemptions import MAX_STEPS, Redemption, Seal, Step, Tree
from saxaul.trees.reports import MAX_LINK
from saxaul.trees.states import State
from tests.builders import NOON, make_order, make_redemption, make_tree_project

PROJECT = make_tree_project()


def reserved(name: str, trees: int = 1) -> Redemption:
    return make_redemption(name, trees=trees).reserved(NOON)


def test_an_order_contains_every_waiting_tree_and_keeps_the_details_of_the_project() -> None:
    waiting = [reserved("r-1", trees=2), reserved("r-2")]

    batch = create_order(waiting, "o-1", "saxaul-alxa", PROJECT, NOON)

    assert batch
    assert [tree.number for tree in batch.order.trees] == [
        tree.number for redemption in waiting for tree in redemption.trees
    ]
    assert [redemption.state for redemption in batch.redemptions] == [State.ORDERED, State.ORDERED]
    assert batch.order.project == OrderedProject(
        PROJECT.species, PROJECT.latin, PROJECT.place.names, PROJECT.partner, Reach(38.85, 105.73, 50)
    )
    assert batch.order.announced_at is None


def test_a_second_order_contains_only_the_tree_that_failed() -> None:
    ordered = reserved("r-1", trees=2).ordered("o-1", NOON)
    first, second = ordered.trees
    failed = ordered.stepped({second.number: Step(State.RESERVED, NOON, NOON, order_id="o-1", reason="frost")})

    batch = create_order([failed], "o-2", "saxaul-alxa", PROJECT, NOON)

    assert batch
    assert [tree.number for tree in batch.order.trees] == [second.number]
    assert [tree.order_id for tree in batch.redemptions[0].trees] == ["o-1", "o-2"]
    assert batch.redemptions[0].tree(first.number) == ordered.tree(first.number)


def test_of_two_redemptions_with_one_id_an_order_has_the_first() -> None:
    nobodys, again, other = reserved("r-1"), reserved("r-1"), reserved("r-2")

    batch = create_order([nobodys._replace(user_id="#7K3M-9QPD-2FHW-C"), again, other], "o-1", "p", PROJECT, NOON)

    assert batch
    assert [tree.number for tree in batch.order.trees] == [nobodys.trees[0].number, other.trees[0].number]


def test_an_order_has_no_more_redemptions_than_fit_a_transaction() -> None:
    batch = create_order([reserved(f"r-{n}") for n in range(MAX_REDEMPTIONS + 1)], "o-1", "p", PROJECT, NOON)

    assert batch
    assert len(batch.redemptions) == MAX_REDEMPTIONS == 98


def test_an_order_has_no_more_trees_than_fit_a_transaction_with_the_longest_histories() -> None:
    waiting = [reserved(f"r-{n}", trees=10) for n in range(MAX_REDEMPTIONS)]

    batch = create_order(waiting, "o-1", "p", PROJECT, NOON)

    assert batch
    assert len(batch.order.trees) == MAX_TREES_PER_ORDER
    assert [redemption.redemption_id for redemption in batch.redemptions] == [
        f"r-{n}" for n in range(MAX_TREES_PER_ORDER // 10)
    ]


def test_the_longest_histories_fit_an_item_and_an_order_of_them_fits_a_transaction() -> None:
    planting = PlantedTree(NOON, "梭" * 64, 38.8512345, 105.7287123, "x" * MAX_LINK, "a" * 64)
    tree = Tree(new_number()).after(Step(State.RESERVED, NOON, NOON))
    for order_id in ("o" * 90, "p" * 90, "q" * 90):
        if tree.state is State.ORDERED:
            tree = tree.after(Step(State.RESERVED, NOON, NOON, order_id=order_id, reason="霜" * 200))
        tree = tree.after(Step(State.ORDERED, NOON, NOON, order_id=order_id))
    tree = tree.after(Step(State.PLANTED, NOON, NOON, planting=planting, statement=1))
    for state in [State.DEAD, State.REPLACED] * MAX_STEPS:
        fields: dict[str, Any] = {
            "inspector": "局" * 100,
            "evidence_url": "x" * MAX_LINK,
            "statement": 10**6,
        }
        planted = planting if state is State.REPLACED else None
        tree = tree.after(Step(state, NOON, NOON, planting=planted, **fields))
    sealed = tree._replace(seal=Seal("2026-06-05T12:00:00+08:00", "a" * 64, "b" * 64))
    redemption = make_redemption(dedication="念" * 100)._replace(trees=(sealed,) * 10, state=State.PLANTED)

    size = size_of(python(raw(to_item(redemption))))

    assert 150_000 < size < MAX_ITEM_BYTES
    assert size * MAX_TREES_PER_ORDER // 10 + MAX_ITEM_BYTES < 4_000_000, (
        "together with a log entry of the largest size"
    )


def test_redemptions_without_a_waiting_tree_are_ignored() -> None:
    ordered = reserved("r-1").ordered("o-1", NOON)

    assert create_order([ordered, make_redemption("r-2")], "o-2", "p", PROJECT, NOON) is None


def test_a_tree_of_an_order_is_open_until_it_is_planted_or_has_failed() -> None:
    redemption = reserved("r-1", trees=2).ordered("o-1", NOON)
    order = make_order(redemption)
    first, second = (tree.number for tree in redemption.trees)
    planting = PlantedTree(NOON, "AX-1", 38.85, 105.73)

    half = redemption.stepped({first: Step(State.PLANTED, NOON, NOON, planting=planting)})
    whole = half.stepped({second: Step(State.RESERVED, NOON, NOON, order_id="o-1", reason="frost")})

    assert [open_trees(order, {"r-1": stage}) for stage in (redemption, half, whole)] == [2, 1, 0]
    assert [order.state_in_order(whole, number) for number in (first, second)] == [State.PLANTED, "failed"]
    assert order.state_in_order(whole.ordered("o-2", NOON), second) == "failed"
