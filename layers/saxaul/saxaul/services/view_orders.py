"""Reads planting orders for the partners that received them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.services.read_trees import with_trees
from saxaul.settings import settings
from saxaul.storage.manifests import Manifests
from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.manifests import ManifestLinks
from saxaul.trees.orders import OrderPlace, OrderProgress, OrderState, PlantingOrder
from saxaul.trees.redemptions import Redemption


class ViewedOrder(NamedTuple):
    """An order, its redemptions by redemption_id, and the links to its manifest.

    ``links`` is None until the order is announced, because until then the manifest may not be stored yet.
    """

    order: PlantingOrder
    redemptions: Mapping[str, Redemption]
    links: ManifestLinks | None


class OrderViewing(NamedTuple):
    """Reads the orders of partners."""

    orders: Orders
    redemptions: Redemptions
    manifests: Manifests
    clock: Clock

    def newest(
        self, partners: Iterable[str], limit: int, before: OrderPlace | None, state: OrderState | None
    ) -> list[OrderProgress]:
        """Return up to ``limit`` announced orders of these partners, newest first. ``state`` None means any state.

        With ``before``, return only orders that are older than the order at this place. An order whose state has just
        changed may be among those of its earlier state for about a second.
        """
        return self.orders.of_partners(partners, limit, before, state)

    def find(self, order_id: str, partners: Sequence[str]) -> PlantingOrder:
        """Return an order that belongs to one of these partners.

        Raises:
            NotFound: these partners have no such order.
        """
        order = self.orders.get(order_id)
        if order is None or order.partner not in partners:
            raise NotFound(
                "unknown_order",
                "This partner has no planting order with this id; GET /planting-orders lists its orders.",
            )
        return order

    def view(self, order_id: str, partners: Sequence[str]) -> ViewedOrder:
        """Return an order that belongs to one of these partners, with its redemptions and the links to its manifest.

        Raises:
            NotFound: these partners have no such order.
        """
        order, redemptions = with_trees(self.find(order_id, partners), self.orders, self.redemptions, self.clock)
        links = None if order.announced_at is None else self.manifests.links(order_id, self.clock.now())
        return ViewedOrder(order, redemptions, links)


@cache
def order_viewing() -> OrderViewing:
    """Return the order viewing service of this process."""
    ledger, manifests = wiring.ledger(), Manifests(settings().manifest_bucket)
    return OrderViewing(Orders(ledger), Redemptions(ledger), manifests, wiring.clock())
