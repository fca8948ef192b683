"""Measure what accruing points costs: write units, requests, processor time and dollars, against the usual design.

    make bench ONLY=accrual
    python -m benchmarks.accrual [--users 100000] [--sample 4000]

The benchmark divides the simulated day of ``benchmarks/day.py`` into API calls of 10, 100 or 1,000 actions. For each
row of the table, it measures a sample of the calls, evenly spread over the day, with about ``--sample`` actions in all.
Before each measured call, it writes the periods as they would be at that time of the day. So the sample has the same
mix as the day: long periods of busy users, full caps, repeated actions, and hardly ever one user twice in a call.
``--sample 600000`` measures every call.

The benchmark counts these costs between the API and the ledger. The messages of one call are handled as one batch.

- DynamoDB: write units and read units from the consumed capacity that DynamoDB reports, and the number of requests.
  Each function reads the catalog twice a minute. The benchmark assumes one warm worker per function for the whole day,
  and spreads these reads over the day's actions.
- SQS: each 64 KB of payload is one request. Requests that send, receive and delete messages are counted. The benchmark
  receives and deletes up to ten messages at a time, as Lambda's poller does. Polls of an empty queue are not counted:
  both designs have 15 a minute.
- Lambda on arm64: one invocation per batch, and one per API call. An API call accepts at most 500 actions, so a "call
  of 1,000" is really two. The billed time is estimated: the processor time of this process, divided by the share of a
  processor that the functions' memory buys, plus 5 ms for each response of DynamoDB or SQS that the function waits for.
- API Gateway is reported separately, because its cost depends on the app's batching. Storage, streams, logs and
  harvests are not counted.
"""

import gc
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from time import process_time_ns
from typing import TYPE_CHECKING, NamedTuple

import boto3

from benchmarks.accrual_plot import draw
from benchmarks.accrual_report import BUDGETS, SIZES, Results, missed_budgets, report, show
from benchmarks.day import Call, Day, Reported
from benchmarks.engine import ACTIVITY, CATALOG, LEDGER, PLAIN, engine, make_tables
from benchmarks.metering import Meter
from benchmarks.periods_way import PeriodsWay, SingleWritesWay, users_of
from benchmarks.prices import Usage
from benchmarks.usual_way import UsualWay
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, console, print_json, progress, shown, step
from local.sam import ROOT
from saxaul.clock import SYSTEM_CLOCK
from saxaul.http.bodies import MAX_ACTIONS
from saxaul.messages.events import QueueRecord
from saxaul.observability import logger
from saxaul.settings import settings
from saxaul.storage import clients
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.table import Table

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

USUAL_SHARE = 5
"""The usual design is measured on a fifth of the sample: each action costs the same, and needs four requests."""

MINUTES = 24 * 60
PLOT = ROOT / "docs" / "accrual-cost.svg"

Way = PeriodsWay | UsualWay


class SampledCall(NamedTuple):
    """A call to measure, and how many actions of each of its users have arrived before the call and after it."""

    call: Call
    arrived_before: Mapping[int, int]
    arrived_after: Mapping[int, int]


@dataclass(frozen=True)
class Bench:
    """Measures calls. All measurements share the meter, the queue, and the read units of one catalog read.

    ``outside`` is an SQS client that the meter does not see.
    """

    meter: Meter
    outside: "SQSClient"
    queue_url: str
    catalog_units: float

    def measure(self, way: Way, day: Day, sample: list[SampledCall], doing: str) -> Usage:
        """Return the usage of the sampled calls, each with the items that the table has at that time of the day."""
        make_tables(LEDGER, ACTIVITY, PLAIN)
        used: Counter[str] = Counter()
        actions = 0
        with progress(doing, "calls", len(sample)) as tell:
            for done, sampled in enumerate(sample, start=1):
                way.prepare(sampled.call, sampled.arrived_before)
                gc.freeze()  # a worker has no simulated day in its memory, which the garbage collector would scan
                spent, acts = self.measure_call(way, day, sampled)
                used.update(spent)
                actions += acts
                way.check(sampled.call, sampled.arrived_after)
                tell(done)
        return self._usage(way, day, used, actions)

    def measure_call(self, way: Way, day: Day, sampled: SampledCall) -> tuple[Counter[str], int]:
        """Return the usage of one call, from the API to the ledger, and how many of its actions are not repeats."""
        with self.meter.measured() as spent:
            self._run(way, actions_in(sampled.call, day))
        return spent, sum(arrival.acts for arrival in sampled.call if not arrival.again)

    def _run(self, way: Way, reported: list[Reported]) -> None:
        with self._processor():
            for start in range(0, len(reported), MAX_ACTIONS):
                way.report(reported[start : start + MAX_ACTIONS])
                self.meter.counts["api_calls"] += 1
        records = self._received()
        with self._processor():
            way.accrue(records)
        self.meter.counts["batches"] += 1

    @contextmanager
    def _processor(self) -> Iterator[None]:
        """Count the nanoseconds of processor time that the block uses, in all threads."""
        began = process_time_ns()
        yield
        self.meter.counts["processor_ns"] += process_time_ns() - began

    def _received(self) -> list[QueueRecord]:
        """Receive and delete all messages in the queue as Lambda's poller does, up to ten at a time."""
        sent = self._in_queue()
        records: list[QueueRecord] = []
        while len(records) < sent:
            messages = clients.sqs().receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)["Messages"]
            records += [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]
            handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            clients.sqs().delete_message_batch(QueueUrl=self.queue_url, Entries=handles)  # type: ignore[arg-type]
        return records

    def _in_queue(self) -> int:
        """Return the number of messages in the queue. The meter does not count this request: Lambda needs none."""
        answer = self.outside.get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _usage(self, way: Way, day: Day, used: Counter[str], actions: int) -> Usage:
        catalog_reads = 2 * 2 * MINUTES / day.actions * actions  # two functions read the catalog twice a minute each
        reads = used["BatchGetItem.units"] + used["GetItem.units"]
        return Usage(
            actions=actions,
            api_calls=used["api_calls"],
            write_units=used["write_units"],
            receipt_units=used["receipt_units"],
            unmarked_units=used["unmarked_units"],
            read_units=reads + catalog_reads * self.catalog_units,
            dynamodb_requests=used["dynamodb_requests"] - used["Query"],
            sqs_requests=used["sqs_requests"],
            fair_queue_requests=used["sqs_requests"] if way.fair else 0,
            invocations=used["api_calls"] + used["batches"],
            processor_seconds=used["processor_ns"] / 1e9,
            round_trips=way.round_trips(used),
        )


