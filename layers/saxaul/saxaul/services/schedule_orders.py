"""Scheduling orders: a planting batch is a message for each project that has something to order or to announce."""

import secrets
from dataclasses import dataclass
from functools import cache

from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.orders import Orders
from saxaul.storage.queues import send_planting
from saxaul.storage.redemptions import Redemptions


@dataclass(frozen=True)
class OrderScheduling:
    """Begins planting batches."""

    redemptions: Redemptions
    orders: Orders
    catalog_store: CatalogStore
    queue_url: str

    def begin(self) -> list[str]:
        """Queue a message for each project with trees that wait, or with an order that is not announced.

        A message too many finds nothing to do, so each batch's are its own: by the clock, a second batch within
        a second would be taken for a repeat, and what it saw waiting would wait for a third.
        """
        batch = secrets.token_hex(8)
        projects = [
            project_id
            for project_id in self.catalog_store.catalog().tree_projects
            if self.redemptions.waiting(project_id, 1) or self.orders.unannounced(project_id, 1)
        ]
        for project_id in projects:
            send_planting(self.queue_url, project_id, batch)
        return projects


@cache
def order_scheduling() -> OrderScheduling:
    """The order scheduling of this process."""
    ledger, queue_url = wiring.ledger(), settings().planting_queue_url
    return OrderScheduling(Redemptions(ledger), Orders(ledger), wiring.catalog_store(), queue_url)
