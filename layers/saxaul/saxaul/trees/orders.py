"""Planting orders: an order asks a partner to plant waiting trees of one project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from saxaul.catalog.entries import Text, TreeProject
from saxaul.log.entries import DEGREE_DECIMALS
from saxaul.trees.reach import RADIUS_DECIMALS, Reach
from saxaul.trees.redemptions import Redemption, State

MAX_REDEMPTIONS = 99
"""The most redemptions of one order. With the order itself they fill one transaction, which writes all or nothing."""

MAX_TREES_PER_ORDER = 150
"""The most trees of the redemptions of one order. At their longest, they fit the four megabytes of a transaction."""


class OrderedTree(NamedTuple):
    """A tree of an order, with the key of the redemption that contains it."""

    user_id: str
    redemption_id: str
    number: str


@dataclass(frozen=True)
class OrderedProject:
    """The details of a project when its trees were ordered. Certificates show these even if the catalog changes later.

    ``reach`` is the area in which the trees must be planted; None in orders that are older than this check.
    """

    species: Text
    latin: str
    place: Text
    partner: str
    reach: Reach | None = None

    @classmethod
    def of(cls, project: TreeProject) -> "OrderedProject":
        place = project.place
        lat, lon = round(place.lat, DEGREE_DECIMALS), round(place.lon, DEGREE_DECIMALS)
        reach = Reach(lat, lon, round(place.radius_km, RADIUS_DECIMALS))
        return cls(project.species, project.latin, place.names, project.partner, reach)


@dataclass(frozen=True)
class PlantingOrder:
    """The trees that a partner is asked to plant. The list never changes; the redemptions hold the state of each tree.

    An order is first written and then announced: its manifest is stored, and an event is published.
    """

    order_id: str
    project_id: str
    ordered_at: int
    project: OrderedProject
    trees: tuple[OrderedTree, ...]
    announced_at: int | None = None
    version: int = 0

    @property
    def partner(self) -> str:
        return self.project.partner

    @property
    def place(self) -> "OrderPlace":
        return OrderPlace(self.ordered_at, self.order_id)

    def announced(self, now: int) -> "PlantingOrder":
        return replace(self, announced_at=now)

    def tree_state(self, redemption: Redemption, number: str) -> State | str:
        """Return the state of a tree in this order; ``failed`` if the tree has left the order after a failure."""
        tree = redemption.tree(number)
        return tree.state if tree.order_id == self.order_id else "failed"


def shown_project(order: PlantingOrder | None, project: TreeProject | None) -> OrderedProject | None:
    """Return the project details to show for a tree: the order's snapshot, or before an order the catalog entry."""
    if order:
        return order.project
    return OrderedProject.of(project) if project else None


class OrderPlace(NamedTuple):
    """The sort position of an order in a list: by its time, then by its identifier."""

    ordered_at: int
    order_id: str


class NewOrder(NamedTuple):
    """A new order, and its redemptions with their waiting trees moved to ``ordered``."""

    order: PlantingOrder
    redemptions: Sequence[Redemption]


def order_of(
    waiting: Sequence[Redemption], order_id: str, project_id: str, project: TreeProject, now: int
) -> NewOrder | None:
    """Make an order for the waiting trees of a project, with as many redemptions as fit; None if no tree waits."""
    taken: list[Redemption] = []
    trees = 0
    for redemption in (candidate for candidate in waiting if candidate.waiting):
        trees += len(redemption.trees)
        if len(taken) == MAX_REDEMPTIONS or trees > MAX_TREES_PER_ORDER:
            break
        taken.append(redemption)
    if not taken:
        return None
    order = PlantingOrder(
        order_id=order_id,
        project_id=project_id,
        ordered_at=now,
        project=OrderedProject.of(project),
        trees=tuple(
            OrderedTree(redemption.user_id, redemption.redemption_id, tree.number)
            for redemption in taken
            for tree in redemption.waiting
        ),
    )
    return NewOrder(order, [redemption.ordered(order_id, now) for redemption in taken])


def is_done(order: PlantingOrder, redemptions: Mapping[str, Redemption]) -> bool:
    """Whether no tree of an order is still to be planted. ``redemptions`` are those of the order, by redemption_id."""
    return not any(
        order.tree_state(redemptions[tree.redemption_id], tree.number) is State.ORDERED for tree in order.trees
    )
