"""Stocks as items, and the transaction writes that release saplings, take them and give them back.

``v`` counts the changes by operators. Taking saplings and giving them back changes ``reserved`` but not ``v``, so these
writes do not make each other fail by a changed version.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from saxaul.catalog.entries import ReleaseSchedule
from saxaul.storage.table import IS_AS_EXPECTED, Item, Key, Table
from saxaul.trees.stock import Stock, Timetable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

STOCKS_KEPT_FOR = 1.0
"""How many seconds a worker shows stocks from memory, however many requests it serves."""

_COVERS_THE_RESERVED = "attribute_not_exists(reserved) OR reserved <= :most"
_LEAVES_ENOUGH = "reserved <= :most"
_HAS_THEM = "reserved >= :saplings"


class Stocks:
    """The stocks of the ledger, with the copy that this worker caches."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._shown: dict[str, Stock] = {}
        self._read_at = float("-inf")

    def get(self, project_id: str) -> Stock:
        """Return a project's stock with a consistent read."""
        return from_item(project_id, self._table.get(stock_key(project_id)))

    def shown(self, project_ids: Iterable[str]) -> dict[str, Stock]:
        """Return each project's stock, up to a second old, so that a burst of requests costs one read a second."""
        wanted = {project_id: stock_key(project_id) for project_id in project_ids}
        if self._table.clock.elapsed() - self._read_at > STOCKS_KEPT_FOR or not wanted.keys() <= self._shown.keys():
            items = self._table.get_many(wanted.values(), consistent=False)
            self._shown = {project_id: from_item(project_id, items.get(key)) for project_id, key in wanted.items()}
            self._read_at = self._table.clock.elapsed()
        return {project_id: self._shown[project_id] for project_id in wanted}

    def plan_write(self, planned: Stock, now: int) -> "TransactWriteItemTypeDef":
        """Return the write of an operator's settings, on condition that they release at least the reserved saplings.

        It has no condition on the version. The same transaction must write the project's catalog entry, whose version
        detects two operators who write at the same time.
        """
        fields = _plan(planned)
        return self._table.update_write(
            stock_key(planned.project_id),
            f"SET reserved = if_not_exists(reserved, :none), {', '.join(f'{name} = :{name}' for name in fields)}",
            _COVERS_THE_RESERVED,
            {":none": 0, ":most": planned.released_by(now), **{f":{name}": value for name, value in fields.items()}},
        )

    def take_write(self, stock: Stock, saplings: int, now: int) -> "TransactWriteItemTypeDef":
        """Return the write that takes saplings, on condition that enough of those released by ``now`` are unreserved.

        An operator must not have changed the stock since it was read.
        """
        return self._table.update_write(
            stock_key(stock.project_id),
            "SET reserved = reserved + :saplings",
            f"{IS_AS_EXPECTED} AND {_LEAVES_ENOUGH}",
            {":saplings": saplings, ":expected_version": stock.version, ":most": stock.released_by(now) - saplings},
        )

    def give_back_write(self, project_id: str, saplings: int) -> "TransactWriteItemTypeDef":
        """Return the write that gives saplings back."""
        return self._table.update_write(
            stock_key(project_id), "SET reserved = reserved - :saplings", _HAS_THEM, {":saplings": saplings}
        )


def stock_key(project_id: str) -> Key:
    return Key(f"PROJECT#{project_id}", "STOCK")


def _plan(stock: Stock) -> Item:
    """Return the fields that an operator controls."""
    timetable: Any = None
    if stock.timetable:
        schedule = stock.timetable.schedule.model_dump(mode="json", exclude_none=True)
        timetable = {"zone": stock.timetable.zone.key, "schedule": schedule}
    return {
        "released": stock.released,
        "timetable": timetable,
        "scheduled": stock.scheduled,
        "scheduled_through": stock.scheduled_through,
        "closed": stock.closed,
        "v": stock.version,
    }


def from_item(project_id: str, item: Item | None) -> Stock:
    if item is None:
        return Stock(project_id)
    timetable = item["timetable"]
    return Stock(
        project_id=project_id,
        released=int(item["released"]),
        reserved=int(item["reserved"]),
        timetable=Timetable(ReleaseSchedule.model_validate(timetable["schedule"]), ZoneInfo(timetable["zone"]))
        if timetable
        else None,
        scheduled=int(item["scheduled"]),
        scheduled_through=int(item["scheduled_through"]),
        closed=item["closed"],
        version=int(item["v"]),
    )
