"""Measure what a burst of redemption requests costs, in this process, against the emulator's table and FIFO queue.

    python -m benchmarks.redemptions

There are four times as many people as saplings, and each person requests one tree. All requests are queued before the
first one is settled, which is the worst case. Then the benchmark settles the queued requests in batches of ten, as SQS
delivers them to the function. After that, a quarter of the people request another tree, and the API refuses them,
because no saplings are left. For comparison, the benchmark also settles the same number of redemption requests with the
usual design: one transaction for each request.

The exit code is 1 if fewer than 8 redemptions were reserved per write of the stock, or if the number of reserved
redemptions differs from the number of saplings.
"""

import json
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from statistics import quantiles
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.cached_catalog import CachedCatalog
from local import stack
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, print_json, progress, shown
from local.deployment import client_arguments
from local.sam import ROOT, state
from local.tables import Cell, number, print_table
from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Catalog, Place, Text, TreeProject
from saxaul.clock import SYSTEM_CLOCK
from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import ONE, Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.messages.bodies import RedemptionMessage
from saxaul.problems import Conflict
from saxaul.services.harvest import Harvesting
from saxaul.services.redeem import Redeeming, RedemptionRequest
from saxaul.services.settle import Settling
from saxaul.storage import periods
from saxaul.storage.clients import dynamodb, sqs
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table, transact
from saxaul.storage.wallets import Wallets
from saxaul.trees.states import State

THREADS = 8
PRICE = 80
BATCH = 10
"""The most messages of a FIFO queue that SQS delivers to a function in one batch."""

LEAST_PER_STOCK_WRITE = 8
"""The least number of reserved redemptions for each write of the stock."""

CALENDAR = Calendar(ZoneInfo("Asia/Shanghai"), acceptance_days=7, harvest_time=None)


