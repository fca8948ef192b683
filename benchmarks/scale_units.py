"""Measure what each step of the system uses: one call of the API, one batch of a queue, or one batch of the stream.

Each step is a deployed function's handler, which runs in this process against the emulator. A step that handles batches
is measured with a small batch and with a large one. So what a batch uses at least, and what each item adds, are known
separately, and batches of any size can be reckoned.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from math import ceil
from time import process_time_ns, time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3

from benchmarks.day import Call, Day
from benchmarks.engine import LEDGER, PLAIN, function_memory, make_tables
from benchmarks.metering import WRITES, Meter
from benchmarks.periods_way import APP, CONTEXT, PeriodsWay, users_of
from benchmarks.prices import FULL_PROCESSOR_MB, ROUND_TRIP
from benchmarks.usual_way import UsualWay
from functions.find_repeats.handler import handler as find_repeats
from functions.place_orders.handler import handler as place_orders
from functions.prove_trees.handler import handler as prove_trees
from functions.redeem_trees.handler import handler as redeem_trees
from functions.settle_redemptions.handler import handler as settle_redemptions
from functions.suggest_campaigns.handler import handler as suggest_campaigns
from functions.take_reports.handler import handler as take_reports
from functions.tally_impact.handler import handler as tally_impact
from functions.view_forest.handler import handler as view_forest
from local.sam import ROOT
from local.template import on_aws, resources
from operations.ledger_reading import size_of
from saxaul.catalog.entries import Catalog
from saxaul.clock import SYSTEM_CLOCK
from saxaul.impact import totals
from saxaul.impact.totals import Change, Impact, Tally
from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import ONE, Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.messages.events import QueueRecord
from saxaul.settings import settings
from saxaul.storage import clients, impact, periods
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Item, Table, python, raw, transact

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SIZES = (1, 10, 100)
"""Actions per call."""

INDEX_BYTES = 100
"""Bytes that DynamoDB adds to each stored item, for its index."""

EVENT_BYTES = 26
"""Bytes that CloudWatch Logs adds to each line. https://aws.amazon.com/cloudwatch/pricing/, PutLogEvents."""

PLATFORM_LINES = (125, 310)
"""Bytes of the two lines that Lambda itself logs for each invocation: ``platform.start`` and ``platform.report``.

They are examples from AWS's guide. Lambda logs them at the level INFO.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
"""

PROJECT = "saxaul-alxa"
SHARD = "shardId-00000001780632000000-f55eea83"
"""The name of a shard is as long as this one."""

MAX_TREES, DAY = 500, 86_400
"""An order and a request of reports have at most 500 trees. Those of a day are collected."""

Handler = Callable[[Any, Any], Any]
_memory = cache(function_memory)

TREE_RECORDS = 4
"""How often the redemption of one tree changes: it is requested, settled, ordered and confirmed."""


@dataclass(frozen=True)
class Units:
    """What a piece of work uses.

    Attributes:
        processor_seconds: processor time of this process, on this machine.
        round_trips: how many responses of AWS a function waits for, one after the other.
        log_bytes: bytes that CloudWatch Logs bills for the function's own lines.
        sent_bytes: bytes of the responses to clients.
        stock_reads: how many of the reads are of a project's stock, which is one item.
    """

    processor_seconds: float = 0
    round_trips: float = 0
    write_units: float = 0
    read_units: float = 0
    dynamodb_requests: float = 0
    sqs_requests: float = 0
    signatures: float = 0
    files: float = 0
    events: float = 0
    log_bytes: float = 0
    sent_bytes: float = 0
    stock_reads: float = 0

    def plus(self, other: "Units", times: float = 1) -> "Units":
        return Units(*(getattr(self, f.name) + times * getattr(other, f.name) for f in fields(self)))

    def scaled(self, times: float) -> "Units":
        return Units().plus(self, times)


