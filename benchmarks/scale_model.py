"""Compute what a number of monthly users takes: requests, units, workers, partitions, shards, and dollars a month.

The model multiplies what one piece of work uses, which ``scale_measuring`` measures, by how often it happens. How
often is an assumption: ``Activity``. Mean rates are averages over a day. Peak rates are those of the busiest minute.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from math import ceil
from typing import NamedTuple

from benchmarks import prices
from benchmarks.scale_units import EVENT_BYTES, PLATFORM_LINES, Measured, Step, Units
from local.apps import load_apps
from local.seed import FOLDER
from local.template import resources, template
from saxaul.catalog.timeline import renewed_after

DAY = 86_400
DAYS_OF_MONTH = 30.4
PARTITION_WRITES, PARTITION_READS, PARTITION_GB = 1000, 3000, 10
"""What one partition of a DynamoDB table takes: units a second, and gigabytes.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

FEWEST_PARTITIONS = 4
"""The partitions of a new on-demand table, which takes 4,000 write units a second. The same guide, on-demand mode."""

LARGEST_ITEM = 400 * 1024
"""Bytes of the largest item. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

TALLIED_DAYS = 2
"""Nearly every batch of changes has actions of today and of yesterday, and writes the totals of both."""

SHARD_HOURS = 4
"""A shard of a stream is closed, and followed by another, about every four hours. AWS does not promise a number."""

HEADER_BYTES = 600
"""Bytes of the headers of a response and of the TLS records, which count as data transfer. An assumption."""

QUEUES = 3
"""The queues that Lambda polls: actions, redemptions and planting orders."""

LOG_DAYS, LOG_COMPRESSION = 30, 0.15
"""For how long logs are kept, as in the template, and their size after CloudWatch's compression, an assumption."""


@dataclass(frozen=True)
class Activity:
    """What users do. These are assumptions, except where a source is named.

    Attributes:
        active_share: the share of the monthly users who are active on a day.
        actions: reported actions of an active user a day, as in ``benchmarks/day.py``.
        actions_per_call: how many actions an app reports in one call.
        searches, harvests, wallets: calls of an active user a day.
        trees: trees that a monthly user gets a day. Ant Forest had 100 million trees in April 2019 and 619 million in
            August 2025, with 750 million users: about 225,000 trees a day.
        requests_per_tree: redemption requests for each tree. The others are refused as sold out.
        views_per_tree: how often an app reads a redemption until it is settled, and a reader a certificate.
        peak: how many times as many actions, searches and views come in the busiest minute as on average.
        peak_at_seven: the same for harvests and redemptions, because points ripen and saplings are released at 07:00.
        calls_per_server: calls a second of one server of an app. Each server has a token of its own for an hour.
        kept_days: for how many days the ledger has been kept.
        favourite_share: the share of the redemption requests that are for one project.
    """

    active_share: float = 1 / 3
    actions: float = 5
    actions_per_call: int = 100
    searches: float = 1
    harvests: float = 1
    wallets: float = 1
    trees: float = 225_000 / 750e6
    requests_per_tree: float = 2
    views_per_tree: float = 2
    peak: float = 3
    peak_at_seven: float = 20
    calls_per_server: float = 20
    kept_days: float = 365
    favourite_share: float = 0.5


class Flow(NamedTuple):
    """A step and how many items a second it gets. ``lanes`` is how many batches are collected at the same time."""

    name: str
    step: Step
    rate: float
    lanes: float = 1
    is_api: bool = False
    is_fifo: bool = False

    @property
    def batch(self) -> float:
        """How many items an invocation gets."""
        window = max(self.step.window, self.step.seconds(1))
        return max(1.0, min(self.step.most, self.rate * window / self.lanes))

    @property
    def invocations(self) -> float:
        return self.rate / self.batch

    @property
    def workers(self) -> float:
        """How many workers are busy at the same time."""
        return self.invocations * self.step.seconds(self.batch)

    @property
    def used(self) -> Units:
        """What the step uses in a second."""
        return self.step.uses(self.batch).scaled(self.invocations)


