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

from saxaul.impact.totals import Act, Sum
from saxaul.ledger.actions import Action, Owner, Reversal, Withdrawal
from saxaul.messages.bodies import pack, pack_reversals, pack_withdrawals
from saxaul.services.tally import Tallying
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import Table
from tests.builders import APP, DAY, at
from tests.clocks import StoppedClock
from tests.proof.memory_dynamodb import MemoryDynamoDB, Raw
from tests.proof.twin import CAMPAIGNS, PATCHED, PROJECTS, START, TYPES
from tests.proof.world import CALENDAR, World

if TYPE_CHECKING:
    from saxaul.messages.events import StreamRecord

USERS = ("u-1", "u-2", "u-3")
SHARDS = {"USER#u-1": "a", "USER#u-2": "b", "USER#u-3": "b"}

reports = st.lists(
    st.tuples(
        st.sampled_from(USERS),
        st.integers(1, 12),  # the action's ID, often a repeated one
        st.sampled_from(sorted(TYPES)),
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
    tallying = Tallying(ImpactStore(Table("Ledger", StoppedClock(START))), CALENDAR, StoppedClock(START))
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


def recount(world: World) -> dict[tuple[Any, Act], Sum]:
    """Compute the totals again from every entry of every period."""
    found: defaultdict[tuple[Any, Act], Sum] = defaultdict(Sum)
    for user_id in USERS:
        for period in world.periods_of(user_id):
            for name, entry in period.entries.items():
                if entry.counts:
                    key = CALENDAR.day_of(entry.occurred_at), Act("user", name.split(":")[0], entry.type)
                    found[key] = found[key].plus(Sum(entry.actions, entry.counted, entry.points, entry.avoided_g))
    return dict(found)


@settings(settings.get_profile("proof-short"))
@given(reported=reports, seed=st.integers(0, 2**32))
def test_the_totals_match_the_ledger_however_its_stream_is_delivered(
    reported: list[tuple[str, int, str, int, str]], seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch, START)
        world.dynamodb = store = RecordingDynamoDB()
        world.seed(TYPES, PROJECTS, CAMPAIGNS)
        for target, limit in PATCHED.items():
            patch.setattr(target, limit)
        for user_id, number, type_, days, kind in reported:
            owner, name, occurred_at = Owner("user", user_id), f"a-{number}", START - days * DAY
            match kind:
                case "reversal":
                    bodies = pack_reversals(APP, START, [Reversal(APP, owner, name, "refund", occurred_at)])
                case "withdrawal":
                    window = CALENDAR.window_of(occurred_at, TYPES[type_].window)
                    bodies = pack_withdrawals(
                        APP, START, [Withdrawal(APP, owner, name, window, is_lifted=number % 2 == 0)]
                    )
                case _:
                    evidence = f"e-{number % 3}" if kind == "evidence" else ""
                    quantity = Decimal(number * days + 1)
                    action = Action(APP, owner, name, type_, quantity, occurred_at, kind == "total", evidence, rule=1)
                    bodies = pack(APP, START, [action])
            assert world.accrue(dict(enumerate(bodies))) == {}  # type: ignore[arg-type] # the names do not matter

        deliver(store, Random(seed))

        written = ImpactStore(Table("Ledger", StoppedClock(START))).between(
            CALENDAR.day_of(at("2026-05-01T00:00")), CALENDAR.day_of(START)
        )
        assert {(day.day, act): found for day in written for act, found in day.impact.acts.items()} == recount(world)
