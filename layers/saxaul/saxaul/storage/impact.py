"""The public totals as items, called tallies: several for each day and run of a campaign, and one for each facility and
year, and for each person who takes part in a run (a participation).

Many shards of the stream write the totals of a day or a run at the same time. So they are dealt among several items,
and summed when they are read. The items of a month are in a few partitions, and so are those of a run. The facilities
of a year are one partition. A participation is in the partition of its person.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from saxaul.impact.totals import (
    MOST_TALLIES,
    Act,
    FacilityYear,
    Impact,
    ImpactAdder,
    Mark,
    MonthlyAct,
    Participation,
    Progress,
    RunKey,
    Subject,
    Sum,
    Tally,
    month_of,
    short_name,
    tally_number,
)
from saxaul.storage.table import Item, Key, Table, transact

IMPACT_PREFIX = "IMPACT#"
_DAY = "DAY#"
_FACILITIES = f"{IMPACT_PREFIX}FACILITIES#"
_FACILITY = "FACILITY#"
_RUNS = f"{IMPACT_PREFIX}RUN#"
_RUN = "RUN"
_USER = "USER#"
PARTICIPATION_PREFIX = "PARTICIPATION#"

PARTITIONS = 4
"""How many partitions the numbered tallies of a month, or of a run, are spread over.

One more has the tallies without a number.
"""

FEW_DAYS = 5
"""The tallies of at most so many days are read in one batch, by their keys, and not with five queries for each month.

A batch has up to 100 keys, and a day has 17. A tally that does not exist costs half a read unit. Most campaigns with a
goal run for a day or a few.
"""

_SUMS_OF_A_DAY = "pk, sk, acts, trees"
"""The attributes of a day's tally without its marks, which are most of it if the stream has many shards."""

_SUMS_OF_A_RUN = "pk, sk, actions, persons, points"
"""Those of a run's tally."""

_AT_BYTES = 4
"""The bytes of the instant of a mark, in seconds since 1970. The other bytes of a mark are its sequence number."""