@dataclass(frozen=True)
class Load:
    """What a number of users takes in a second, on average or at the peak."""

    users: float
    flows: Mapping[str, Flow]
    partitions: int
    stored_gb: float
    marks: float
    activity: Activity
    measured: Measured
    workers_by_function: Mapping[str, float] = field(default_factory=dict)

    @property
    def api_calls(self) -> float:
        return sum(flow.rate for flow in self.flows.values() if flow.is_api)

    @property
    def messages(self) -> float:
        """Messages a second, in all queues."""
        return self.flows["accrue"].rate + self.flows["settle"].rate

    @property
    def invocations(self) -> float:
        return sum(flow.invocations for flow in self.flows.values())

    @property
    def workers(self) -> float:
        return sum(self.workers_by_function.values())

    @cached_property
    def used(self) -> Units:
        total = Units()
        for flow in self.flows.values():
            total = total.plus(flow.used)
        return total.plus(self._renewals).plus(self._marks)

    @property
    def catalog_workers(self) -> float:
        """How many workers renew a copy of the catalog."""
        names = {"IngestActions", "SuggestCampaigns", "RedeemTrees", "ViewForest", "ProveTrees"}
        return sum(ceil(count) for name, count in self.workers_by_function.items() if name in names)

    @property
    def renewals_per_second(self) -> float:
        return self.catalog_workers / renewed_after(int(template()["Parameters"]["CatalogDelay"]["Default"]))

    @property
    def _renewals(self) -> Units:
        return Units(read_units=self.renewals_per_second * self.measured.renewal_units)

    @property
    def tally_bytes(self) -> float:
        """Bytes of one item of a day's totals."""
        return self.measured.tally_bytes + self.marks * self.measured.mark_bytes

    @property
    def _marks(self) -> Units:
        """What marks and a second day add to what the run measured: one day, with one mark in the item."""
        bytes_of_marks = min(max(0.0, self.marks - 1) * self.measured.mark_bytes, LARGEST_ITEM)
        batches, alone = self.flows["tally"].invocations, self.flows["tally"].step.fixed
        return Units(
            write_units=batches * (TALLIED_DAYS * bytes_of_marks / 1024 + (TALLIED_DAYS - 1) * alone.write_units),
            read_units=batches * (TALLIED_DAYS * bytes_of_marks / 4096 + (TALLIED_DAYS - 1) * alone.read_units),
        )

    @property
    def servers(self) -> float:
        """Servers of the apps, at least two for each client. Each gets a token every hour."""
        return max(2 * clients(), self.api_calls / self.activity.calls_per_server)

    @property
    def tokens(self) -> float:
        return self.servers / 3600

    @property
    def sent_gb(self) -> float:
        return (self.used.sent_bytes + self.api_calls * HEADER_BYTES) / 1e9

    @property
    def gb_seconds(self) -> float:
        return sum(flow.workers * flow.step.memory_mb / 1024 for flow in self.flows.values())

    @property
    def log_gb(self) -> float:
        return (self.used.log_bytes + self.invocations * platform_bytes()) / 1e9


def platform_bytes() -> float:
    """Return the bytes that Lambda itself logs for each invocation at the template's log level."""
    level = template()["Globals"]["Function"]["LoggingConfig"].get("SystemLogLevel", "INFO")
    return sum(size + EVENT_BYTES for size in PLATFORM_LINES) if level == "INFO" else 0.0


def load(users: float, activity: Activity, measured: Measured, *, at_peak: bool) -> Load:
    """Return what this many monthly users take in a second."""
    stored_gb = users * _bytes_of_user(activity, measured) / 1e9
    partitions = max(FEWEST_PARTITIONS, ceil(stored_gb / PARTITION_GB))
    while True:
        flows = {flow.name: flow for flow in _flows(users, activity, measured, partitions, at_peak=at_peak)}
        workers: dict[str, float] = {}
        for flow in flows.values():
            workers[flow.step.function] = workers.get(flow.step.function, 0.0) + flow.workers
        marks = partitions * measured.mark_hours / SHARD_HOURS / measured.tally_parts
        found = Load(users, flows, partitions, stored_gb, marks, activity, measured, workers)
        used = found.used
        needed = max(ceil(used.write_units / PARTITION_WRITES), ceil(used.read_units / PARTITION_READS))
        if needed <= partitions:
            return found
        partitions = needed


def _bytes_of_user(activity: Activity, measured: Measured) -> float:
    actions = activity.active_share * activity.actions * measured.bytes_per_action
    return activity.kept_days * (actions + activity.trees * measured.tree_bytes)


