"""Places planting orders: puts the waiting trees of a project into an order, and announces the order to the partner.

For each message, a worker places one order and announces it. If the project has more waiting trees, the worker sends
another message. If the worker stops in between, the next message completes the work: an order is written completely or
not at all, and an order stays on the list of unannounced orders until it is announced.
"""

import secrets
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import TreeProject
from saxaul.clock import Clock
from saxaul.races import LostRaceError, retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.bus import Bus
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.manifests import Manifests
from saxaul.storage.orders import Orders
from saxaul.storage.queues import send_planting
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.manifests import manifest_of
from saxaul.trees.orders import MAX_REDEMPTIONS, PlantingOrder, create_order


class OrderPlacing(NamedTuple):
    """Places orders for waiting trees, and announces the orders to partners."""

    redemptions: Redemptions
    orders: Orders
    catalog_store: CatalogStore
    manifests: Manifests
    bus: Bus
    calendar: Calendar
    clock: Clock
    queue_url: str

    def place(self, project_id: str) -> PlantingOrder | None:
        """Announce a project's unannounced orders, place and announce the next order, and return the new order.

        If no tree waits for an order, place none and return None. If trees still wait after the new order, send a
        message, so that another order follows.

        Raises:
            LookupError: the catalog has no such tree project.
        """
        project = self._project(project_id)
        for unannounced in self.orders.unannounced(project_id, MAX_REDEMPTIONS):
            self._announce(unannounced)
        order = self._place_next(project_id, project)
        if order:
            self._announce(order)
            if self.redemptions.has_listed(project_id):
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
                if self.redemptions.has_listed(project_id):
                    raise LostRaceError("the index still lists redemptions that have moved to nobody or are deleted")
                return None
            now = self.clock.now()
            order_id = f"{project_id}-{self.calendar.day_of(now):%Y%m%d}-{secrets.token_hex(4)}"
            new = create_order(listed, order_id, project_id, project, now)
            if new is None:
                raise LostRaceError("the index still lists redemptions whose trees are already ordered")
            return self.orders.write(new)

        return retry_lost_races(attempt, self.clock)

    def _announce(self, order: PlantingOrder) -> None:
        """Store the manifest, publish the event, and only then remove the order from the list of unannounced orders.

        So the event is published at least once. If a worker stops before it changes the list, or if two workers
        announce the same order, the event is published again.
        """
        self.manifests.put(manifest_of(order, self.calendar))
        self.bus.announce(order, self.calendar)

        def attempt() -> None:
            stored = self.orders.get(order.order_id)
            if stored and stored.announced_at is None:  # else another worker announced the order in the meantime
                self.orders.announce(stored.announced(self.clock.now()), self.orders.progress(order.order_id))

        retry_lost_races(attempt, self.clock)


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
