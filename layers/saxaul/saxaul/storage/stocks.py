"""Stocks as items, and the write that releases saplings in a transaction. ``spending.py`` reserves and unreserves them.

``v`` counts the changes by operators. Reserving and unreserving saplings change ``reserved`` but not ``v``. So two
redemptions can reserve saplings at the same time without a version conflict.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from saxaul.catalog.entries import ReleaseSchedule
from saxaul.catalog.recorded import recorded
from saxaul.storage.table import Item, Table, stock_key
from saxaul.trees.stock import Stock, Timetable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

STOCKS_CACHED_FOR = 1.0
"""How many seconds a worker shows a cached copy of a stock. Requests, settlements and other writes never use it."""

SOLD_OUT_CACHED_FOR = 5.0
"""How many seconds a worker remembers a stock that has no unreserved saplings, or whose project is closed.

The copy contains the schedule, so from the next release on it is not used any more. What it cannot show is that
saplings were given back, or that an operator has released some by hand or opened the project again.
"""

_RELEASES_ALL_RESERVED = "attribute_not_exists(reserved) OR reserved <= :most"


class _Copy(NamedTuple):
    stock: Stock
    read_at: float


class Stocks:
    """Reads and writes stocks, and caches them in this worker."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._cached: dict[str, _Copy] = {}
        self._refusing: dict[str, _Copy] = {}

    def get(self, project_id: str) -> Stock:
        """Read a project's stock consistently."""
        return from_item(project_id, self._table.get(stock_key(project_id)))

    def get_for_request(self, project_id: str) -> Stock:
        """Return a project's stock for a new request: read consistently, or remembered if nobody can request a tree.

        A stock without unreserved saplings, or of a closed project, is remembered for at most five seconds, and not
        beyond its next release. So a burst of refused requests reads it every five seconds in each worker.
        """
        known, now = self._refusing.get(project_id), self._table.clock.elapsed()
        if known and now - known.read_at <= SOLD_OUT_CACHED_FOR and self._refuses(known.stock):
            return known.stock
        stock = self.get(project_id)
        self._refusing[project_id] = _Copy(stock, now)
        return stock

    def get_cached(self, project_ids: Iterable[str]) -> dict[str, Stock]:
        """Return each project's stock as it was at most a second ago. The reads may lag behind the latest writes."""
        names, now = list(dict.fromkeys(project_ids)), self._table.clock.elapsed()
        cached = {name: copy for name, copy in self._cached.items() if now - copy.read_at <= STOCKS_CACHED_FOR}
        old = [name for name in names if name not in cached]
        items = self._table.get_many(map(stock_key, old), consistent=False) if old else {}
        self._cached = cached | {name: _Copy(from_item(name, items.get(stock_key(name))), now) for name in old}
        return {name: self._cached[name].stock for name in names}

    def _refuses(self, stock: Stock) -> bool:
        return stock.closed or stock.available(self._table.clock.now()) <= 0

    def plan_write(self, planned: Stock, now: int) -> "TransactWriteItemTypeDef":
        """Return the write of an operator's settings. It fails if they would release fewer saplings than are reserved.

        The write has no condition on ``v``. The same transaction must write the project's catalog entry: if two
        operators write at the same time, the version of that entry makes one of them fail.
        """
        fields = _plan(planned)
        return self._table.update_write(
            stock_key(planned.project_id),
            f"SET reserved = if_not_exists(reserved, :none), {', '.join(f'{name} = :{name}' for name in fields)}",
            _RELEASES_ALL_RESERVED,
            {":none": 0, ":most": planned.released_by(now), **{f":{name}": value for name, value in fields.items()}},
        )


def _plan(stock: Stock) -> Item:
    """Return the fields that an operator's settings determine, as they are stored."""
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
        timetable=Timetable(recorded(ReleaseSchedule, timetable["schedule"]), ZoneInfo(timetable["zone"]))
        if timetable
        else None,
        scheduled=int(item["scheduled"]),
        scheduled_through=int(item["scheduled_through"]),
        closed=item["closed"],
        version=int(item["v"]),
    )