@dataclass(frozen=True)
class Step:
    """What one invocation of a function uses: ``fixed``, and ``each`` for each of its items.

    Attributes:
        function: the logical id of the function in the template.
        most: the most items of an invocation.
        window: for how many seconds Lambda collects a batch before it invokes the function.
    """

    function: str
    fixed: Units
    each: Units = field(default_factory=Units)
    most: float = 1
    window: float = 0

    @property
    def memory_mb(self) -> int:
        return _memory(self.function)

    def uses(self, items: float) -> Units:
        """Return what an invocation with this many items uses."""
        return self.fixed.plus(self.each, items)

    def seconds(self, items: float) -> float:
        """Return how long an invocation with this many items takes on Lambda."""
        used = self.uses(items)
        return used.processor_seconds * FULL_PROCESSOR_MB / self.memory_mb + used.round_trips * ROUND_TRIP


@dataclass(frozen=True)
class Measured:
    """What the scale model needs to know about the code. All of it comes from this run or from the template.

    Attributes:
        steps: the steps by name. The steps of the reporting of actions are in ``reports`` and ``accruals``, by the
            number of actions in a call.
        usual: what the usual design uses for one action, from the queue to the ledger, by actions in a call.
        records_per_action: changes of periods in the stream for each action.
        bytes_per_action: bytes that an action adds to the table, with its part of the period.
        points_per_action: the points that an action earns on average.
        message_bytes: bytes of a message with one call, by actions in the call.
        tree_bytes: bytes of a redemption of one tree, with its certificate and its part of an order and of the log.
        tree_records: changes of redemptions in the stream for each tree.
        renewal_units: read units of one renewal of a worker's catalog.
        tally_bytes: bytes of a day's totals without marks.
        mark_bytes: bytes of a mark in a day's totals. There is one for each shard of the last ``mark_hours``.
        mark_hours: for how many hours a mark is kept.
        tally_parts: how many items share the totals of a day.
        tally_partitions: how many partition keys these items have.
        tree_points: the price of the tree.
    """

    steps: dict[str, Step]
    reports: dict[int, Step]
    accruals: dict[int, Step]
    usual: dict[int, Step]
    usual_reports: dict[int, Step]
    usual_bytes: float
    records_per_action: float
    bytes_per_action: float
    points_per_action: float
    message_bytes: dict[int, float]
    tree_bytes: float
    tree_records: float
    renewal_units: float
    tally_bytes: float
    mark_bytes: float
    mark_hours: float
    tally_parts: int
    tally_partitions: int
    tree_points: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class LogBytes:
    """A stream that counts what is written to it, as CloudWatch Logs bills it."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, text: str) -> int:
        self.bytes += len(text.encode()) + EVENT_BYTES * text.count("\n")
        return len(text)

    def flush(self) -> None:
        pass


class Gauge:
    """Measures what a function uses, in this process."""

    def __init__(self, meter: Meter, log: LogBytes) -> None:
        self._meter = meter
        self._log = log
        self._other: Counter[str] = Counter()
        for name, client in (("signatures", clients.kms()), ("files", clients.s3()), ("events", clients.eventbridge())):
            client.meta.events.register("after-call", self._counting(name))
        for operation in ("GetItem", "BatchGetItem"):
            clients.dynamodb().meta.events.register(f"before-parameter-build.dynamodb.{operation}", self._count_stock)

    def used(self, work: Callable[[], object], trips: Callable[[Counter[str]], float] | None = None) -> Units:
        """Run the work, and return what it used. ``trips`` counts the responses that it waited for in sequence.

        By default, all requests are in sequence.
        """
        other, logged, began = self._other.copy(), self._log.bytes, process_time_ns()
        with self._meter.measured() as used:
            answer = work()
        seconds = (process_time_ns() - began) / 1e9
        found = {name: self._other[name] - other[name] for name in ("signatures", "files", "events", "stock_reads")}
        in_all = used["dynamodb_requests"] + used["SendMessage"] + sum(found.values()) - found["stock_reads"]
        return Units(
            processor_seconds=seconds,
            round_trips=trips(used) if trips else in_all,
            write_units=used["write_units"],
            read_units=sum(
                amount
                for name, amount in used.items()
                if name.endswith(".units") and name.removesuffix(".units") not in WRITES
            ),
            dynamodb_requests=used["dynamodb_requests"],
            sqs_requests=used["sqs_requests"],
            log_bytes=self._log.bytes - logged,
            sent_bytes=len(answer["body"].encode()) if isinstance(answer, dict) and "body" in answer else 0,
            **found,
        )

    def _counting(self, name: str) -> Callable[..., None]:
        def count(model: Any, **_: object) -> None:  # noqa: ANN401 - a type of botocore
            if name != "files" or model.name == "PutObject":
                self._other[name] += 1

        return count

    def _count_stock(self, params: dict[str, Any], **_: object) -> None:
        keys = [params.get("Key", {})]
        read = [request for request in params.get("RequestItems", {}).values() if isinstance(request, dict)]
        keys += [key for request in read for key in request["Keys"]]
        self._other["stock_reads"] += sum(key.get("sk") == {"S": "STOCK"} for key in keys)


def mapping(logical_id: str) -> dict[str, Any]:
    """Return an event source mapping of the template."""
    return resources("AWS::Lambda::EventSourceMapping")[logical_id]


def step(function: str, source: str, small: tuple[int, Units], large: tuple[int, Units]) -> Step:
    """Return a step that handles batches, from what a small and a large batch used."""
    (few, used_few), (many, used_many) = small, large
    each = used_many.plus(used_few, -1).scaled(1 / (many - few))
    each = Units(*(max(0.0, amount) for amount in asdict(each).values()))
    fixed = used_few.plus(each, -few)
    fixed = Units(*(max(0.0, amount) for amount in asdict(fixed).values()))
    declared = mapping(source)
    return Step(function, fixed, each, on_aws(declared["BatchSize"]), declared.get("MaximumBatchingWindowInSeconds", 0))


@contextmanager
def partner_side() -> Iterator[None]:
    """Make the bucket, the bus, the key and the queue that the functions for partners need."""
    bucket, bus = "manifests", "saxaul-bench"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})  # type: ignore[typeddict-item]
    boto3.client("events").create_event_bus(Name=bus)
    key = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    queue = boto3.client("sqs").create_queue(QueueName="PlantingQueue.fifo", Attributes={"FifoQueue": "true"})
    os.environ.update(
        MANIFEST_BUCKET=bucket,
        BUS_NAME=bus,
        SIGNING_KEY=key,
        PLANTING_QUEUE_URL=queue["QueueUrl"],
        PUBLIC_URL="https://api.example.com/v1",
    )
    settings.cache_clear()
    yield


class Measuring:
    """Runs all steps in this process, and measures them. ``sample`` is the number of actions for each call size."""

    def __init__(self, gauge: Gauge, queue_url: str, sample: int, people: int) -> None:
        self._gauge = gauge
        self._queue_url = queue_url
        self._outside: SQSClient = boto3.client("sqs")
        self._store = CatalogStore(Table(settings().catalog_table, SYSTEM_CLOCK))
        self._sample = sample
        self._people = people

    def measure(self) -> Measured:
        catalog = self._store.catalog()
        zone = settings().calendar.zone
        yesterday = (datetime.now(zone) - timedelta(days=1)).date()
        day = Day(max(4000, 8 * self._sample), yesterday, zone, together=False)
        actions = {size: self._actions(PeriodsWay(day, catalog), day, size) for size in SIZES}
        usual = {size: self._usual(UsualWay(day, catalog), day, size) for size in SIZES}
        usual_bytes = self._usual_bytes()
        steps, tree_bytes = self._trees(catalog)
        records = actions[max(SIZES)].records
        steps["find_repeats"], steps["tally"] = self._stream(records)
        renewal = self._gauge.used(lambda: self._store.catalog(max_age=0))
        return Measured(
            steps=steps,
            reports={size: found.report for size, found in actions.items()},
            accruals={size: found.accrual for size, found in actions.items()},
            usual={size: accrual for size, (_, accrual) in usual.items()},
            usual_reports={size: report for size, (report, _) in usual.items()},
            usual_bytes=usual_bytes,
            records_per_action=len(records) / actions[max(SIZES)].actions,
            bytes_per_action=actions[max(SIZES)].stored_bytes,
            points_per_action=actions[max(SIZES)].points,
            message_bytes={size: found.message_bytes for size, found in actions.items()},
            renewal_units=renewal.read_units,
            tree_points=catalog.tree_projects[PROJECT].price_points,
            tree_bytes=tree_bytes,
            tree_records=TREE_RECORDS,
            **_tally_sizes(),
        )

    # --- Actions ----------------------------------------------------------------------------------------------

    def _actions(self, way: PeriodsWay, day: Day, size: int) -> "MeasuredActions":
        """Measure calls of one size: one call as the smallest batch, and as many as the template allows."""
        make_tables(LEDGER, PLAIN)
        most = min(int(mapping("ActionsToAccruePoints")["BatchSize"]), ceil(self._sample / size))
        calls = spread(day.calls(size), max(2, most) + 1)
        self._run_calls(way, day, calls[:1])  # so that the clients and the versions of types are there
        make_tables(LEDGER, PLAIN)
        before_any = self._run_calls(way, day, calls[:1])
        large = self._run_calls(way, day, calls[1:])
        accrual = step(
            "AccruePoints", "ActionsToAccruePoints", (1, before_any.accrued), (len(calls) - 1, large.accrued)
        )
        entries = [entry for record in large.records for entry in _new_entries(record)]
        return MeasuredActions(
            Step("IngestActions", large.reported.scaled(1 / (len(calls) - 1))),
            accrual,
            large.records,
            large.actions,
            sum(_bytes_added(record) for record in large.records) / max(1, large.actions),
            sum(entries) / max(1, large.actions),
            large.message_bytes,
        )

    def _run_calls(self, way: "PeriodsWay | UsualWay", day: Day, calls: Sequence[Call]) -> "Run":
        arrived = [_arrived(call) for call in calls]
        for call, before in zip(calls, arrived, strict=True):
            way.prepare(call, before)
        old = _ledger_items() if isinstance(way, PeriodsWay) else {}
        reported = Units()
        for call in calls:
            acts = [
                act
                for arrival in call
                for act in day.reported(arrival.user)[arrival.first : arrival.first + arrival.acts]
            ]
            reported = reported.plus(self._gauge.used(lambda acts=acts: way.report(acts)))  # type: ignore[misc]
        received: list[QueueRecord] = []
        taking = self._gauge.used(lambda: received.extend(self._received()))
        accrued = self._gauge.used(lambda: way.accrue(received), way.round_trips)
        accrued = accrued.plus(Units(sqs_requests=taking.sqs_requests))
        new = _ledger_items() if isinstance(way, PeriodsWay) else {}
        actions = sum(arrival.acts for call in calls for arrival in call if not arrival.again)
        size = sum(len(record["body"].encode()) for record in received) / len(calls)
        return Run(reported, accrued, _changes(old, new), actions, size)

    def _usual(self, way: UsualWay, day: Day, size: int) -> tuple[Step, Step]:
        make_tables(LEDGER, PLAIN)
        calls = spread(day.calls(size), max(2, ceil(self._sample / 5 / size)))
        self._run_calls(way, day, calls[:1])
        run = self._run_calls(way, day, calls[1:])
        return (
            Step("IngestActions", run.reported.scaled(1 / (len(calls) - 1))),
            Step("AccruePoints", Units(), run.accrued.scaled(1 / run.actions), 10),
        )

    @staticmethod
    def _usual_bytes() -> float:
        pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=PLAIN)
        items = [item for page in pages for item in page["Items"] if item["sk"]["S"].startswith("ENTRY#")]
        return sum(size_of(python(item)) + INDEX_BYTES for item in items) / len(items)

    def _received(self) -> list[QueueRecord]:
        """Receive and delete all messages in the queue as Lambda's poller does, up to ten at a time."""
        answer = self._outside.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        sent = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        records: list[QueueRecord] = []
        while len(records) < sent:
            messages = clients.sqs().receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10)["Messages"]
            records += [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]
            clients.sqs().delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)],
            )
        return records

    def _stream(self, records: Sequence[dict[str, Any]]) -> tuple[Step, Step]:
        """Measure the two readers of the stream, with a small and a large batch of changed periods."""
        few, many = records[: max(1, len(records) // 10)], records[len(records) // 10 :]

        def used(handler: Handler, batch: Sequence[dict[str, Any]]) -> tuple[int, Units]:
            event = {"Records": batch, "shardId": SHARD}
            return len(batch), self._gauge.used(lambda: handler(event, CONTEXT))

        used(find_repeats, few[:1]), used(tally_impact, few[:1])  # so that the services are there
        searching = step(
            "FindRepeats", "ChangesToFindRepeats", used(find_repeats, few[1:] or few), used(find_repeats, many)
        )
        tallying = step("TallyImpact", "ChangesToTally", used(tally_impact, few[1:] or few), used(tally_impact, many))
        return searching, tallying

    # --- Persons and trees ------------------------------------------------------------------------------------

    def _trees(self, catalog: Catalog) -> tuple[dict[str, Step], float]:
        make_tables(LEDGER)
        project = catalog.tree_projects[PROJECT].model_copy(update={"saplings": self._people, "schedule": None})
        ledger, now = Table(LEDGER, SYSTEM_CLOCK), int(time())
        stocks, zone = Stocks(ledger), settings().calendar.zone
        transact([stocks.plan_write(stocks.get(PROJECT).planned(project, zone, now), now)])
        people = [f"{2_088_000_000_000_000 + number}" for number in range(self._people + 12)]
        price = project.price_points
        ledger.put_all([{**periods.to_item(_ripe_period(user, now, price)), "v": 1} for user in people])
        redeeming = ("RedeemTrees", redeem_trees, "redeem_trees.json")
        viewing = ("ViewForest", view_forest, "view_forest.json")
        winners, late = people[: self._people], people[self._people + 2 :]
        harvested = self._each(
            redeeming, winners, lambda user: _request("POST", "/users/{user_id}/harvest", user, body="")
        )
        redeemed = self._each(redeeming, winners, _redemption, 202)
        settled = self._settled()
        refused = self._each(redeeming, late, _redemption, 409)
        ordering = self._batches(place_orders, "PLANTING_QUEUE_URL", {"project_id": PROJECT}, 1)
        confirmed, numbers = self._confirmed()
        steps = {
            "harvest": harvested,
            "redeem": redeemed,
            "redeem_late": refused,
            "settle": settled,
            "order": Step("PlaceOrders", Units(), ordering.scaled(1 / self._people), MAX_TREES, DAY),
            "confirm": Step("TakeReports", Units(), confirmed.scaled(1 / self._people), MAX_TREES, DAY),
            "wallet": self._each(viewing, winners[:20], lambda user: _request("GET", "/users/{user_id}/wallet", user)),
            "view_redemption": self._viewed(redeeming, winners[:20]),
            "search": self._each(
                ("SuggestCampaigns", suggest_campaigns, "suggest_campaigns.json"),
                ["bus", "gongjiao", "地铁", "bike", "tree", "plastic"] * 4,
                lambda query: {"queryStringParameters": {"q": query, "lang": "en"}},
            ),
            "certificate": self._each(
                ("ProveTrees", prove_trees, "prove_trees.json"),
                numbers[:10],
                lambda number: _request("GET", "/certificates/{number}", "", number=f"{number}.json"),
            ),
        }
        stored = sum(size_of(python(item)) + INDEX_BYTES for item in _ledger_items().values()) - sum(
            _stored(periods.to_item(_ripe_period(user, now, price))) + INDEX_BYTES for user in people
        )
        return steps, stored / self._people

    def _each(
        self,
        function: tuple[str, Handler, str],
        over: Sequence[str],
        changed: Callable[[str], dict[str, Any]],
        status: int = 200,
    ) -> Step:
        """Measure an API function with one request for each value, after one that is not measured."""
        name, handler, event_file = function
        event = json.loads((ROOT / "events" / event_file).read_text())
        total = Units()
        for number, value in enumerate(over):
            used = self._gauge.used(lambda value=value: _answered(handler, event | changed(value), status))  # type: ignore[misc]
            total = total.plus(used, 0 if number == 0 else 1)
        return Step(name, total.scaled(1 / (len(over) - 1)))

    def _viewed(self, function: tuple[str, Handler, str], users: Sequence[str]) -> Step:
        ids = {item["pk"]["S"]: item["sk"]["S"] for item in _ledger_items().values() if item["sk"]["S"][:5] == "TREE#"}
        return self._each(
            function,
            users,
            lambda user: _request(
                "GET",
                "/users/{user_id}/redemptions/{redemption_id}",
                user,
                redemption_id=ids[f"USER#{user}"].removeprefix("TREE#"),
            ),
        )

    def _settled(self) -> Step:
        """Settle the queued redemptions: one in a batch of its own, and ten at a time."""
        url = settings().redemption_queue_url
        small = self._batch(settle_redemptions, url, 1)
        many, large = 0, Units()
        while True:
            size, used = self._batch(settle_redemptions, url, 10)
            if not size:
                break
            many, large = many + size, large.plus(used)
        batches = many / 10
        return step("SettleRedemptions", "RedemptionsToSettle", small, (10, large.scaled(1 / batches)))

    def _batch(self, handler: Handler, url: str, most: int) -> tuple[int, Units]:
        """Receive a batch, let the function handle it, and delete it, as Lambda's poller does."""
        messages = self._outside.receive_message(QueueUrl=url, MaxNumberOfMessages=most).get("Messages", [])
        if not messages:
            return 0, Units()
        event = {"Records": [{"messageId": found["MessageId"], "body": found["Body"]} for found in messages]}
        used = self._gauge.used(lambda: handler(event, CONTEXT))
        for found in messages:
            self._outside.delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
        return len(messages), used.plus(Units(sqs_requests=2))

    def _batches(self, handler: Handler, queue: str, message: dict[str, str], most: int) -> Units:
        """Send a message, and handle it and all that follow from it."""
        url = os.environ[queue]
        self._outside.send_message(
            QueueUrl=url, MessageBody=json.dumps(message), MessageGroupId="a", MessageDeduplicationId="a"
        )
        total, size = Units(sqs_requests=1), 1
        while size:
            size, used = self._batch(handler, url, most)
            total = total.plus(used)
        return total

    def _confirmed(self) -> tuple[Units, list[str]]:
        """Confirm that the trees of all orders were planted. Return what it used, and their certificate numbers."""
        event = json.loads((ROOT / "events" / "take_reports.json").read_text())
        listed = json.loads(_answered(take_reports, event, 200)["body"])["orders"]
        total, numbers = Units(), list[str]()
        for order in listed:
            viewed = _request("GET", "/planting-orders/{order_id}", "", order_id=order["order_id"])
            trees = json.loads(_answered(take_reports, event | viewed, 200)["body"])["trees"]
            now = datetime.now(settings().calendar.zone).isoformat(timespec="seconds")
            reports = [
                {"certificate": tree["certificate"], "tag": f"T{n}", "lat": 38.851, "lon": 105.731, "planted_at": now}
                for n, tree in enumerate(trees)
            ]
            sending = _request(
                "POST",
                "/planting-orders/{order_id}/confirmations",
                "",
                order_id=order["order_id"],
                body=json.dumps({"confirmations": reports}),
            )
            total = total.plus(self._gauge.used(lambda sending=sending: _answered(take_reports, event | sending, 200)))  # type: ignore[misc]
            numbers += [tree["certificate"] for tree in trees]
        return total, numbers


@dataclass(frozen=True)
class Run:
    """What the calls of a run used. ``records`` are the stream records of their changes."""

    reported: Units
    accrued: Units
    records: list[dict[str, Any]]
    actions: int
    message_bytes: float


@dataclass(frozen=True)
class MeasuredActions:
    report: Step
    accrual: Step
    records: list[dict[str, Any]]
    actions: int
    stored_bytes: float
    points: float
    message_bytes: float


def spread(calls: Sequence[Call], wanted: int) -> list[Call]:
    """Choose calls that are evenly spread over the day."""
    return [calls[int((number + 0.5) * len(calls) / wanted)] for number in range(min(wanted, len(calls)))]


def _arrived(call: Call) -> Counter[int]:
    """Count the actions of each user of the call that arrived earlier in the day."""
    users = set(users_of(call))
    arrived: Counter[int] = Counter()
    for arrival in call:
        arrived[arrival.user] = min(arrived.get(arrival.user, arrival.first), arrival.first)
    return Counter({user: arrived[user] for user in users})


def _ledger_items() -> dict[tuple[str, str], dict[str, Any]]:
    """Return all items of the ledger in DynamoDB's notation. The meter does not count this."""
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=LEDGER, ConsistentRead=True)
    return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}