class ImpactStore:
    """Reads and writes the public totals in the ledger's table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_shard(self, subjects: Iterable[Subject], shard: str) -> dict[Subject, Tally]:
        """Read the tally of each subject to which a shard adds its changes. A tally without an item is empty.

        If the tally has no mark of the shard, another tally of the same day may have it: one that an earlier release
        wrote, for which a day had fewer tallies, or only one. Then the tally that is returned has this mark, so that no
        change is counted again. ``shard`` is the short name of the shard. The reads are consistent.
        """
        numbers = {subject: tally_number(subject, shard) for subject in subjects}
        found = {tally.subject: tally for tally in self._read(tally_key(*tally) for tally in numbers.items())}
        tallies = {subject: found.get(subject, Tally(subject, number=number)) for subject, number in numbers.items()}
        new = [subject for subject, tally in tallies.items() if shard not in tally.marks and tally.number is not None]
        for other in self.tallies_of(new):
            tally = tallies[other.subject]
            marks = [mark for mark in (tally.marks.get(shard), other.marks.get(shard)) if mark]
            if marks:
                tallies[other.subject] = tally._replace(marks={**tally.marks, shard: max(marks)})
        return tallies

    def tallies_of(self, subjects: Iterable[Subject]) -> list[Tally]:
        """Read every tally of these subjects that has an item, consistently."""
        return self._read(key for subject in subjects for key in _keys_of(subject))

    def between(self, first: date, last: date) -> dict[date, Impact]:
        """Return the totals of the days from ``first`` to ``last`` that have totals, earliest first.

        The read may lag behind the latest writes.

        Raises:
            OverloadedError: as :meth:`Table.get_many` does.
        """
        adders: defaultdict[date, ImpactAdder] = defaultdict(ImpactAdder)
        days = [*_days(first, last)]
        for item in self._items_of(days) if len(days) <= FEW_DAYS else self._items_between(first, last):
            adders[_day_of(item)].add(_impact_of_day(item))
        return {day: adders[day].total() for day in sorted(adders)}

    def _items_of(self, days: Iterable[date]) -> Iterable[Item]:
        keys = [key for day in days for key in _keys_of(day)]
        return self._table.get_many(keys, consistent=False, only=_SUMS_OF_A_DAY).values()

    def _items_between(self, first: date, last: date) -> Iterator[Item]:
        for month in dict.fromkeys(month_of(day) for day in _days(first, last)):
            for pk in _partitions_of(month):
                yield from self._table.query(
                    pk, f"{_DAY}{first}", f"{_DAY}{last}#~", only=_SUMS_OF_A_DAY, consistent=False
                )

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

    def progress_of(self, runs: Iterable[RunKey]) -> dict[RunKey, Progress]:
        """Return the progress of each of these runs. The read may lag behind the latest writes.

        Raises:
            OverloadedError: as :meth:`Table.get_many` does.
        """
        found = {run: Progress() for run in runs}
        keys = [key for run in found for key in _keys_of(run)]
        for item in self._table.get_many(keys, consistent=False, only=_SUMS_OF_A_RUN).values():
            run = _run_of(item)
            found[run] = found[run].plus(_progress_of(item))
        return found

    def participations(self, user_id: str) -> Iterator[Tally]:
        """Yield all participations of a person, sorted by run. The read is consistent."""
        items = self._table.query(f"{_USER}{user_id}", PARTICIPATION_PREFIX, f"{PARTICIPATION_PREFIX}~")
        return map(from_item, items)

    def put(self, tally: Tally) -> None:
        """Write a tally, if the stored version is still the one that was read.

        Raises:
            ItemMovedError: a concurrent write changed the tally first.
        """
        self._table.put(to_item(tally), tally.version)

    def add(self, subject: Subject, missing: Impact, tallies: Sequence[Tally]) -> None:
        """Add what the totals of a subject lack to its tally without a number.

        Nothing is written unless ``tallies`` are still all tallies of the subject, in these versions.

        Raises:
            TransactionRefusedError: one of the tallies has changed since it was read, or is new.
        """
        versions = {tally_key(subject, tally.number): tally.version for tally in tallies}
        own = next((tally for tally in tallies if tally.number is None), Tally(subject))
        others = [key for key in _keys_of(subject) if key != tally_key(subject)]
        transact(
            [
                self._table.put_write(to_item(own._replace(impact=own.impact.plus(missing))), own.version),
                *(self._table.check_write(key, versions.get(key, 0)) for key in others),
            ]
        )

    def _read(self, keys: Iterable[Key]) -> list[Tally]:
        return [from_item(item) for item in self._table.get_many(keys, consistent=True).values()]


def tally_key(subject: Subject, number: int | None = None) -> Key:
    match subject:
        case FacilityYear(facility_id, year):
            return Key(f"{_FACILITIES}{year}", f"{_FACILITY}{facility_id}")
        case Participation(user_id, run):
            return Key(f"{_USER}{user_id}", f"{PARTICIPATION_PREFIX}{run}")
        case RunKey():
            key = Key(f"{_RUNS}{subject}", _RUN)
        case date():
            key = Key(f"{IMPACT_PREFIX}{month_of(subject)}", f"{_DAY}{subject}")
    return key if number is None else Key(f"{key.pk}#{number % PARTITIONS}", f"{key.sk}#{number:02}")


def _keys_of(subject: Subject) -> list[Key]:
    numbers = [] if isinstance(subject, FacilityYear | Participation) else range(MOST_TALLIES)
    return [tally_key(subject), *(tally_key(subject, number) for number in numbers)]


def _partitions_of(month: str) -> list[str]:
    return [f"{IMPACT_PREFIX}{month}", *(f"{IMPACT_PREFIX}{month}#{name}" for name in range(PARTITIONS))]


def to_item(tally: Tally) -> Item:
    return {
        **tally_key(tally.subject, tally.number)._asdict(),
        **_totals_of(tally.subject, tally.impact),
        "marks": {shard: _pack_mark(mark) for shard, mark in tally.marks.items()},
    }


def _totals_of(subject: Subject, impact: Impact) -> Item:
    match subject:
        case FacilityYear():
            return {"months": _to_sums(impact.months.items())}
        case RunKey():
            return impact.progress._asdict() | {"points": dict(impact.progress.points)}
        case Participation():
            return {"periods": impact.periods}
        case _:
            return {"acts": _to_sums(impact.acts.items()), "trees": dict(impact.trees)}


def from_item(item: Item) -> Tally:
    marks = dict(_read_mark(shard, mark) for shard, mark in item["marks"].items())
    return Tally(*_subject_and_impact_of(item), marks, int(item["v"]), _number_of(item))


def _subject_and_impact_of(item: Item) -> tuple[Subject, Impact]:
    pk, sk = item["pk"], item["sk"]
    if pk.startswith(_FACILITIES):
        return _facility_year_of(item), _impact_of_year(item)
    if pk.startswith(_RUNS):
        return _run_of(item), Impact(progress=_progress_of(item))
    if sk.startswith(PARTICIPATION_PREFIX):
        run = RunKey.named(sk.removeprefix(PARTICIPATION_PREFIX))
        return Participation(pk.removeprefix(_USER), run), Impact(periods=int(item["periods"]))
    return _day_of(item), _impact_of_day(item)


def _pack_mark(mark: Mark) -> bytes:
    """Return a mark as bytes, because a sequence number has more digits than a DynamoDB number can hold."""
    sequence = mark.sequence.to_bytes((mark.sequence.bit_length() + 7) // 8)
    return mark.at.to_bytes(_AT_BYTES) + sequence


def _read_mark(shard: str, mark: Any) -> tuple[str, Mark]:  # noqa: ANN401 - bytes, or a list in an old item
    """Return the short name of a shard, and its mark. Earlier releases stored the id of the shard, and a list."""
    if isinstance(mark, list):
        sequence, at = mark
        return short_name(shard), Mark(int(sequence), int(at))
    packed = bytes(mark)
    return shard, Mark(int.from_bytes(packed[_AT_BYTES:]), int.from_bytes(packed[:_AT_BYTES]))


def _day_of(item: Item) -> date:
    return date.fromisoformat(item["sk"].removeprefix(_DAY).partition("#")[0])


def _number_of(item: Item) -> int | None:
    """Return the number of a tally. Only the tallies of a day and of a run have one, after the last ``#``."""
    name, _, number = item["sk"].rpartition("#")
    return int(number) if name == _RUN or name.startswith(_DAY) else None


def _run_of(item: Item) -> RunKey:
    return RunKey.named(item["pk"].removeprefix(_RUNS).partition("#")[0])


def _progress_of(item: Item) -> Progress:
    points = {multiplier: int(points) for multiplier, points in item["points"].items()}
    return Progress(int(item["actions"]), int(item["persons"]), points)


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
