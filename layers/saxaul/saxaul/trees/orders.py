"""Planting orders: the waiting trees of a project that a batch hands to its partner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from saxaul.catalog.entries import Text, TreeProject
from saxaul.log.entries import DEGREE_DECIMALS
from saxaul.trees.reach import RADIUS_DECIMALS, Reach
from saxaul.trees.redemptions import Redemption, State

MAX_REDEMPTIONS = 99
"""The most redemptions of one order: with the order itself they fill a transaction, so an order is whole or is not."""

MAX_TREES_PER_ORDER = 150
"""The most trees of the redemptions of one order: all of them at their longest fit a transaction's four megabytes."""


class OrderedTree(NamedTuple):
    """A tree of an order, with the key of the redemption that holds it."""

    user_id: str
    redemption_id: str
    number: str


@dataclass(frozen=True)
class OrderedProject:
    """What a project was when its trees were ordered. Its certificates say this, whatever the catalog says later.

    ``reach`` is where its trees are planted; None in orders that are older than this check.
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
    """What a partner is asked to plant. Its trees never change; its redemption says how far each got.

    An order is written, and then announced: its manifest is stored, and an event is published.
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
        """Where a tree stands for this order: ``failed`` where it goes on without it."""
        tree = redemption.tree(number)
        return tree.state if tree.order_id == self.order_id else "failed"


def shown_project(order: PlantingOrder | None, project: TreeProject | None) -> OrderedProject | None:
    """The project that a tree is shown with: the order's snapshot, or, before it is ordered, the catalog's entry."""
    if order:
        return order.project
    return OrderedProject.of(project) if project else None


class OrderPlace(NamedTuple):
    """Where an order stands in a list: by its time, and by its identifier among those of one second."""

    ordered_at: int
    order_id: str


class NewOrder(NamedTuple):
    """An order, and the redemptions that it takes one step on."""

    order: PlantingOrder
    redemptions: Sequence[Redemption]


def order_of(
    waiting: Sequence[Redemption], order_id: str, project_id: str, project: TreeProject, now: int
) -> NewOrder | None:
    """The order for the trees of a project that wait, as many redemptions as fit; None where nothing waits."""
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
    """Whether nothing of an order is still to be planted. ``redemptions`` are its own, by redemption_id."""
    return not any(
        order.tree_state(redemptions[tree.redemption_id], tree.number) is State.ORDERED for tree in order.trees
    )
