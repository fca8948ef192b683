"""Which tree a person can pay for, or almost."""

import pytest

from saxaul.catalog.entries import TreeProject
from saxaul.trees.next_tree import next_tree
from tests.builders import make_tree_project


def projects(**prices: int) -> dict[str, TreeProject]:
    return {name: make_tree_project(price) for name, price in prices.items()}


@pytest.mark.parametrize(
    ("spendable", "expected"),
    [
        (0, None),
        (-500, None),
        (89, None),
        (90, ("cheap", 100, 10)),
        (99, ("cheap", 100, 1)),
        (100, ("cheap", 100, 0)),
        (199, ("cheap", 100, 0)),
        (200, ("dear", 200, 0)),
        (10**12, ("dear", 200, 0)),
    ],
)
def test_it_is_the_dearest_that_can_be_paid_or_else_the_cheapest_if_at_most_a_tenth_is_missing(
    spendable: int, expected: tuple[str, int, int] | None
) -> None:
    assert next_tree(projects(dear=200, cheap=100), spendable) == expected


def test_closed_projects_are_left_out() -> None:
    offered = projects(cheap=100, dear=200)
    offered["cheap"] = offered["cheap"].model_copy(update={"closed": True})

    assert next_tree(offered, 150) is None
    assert next_tree(offered, 181) == ("dear", 200, 19)
    assert next_tree({}, 500) is None


def test_of_several_projects_with_the_same_price_the_first_by_id_is_named() -> None:
    for spendable in (95, 100):
        found = next_tree(projects(b=100, a=100, c=100), spendable)
        assert found is not None
        assert found.project_id == "a"


def test_a_tree_for_one_point_is_near_only_if_it_can_be_paid() -> None:
    assert next_tree(projects(free=1), 0) is None
    assert next_tree(projects(free=1), 1) == ("free", 1, 0)