def _changes(old: dict[tuple[str, str], Any], new: dict[tuple[str, str], Any]) -> list[dict[str, Any]]:
    """Return the stream records of the periods that changed."""
    records = []
    for number, (key, item) in enumerate(new.items()):
        if item == old.get(key) or not key[1].startswith(periods.PERIOD_PREFIX):
            continue
        images = {"NewImage": item} | ({"OldImage": old[key]} if key in old else {})
        names = {"pk": item["pk"], "sk": item["sk"]}
        change = {"Keys": names, "SequenceNumber": f"{10**27 + number}", **images}
        records.append({"eventName": "MODIFY" if key in old else "INSERT", "dynamodb": change})
    return records


def _bytes_added(record: dict[str, Any]) -> float:
    change = record["dynamodb"]
    before = size_of(python(change["OldImage"])) if "OldImage" in change else -INDEX_BYTES
    return size_of(python(change["NewImage"])) - before


def _new_entries(record: dict[str, Any]) -> Iterator[int]:
    """Yield the points of the entries that a change added to a period."""
    change = record["dynamodb"]
    found = [
        periods.from_item(python(change[image])).entries if image in change else {}
        for image in ("OldImage", "NewImage")
    ]
    for name, entry in found[1].items():
        if name not in found[0]:
            yield entry.points


