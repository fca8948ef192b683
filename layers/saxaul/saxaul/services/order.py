"""Planting batches: waiting trees become orders, and each order is announced to its partner.

A batch is a message for each project. A message makes one order, announces it, and passes on a message where more
waits. Whatever stops it in between, the next one goes on: an order is whole or is not, and one that is not announced
yet stands on a list until it is.
"""

import secrets
from time import time

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Catalog, TreeProject
from saxaul.services.retrying import attempts
from saxaul.storage.events import Bus
from saxaul.storage.manifests import Manifests
from saxaul.storage.orders import OrderMovedError, Orders
from saxaul.storage.queues import send_planting
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import TransactionRefusedError
from saxaul.trees.manifests import manifest_of
from saxaul.trees.orders import MAX_REDEMPTIONS, PlantingOrder, order_of


class Planting:
    """Orders what waits, and tells partners of it."""

    def __init__(
        self,
        redemptions: Redemptions,
        orders: Orders,
        manifests: Manifests,
        bus: Bus,
        calendar: Calendar,
        queue_url: str,
    ) -> None:
        self._redemptions = redemptions
        self._orders = orders
        self._manifests = manifests
        self._bus = bus
        self._calendar = calendar
        self._queue_url = queue_url

    def begin(self, catalog: Catalog) -> list[str]:
        """Queue a message for each project with trees that wait, or with an order that nobody was told of.

        A message too many finds nothing to do, so each batch's are its own: by the clock, a second batch within
        a second would be taken for a repeat, and what it saw waiting would wait for a third.
        """
        batch = secrets.token_hex(8)
        projects = [
            project_id
            for project_id in catalog.tree_projects
            if self._redemptions.waiting(project_id, 1) or self._orders.unannounced(project_id, 1)
        ]
        for project_id in projects:
            send_planting(self._queue_url, project_id, batch)
        return projects

    def order(self, project_id: str, project: TreeProject) -> PlantingOrder | None:
        """One message: announce what was left, make one order, announce it, and pass on what still waits."""
        for left in self._orders.unannounced(project_id, MAX_REDEMPTIONS):
            self._announce(left)
        order = self._order_next(project_id, project)
        if order:
            self._announce(order)
            if self._redemptions.waiting(project_id, 1):
                send_planting(self._queue_url, project_id, order.order_id)
        return order

    def _order_next(self, project_id: str, project: TreeProject) -> PlantingOrder | None:
        for _ in attempts():
            listed = self._redemptions.waiting(project_id, MAX_REDEMPTIONS)
            if not listed:
                return None
            now = int(time())
            order_id = f"{project_id}-{self._calendar.day_of(now):%Y%m%d}-{secrets.token_hex(4)}"
            batch = order_of(listed, order_id, project_id, project, now)
            if batch is None:  # the index still lists what the last order took
                continue
            try:
                return self._orders.write(batch)
            except TransactionRefusedError:
                continue
        raise AssertionError("attempts() ends by raising")

    def _announce(self, order: PlantingOrder) -> None:
        """Write the manifest, tell the bus, and only then take the order off the list: told twice rather than never."""
        self._manifests.put(manifest_of(order, self._calendar))
        self._bus.tell_of(order, self._calendar)
        try:
            self._orders.put(order.announced(int(time())))
        except OrderMovedError:
            return  # somebody else announced it meanwhile
