"""The public totals as items: one item for each day, and one for each facility and year.

The days of a month are one partition, and so are the facilities of a year.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from saxaul.impact.totals import Act, FacilityYear, Impact, Mark, MonthlyAct, Subject, Sum, Tally, month_of
from saxaul.storage.table import Item, Key, Table

IMPACT_PREFIX = "IMPACT#"
_DAY = "DAY#"
_FACILITIES = f"{IMPACT_PREFIX}FACILITIES#"
_FACILITY = "FACILITY#"


class ImpactStore:
    """Reads and writes the public totals in the ledger's table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_many(self, subjects: Iterable[Subject]) -> dict[Subject, Tally]:
        """Read the tally of each of these subjects consistently. A tally without an item is empty."""
        keys = {subject: tally_key(subject) for subject in subjects}
        items = self._table.get_many(keys.values(), consistent=True)
        return {subject: from_item(items[key]) if key in items else Tally(subject) for subject, key in keys.items()}

    def between(self, first: date, last: date) -> dict[date, Impact]:
        """Return the totals of the days from ``first`` to ``last`` that have totals, earliest first."""
        months = dict.fromkeys(month_of(day) for day in _days(first, last))
        queries = (self._table.query(f"{IMPACT_PREFIX}{month}", f"{_DAY}{first}", f"{_DAY}{last}") for month in months)
        return {_day_of(item): _impact_of_day(item) for found in queries for item in found}

    def facilities_between(self, first: int, last: int) -> dict[FacilityYear, Impact]:
        """Return the totals of every facility that has totals in the years from ``first`` to ``last``."""
        queries = (
            self._table.query(f"{_FACILITIES}{year}", _FACILITY, f"{_FACILITY}~") for year in range(first, last + 1)
        )
        return {_facility_year_of(item): _impact_of_year(item) for found in queries for item in found}

    def of_facilities(self, years: Iterable[FacilityYear]) -> dict[FacilityYear, Impact]:
        """Return the totals of each of these years of facilities. The read may lag behind the latest write.

        Raises:
            OverloadedError: as :meth:`Table.get_many` does.
        """
        keys = {year: tally_key(year) for year in years}
        items = self._table.get_many(keys.values(), consistent=False)
        return {year: _impact_of_year(items[key]) if key in items else Impact() for year, key in keys.items()}

    def put(self, tally: Tally) -> None:
        """Write a tally, if the stored version is still the one that was read.

        Raises:
            ItemMovedError: a concurrent write changed the tally first.
        """
        self._table.put(to_item(tally), tally.version)


def tally_key(subject: Subject) -> Key:
    match subject:
        case FacilityYear(facility_id, year):
            return Key(f"{_FACILITIES}{year}", f"{_FACILITY}{facility_id}")
        case day:
            return Key(f"{IMPACT_PREFIX}{month_of(day)}", f"{_DAY}{day}")


def to_item(tally: Tally) -> Item:
    impact = tally.impact
    totals = (
        {"months": _to_sums(impact.months.items())}
        if isinstance(tally.subject, FacilityYear)
        else {"acts": _to_sums(impact.acts.items()), "trees": dict(impact.trees)}
    )
    return {
        **tally_key(tally.subject)._asdict(),
        **totals,
        # Stored as text, because a sequence number has more digits than a DynamoDB number can hold.
        "marks": {shard: [str(mark.sequence), mark.at] for shard, mark in tally.marks.items()},
    }


def from_item(item: Item) -> Tally:
    is_facility = item["pk"].startswith(_FACILITIES)
    return Tally(
        _facility_year_of(item) if is_facility else _day_of(item),
        _impact_of_year(item) if is_facility else _impact_of_day(item),
        {shard: Mark(int(sequence), int(at)) for shard, (sequence, at) in item["marks"].items()},
        version=int(item["v"]),
    )


def _day_of(item: Item) -> date:
    return date.fromisoformat(item["sk"].removeprefix(_DAY))


def _facility_year_of(item: Item) -> FacilityYear:
    return FacilityYear(item["sk"].removeprefix(_FACILITY), int(item["pk"].removeprefix(_FACILITIES)))


def _impact_of_day(item: Item) -> Impact:
    acts = {Act(*name.split(" ")): _from_sum(found) for name, found in item["acts"].items()}
    return Impact(acts, {state: int(number) for state, number in item["trees"].items()})


def _impact_of_year(item: Item) -> Impact:
    return Impact(months={MonthlyAct(*name.split(" ")): _from_sum(found) for name, found in item["months"].items()})


def _to_sums(sums: Iterable[tuple[tuple[str, ...], Sum]]) -> Item:
    return {" ".join(act): list(found) for act, found in sums}


def _from_sum(found: list[Any]) -> Sum:
    actions, quantity, points, avoided_g = found
    return Sum(int(actions), quantity, int(points), avoided_g)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
