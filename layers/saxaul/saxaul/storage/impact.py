"""The public totals of each day as items: one item for each day, and one partition for each month."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from saxaul.impact.totals import Act, Day, Impact, Mark, Sum
from saxaul.storage.table import Item, Key, Table

IMPACT_PREFIX = "IMPACT#"
_DAY = "DAY#"


class ImpactStore:
    """Reads and writes the public totals in the ledger's table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_many(self, days: Iterable[date]) -> dict[date, Day]:
        """Read the totals of each of these days consistently. The totals of a day without an item are empty."""
        keys = {day: day_key(day) for day in days}
        items = self._table.get_many(keys.values(), consistent=True)
        return {day: from_item(items[key]) if key in items else Day(day) for day, key in keys.items()}

    def between(self, first: date, last: date) -> list[Day]:
        """Return the days from ``first`` to ``last`` that have totals."""
        months = dict.fromkeys(day.isoformat()[:7] for day in _days(first, last))
        queries = (self._table.query(f"{IMPACT_PREFIX}{month}", f"{_DAY}{first}", f"{_DAY}{last}") for month in months)
        return [from_item(item) for found in queries for item in found]

    def put(self, day: Day) -> None:
        """Write the totals of a day, if the stored version is still the one that was read.

        Raises:
            ItemMovedError: a concurrent write changed the day first.
        """
        self._table.put(to_item(day), day.version)


def day_key(day: date) -> Key:
    return Key(f"{IMPACT_PREFIX}{day.isoformat()[:7]}", f"{_DAY}{day}")


def to_item(day: Day) -> Item:
    return {
        **day_key(day.day)._asdict(),
        "acts": {" ".join(act): list(found) for act, found in day.impact.acts.items()},
        "trees": dict(day.impact.trees),
        # Stored as text, because a sequence number has more digits than a DynamoDB number can hold.
        "marks": {shard: [str(mark.sequence), mark.at] for shard, mark in day.marks.items()},
    }


def from_item(item: Item) -> Day:
    acts = {
        Act(*name.split(" ")): Sum(int(actions), quantity, int(points), avoided_g)
        for name, (actions, quantity, points, avoided_g) in item["acts"].items()
    }
    return Day(
        date.fromisoformat(item["sk"].removeprefix(_DAY)),
        Impact(acts, {state: int(number) for state, number in item["trees"].items()}),
        {shard: Mark(int(sequence), int(at)) for shard, (sequence, at) in item["marks"].items()},
        version=int(item["v"]),
    )


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
