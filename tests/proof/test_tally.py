"""The public totals match the ledger even if its stream delays, repeats and splits batches, and the tally crashes.

The only assumption is that a stream delivers the changes of one item in order, on one shard.
"""

from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.impact.totals import Act, FacilityYear, MonthlyAct, Subject, Sum, month_of
from saxaul.ledger.actions import Action, Owner, Reversal, Withdrawal
from saxaul.messages.bodies import pack, pack_reversals, pack_withdrawals
from saxaul.services.tally import Tallying
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import Table
from tests.builders import APP, DAY, at, make_action_type
from tests.clocks import StoppedClock
from tests.proof.memory_dynamodb import MemoryDynamoDB, Raw
from tests.proof.twin import CAMPAIGNS, PATCHED, PROJECTS, TYPES
from tests.proof.world import CALENDAR, World

if TYPE_CHECKING:
    from saxaul.messages.events import StreamRecord

USERS = [Owner("user", f"u-{number}") for number in (1, 2, 3)]
FACILITIES = [Owner("facility", f"f-{number}") for number in (1, 2)]
SHARDS = {"USER#u-1": "a", "USER#u-2": "b", "USER#u-3": "b", "FACILITY#f-1": "a", "FACILITY#f-2": "b"}

NOW = at("2026-01-03T12:00")
"""A few days after the end of a year, so that the actions of a facility are in two years."""

FACILITY_TYPES = {name: make_action_type(points=None, actor="facility") for name in ("solar", "wind")}

reports = st.lists(
    st.tuples(
        st.sampled_from([*USERS, *FACILITIES]),
        st.integers(1, 12),  # the action's ID, often a repeated one
        st.sampled_from(sorted(TYPES)),  # of a person; a facility has types of its own
        st.integers(0, 6),
        st.sampled_from(["plain", "plain", "total", "evidence", "reversal", "withdrawal"]),
    ),
    min_size=1,
    max_size=60,
)


class RecordingDynamoDB(MemoryDynamoDB):
    """An in-memory table that records its changes by shard, as a stream does. Its writes may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.shards: defaultdict[str, list[StreamRecord]] = defaultdict(list)
        self.crash: Random | None = None
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
        shard = SHARDS.get(item["pk"]["S"])
        if shard:
            self._sequence += 1
            change = {"SequenceNumber": str(self._sequence), "NewImage": item} | (
                {"OldImage": before} if before else {}
            )
            self.shards[shard].append({"eventName": "MODIFY" if before else "INSERT", "dynamodb": change})


def deliver(store: RecordingDynamoDB, rng: Random) -> None:
    """Deliver every record, in order within its shard. A batch may fail, may have any size, and may repeat records."""
    tallying = Tallying(ImpactStore(Table("Ledger", StoppedClock(NOW))), CALENDAR, StoppedClock(NOW))
    done = dict.fromkeys(store.shards, 0)
    while any(done[shard] < len(store.shards[shard]) for shard in done):
        shard = rng.choice([shard for shard in done if done[shard] < len(store.shards[shard])])
        back = rng.choice([0, 0, 1, 5])  # Lambda may repeat records since its last checkpoint
        start = max(0, done[shard] - back)
        batch = store.shards[shard][start : start + rng.randint(1, 8)]
        store.crash = rng if rng.random() < 0.5 else None
        try:
            tallying.tally(batch, shard)
        except ConnectionError:
            continue
        finally:
            store.crash = None
        done[shard] = max(done[shard], start + len(batch))


Totals = dict[tuple[Subject, Act | MonthlyAct], Sum]


def recount(world: World) -> Totals:
    """Compute the totals again from every entry of every period."""
    found: defaultdict[tuple[Subject, Act | MonthlyAct], Sum] = defaultdict(Sum)
    for owner in (*USERS, *FACILITIES):
        for period in world.periods.between(owner, "", "9999-12-31"):
            for name, entry in period.entries.items():
                if entry.counts:
                    day = CALENDAR.day_of(entry.occurred_at)
                    keys: list[tuple[Subject, Act | MonthlyAct]] = [
                        (day, Act(owner.kind, name.split(":")[0], entry.type))
                    ]
                    if owner.kind == "facility":
                        keys.append((FacilityYear(owner.id, day.year), MonthlyAct(month_of(day), entry.type)))
                    for key in keys:
                        found[key] = found[key].plus(Sum(entry.actions, entry.counted, entry.points, entry.avoided_g))
    return dict(found)


def counted(impact: ImpactStore) -> Totals:
    """Return the totals that the tally wrote."""
    days = impact.between(CALENDAR.day_of(NOW - 10 * DAY), CALENDAR.day_of(NOW))
    found: Totals = {(day, act): sums for day, totals in days.items() for act, sums in totals.acts.items()}
    years = impact.facilities_between(2025, 2026)
    return found | {(year, act): sums for year, totals in years.items() for act, sums in totals.months.items()}


@settings(settings.get_profile("proof-short"))
@given(reported=reports, seed=st.integers(0, 2**32))
def test_the_totals_match_the_ledger_however_its_stream_is_delivered(
    reported: list[tuple[Owner, int, str, int, str]], seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch, NOW)
        world.dynamodb = store = RecordingDynamoDB()
        types = TYPES | FACILITY_TYPES
        world.seed(types, PROJECTS, CAMPAIGNS)
        for target, limit in PATCHED.items():
            patch.setattr(target, limit)
        for owner, number, persons_type, days, kind in reported:
            name, occurred_at = f"a-{number}", NOW - days * DAY
            type_ = persons_type if owner.kind == "user" else ("solar", "wind")[len(persons_type) % 2]
            match kind:
                case "reversal":
                    bodies = pack_reversals(APP, NOW, [Reversal(APP, owner, name, "refund", occurred_at)])
                case "withdrawal":
                    window = CALENDAR.window_of(occurred_at, types[type_].window)
                    bodies = pack_withdrawals(
                        APP, NOW, [Withdrawal(APP, owner, name, window, is_lifted=number % 2 == 0)]
                    )
                case _:
                    evidence = f"e-{number % 3}" if kind == "evidence" else ""
                    quantity = Decimal(number * days + 1)
                    plausible = None if owner.kind == "user" else Decimal(20)
                    action = Action(
                        APP,
                        owner,
                        name,
                        type_,
                        quantity,
                        occurred_at,
                        kind == "total",
                        evidence,
                        1,
                        plausible=plausible,
                    )
                    bodies = pack(APP, NOW, [action])
            assert world.accrue(dict(enumerate(bodies))) == {}  # type: ignore[arg-type] # the names do not matter

        deliver(store, Random(seed))

        assert counted(ImpactStore(Table("Ledger", StoppedClock(NOW)))) == recount(world)
