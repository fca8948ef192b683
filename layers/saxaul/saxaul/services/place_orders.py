"""Placing orders: trees that wait become a planting order, and the order is announced to its partner.

For each message, a worker places one order, announces it, and sends the next message if more trees wait. If the worker
stops in between, the next message continues its work: an order is written completely or not at all, and an order that
is not announced stays on a list until it is.
"""

import secrets
from dataclasses import dataclass
from functools import cache

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import TreeProject
from saxaul.clock import Clock
from saxaul.races import LostRaceError, until_won
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.bus import Bus
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.manifests import Manifests
from saxaul.storage.orders import Orders
from saxaul.storage.queues import send_planting
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.manifests import manifest_of
from saxaul.trees.orders import MAX_REDEMPTIONS, PlantingOrder, order_of


@dataclass(frozen=True, kw_only=True)
class OrderPlacing:
    """Places orders for trees that wait, and announces them to partners."""

    redemptions: Redemptions
    orders: Orders
    catalog_store: CatalogStore
    manifests: Manifests
    bus: Bus
    calendar: Calendar
    clock: Clock
    queue_url: str

    def place(self, project_id: str) -> PlantingOrder | None:
        """Handle one message: announce leftover orders, place and announce one order, and send a message if trees wait.

        Returns the new order; None if no trees wait.

        Raises:
            LookupError: the catalog has no such tree project.
        """
        project = self._project(project_id)
        for left in self.orders.unannounced(project_id, MAX_REDEMPTIONS):
            self._announce(left)
        order = self._place_next(project_id, project)
        if order:
            self._announce(order)
            if self.redemptions.waiting(project_id, 1):
                send_planting(self.queue_url, project_id, order.order_id)
        return order

    def _project(self, project_id: str) -> TreeProject:
        entry = self.catalog_store.get("tree-projects", project_id)
        if entry is None or not isinstance(entry.entity, TreeProject):
            raise LookupError(f"the catalog has no tree project {project_id}")
        return entry.entity

    def _place_next(self, project_id: str, project: TreeProject) -> PlantingOrder | None:
        def attempt() -> PlantingOrder | None:
            listed = self.redemptions.waiting(project_id, MAX_REDEMPTIONS)
            if not listed:
                return None
            now = self.clock.now()
            order_id = f"{project_id}-{self.calendar.day_of(now):%Y%m%d}-{secrets.token_hex(4)}"
            new = order_of(listed, order_id, project_id, project, now)
            if new is None:
                raise LostRaceError("the index still lists redemptions whose trees are already ordered")
            return self.orders.write(new)

        return until_won(attempt, self.clock)

    def _announce(self, order: PlantingOrder) -> None:
        """Write the manifest, publish the event, and only then remove the order from the list of unannounced orders.

        So the event is published at least once; it may be published twice.
        """
        self.manifests.put(manifest_of(order, self.calendar))
        self.bus.announce(order, self.calendar)
        try:
            self.orders.put(order.announced(self.clock.now()))
        except LostRaceError:
            return  # another worker announced the order in the meantime


@cache
def order_placing() -> OrderPlacing:
    """Return the order placing service of this process."""
    ledger = wiring.ledger()
    return OrderPlacing(
        redemptions=Redemptions(ledger),
        orders=Orders(ledger),
        catalog_store=wiring.catalog_store(),
        manifests=Manifests(settings().manifest_bucket),
        bus=Bus(settings().bus_name),
        calendar=settings().calendar,
        clock=wiring.clock(),
        queue_url=settings().planting_queue_url,
    )
