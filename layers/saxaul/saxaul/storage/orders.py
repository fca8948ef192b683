"""Planting orders as items.

An order is in one list of the index ``Listing`` at a time. It is in its project's list of unannounced orders until its
announcement, and in its partner's list of orders after that. The progress of an order is an item of its own. After the
announcement, it is in its partner's list of open orders, and then in that of closed orders.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from saxaul.catalog.entries import Text
from saxaul.catalog.recorded import recorded
from saxaul.storage import redemptions
from saxaul.storage.table import Item, Key, Table, transact
from saxaul.trees.orders import (
    NewOrder,
    OrderedProject,
    OrderedTree,
    OrderPlace,
    OrderProgress,
    OrderState,
    PlantingOrder,
)
from saxaul.trees.reach import Reach

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_PREFIX, _PROGRESS_PREFIX = "ORDER#", "PROGRESS#"
_LISTS: Mapping[OrderState | None, str] = {None: "ORDERS#", OrderState.OPEN: "OPEN#", OrderState.CLOSED: "CLOSED#"}
"""The lists of a partner: that of all orders, and that of the orders in each state."""

_PROJECT = "pk, sk, species, latin, place, partner, reach"
"""The attributes of the project details."""


class Orders:
    """Reads and writes planting orders."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def write(self, new: NewOrder) -> PlantingOrder:
        """Write a new order, its progress and the redemptions of its trees in one transaction. Return the stored order.

        Raises:
            TransactionRefusedError: a redemption has changed since it was read.
        """
        writes = [
            self._table.put_write(redemptions.to_item(redemption), redemption.version) for redemption in new.redemptions
        ]
        progress = OrderProgress.of(new.order, len(new.order.trees))
        transact(
            [self._table.put_write(to_item(new.order), expected_version=0), self.progress_write(progress), *writes]
        )
        return new.order._replace(version=1)

    def announce(self, order: PlantingOrder, progress: OrderProgress) -> None:
        """Write an announced order and its progress, which are from then on in the lists of its partner.

        Raises:
            TransactionRefusedError: a concurrent write changed one of them since it was read.
        """
        transact([self._table.put_write(to_item(order), order.version), self.progress_write(progress.announced())])

    def get(self, order_id: str) -> PlantingOrder | None:
        item = self._table.get(order_key(order_id))
        return from_item(item) if item else None

    def put_progress(self, progress: OrderProgress) -> None:
        """Write a changed progress.

        Raises:
            ItemMovedError: a concurrent write changed it since it was read.
        """
        self._table.put(progress_to_item(progress), progress.version)

    def progress(self, order_id: str) -> OrderProgress:
        """Return the progress of an order that exists.

        Raises:
            LookupError: it has no progress.
        """
        progress = self.find_progress(order_id)
        if progress is None:
            raise LookupError(f"order {order_id} has no progress")
        return progress

    def find_progress(self, order_id: str) -> OrderProgress | None:
        item = self._table.get(progress_key(order_id))
        return progress_from_item(item) if item else None

    def progress_write(self, progress: OrderProgress) -> "TransactWriteItemTypeDef":
        """Return the write of a changed progress, for a transaction: it must still have the version that was read."""
        return self._table.put_write(progress_to_item(progress), progress.version)

    def get_many(self, order_ids: Iterable[str]) -> dict[str, PlantingOrder]:
        """Return the orders that exist under these identifiers, by order_id."""
        found = self._table.get_many(map(order_key, order_ids), consistent=True)
        return {order.order_id: order for order in map(from_item, found.values())}

    def projects(self, order_ids: Iterable[str]) -> dict[str, OrderedProject]:
        """Return the project details of the orders that exist under these identifiers, without reading their trees."""
        found = self._table.get_many(map(order_key, order_ids), consistent=True, only=_PROJECT)
        return {key.pk.removeprefix(_PREFIX): _project(item) for key, item in found.items()}

    def unannounced(self, project_id: str, limit: int) -> list[PlantingOrder]:
        """Return a project's orders that are written but not announced, oldest first."""
        keys = [Key(item["pk"], item["sk"]) for item in self._table.listed(_unannounced_list(project_id), limit)]
        found = self._table.get_many(keys, consistent=True)
        orders = [from_item(found[key]) for key in keys if key in found]
        return [order for order in orders if order.announced_at is None]

    def of_partners(
        self, partners: Iterable[str], limit: int, before: OrderPlace | None = None, state: OrderState | None = None
    ) -> list[OrderProgress]:
        """Return the announced orders of these partners, newest first, in any state or only in one.

        With ``before``, return only orders that are older than the order at this place. The index may lag behind, so
        an order can be in the list of a state that it has just left. Its progress is read consistently.
        """
        place = _list_order(before) if before else ""
        listed = [
            item
            for partner in partners
            for item in self._table.listed(_LISTS[state] + partner, limit, backwards=True, before=place)
        ]
        newest = sorted(listed, key=lambda item: str(item["list_order"]), reverse=True)[:limit]
        keys = [progress_key(str(item["pk"]).partition("#")[2]) for item in newest]
        found = self._table.get_many(keys, consistent=True)
        return [progress_from_item(found[key]) for key in keys if key in found]

    def oldest_open(self, partner: str, limit: int) -> list[OrderProgress]:
        """Return the announced orders of a partner of which trees are still to be planted, oldest first.

        There are at most ``limit`` of them. The index may lag behind.
        """
        listed = self._table.listed(_LISTS[OrderState.OPEN] + partner, limit)
        keys = [progress_key(str(item["pk"]).partition("#")[2]) for item in listed]
        found = self._table.get_many(keys, consistent=False)
        return [progress_from_item(found[key]) for key in keys if key in found]