def _flows(users: float, activity: Activity, measured: Measured, shards: float, *, at_peak: bool) -> Iterator[Flow]:
    peak, seven = (activity.peak, activity.peak_at_seven) if at_peak else (1.0, 1.0)
    active = users * activity.active_share / DAY
    actions, trees = active * activity.actions * peak, users * activity.trees / DAY * seven
    calls = actions / activity.actions_per_call
    records = actions * measured.records_per_action
    size, steps = activity.actions_per_call, measured.steps
    yield Flow("report", measured.reports[size], calls, is_api=True)
    yield Flow("accrue", measured.accruals[size], calls)
    yield Flow("find_repeats", steps["find_repeats"], records, shards * parallelization("ChangesToFindRepeats"))
    tallied = records + trees * measured.tree_records
    yield Flow("tally", steps["tally"], tallied, shards * parallelization("ChangesToTally"))
    yield Flow("search", steps["search"], active * activity.searches * peak, is_api=True)
    yield Flow("wallet", steps["wallet"], active * activity.wallets * peak, is_api=True)
    yield Flow("harvest", steps["harvest"], active * activity.harvests * seven, is_api=True)
    yield Flow("redeem", steps["redeem"], trees, is_api=True)
    yield Flow("redeem_late", steps["redeem_late"], trees * (activity.requests_per_tree - 1), is_api=True)
    yield Flow("view_redemption", steps["view_redemption"], trees * activity.views_per_tree, is_api=True)
    yield Flow("settle", steps["settle"], trees, is_fifo=True)
    yield Flow("order", steps["order"], trees / seven, is_fifo=True)
    yield Flow("confirm", steps["confirm"], trees / seven)
    yield Flow("certificate", steps["certificate"], trees / seven * peak * activity.views_per_tree, is_api=True)


@cache
@cache
def clients() -> int:
    """Return how many clients the default programme has in Cognito: its apps and partners, and that of operators."""
    return len(load_apps(FOLDER)) + 1


def parallelization(logical_id: str) -> int:
    return int(resources("AWS::Lambda::EventSourceMapping")[logical_id].get("ParallelizationFactor", 1))


def dollars_a_month(mean: Load) -> dict[str, float]:
    """Return the bill of a month, by line, at AWS's list prices with their steps."""
    seconds = DAYS_OF_MONTH * DAY
    used = mean.used.scaled(seconds)
    fifo = sum(flow.used.sqs_requests for flow in mean.flows.values() if flow.is_fifo) * seconds
    fifo += mean.flows["redeem"].used.sqs_requests * seconds
    standard = used.sqs_requests - fifo
    polls = QUEUES * _polls_a_month()
    log_gb = mean.log_gb * seconds
    return {
        "API Gateway": prices.tiered(mean.api_calls * seconds, prices.REST_TIERS),
        "Lambda requests": mean.invocations * seconds * prices.INVOCATION,
        "Lambda duration": prices.tiered(mean.gb_seconds * seconds, prices.GB_SECOND_TIERS),
        "DynamoDB writes": used.write_units * prices.WRITE_UNIT,
        "DynamoDB reads": used.read_units * prices.READ_UNIT,
        "DynamoDB storage": mean.stored_gb * prices.STORED_GB,
        "Point-in-time recovery": mean.stored_gb * prices.RECOVERABLE_GB,
        "SQS": prices.tiered(standard + polls, prices.SQS_TIERS)
        + standard * prices.FAIR_QUEUE_REQUEST
        + fifo * prices.FIFO_REQUEST,
        "Logs": prices.tiered(log_gb, prices.LOG_TIERS)
        + log_gb * LOG_DAYS / DAYS_OF_MONTH * LOG_COMPRESSION * prices.KEPT_LOG_GB,
        "Cognito tokens": mean.tokens * seconds * prices.TOKEN,
        "Cognito clients": clients() * prices.APP_CLIENT_MONTH,
        "KMS": prices.KEY_MONTH + used.signatures * prices.SIGNATURE,
        "S3 and EventBridge": used.files * prices.S3_PUT + used.events * prices.EVENT,
        "Data to the internet": prices.tiered(mean.sent_gb * seconds, prices.SENT_TIERS),
        "Alarms": alarm_metrics() * prices.ALARM_METRIC_MONTH,
    }


def http_api_dollars(mean: Load) -> float:
    """Return what API Gateway would cost in a month with an HTTP API instead of a REST API."""
    return prices.tiered(mean.api_calls * DAYS_OF_MONTH * DAY, prices.HTTP_TIERS)


def alarm_metrics() -> int:
    """Return how many metrics the alarms of the template watch."""
    alarms = resources("AWS::CloudWatch::Alarm").values()
    return sum(sum("MetricStat" in metric for metric in alarm.get("Metrics", ())) or 1 for alarm in alarms)


def _polls_a_month() -> float:
    return prices.EMPTY_POLL_MINUTE * 60 * 24 * DAYS_OF_MONTH