class Meter:
    """Counts the AWS calls, read and write units and stock writes of this process, and times pieces of work."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.ms: list[float] = []
        self._lock = Lock()
        dynamodb().meta.events.register("before-parameter-build.dynamodb.*", self._ask_for_units)
        dynamodb().meta.events.register("after-call.dynamodb.*", self._count_units)
        sqs().meta.events.register("after-call.sqs.*", self._count_message)

    def timed(self, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        self.ms.append((time.perf_counter() - began) * 1000)

    def take_counts(self) -> tuple[Counter[str], list[float]]:
        """Return what was counted since the last call, and reset the counts."""
        counts, ms, self.counts, self.ms = self.counts, self.ms, Counter(), []
        return counts, ms

    def _ask_for_units(self, params: dict[str, Any], **_: object) -> None:
        writes = [write for entry in params.get("TransactItems", ()) for write in entry.values()]
        stock = sum(write.get("Key", {}).get("sk") == {"S": "STOCK"} for write in writes)
        params["ReturnConsumedCapacity"] = "INDEXES"
        with self._lock:
            self.counts["stock_writes"] += stock

    def _count_units(self, parsed: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - a type of botocore
        is_write = model.name in {"PutItem", "UpdateItem", "TransactWriteItems", "BatchWriteItem"}
        consumed = parsed.get("ConsumedCapacity", [])
        with self._lock:
            self.counts["requests"] += 1
            for capacity in consumed if isinstance(consumed, list) else [consumed]:
                self.counts["write_units" if is_write else "read_units"] += capacity["CapacityUnits"]
                indexes = capacity.get("GlobalSecondaryIndexes", {}).values() if is_write else ()
                self.counts["index_write_units"] += sum(index["CapacityUnits"] for index in indexes)

    def _count_message(self, **_: object) -> None:
        with self._lock:
            self.counts["sqs_requests"] += 1


class Burst:
    """A project, people who each have points for one tree, and the services that handle their requests."""

    def __init__(self, name: str, users: int, saplings: int, queue_url: str) -> None:
        ledger = Table("Ledger", SYSTEM_CLOCK)
        self._stocks, self._redemptions = Stocks(ledger), Redemptions(ledger)
        wallets, project = Wallets(ledger), make_project(saplings)
        self._redeeming = Redeeming(
            redemptions=self._redemptions,
            stocks=self._stocks,
            catalog_store=CachedCatalog(Catalog(tree_projects={name: project})),
            harvesting=Harvesting(wallets, CALENDAR, SYSTEM_CLOCK),
            calendar=CALENDAR,
            clock=SYSTEM_CLOCK,
            queue_url=queue_url,
        )
        self._settling = Settling(self._redemptions, wallets, self._stocks, SYSTEM_CLOCK)
        self._queue_url, self._project_id = queue_url, name
        self.users = [f"{name}-{number}" for number in range(users)]
        now = int(time.time())
        planned = self._stocks.get(name).planned(project, CALENDAR.zone, now)
        transact([self._stocks.plan_write(planned, now)])
        ledger.put_all([{**periods.to_item(period_of(user, now)), "v": 1} for user in self.users])

    def request(self, user: str, key: str = "morning") -> str:
        """Request a tree. Return the state of the redemption, or the problem code."""
        try:
            request = RedemptionRequest("alipay", user, key, self._project_id, 1, "For the desert")
            return self._redeeming.request(request).redemption.state.value
        except Conflict as refusal:
            return refusal.code

    def settle_next(self, most: int) -> int:
        """Receive and settle up to ``most`` messages. Return the number of messages received."""
        answer = sqs().receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=most)
        messages = answer.get("Messages", [])
        if messages:
            wanted = {
                message["MessageId"]: RedemptionMessage.model_validate_json(message["Body"]) for message in messages
            }
            assert not self._settling.settle(wanted).failed
            entries: Any = [
                {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]} for message in messages
            ]
            sqs().delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        return len(messages)

    def verdicts(self) -> Counter[str]:
        found = [redemption for user in self.users for redemption in self._redemptions.of_user(user)]
        return Counter(redemption.reason or redemption.state.value for redemption in found)


def make_project(saplings: int) -> TreeProject:
    text = Text(en="Saxaul", zh="梭梭")
    place = Place(names=text, lat=38.85, lon=105.73)
    return TreeProject(species=text, place=place, partner="Nobody", price_points=PRICE, saplings=saplings)


def period_of(user: str, now: int) -> Period:
    """Return a period with enough ripe points for one tree."""
    grams = Decimal("212.5")
    entry = Entry("bus_ride", ONE, now - 3600, now, rule=1, points=PRICE, units=ONE, counted=ONE, avoided_g=grams)
    day = CALENDAR.window_of(now - 3600, "day")
    return Period(PeriodKey(Owner("user", user), day), {"alipay:ride": entry})


def measure_settling(meter: Meter, burst: Burst, most: int) -> dict[str, Any]:
    """Settle all queued redemption requests in batches of at most ``most``. Return the result and the cost."""
    meter.take_counts()
    batches: Counter[int] = Counter()

    def settle_next() -> None:
        batches[burst.settle_next(most)] += 1

    with progress(f"settling in batches of {most:,}", "redemptions", len(burst.users)) as tell:
        while not batches[0]:
            meter.timed(settle_next)
            tell(sum(size * times for size, times in batches.items()))
    counts, ms = meter.take_counts()
    count = sum(size * times for size, times in batches.items())
    verdicts = burst.verdicts()
    assert count == sum(verdicts.values()) == len(burst.users), (batches, verdicts)
    return {
        **verdicts,
        "stock_writes": counts["stock_writes"],
        "redemptions_per_stock_write": verdicts[State.RESERVED.value] / counts["stock_writes"],
        "write_units_per_redemption": counts["write_units"] / count,
        "index_write_units_per_redemption": counts["index_write_units"] / count,
        "requests_per_redemption": counts["requests"] / count,
        **latency(ms[:-1]),
    }


def measure_requests(meter: Meter, burst: Burst, users: Sequence[str], *, key: str) -> dict[str, Any]:
    """Let each user request a tree, eight at the same time. Return the responses and the cost per request."""
    meter.take_counts()
    answers: Counter[str] = Counter()

    def request(user: str) -> None:
        meter.timed(lambda: answers.update([burst.request(user, key)]))

    doing = f"requesting trees, {shown(key)}"
    with progress(doing, "requests", len(users)) as tell, ThreadPoolExecutor(THREADS) as threads:
        for done, _ in enumerate(threads.map(request, users), start=1):
            tell(done)
    counts, ms = meter.take_counts()
    return {
        "answers": dict(answers),
        "write_units": counts["write_units"] / len(users),
        "index_write_units": counts["index_write_units"] / len(users),
        "read_units": counts["read_units"] / len(users),
        "requests": (counts["requests"] + counts["sqs_requests"]) / len(users),
        **latency(ms),
    }


def latency(ms: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(ms, n=100)
    return {"p50_ms": cuts[49], "p99_ms": cuts[98]}


@contextmanager
def emulator() -> Iterator[None]:
    """Run a separate emulator with the ledger's table on a free port. The AWS clients of this process use it."""
    os.environ["SAXAUL_STATE"] = str(ROOT / ".local" / "benchmark-redemptions")
    state().mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    stack.start(port)
    arguments = client_arguments(f"http://localhost:{port}")
    os.environ |= {
        "AWS_ENDPOINT_URL": arguments["endpoint_url"],
        "AWS_DEFAULT_REGION": arguments["region_name"],
        "AWS_ACCESS_KEY_ID": arguments["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": arguments["aws_secret_access_key"],
    }
    try:
        make_table()
        yield
    finally:
        process = stack.running()
        if process:
            stack.end(process)


def make_table() -> None:
    def keys(partition: str, order: str) -> Any:  # noqa: ANN401 - the shape that boto3 accepts
        return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": order, "KeyType": "RANGE"}]

    listing: Any = {
        "IndexName": "Listing",
        "KeySchema": keys("list_name", "list_order"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    forest: Any = {
        "IndexName": "Forest",
        "KeySchema": keys("pk", "forest_order"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    names = ("pk", "sk", "list_name", "list_order", "forest_order")
    dynamodb().create_table(
        TableName="Ledger",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=keys("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        GlobalSecondaryIndexes=[listing, forest],
    )


def queue(name: str) -> str:
    attributes: Any = {"FifoQueue": "true", "DeduplicationScope": "messageGroup"}
    return sqs().create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]


def show(asking: dict[str, Any], late: dict[str, Any], ours: dict[str, Any], usual: dict[str, Any]) -> None:
    rows: list[tuple[Cell, ...]] = []

    def row(name: str, *values: float | None, digits: int = 2) -> None:
        rows.append((name, *("" if value is None else f"{value:,.{digits}f}" for value in values)))

    row("redemptions per stock write", None, None, *(way["redemptions_per_stock_write"] for way in (ours, usual)))
    settling = [way["write_units_per_redemption"] for way in (ours, usual)]
    row("write units", asking["write_units"], late["write_units"], *settling)
    index = [way["index_write_units_per_redemption"] for way in (ours, usual)]
    row("  of which for the index", asking["index_write_units"], late["index_write_units"], *index)
    row("read units", asking["read_units"], late["read_units"], None, None)
    requests = [way["requests_per_redemption"] for way in (ours, usual)]
    row("requests", asking["requests"], late["requests"], *requests)
    for name in ("p50_ms", "p99_ms"):
        measured = [way[name] for way in (asking, late, ours, usual)]
        row(f"{name[:3]} per request or batch, ms", *measured, digits=1)
    titles = ("requesting", "too late", "settling, batches of 10", "settling, one transaction each")
    print_table(["", *map(number, titles)], rows, title="A burst: the cost per redemption request")


def main() -> None:
    parser = command_parser("benchmarks.redemptions", __doc__)
    parser.add_argument(
        "--users",
        type=whole_number(4 * BATCH),
        default=2000,
        help="the number of people; a quarter of them can get a tree",
    )
    add_json(parser)
    chosen = parser.parse_args()
    users, saplings = chosen.users, chosen.users // 4
    with apart_from_the_output(needed=chosen.json):
        with emulator():
            meter = Meter()
            burst = Burst("ours", users, saplings, queue("ours"))
            asking = measure_requests(meter, burst, burst.users, key="morning")
            ours = measure_settling(meter, burst, BATCH)
            late = measure_requests(meter, burst, burst.users[: users // 4], key="too late")
            baseline = Burst("usual", users, saplings, queue("usual"))
            measure_requests(meter, baseline, baseline.users, key="morning")
            usual = measure_settling(meter, baseline, 1)
        if chosen.json:
            ways = {"asking": asking, "late": late, "ours": ours, "usual": usual}
            rounded = json.loads(json.dumps(ways), parse_float=lambda text: round(float(text), 3))
            print_json({"benchmark": "redemptions", "users": users, "saplings": saplings, **rounded})
        else:
            show(asking, late, ours, usual)
    is_sound = ours[State.RESERVED.value] == usual[State.RESERVED.value] == saplings
    sys.exit(0 if is_sound and ours["redemptions_per_stock_write"] >= LEAST_PER_STOCK_WRITE else 1)


if __name__ == "__main__":
    run_command(main)