def sampled_calls(day: Day, size: int, sample: int) -> Iterator[SampledCall]:
    """Choose calls of ``size`` actions, evenly spread over the day, with about ``sample`` actions in all."""
    calls = day.calls(size)
    wanted = min(len(calls), max(1, sample // size))
    chosen = {int((number + 0.5) * len(calls) / wanted) for number in range(wanted)}
    arrived: Counter[int] = Counter()
    for number, call in enumerate(calls):
        users = users_of(call) if number in chosen else []
        before = {user: arrived[user] for user in users}
        for arrival in call:
            arrived[arrival.user] = max(arrived[arrival.user], arrival.first + arrival.acts)
        if users:
            yield SampledCall(call, before, {user: arrived[user] for user in users})


def actions_in(call: Call, day: Day) -> list[Reported]:
    acts: list[Reported] = []
    for arrival in call:
        acts += day.reported(arrival.user)[arrival.first : arrival.first + arrival.acts]
    return acts


def measure_all(users: int, sample: int, queue_url: str) -> tuple[dict[str, Day], Results]:
    """Measure both arrival patterns and the usual design, each in calls of every size."""
    store = CatalogStore(Table(CATALOG, SYSTEM_CLOCK))
    meter = Meter()
    meter.attach(clients.dynamodb(), clients.sqs())
    with meter.measured() as spent:
        catalog = store.catalog()
    bench = Bench(meter, boto3.client("sqs"), queue_url, spent["Query.units"])
    zone = settings().calendar.zone
    yesterday = (datetime.now(zone) - timedelta(days=1)).date()
    days = {}
    results: Results = {}
    for arriving in BUDGETS:
        with step(f"simulating a day of {users:,} users whose actions arrive {arriving.replace('_', ' ')}"):
            days[arriving] = day = Day(users, yesterday, zone, together=arriving == "together")
        for size in SIZES:
            chosen = list(sampled_calls(day, size, sample))
            title = f"{arriving.replace('_', ' ')}, calls of {size:,}"
            results[arriving, size] = bench.measure(PeriodsWay(day, catalog), day, chosen, title)
            if arriving == "one_by_one":
                title = f"single writes, calls of {size:,}"
                results["single_writes", size] = bench.measure(SingleWritesWay(day, catalog), day, chosen, title)
                fewer = chosen[:: min(USUAL_SHARE, len(chosen))]
                title = f"the usual design, calls of {size:,}"
                results["usual", size] = bench.measure(UsualWay(day, catalog), day, fewer, title)
    return days, results


def main() -> None:
    parser = command_parser("benchmarks.accrual", __doc__)
    parser.add_argument(
        "--users", type=whole_number(1), default=100_000, help="the number of users of the simulated day"
    )
    parser.add_argument(
        "--sample", type=whole_number(1), default=4_000, help="the number of actions to measure for each table row"
    )
    add_json(parser)
    chosen = parser.parse_args()
    handler = logger.registered_handler
    if isinstance(handler, logging.StreamHandler):
        # The functions write their log lines to the null device, so that the time for writing them is still measured.
        handler.setStream(Path(os.devnull).open("w"))  # noqa: SIM115 - open until the process ends
    with apart_from_the_output(needed=chosen.json):
        with engine() as queue_url:
            days, results = measure_all(chosen.users, chosen.sample, queue_url)
            summary = report(chosen.users, days, results)
        draw(summary, PLOT)
        if chosen.json:
            print_json(summary)
        else:
            show(summary)
        faults = list(missed_budgets(summary))
        for fault in faults:
            console.print(f"[red]✗[/] {shown(fault)}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    run_command(main)
