"""Reads the redemptions and the forest (the trees) of a person, and the tree projects."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

from saxaul.catalog.entries import TreeProject
from saxaul.clock import Clock
from saxaul.services import wiring
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import STOCKS_CACHED_FOR, Stocks
from saxaul.trees.orders import OrderedProject, project_of
from saxaul.trees.redemptions import Redemption, Tree
from saxaul.trees.stock import Stock

PROJECTS_CACHED_FOR = STOCKS_CACHED_FOR
"""Seconds for which a worker caches the stocks of the projects, and for which a client may cache the response."""


class ForestPlace(NamedTuple):
    """The place of a tree in a forest: its redemption, and which of the trees of the redemption it is, from 1."""

    requested_at: int
    redemption_id: str
    number: int


class RedemptionPlace(NamedTuple):
    """The place of a redemption among all redemptions of a person."""

    requested_at: int
    redemption_id: str


class FoundRedemptions(NamedTuple):
    """Redemptions of a person, and whether older ones follow."""

    redemptions: Sequence[Redemption]
    has_more: bool


class OwnedTree(NamedTuple):
    """A tree of a person, with its project, its redemption and its place in the forest.

    ``project`` has the details from its order, or those of the catalog if it has no order; None if there are none.
    """

    project: OrderedProject | None
    redemption: Redemption
    tree: Tree
    place: ForestPlace


class Forest(NamedTuple):
    """A page of a forest, and whether older trees follow."""

    trees: Sequence[OwnedTree]
    has_more: bool


class ShownProjects(NamedTuple):
    """Every tree project with its stock at the instant ``now``."""

    projects: Mapping[str, TreeProject]
    stocks: Mapping[str, Stock]
    now: int


class ForestReading(NamedTuple):
    """Reads redemptions, forests and tree projects."""

    redemptions: Redemptions
    orders: Orders
    stocks: Stocks
    catalog_store: CatalogStore
    clock: Clock

    def requested(self, user_id: str, limit: int, after: RedemptionPlace | None) -> FoundRedemptions:
        """Return up to ``limit`` redemptions of a user in any state, the most recently requested first.

        With ``after``, return only redemptions that follow the one at this place.
        """
        return FoundRedemptions(*self.redemptions.newest(user_id, limit, after))

    def trees(self, user_id: str, limit: int, after: ForestPlace | None) -> Forest:
        """Return up to ``limit`` trees of a user, the most recently requested first, after the place ``after``.

        Rejected and cancelled redemptions have no trees.
        """
        found = list(islice(self._trees_after(user_id, after), limit + 1))
        projects = self._projects_of(found)
        owned = [OwnedTree(projects[place], redemption, tree, place) for redemption, tree, place in found[:limit]]
        return Forest(owned, len(found) > limit)

    def _trees_after(self, user_id: str, after: ForestPlace | None) -> Iterator[tuple[Redemption, Tree, ForestPlace]]:
        for redemption in self.redemptions.forest(user_id, after[:2] if after else None):
            for number, tree in enumerate(redemption.trees, 1):
                place = ForestPlace(redemption.requested_at, redemption.redemption_id, number)
                if after is None or place[:2] != after[:2] or number > after.number:
                    yield redemption, tree, place

    def _projects_of(
        self, found: Iterable[tuple[Redemption, Tree, ForestPlace]]
    ) -> Mapping[ForestPlace, OrderedProject | None]:
        """Return the project details of each tree: those of its order, or of the catalog if it has no order."""
        ordered = self.orders.projects({tree.order_id for _, tree, _ in found if tree.order_id})
        current = self.catalog_store.catalog().tree_projects
        return {
            place: ordered.get(tree.order_id) or project_of(current.get(redemption.project_id))
            for redemption, tree, place in found
        }

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
        wiring.published_catalog(),
        wiring.clock(),
    )
