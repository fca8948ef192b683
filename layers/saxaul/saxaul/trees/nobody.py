"""Nobody: the owner of trees whose person was erased. The trees stay, with their certificates.

Only what names the person or was said by the person goes: the user id, and the dedication. Of a tree that is planted,
the public log says that its dedication was erased.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import NOBODYS, Redemption
from saxaul.trees.statements import Statement, erased
from saxaul.trees.states import IllegalTransitionError


class MovedToNobody(NamedTuple):
    """A redemption that becomes nobody's. It is written as a whole.

    Attributes:
        before: the redemption as it was read.
        after: the redemption as nobody's. It is a new item, so its version is 0.
        orders: all planting orders that list its trees, as they are after the move, with the versions that were read.
        statements: the statements for the public log.
    """

    before: Redemption
    after: Redemption
    orders: Sequence[PlantingOrder]
    statements: Sequence[Statement]


def moved_to_nobody(
    redemption: Redemption, orders: Mapping[str, PlantingOrder], now: int, calendar: Calendar
) -> MovedToNobody:
    """Return what makes a redemption nobody's. ``orders`` has the planting orders of its trees, by order_id.

    Raises:
        IllegalTransitionError: none of its trees was ever ordered, so it is to be cancelled or deleted instead.
        KeyError: an order is missing.
    """
    order_ids = dict.fromkeys(order_id for tree in redemption.trees for order_id in tree.orders)
    if not order_ids:
        raise IllegalTransitionError(f"no tree of {redemption.redemption_id} was ordered")
    user_id = f"{NOBODYS}{redemption.trees[0].number}"
    after = redemption._replace(user_id=user_id, dedication="", version=0)
    statements = []
    for tree in redemption.trees if redemption.dedication else ():
        if tree.planting and (found := erased(redemption, tree, orders[tree.order_id], now, calendar)):
            after = after.with_tree(found.tree)
            statements.append(found.statement)
    moved = [orders[order_id].moved(redemption.redemption_id, user_id) for order_id in order_ids]
    return MovedToNobody(redemption, after, moved, statements)