def _ripe_period(user: str, now: int, points: int) -> Period:
    """Return a period of two days ago whose points are ripe."""
    acted = now - 2 * 86_400
    entry = Entry("bus_ride", ONE, acted, acted, rule=1, points=points, units=ONE, counted=ONE, avoided_g=Decimal(212))
    day = settings().calendar.window_of(acted, "day")
    return Period(PeriodKey(Owner("user", user), day), {f"{APP}:ride": entry})


def _request(method: str, resource: str, user: str, body: str | None = None, **path: str) -> dict[str, Any]:
    """Return the members of an API event that this request changes."""
    parameters = ({"user_id": user} if user else {}) | path
    filled = resource
    for name, value in parameters.items():
        filled = filled.replace(f"{{{name}}}", quote(value))
    claims = {
        "client_id": "partner-client" if "planting" in resource else f"{APP}-client",
        "scope": " ".join(f"saxaul/{name}" for name in ("trees.redeem", "wallets.read", "planting.write")),
        "token_use": "access",
    }
    context = {
        "resourcePath": resource,
        "httpMethod": method,
        "path": f"/v1{filled}",
        "stage": "v1",
        "apiId": "abc123",
        "domainName": "api.example.com",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "identity": {"sourceIp": "203.0.113.7", "userAgent": "saxaul-example"},
        "authorizer": {"claims": claims},
    }
    return {
        "resource": resource,
        "path": filled,
        "httpMethod": method,
        "pathParameters": parameters,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": context,
        "body": body,
    }


