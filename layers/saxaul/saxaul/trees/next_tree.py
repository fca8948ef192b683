"""The tree that a person can pay for now, or almost."""

from collections.abc import Mapping
from typing import NamedTuple

from saxaul.catalog.entries import TreeProject

NEAR = 10
"""A price is near if at most one part in ten of it is missing."""


class NextTree(NamedTuple):
    """A tree project, its price in points, and how many spendable points a person lacks; 0 if the person can pay."""

    project_id: str
    price_points: int
    points_missing: int


def next_tree(projects: Mapping[str, TreeProject], spendable: int) -> NextTree | None:
    """Return the most expensive tree that the person can pay for, or else the cheapest one if its price is near.

    Closed projects are left out. Of several projects with the same price, the first by id is returned. Whether a
    project has saplings left is not known here.
    """
    prices = sorted((project.price_points, name) for name, project in projects.items() if not project.closed)
    paid = max((price for price, _ in prices if price <= spendable), default=None)
    for price, name in prices:
        if price == paid or (paid is None and (price - spendable) * NEAR <= price):
            return NextTree(name, price, max(0, price - spendable))
    return None
