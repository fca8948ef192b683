"""Planting batches, and what partners report of them."""

import secrets
from collections.abc import Sequence
from time import time

from saxaul.calendar import Calendar
from saxaul.catalog import Catalogue, TreeProject
from saxaul.planting import MAX_REDEMPTIONS, Confirmed, OrderedTree, PlantingOrder, confirm
from saxaul.redemptions import Redemption, State
from saxaul.services.retrying import attempts
from saxaul.storage.redemptions import RedemptionMovedError, Redemptions
from saxaul.storage.table import TransactionRefusedError


class Planting:
    """Turns reserved redemptions into planting orders, and confirmations into planted trees."""

    def __init__(self, redemptions: Redemptions, calendar: Calendar) -> None:
        self._redemptions = redemptions
        self._calendar = calendar

    def order_all(self, catalogue: Catalogue) -> list[PlantingOrder]:
        """Order every reserved tree. Each order is one transaction, so whenever this stops, the next run goes on."""
        return [
            order
            for project_id, project in catalogue.tree_projects.items()
            for order in self._order_project(project_id, project)
        ]

    def _order_project(self, project_id: str, project: TreeProject) -> list[PlantingOrder]:
        orders: list[PlantingOrder] = []
        while order := self._order_next(project_id, project):
            orders.append(order)
        return orders

    def _order_next(self, project_id: str, project: TreeProject) -> PlantingOrder | None:
        for _ in attempts():
            listed = self._redemptions.waiting(project_id, MAX_REDEMPTIONS)
            if not listed:
                return None
            waiting = [redemption for redemption in listed if redemption.state is State.RESERVED]
            if not waiting:  # the index still lists what the last order took
                continue
            now = int(time())
            order = PlantingOrder(
                order_id=f"{project_id}-{self._calendar.day_of(now):%Y%m%d}-{secrets.token_hex(4)}",
                project_id=project_id,
                partner=project.partner,
                ordered_at=now,
                trees=tuple(
                    OrderedTree(redemption.user_id, redemption.redemption_id, tree.number)
                    for redemption in waiting
                    for tree in redemption.trees
                ),
            )
            try:
                self._redemptions.write_order(order, [it.ordered(order.order_id, now) for it in waiting])
            except TransactionRefusedError:
                continue
            return order
        raise AssertionError("attempts() ends by raising")

    def confirm(self, order: PlantingOrder, reported: Sequence[object]) -> Confirmed:
        """Take a partner's confirmations for trees of its order."""
        for _ in attempts():
            confirmed = confirm(order, self.trees_of(order), reported, int(time()))
            try:
                for redemption in confirmed.changed:
                    self._redemptions.put(redemption)
            except RedemptionMovedError:
                continue
            return confirmed
        raise AssertionError("attempts() ends by raising")

    def trees_of(self, order: PlantingOrder) -> dict[str, Redemption]:
        """The redemptions of an order, by redemption_id."""
        keys = dict.fromkeys((tree.user_id, tree.redemption_id) for tree in order.trees)
        return {it.redemption_id: it for it in self._redemptions.get_many(keys)}