def _redemption(user: str) -> dict[str, Any]:
    body = json.dumps({"project_id": PROJECT, "trees": 1, "dedication": "For the desert"})
    return _request("POST", "/users/{user_id}/redemptions", user, body=body)


def _answered(handler: Handler, event: dict[str, Any], status: int) -> dict[str, Any]:
    answer: dict[str, Any] = handler(event, CONTEXT)
    if answer["statusCode"] != status:
        raise RuntimeError(f"{event['httpMethod']} {event['path']} answered {answer['statusCode']}: {answer['body']}")
    return answer


def _stored(item: Item) -> int:
    """Return the bytes of an item, without those of the index of the table."""
    return size_of(python(raw(item)))


def _tally_sizes() -> dict[str, Any]:
    """Return the bytes of a day's totals without marks, those of a mark, and how many items share the totals of a day.

    The totals are those of a day on which only trees were reserved. Sums of actions make them longer.
    """
    day = datetime.now(settings().calendar.zone).date()
    tally, sizes = Tally(day), list[int]()
    for number in range(3):
        change = Change(10**27 + number, {day: Impact(trees={"reserved": 1})})
        tally = tally.with_changes([change], totals.short_name(f"{SHARD}{number}"), int(time()))
        sizes.append(_stored(impact.to_item(tally)))
    mark = (sizes[2] - sizes[0]) / 2
    return {
        "tally_bytes": sizes[0] - mark,
        "mark_bytes": mark,
        "mark_hours": totals.DELIVERED_WITHIN / 3600,
        "tally_parts": totals.TALLIES_OF_A_DAY,
        "tally_partitions": impact.PARTITIONS_OF_A_MONTH,
    }
