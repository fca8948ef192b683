"""Reading forests: the trees of a user, and the tree projects."""

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
from saxaul.storage.stocks import STOCKS_KEPT_FOR, Stocks
from saxaul.trees.orders import shown_project
from saxaul.trees.redemptions import Redemption, State, Tree
from saxaul.trees.stock import Stock

PROJECTS_KEPT_FOR = STOCKS_KEPT_FOR
"""Seconds for which a worker shows a project's stock from memory."""


class OwnedTree(NamedTuple):
    """A tree as its owner sees it: its certificate, and the redemption that it belongs to."""

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
        """Return the trees of a user, those requested last first."""
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
        """Return every project with its stock. A burst costs little: a worker reads the stocks once a second."""
        projects = self.catalog_store.catalog().tree_projects
        return ShownProjects(projects, self.stocks.shown(projects), self.clock.now())


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
