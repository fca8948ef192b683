"""Nameless sums: what the erased periods and participations of all persons counted, by day and by run of a campaign.

They are items like the tallies without a number, under ``NAMELESS#`` instead of ``IMPACT#``, and without marks. The
public totals keep counting what was erased. So the ledger and these sums together are what the totals add up.

A period of a year can count on more days than one transaction has room for. Its sums are then held in an item of the
erasure, ``ERASURE#<erasure_id>`` / ``SUMS#PAGE#<window>``. They are added to the nameless sums some days at a time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from saxaul.impact.totals import Impact, Impacts, Subject, Tally
from saxaul.storage import impact
from saxaul.storage.erasures import ERASURE_PREFIX
from saxaul.storage.table import Item, Key, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

NAMELESS_PREFIX = "NAMELESS#"
_SUMS = "SUMS#"


class HeldSums(NamedTuple):
    """The sums of one erased period that are not yet among the nameless sums. ``period`` is the sort key it had."""

    erasure_id: str
    period: str
    sums: Sequence[Tally]
    version: int = 0


class NamelessSums:
    """Reads nameless sums, and makes the writes that add to them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, subjects: Iterable[Subject]) -> dict[Subject, Tally]:
        """Return the sums of each of these days and runs, read consistently. Sums without an item are empty."""
        keys = {subject: nameless_key(subject) for subject in subjects}
        items = self._table.get_many(keys.values(), consistent=True)
        return {s: from_item(items[key]) if key in items else Tally(s) for s, key in keys.items()}

    def plus(self, adds: Impacts) -> list[Tally]:
        """Return the sums of these days and runs with more added. Their versions are those that were read."""
        return [found._replace(impact=found.impact.plus(adds[s])) for s, found in self.of(adds).items()]

    def put_write(self, sums: Tally) -> "TransactWriteItemTypeDef":
        """Return the write of changed sums, for a transaction: they must still have the version that was read."""
        return self._table.put_write(to_item(sums), sums.version)

    def held(self, erasure_id: str) -> list[HeldSums]:
        """Return the sums that an erasure holds, read consistently."""
        found = self._table.query(f"{ERASURE_PREFIX}{erasure_id}", _SUMS, f"{_SUMS}~")
        return [held_from_item(item) for item in found]

    def hold_write(self, held: HeldSums) -> "TransactWriteItemTypeDef":
        """Return the write of held sums, for a transaction: they must still have the version that was read."""
        return self._table.put_write(held_to_item(held), held.version)

    def release_write(self, held: HeldSums) -> "TransactWriteItemTypeDef":
        """Return the deletion of held sums, for a transaction, on the same condition."""
        return self._table.erase_write(held_key(held.erasure_id, held.period), held.version)


def is_nameless(item: Item) -> bool:
    """Return whether an item has nameless sums, or sums that an erasure holds."""
    return str(item["pk"]).startswith(NAMELESS_PREFIX) or str(item["sk"]).startswith(_SUMS)


def impacts_in(item: Item) -> Iterator[tuple[Subject, Impact]]:
    """Yield what an item with nameless or held sums counts, by day and run."""
    sums = [from_item(item)] if item["pk"].startswith(NAMELESS_PREFIX) else held_from_item(item).sums
    return ((found.subject, found.impact) for found in sums)


def nameless_key(subject: Subject) -> Key:
    key = impact.tally_key(subject)
    return Key(NAMELESS_PREFIX + key.pk.removeprefix(impact.IMPACT_PREFIX), key.sk)


def to_item(sums: Tally) -> Item:
    tally = impact.to_item(sums)
    return {name: value for name, value in tally.items() if name != "marks"} | nameless_key(sums.subject)._asdict()


def from_item(item: Mapping[str, object]) -> Tally:
    pk = impact.IMPACT_PREFIX + str(item["pk"]).removeprefix(NAMELESS_PREFIX)
    return impact.from_item({**item, "pk": pk, "marks": {}})


def held_key(erasure_id: str, period: str) -> Key:
    return Key(f"{ERASURE_PREFIX}{erasure_id}", f"{_SUMS}{period}")


def held_to_item(held: HeldSums) -> Item:
    sums = [to_item(found) | {"v": found.version} for found in held.sums]
    return {**held_key(held.erasure_id, held.period)._asdict(), "sums": sums}


def held_from_item(item: Item) -> HeldSums:
    erasure_id, period = item["pk"].removeprefix(ERASURE_PREFIX), item["sk"].removeprefix(_SUMS)
    return HeldSums(erasure_id, period, tuple(map(from_item, item["sums"])), int(item["v"]))
