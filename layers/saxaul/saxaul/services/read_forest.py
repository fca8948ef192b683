"""Reads forests (the trees of a person), and the tree projects."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import TreeProject
from saxaul.certificate.certificate import Certificate
from saxaul.clock import Clock
from saxaul.services import wiring
from saxaul.services.find_certificate import unproven_certificate
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import STOCKS_CACHED_FOR, Stocks
from saxaul.trees.orders import shown_project
from saxaul.trees.redemptions import Redemption, State, Tree
from saxaul.trees.stock import Stock

PROJECTS_CACHED_FOR = STOCKS_CACHED_FOR
"""Seconds for which a worker caches the stocks of the projects, and for which a client may cache the response."""


class OwnedTree(NamedTuple):
    """A tree of a person, with its certificate and its redemption."""

    certificate: Certificate
    redemption: Redemption
    tree: Tree


class ShownProjects(NamedTuple):
    """Every tree project with its stock at the instant ``now``."""

    projects: Mapping[str, TreeProject]
    stocks: Mapping[str, Stock]
    now: int


@dataclass(frozen=True)
class ForestReading:
    """Reads forests and tree projects."""

    redemptions: Redemptions
    orders: Orders
    stocks: Stocks
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock

    def trees(self, user_id: str) -> list[OwnedTree]:
        """Return the trees of a user, the most recently requested first, without rejected and cancelled redemptions."""
        redemptions = [
            redemption
            for redemption in self.redemptions.of_user(user_id)
            if redemption.state not in (State.REJECTED, State.CANCELLED)
        ]
        redemptions.sort(key=lambda redemption: redemption.requested_at, reverse=True)
        trees = [(redemption, tree) for redemption in redemptions for tree in redemption.trees]
        orders = self.orders.get_many({tree.order_id for _, tree in trees if tree.order_id})
        projects = self.catalog_store.catalog().tree_projects
        owned: list[OwnedTree] = []
        for redemption, tree in trees:
            project = shown_project(orders.get(tree.order_id), projects.get(redemption.project_id))
            owned.append(OwnedTree(unproven_certificate(redemption, tree, project, self.calendar), redemption, tree))
        return owned

    def projects(self) -> ShownProjects:
        """Return every project with its stock.

        Each worker reads the stocks at most once a second, so a burst of requests causes few reads.
        """
        projects = self.catalog_store.catalog().tree_projects
        return ShownProjects(projects, self.stocks.get_cached(projects), self.clock.now())


@cache
def forest_reading() -> ForestReading:
    """Return the forest reading service of this process."""
    ledger = wiring.ledger()
    return ForestReading(
        Redemptions(ledger),
        Orders(ledger),
        Stocks(ledger),
        wiring.catalog_store(),
        settings().calendar,
        wiring.clock(),
    )
