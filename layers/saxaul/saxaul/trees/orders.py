"""Planting orders. An order asks the partner of a project to plant waiting trees.

A waiting tree is reserved and not in an order: it was never ordered, or its planting failed.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from saxaul.catalog.entries import Text, TreeProject
from saxaul.trees.reach import Reach
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State

MAX_REDEMPTIONS = 98
"""The most redemptions of one order. Together with the order and its progress, they fill one DynamoDB transaction."""

MAX_TREES_PER_ORDER = 150
"""The most trees that the redemptions of one order have in total.

Even if each tree is stored at its greatest size, the redemptions fit the limit of 4 MB for a transaction.
"""


FAILED = "failed"
"""The state, as part of an order, of a tree that left the order because its planting failed."""


class OrderState(StrEnum):
    """Whether trees of an order are still to be planted."""

    OPEN = "open"
    CLOSED = "closed"

    @classmethod
    def of(cls, open_trees: int) -> "OrderState":
        return cls.OPEN if open_trees else cls.CLOSED


class OrderedTree(NamedTuple):
    """A tree of an order: its certificate number, and the user_id and redemption_id of its redemption."""

    user_id: str
    redemption_id: str
    number: str


class OrderedProject(NamedTuple):
    """The details of a project at the time of an order. Certificates show these even if the catalog changes later.

    ``reach`` is the area in which the trees must be planted. It is None only if the stored order has no such field;
    then the trees may be planted anywhere.
    """

    species: Text
    latin: str
    place: Text
    partner: str
    reach: Reach | None = None

    @classmethod
    def of(cls, project: TreeProject) -> "OrderedProject":
        place = project.place
        return cls(project.species, project.latin, place.names, project.partner, Reach.of(place))


class PlantingOrder(NamedTuple):
    """The trees that a partner must plant. The state of each tree is in its redemption.

    The list never changes, but a redemption whose person is erased gets another ``user_id``.

    An order is first written and then announced: its manifest is stored, an event is published, and ``announced_at`` is
    set. Instants are in seconds.
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

    def moved(self, redemption_id: str, user_id: str) -> "PlantingOrder":
        """Return this order after a redemption was given to another user."""
        trees = (tree._replace(user_id=user_id) if tree.redemption_id == redemption_id else tree for tree in self.trees)
        return self._replace(trees=tuple(trees))

    def announced(self, now: int) -> "PlantingOrder":
        return self._replace(announced_at=now)

    def state_in_order(self, redemption: Redemption, number: str) -> State | str:
        """Return the state of a tree as part of this order: ``failed`` if the tree left the order after a failure."""
        tree = redemption.tree(number)
        return tree.state if tree.order_id == self.order_id else FAILED


def shown_project(order: PlantingOrder | None, project: TreeProject | None) -> OrderedProject | None:
    """Return the project details to show for a tree: those of its order, or of the catalog if it has no order."""
    return order.project if order else project_of(project)


def project_of(project: TreeProject | None) -> OrderedProject | None:
    """Return the current details of a project; None if the catalog does not have it."""
    return OrderedProject.of(project) if project else None


class OrderPlace(NamedTuple):
    """The position of an order in a sorted list: orders are sorted by time and then by identifier."""

    ordered_at: int
    order_id: str


class NewOrder(NamedTuple):
    """A new order, and its redemptions after their waiting trees became ``ordered``."""

    order: PlantingOrder
    redemptions: Sequence[Redemption]


def create_order(
    waiting: Sequence[Redemption], order_id: str, project_id: str, project: TreeProject, now: int
) -> NewOrder | None:
    """Create an order of waiting trees from the first redemptions, as many as fit. Return None if no tree waits.

    A person who comes after an erasure may request trees with a key that the erased person had used. The new redemption
    then has the id of one that is nobody's. An order knows its redemptions by their ids, so it has only one of the two.
    """
    found: dict[str, Redemption] = {}
    trees = 0
    for redemption in (candidate for candidate in waiting if candidate.waiting):
        if redemption.redemption_id in found:
            continue
        trees += len(redemption.trees)
        if len(found) == MAX_REDEMPTIONS or trees > MAX_TREES_PER_ORDER:
            break
        found[redemption.redemption_id] = redemption
    if not found:
        return None
    chosen = list(found.values())
    order = PlantingOrder(
        order_id=order_id,
        project_id=project_id,
        ordered_at=now,
        project=OrderedProject.of(project),
        trees=tuple(
            OrderedTree(redemption.user_id, redemption.redemption_id, tree.number)
            for redemption in chosen
            for tree in redemption.waiting
        ),
    )
    return NewOrder(order, [redemption.ordered(order_id, now) for redemption in chosen])


def open_trees(order: PlantingOrder, redemptions: Mapping[str, Redemption]) -> int:
    """Return how many trees of an order are still to be planted. ``redemptions`` are all of the order's, by id."""
    return sum(
        order.state_in_order(redemptions[tree.redemption_id], tree.number) is State.ORDERED for tree in order.trees
    )


class OrderProgress(NamedTuple):
    """What the list of a partner's orders shows of an order. It is stored apart from the order, and stays small.

    Attributes:
        ordered_at: an instant in seconds.
        trees: how many trees the order has.
        open_trees: how many of them are still to be planted: neither confirmed nor reported as failed.
        is_announced: whether the order is announced. Only then is it in a list.
    """

    order_id: str
    project_id: str
    partner: str
    ordered_at: int
    trees: int
    open_trees: int
    is_announced: bool = False
    version: int = 0

    @classmethod
    def of(cls, order: PlantingOrder, open_trees: int) -> "OrderProgress":
        """Return the progress of an order with this many open trees, as a new item (version 0)."""
        return cls(
            order_id=order.order_id,
            project_id=order.project_id,
            partner=order.partner,
            ordered_at=order.ordered_at,
            trees=len(order.trees),
            open_trees=open_trees,
            is_announced=order.announced_at is not None,
        )

    @property
    def state(self) -> OrderState:
        """``open`` until each tree is confirmed or reported as failed, and then ``closed``."""
        return OrderState.of(self.open_trees)

    @property
    def place(self) -> OrderPlace:
        return OrderPlace(self.ordered_at, self.order_id)

    def announced(self) -> "OrderProgress":
        return self._replace(is_announced=True)