def order_key(order_id: str) -> Key:
    return Key(_PREFIX + order_id, "ORDER")


def progress_key(order_id: str) -> Key:
    return Key(_PROGRESS_PREFIX + order_id, "PROGRESS")


def _list_order(place: OrderPlace) -> str:
    return f"{place.ordered_at:012d}#{place.order_id}"


def _unannounced_list(project_id: str) -> str:
    return f"UNANNOUNCED#{project_id}"


def to_item(order: PlantingOrder) -> Item:
    project = order.project
    is_new = order.announced_at is None
    item: Item = {
        **order_key(order.order_id)._asdict(),
        "project_id": order.project_id,
        "partner": project.partner,
        "species": project.species.model_dump(),
        "latin": project.latin,
        "place": project.place.model_dump(),
        "ordered_at": order.ordered_at,
        "trees": [list(tree) for tree in order.trees],
        "list_name": _unannounced_list(order.project_id) if is_new else _LISTS[None] + order.partner,
        "list_order": _list_order(order.place),
    }
    if project.reach:
        item["reach"] = [Decimal(str(number)) for number in project.reach]
    return item if is_new else item | {"announced_at": order.announced_at}


def from_item(item: Item) -> PlantingOrder:
    announced_at = item.get("announced_at")
    return PlantingOrder(
        order_id=item["pk"].removeprefix(_PREFIX),
        project_id=item["project_id"],
        ordered_at=int(item["ordered_at"]),
        project=_project(item),
        trees=tuple(OrderedTree(*tree) for tree in item["trees"]),
        announced_at=None if announced_at is None else int(announced_at),
        version=int(item["v"]),
    )


def progress_to_item(progress: OrderProgress) -> Item:
    item: Item = {
        **progress_key(progress.order_id)._asdict(),
        "project_id": progress.project_id,
        "partner": progress.partner,
        "ordered_at": progress.ordered_at,
        "trees": progress.trees,
        "open_trees": progress.open_trees,
    }
    if not progress.is_announced:
        return item
    return item | {"list_name": _LISTS[progress.state] + progress.partner, "list_order": _list_order(progress.place)}


def progress_from_item(item: Item) -> OrderProgress:
    return OrderProgress(
        order_id=item["pk"].removeprefix(_PROGRESS_PREFIX),
        project_id=item["project_id"],
        partner=item["partner"],
        ordered_at=int(item["ordered_at"]),
        trees=int(item["trees"]),
        open_trees=int(item["open_trees"]),
        is_announced="list_name" in item,
        version=int(item["v"]),
    )


def _project(item: Item) -> OrderedProject:
    reach = item.get("reach")
    return OrderedProject(
        species=recorded(Text, item["species"]),
        latin=item["latin"],
        place=recorded(Text, item["place"]),
        partner=item["partner"],
        reach=Reach(*map(float, reach)) if reach else None,
    )
