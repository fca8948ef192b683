"""Reads a planting order together with the redemptions of its trees.

An order names the person of each redemption. When the person is erased, the redemption moves to nobody, and the order
names nobody then. So an order that was read before that leads to redemptions that are no longer there.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.races import ContendedError, attempts
from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import Redemption

_READINGS = 4
"""How often an order is read at most. Each redemption moves once, and several seldom move in the same moment."""


class OrderWithTrees(NamedTuple):
    """An order, and redemptions of its trees by redemption_id."""

    order: PlantingOrder
    redemptions: Mapping[str, Redemption]


def with_trees(
    order: PlantingOrder,
    orders: Orders,
    redemptions: Redemptions,
    clock: Clock,
    only: AbstractSet[str] | None = None,
) -> OrderWithTrees:
    """Return an order with all of its redemptions, or only with those of some ids. It is read again if some have moved.

    Raises:
        ContendedError: redemptions moved again and again, or one is lost.
    """
    for _ in attempts(clock, most=_READINGS):
        found = redemptions.of_order(order, only)
        wanted = {tree.redemption_id for tree in order.trees}
        if found.keys() >= (wanted if only is None else wanted & only):
            return OrderWithTrees(order, found)
        order = orders.get(order.order_id) or order
    raise ContendedError
