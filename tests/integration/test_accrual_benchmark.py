"""The two designs that `benchmarks/accrual.py` compares, on a few actions, so that their AWS calls can be counted.

moto does not report consumed capacity, so these tests do not check units. The benchmark's own emulator reports them.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest

from benchmarks.accrual import Bench, SampledCall, sampled_calls
from benchmarks.day import Arrival, Day
from benchmarks.engine import LEDGER, PLAIN
from benchmarks.metering import Meter
from benchmarks.periods_way import PeriodsWay
from benchmarks.usual_way import UsualWay
from local.seed import load
from saxaul.catalog.entries import Catalog
from saxaul.catalog.versions import VersionedEntry
from saxaul.clock import SYSTEM_CLOCK
from saxaul.storage import clients
from saxaul.storage.erasures import Erasures
from saxaul.storage.table import Table
from tests.builders import SHANGHAI
from tests.clocks import StoppedClock
from tests.integration.stack import Stack


@pytest.fixture
def bench(stack: Stack, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for module in ("periods_way", "usual_way"):
        monkeypatch.setattr(f"benchmarks.{module}.time", lambda: float(clock.instant))
    clients.dynamodb().create_table(
        TableName=PLAIN,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    outside = clients.sqs()
    clients.dynamodb.cache_clear()
    clients.sqs.cache_clear()
    meter = Meter()
    meter.attach(clients.dynamodb(), clients.sqs())
    yield Bench(meter, outside, stack.actions_url, 0)
    clients.dynamodb.cache_clear()
    clients.sqs.cache_clear()


@pytest.fixture
def catalog(stack: Stack) -> Catalog:
    for identifier, entity in load()["action-types"].items():
        stack.catalog_store.put("action-types", identifier, VersionedEntry(entity, 1))
    return stack.catalog_store.catalog()


@pytest.fixture
def day() -> Day:
    return Day(200, date(2026, 6, 4), SHANGHAI, together=False)


def two_users(day: Day, catalog: Catalog) -> SampledCall:
    """Return a call with two actions of one user, one of another, and a repeat of the first. All are in day periods."""
    daily = {name for name, rule in catalog.action_types.items() if rule.window == "day"}
    one, other = [
        user for user in range(day.users) if len(acts := day.reported(user)) > 1 and kinds(acts[:2]) <= daily
    ][:2]
    call = [
        Arrival(0, one, 0, 1, again=False),
        Arrival(1, other, 0, 1, again=False),
        Arrival(2, one, 1, 1, again=False),
        Arrival(3, one, 0, 1, again=True),
    ]
    return SampledCall(call, {one: 0, other: 0}, {one: 2, other: 1})


def kinds(acts: list[dict[str, object]]) -> set[object]:
    return {act["type"] for act in acts}


def test_periods_need_one_message_and_two_reads_and_one_batch_of_writes_per_call(
    bench: Bench, catalog: Catalog, day: Day
) -> None:
    way, sampled = PeriodsWay(day, catalog), two_users(day, catalog)
    way.prepare(sampled.call, sampled.arrived_before)
    Erasures(Table(LEDGER, SYSTEM_CLOCK)).name_of("erased")

    used, actions = bench.measure_call(way, day, sampled)

    assert actions == 3
    assert operations(used) == {
        "SendMessage": 1,
        "ReceiveMessage": 1,
        "DeleteMessageBatch": 1,
        # the app's registration, at most every three seconds; the catalog's head, every 30 seconds; and once for each
        # process, the key of the marks of erased persons
        "GetItem": 3,
        "BatchGetItem": 2,  # which of the persons were erased; and their periods
        "BatchExecuteStatement": 1,
        "PutItem": 2,  # the receipt, when the call is accepted and when it is posted: it repeats an action, see below
    }
    assert (used["sqs_requests"], used["api_calls"], used["batches"]) == (3, 1, 1)


def test_the_receipt_of_a_call_without_repeats_is_written_in_a_batch(bench: Bench, catalog: Catalog, day: Day) -> None:
    way, sampled = PeriodsWay(day, catalog), two_users(day, catalog)
    way.prepare(sampled.call, sampled.arrived_before)

    used, _ = bench.measure_call(way, day, sampled._replace(call=[found for found in sampled.call if not found.again]))

    assert (operations(used)["PutItem"], operations(used)["BatchWriteItem"]) == (1, 1)


def test_the_usual_design_needs_four_requests_per_action(bench: Bench, catalog: Catalog, day: Day) -> None:
    way, sampled = UsualWay(day, catalog), two_users(day, catalog)
    way.prepare(sampled.call, sampled.arrived_before)

    used, _ = bench.measure_call(way, day, sampled)

    assert operations(used) == {
        "SendMessageBatch": 1,
        "ReceiveMessage": 1,
        "DeleteMessageBatch": 1,
        "PutItem": 3 + 1,
        "GetItem": 3,
        "TransactWriteItems": 3,
        "UpdateItem": 3,
    }
    assert used["dynamodb_requests"] - used["Query"] == 3 * 4 + 1


@pytest.mark.slow
def test_both_ways_store_the_result_that_the_rules_compute(bench: Bench, catalog: Catalog, day: Day) -> None:
    for way in (PeriodsWay(day, catalog), UsualWay(day, catalog)):
        for sampled in sampled_calls(day, 50, 300):
            way.prepare(sampled.call, sampled.arrived_before)
            bench.measure_call(way, day, sampled)

            way.check(sampled.call, sampled.arrived_after)


def operations(used: Counter[str]) -> dict[str, int]:
    """Return the number of calls of each operation, without the catalog read."""
    called = {name: count for name, count in used.items() if name[0].isupper() and name.isalpha() and count}
    called.pop("Query", None)
    return called
