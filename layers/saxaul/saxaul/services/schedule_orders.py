"""Starts planting batches: queues a message for each project with waiting trees or with an unannounced order.

Another function reads the queue and places an order for each message.
"""

import secrets
from functools import cache
from typing import NamedTuple

from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.orders import Orders
from saxaul.storage.queues import send_planting
from saxaul.storage.redemptions import Redemptions


class OrderScheduling(NamedTuple):
    """Starts planting batches."""

    redemptions: Redemptions
    orders: Orders
    catalog_store: CatalogStore
    queue_url: str

    def start_batch(self) -> list[str]:
        """Queue a message for each project with waiting trees or with an unannounced order. Return these projects.

        Each batch gives its messages a random deduplication id. If the id were the time, two batches in the same second
        would have the same id. The queue would drop the messages of the second batch as duplicates, and its trees would
        have to wait for a third batch. A message for a project that needs no order does no harm.
        """
        batch, projects = secrets.token_hex(8), self.due()
        for project_id in projects:
            send_planting(self.queue_url, project_id, batch)
        return projects

    def due(self) -> list[str]:
        """Return the projects with waiting trees or with an unannounced order."""
        return [
            project_id
            for project_id in self.catalog_store.catalog().tree_projects
            if self.redemptions.has_listed(project_id) or self.orders.unannounced(project_id, 1)
        ]


@cache
def order_scheduling() -> OrderScheduling:
    """Return the order scheduling service of this process."""
    ledger, queue_url = wiring.ledger(), settings().planting_queue_url
    return OrderScheduling(Redemptions(ledger), Orders(ledger), wiring.published_catalog(), queue_url)
