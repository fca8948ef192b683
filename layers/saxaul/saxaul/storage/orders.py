"""Planting orders as items.

An order is in one list of the index ``Listing`` at a time. It is in its project's list of unannounced orders until its
announcement, and in its partner's list of orders after that.
"""

from collections.abc import Iterable
from decimal import Decimal

from saxaul.catalog.entries import Text
from saxaul.catalog.recorded import recorded
from saxaul.storage import redemptions
from saxaul.storage.table import Item, Key, Table, transact
from saxaul.trees.orders import NewOrder, OrderedProject, OrderedTree, OrderPlace, PlantingOrder
from saxaul.trees.reach import Reach

_PREFIX = "ORDER#"
_PROJECT = "pk, sk, species, latin, place, partner, reach"
"""The attributes of the project details."""


class Orders:
    """Reads and writes planting orders."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def write(self, new: NewOrder) -> PlantingOrder:
        """Write a new order and the redemptions of its trees in one transaction, and return the stored order.

        Raises:
            TransactionRefusedError: a redemption has changed since it was read.
        """
        writes = [
            self._table.put_write(redemptions.to_item(redemption), redemption.version) for redemption in new.redemptions
        ]
        transact([self._table.put_write(to_item(new.order), expected_version=0), *writes])
        return new.order._replace(version=1)

    def put(self, order: PlantingOrder) -> None:
        """Write an order, if the stored version is still the one that was read.

        Raises:
            ItemMovedError: a concurrent write changed the order first.
        """
        self._table.put(to_item(order), order.version)

    def get(self, order_id: str) -> PlantingOrder | None:
        item = self._table.get(order_key(order_id))
        return from_item(item) if item else None

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
        listed = self._listed(_unannounced_list(project_id), limit)
        return [order for order in listed if order.announced_at is None]

    def of_partner(self, partner: str, limit: int, before: OrderPlace | None = None) -> list[PlantingOrder]:
        """Return a partner's announced orders, newest first. With ``before``, return only older orders."""
        return self._listed(
            _partners_list(partner), limit, backwards=True, before=_list_order(before) if before else ""
        )

    def _listed(self, name: str, limit: int, *, backwards: bool = False, before: str = "") -> list[PlantingOrder]:
        listed = self._table.listed(name, limit, backwards=backwards, before=before)
        keys = [Key(item["pk"], item["sk"]) for item in listed]
        found = self._table.get_many(keys, consistent=True)
        return [from_item(found[key]) for key in keys if key in found]


def order_key(order_id: str) -> Key:
    return Key(_PREFIX + order_id, "ORDER")


def _list_order(place: OrderPlace) -> str:
    return f"{place.ordered_at:012d}#{place.order_id}"


def _unannounced_list(project_id: str) -> str:
    return f"UNANNOUNCED#{project_id}"


def _partners_list(partner: str) -> str:
    return f"ORDERS#{partner}"


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
        "list_name": _unannounced_list(order.project_id) if is_new else _partners_list(order.partner),
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


def _project(item: Item) -> OrderedProject:
    reach = item.get("reach")
    return OrderedProject(
        species=recorded(Text, item["species"]),
        latin=item["latin"],
        place=recorded(Text, item["place"]),
        partner=item["partner"],
        reach=Reach(*map(float, reach)) if reach else None,
    )
