"""A simulated stream of the ledger's table, and the tally that counts it into the public totals.

The stream delivers the changes of one item in order, and those of a shard only after all of the shard's parent. That
is all that it guarantees: it repeats and splits batches, and the tally crashes. In between, newer releases of the tally
are deployed, for which a day has more tallies.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from saxaul.impact.totals import (
    Act,
    FacilityYear,
    Mark,
    MonthlyAct,
    Participation,
    Progress,
    RunKey,
    Subject,
    Sum,
    month_of,
)
from saxaul.ledger.actions import Action, Owner, Reversal, Withdrawal
from saxaul.messages.bodies import pack_withdrawals
from saxaul.services.tally import Tallying
from saxaul.storage.erasures import Erasures
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import Table
from tests.builders import APP, DAY, action_bodies, at, make_action_type, reversal_bodies
from tests.clocks import StoppedClock
from tests.proof.memory_dynamodb import MemoryDynamoDB, Raw
from tests.proof.twin import CAMPAIGNS, PATCHED, PROJECTS, TYPES
from tests.proof.world import CALENDAR, World

if TYPE_CHECKING:
    from saxaul.messages.events import StreamRecord

USERS = [Owner("user", f"u-{number}") for number in (1, 2, 3)]
FACILITIES = [Owner("facility", f"f-{number}") for number in (1, 2)]
SHARDS = {"USER#u-1": "a", "USER#u-2": "b", "USER#u-3": "b", "FACILITY#f-1": "a", "FACILITY#f-2": "b"}
"""The first shard of each partition. A partition belongs to a child of it later."""

CHANGES_OF_A_SHARD = 6
"""After this many changes, a shard ends, and its partitions are divided among two children."""

NOW = at("2026-01-03T12:00")
"""A few days after the end of a year, so that the actions of a facility are in two years."""

FACILITY_TYPES = {name: make_action_type(points=None, actor="facility") for name in ("solar", "wind")}
ACCRUED_TYPES: Mapping[str, Any] = TYPES | FACILITY_TYPES

RUN = RunKey("new-year", CALENDAR.day_of(NOW - 3 * DAY))
"""A run of a campaign over the new year. It multiplies the actions of persons of its days."""

MULTIPLIERS = {"bus_ride": Decimal(2), "cycling": Decimal("1.5"), "metro_ride": Decimal(2)}

KINDS = ["plain", "plain", "total", "evidence", "reversal", "withdrawal"]


class Report(NamedTuple):
    """A report of an app: about an action, or a reversal or a withdrawal of it.

    ``type`` is that of a person's action; a facility has types of its own.
    """

    owner: Owner
    number: int
    type: str
    days: int
    kind: str


class RecordingDynamoDB(MemoryDynamoDB):
    """An in-memory table that records its changes by shard, as a stream does. Its writes may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.shards: defaultdict[str, list[StreamRecord]] = defaultdict(list)
        self.parents: dict[str, str] = {}
        self.crash: Random | None = None
        self._shard_of = dict(SHARDS)
        self._sequence = 0

    def put_item(self, **put: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        if self.crash and self.crash.random() < 0.2:
            raise ConnectionError("before the write")
        response = super().put_item(**put)
        if self.crash and self.crash.random() < 0.2:
            raise ConnectionError("after the write")
        return response

    def _write(self, table: str, item: Raw) -> None:
        before = self.tables[table].get((item["pk"]["S"], item["sk"]["S"]))  # type: ignore[call-overload] # a Name is such a tuple
        super()._write(table, item)
        shard = self._shard_of.get(item["pk"]["S"])
        if shard:
            self._sequence += 1
            change = {"SequenceNumber": str(self._sequence), "NewImage": item} | (
                {"OldImage": before} if before else {}
            )
            self.shards[shard].append({"eventName": "MODIFY" if before else "INSERT", "dynamodb": change})
            if len(self.shards[shard]) == CHANGES_OF_A_SHARD:
                self._split(shard)

    def _split(self, shard: str) -> None:
        partitions = [pk for pk, current in self._shard_of.items() if current == shard]
        for number, pk in enumerate(partitions):
            self._shard_of[pk] = child = f"{shard}.{number % 2}"
            self.parents[child] = shard


def deliver(store: RecordingDynamoDB, rng: Random) -> None:
    """Deliver every record, in order within its shard. A batch may fail, may have any size, and may repeat records."""
    table = Table("Ledger", StoppedClock(NOW))
    tallying = Tallying(ImpactStore(table), Erasures(table), CALENDAR, StoppedClock(NOW))
    done: defaultdict[str, int] = defaultdict(int)
    release = 0
    while unread := [shard for shard in list(store.shards) if done[shard] < len(store.shards[shard])]:
        shard = rng.choice([shard for shard in unread if store.parents.get(shard) not in unread])
        back = rng.choice([0, 0, 1, 5])  # Lambda may repeat records since its last checkpoint
        start = max(0, done[shard] - back)
        batch = store.shards[shard][start : start + rng.randint(1, 8)]
        release = min(len(RELEASES) - 1, release + (rng.random() < 0.2))
        store.crash = rng if rng.random() < 0.5 else None
        try:
            with pytest.MonkeyPatch.context() as patch:
                RELEASES[release](patch)
                tallying.tally(batch, shard)
        except ConnectionError:
            continue
        finally:
            store.crash = None
        done[shard] = max(done[shard], start + len(batch))


def _one_tally_a_day(patch: pytest.MonkeyPatch) -> None:
    """Count as the release did that wrote each day as one item, with the ids of the shards, and marks as lists."""
    patch.setattr("saxaul.storage.impact.tally_number", lambda *_: None)
    patch.setattr("saxaul.services.tally.short_name", lambda shard: shard)
    patch.setattr("saxaul.storage.impact._pack_mark", lambda mark: [str(mark.sequence), mark.at])
    patch.setattr("saxaul.storage.impact._read_mark", lambda shard, mark: (shard, Mark(int(mark[0]), int(mark[1]))))


def _two_tallies_a_day(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("saxaul.impact.totals.MOST_TALLIES", 2)
    patch.setattr("saxaul.storage.impact.MOST_TALLIES", 2)


def _as_today(_: pytest.MonkeyPatch) -> None:
    """Count as this release does."""


RELEASES = (_one_tally_a_day, _two_tallies_a_day, _as_today)
"""The releases of the tally that are deployed one after another while the stream is read."""


Totals = dict[tuple[Subject, Act | MonthlyAct], Sum]


class Found(NamedTuple):
    """The totals of days and years, the progress of the run, and the periods of each participation that has any."""

    totals: Totals
    progress: Progress
    periods: Mapping[str, int]


def recount(world: World) -> Found:
    """Compute the totals again from every entry of every period."""
    found: defaultdict[tuple[Subject, Act | MonthlyAct], Sum] = defaultdict(Sum)
    actions, points, periods = 0, defaultdict[str, int](int), defaultdict[str, set[str]](set)
    for owner in (*USERS, *FACILITIES):
        for period in world.periods.between(owner, "", "9999-12-31"):
            for name, entry in period.entries.items():
                if entry.counts and entry.run:
                    assert entry.run == str(RUN)
                    actions += entry.actions
                    points[str(entry.multiplier)] += entry.points
                    periods[owner.id].add(period.window)
                if entry.counts:
                    day = CALENDAR.day_of(entry.occurred_at)
                    keys: list[tuple[Subject, Act | MonthlyAct]] = [
                        (day, Act(owner.kind, name.split(":")[0], entry.type))
                    ]
                    if owner.kind == "facility":
                        keys.append((FacilityYear(owner.id, day.year), MonthlyAct(month_of(day), entry.type)))
                    for key in keys:
                        found[key] = found[key].plus(Sum(entry.actions, entry.counted, entry.points, entry.avoided_g))
    progress = Progress(actions, len(periods), {name: number for name, number in points.items() if number})
    return Found(dict(found), progress, {user: len(windows) for user, windows in periods.items()})


def counted(impact: ImpactStore) -> Found:
    """Return the totals that the tally wrote."""
    days = impact.between(CALENDAR.day_of(NOW - 10 * DAY), CALENDAR.day_of(NOW))
    found: Totals = {(day, act): sums for day, totals in days.items() for act, sums in totals.acts.items()}
    years = impact.facilities_between(2025, 2026)
    found |= {(year, act): sums for year, totals in years.items() for act, sums in totals.months.items()}
    participations = impact.tallies_of(Participation(user.id, RUN) for user in USERS)
    periods = {tally.subject.user_id: tally.impact.periods for tally in participations}  # type: ignore[union-attr] # as asked
    return Found(found, impact.progress_of([RUN])[RUN], {user: number for user, number in periods.items() if number})


def tally_and_recount(reported: Sequence[Report], seed: int) -> tuple[Found, Found]:
    """Accrue the reports, deliver the stream, and return the totals that were counted, and those of the ledger."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch, NOW)
        world.dynamodb = store = RecordingDynamoDB()
        world.seed(ACCRUED_TYPES, PROJECTS, CAMPAIGNS)
        for target, limit in PATCHED.items():
            patch.setattr(target, limit)
        for report in reported:
            assert world.accrue(dict(enumerate(_bodies_of(report)))) == {}  # type: ignore[arg-type] # the names do not matter

        deliver(store, Random(seed))

        return counted(ImpactStore(Table("Ledger", StoppedClock(NOW)))), recount(world)


def _bodies_of(report: Report) -> Sequence[str]:
    """Return the messages of a report."""
    owner, number, persons_type, days, kind = report
    name, occurred_at = f"a-{number}", NOW - days * DAY
    type_ = persons_type if owner.kind == "user" else ("solar", "wind")[len(persons_type) % 2]
    match kind:
        case "reversal":
            return list(reversal_bodies(APP, NOW, [Reversal(APP, owner, name, "refund", occurred_at)]))
        case "withdrawal":
            window = CALENDAR.window_of(occurred_at, ACCRUED_TYPES[type_].window)
            withdrawal = Withdrawal(APP, owner, name, window, is_lifted=number % 2 == 0)
            return list(pack_withdrawals(APP, NOW, [withdrawal]))
        case _:
            multiplier = MULTIPLIERS.get(type_) if days <= 3 else None
            action = Action(
                APP,
                owner,
                name,
                type_,
                Decimal(number * days + 1),
                occurred_at,
                kind == "total",
                f"e-{number % 3}" if kind == "evidence" else "",
                1,
                str(RUN) if multiplier else "",
                multiplier or Decimal(1),
                plausible=None if owner.kind == "user" else Decimal(20),
            )
            return list(action_bodies(APP, NOW, [action]))


STREAM = "a stream with ending shards is counted, while new releases are deployed"


def check_streams() -> None:
    """Count the streams of some random ledgers. Raises AssertionError if the totals differ from a ledger."""
    for seed in range(12):
        rng = Random(seed)
        owners, types = [*USERS, *FACILITIES], sorted(TYPES)
        reported = [
            Report(rng.choice(owners), rng.randint(1, 12), rng.choice(types), rng.randint(0, 6), rng.choice(KINDS))
            for _ in range(40)
        ]
        found, expected = tally_and_recount(reported, seed)
        assert found == expected
