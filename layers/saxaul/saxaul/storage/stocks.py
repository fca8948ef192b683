"""Stocks as items, and the parts of transactions that release saplings, take them and give them back.

``v`` counts what an operator changed. Taking and giving back only move ``reserved``, so they do not refuse each other.
"""

from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from saxaul.catalog.entries import ReleaseSchedule, TreeProject
from saxaul.storage.table import IS_AS_READ, Item, Key, Table
from saxaul.trees.stock import Stock, Timetable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

KEPT_FOR = 1.0
"""Seconds for which a worker shows stocks from memory, however many ask."""

_IS_NEW_OR_COVERS_THE_RESERVED = "attribute_not_exists(reserved) OR reserved <= :most"
_LEAVES_ENOUGH = "reserved <= :most"
_HAS_THEM = "reserved >= :saplings"


class Stocks:
    """The stocks of the ledger, with the copy that this worker shows."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._shown: dict[str, Stock] = {}
        self._read_at = float("-inf")

    def get(self, project_id: str) -> Stock:
        """A project's stock, as of now."""
        return from_item(project_id, self._table.get(stock_key(project_id)))

    def shown(self, project_ids: Iterable[str]) -> dict[str, Stock]:
        """The stock of each project, which may lag by a second: what is shown to a herd costs one read a second."""
        wanted = {project_id: stock_key(project_id) for project_id in project_ids}
        if monotonic() - self._read_at > KEPT_FOR or not wanted.keys() <= self._shown.keys():
            items = self._table.get_many(wanted.values(), consistent=False)
            self._shown = {project_id: from_item(project_id, items.get(key)) for project_id, key in wanted.items()}
            self._read_at = monotonic()
        return {project_id: self._shown[project_id] for project_id in wanted}

    def releasing(self, project_id: str, project: TreeProject, zone: ZoneInfo, now: int) -> "TransactWriteItemTypeDef":
        """Release saplings as the catalog's entry says from now on, never fewer than are spoken for.

        Whoever writes this writes the entry with it, whose version keeps two operators apart.
        """
        planned = self.get(project_id).planned(project, zone, now)
        return self._planning(planned, planned.released_by(now))

    def withdrawing(self, project_id: str, now: int) -> "TransactWriteItemTypeDef":
        """Take back all saplings of a project that leaves the catalog, on condition that none is spoken for."""
        return self._planning(self.get(project_id).withdrawn(now), 0)

    def _planning(self, planned: Stock, most: int) -> "TransactWriteItemTypeDef":
        fields = _plan(planned)
        return self._table.update_write(
            stock_key(planned.project_id),
            f"SET reserved = if_not_exists(reserved, :none), {', '.join(f'{name} = :{name}' for name in fields)}",
            _IS_NEW_OR_COVERS_THE_RESERVED,
            {":none": 0, ":most": most, **{f":{name}": value for name, value in fields.items()}},
        )

    def take_write(self, stock: Stock, saplings: int, now: int) -> "TransactWriteItemTypeDef":
        """Take saplings, on condition that so many are left of what was released as the stock was read."""
        return self._table.update_write(
            stock_key(stock.project_id),
            "SET reserved = reserved + :saplings",
            f"{IS_AS_READ} AND {_LEAVES_ENOUGH}",
            {":saplings": saplings, ":read": stock.version, ":most": stock.released_by(now) - saplings},
        )

    def give_back_write(self, project_id: str, saplings: int) -> "TransactWriteItemTypeDef":
        """Make saplings available again."""
        return self._table.update_write(
            stock_key(project_id), "SET reserved = reserved - :saplings", _HAS_THEM, {":saplings": saplings}
        )


def stock_key(project_id: str) -> Key:
    return Key(f"PROJECT#{project_id}", "STOCK")


def _plan(stock: Stock) -> Item:
    """All that an operator decides of a stock."""
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
