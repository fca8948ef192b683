"""What it takes to accrue points: write units, requests, processor time and dollars, ours beside the usual way.

    make bench ONLY=accrual
    python -m benchmarks.accrual [--users 100000] [--sample 3000]

The whole day of ``benchmarks/day.py`` is laid out in calls of 10, 100 and 1,000 acts. Of those calls, evenly spread
over the day, as many are measured as hold ``--sample`` acts. Each is measured in the state that the day has left by
then, so the sample has what the day has: long periods of busy users, full caps, acts that come again, and hardly ever
one user twice in a call. ``--sample 600000`` measures every call.

What is counted, from the API to the ledger, for a call that is one batch:

- DynamoDB: write units, read units and requests, from the consumed capacity that it tells, and requests as sent.
  Each function reads the catalog once a minute; one warm worker each all day is reckoned with, spread over the day.
- SQS, each 64 KB of payload one request: sending; receiving at most ten messages at a time; deleting at most ten at a
  time, as Lambda's poller does. Its polls of an empty queue are the same for both ways (15 a minute) and are not in it.
- Lambda on arm64: one invocation for each call of the API (500 acts at most), one for each batch. What is billed is
  reckoned as this process's processor time at the share of a processor that the functions' memory buys, and 5 ms for
  each answer of DynamoDB or SQS that has to be waited for.
- API Gateway is the app's batching, not ours: it stands apart. Storage, streams, logs and harvests are not in it.
"""

import argparse
import json
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
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.accrual_plot import draw
from benchmarks.accrual_report import BUDGETS, SIZES, Results, missed, report, show
from benchmarks.day import Call, Day, Reported
from benchmarks.engine import CATALOG, LEDGER, PLAIN, engine, make_tables
from benchmarks.metering import Meter
from benchmarks.periods_way import PeriodsWay, users_of
from benchmarks.prices import Usage
from benchmarks.usual_way import UsualWay
from local.console import console, step
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
"""The usual way is measured on a fifth of the calls: each of its actions costs the same, and takes four requests."""

MINUTES = 24 * 60
PLOT = ROOT / "docs" / "accrual-cost.svg"

Way = PeriodsWay | UsualWay


class Moment(NamedTuple):
    """A call, with how many of each of its users' acts had come before it and have come with it."""

    call: Call
    before: Mapping[int, int]
    with_it: Mapping[int, int]


@dataclass(frozen=True)
class Bench:
    """What all measurements share: the meter, the queue, and what reading the catalog takes."""

    meter: Meter
    outside: "SQSClient"
    queue_url: str
    catalog_units: float

    def measure(self, way: Way, day: Day, moments: list[Moment], progress: Progress, doing: str) -> Usage:
        """The usage of some calls of the day, each on what the day has left by then."""
        make_tables(LEDGER, PLAIN)
        used: Counter[str] = Counter()
        actions = 0
        for moment in progress.track(moments, description=doing):
            way.prepare(moment.call, moment.before)
            spent, acts = self.spent_on(way, day, moment)
            used.update(spent)
            actions += acts
            way.check(moment.call, moment.with_it)
        return self._usage(way, day, used, actions)

    def spent_on(self, way: Way, day: Day, moment: Moment) -> tuple[Counter[str], int]:
        """What one call uses on its way from the API to the ledger, and how many acts were new."""
        with self.meter.measured() as spent:
            self._run(way, reported_in(moment.call, day))
        return spent, sum(arrival.acts for arrival in moment.call if not arrival.again)

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
        """Count the processor's nanoseconds, of all threads."""
        began = process_time_ns()
        yield
        self.meter.counts["processor_ns"] += process_time_ns() - began

    def _received(self) -> list[QueueRecord]:
        """Take all that is in the queue, as Lambda's poller does; ten messages at a time."""
        sent = self._in_queue()
        records: list[QueueRecord] = []
        while len(records) < sent:
            messages = clients.sqs().receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)["Messages"]
            records += [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]
            handles = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            clients.sqs().delete_message_batch(QueueUrl=self.queue_url, Entries=handles)  # type: ignore[arg-type]
        return records

    def _in_queue(self) -> int:
        """The messages that wait; asked past the meter, because nobody would ask on AWS."""
        answer = self.outside.get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _usage(self, way: Way, day: Day, used: Counter[str], actions: int) -> Usage:
        catalog_reads = 2 * MINUTES / day.actions * actions  # two functions, each once a minute
        reads = used["BatchGetItem.units"] + used["GetItem.units"]
        return Usage(
            actions=actions,
            api_calls=used["api_calls"],
            write_units=used["write_units"],
            read_units=reads + catalog_reads * self.catalog_units,
            dynamodb_requests=used["dynamodb_requests"] - used["Query"],
            sqs_requests=used["sqs_requests"],
            fair_queue_requests=used["sqs_requests"] if way.fair else 0,
            invocations=used["api_calls"] + used["batches"],
            processor_seconds=used["processor_ns"] / 1e9,
            round_trips=way.round_trips(used),
        )


def moments_of(day: Day, size: int, sample: int) -> Iterator[Moment]:
    """Evenly spread calls of the day that hold a sample of its acts; all of them if the sample is that large."""
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
            yield Moment(call, before, {user: arrived[user] for user in users})


def reported_in(call: Call, day: Day) -> list[Reported]:
    acts: list[Reported] = []
    for arrival in call:
        acts += day.reported(arrival.user)[arrival.first : arrival.first + arrival.acts]
    return acts


def measure_all(users: int, sample: int, progress: Progress, queue_url: str) -> tuple[dict[str, Day], Results]:
    """Every way of arriving, in calls of every size; the usual way beside it."""
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
        with step(f"laying out a day of {users:,} users whose acts come {arriving.replace('_', ' ')}"):
            days[arriving] = day = Day(users, yesterday, zone, together=arriving == "together")
        for size in SIZES:
            moments = list(moments_of(day, size, sample))
            title = f"{arriving.replace('_', ' ')}, calls of {size:,}"
            results[arriving, size] = bench.measure(PeriodsWay(day, catalog), day, moments, progress, title)
            if arriving == "one_by_one":
                some = moments[:: min(USUAL_SHARE, len(moments))]
                usual = UsualWay(day, catalog)
                results["usual", size] = bench.measure(usual, day, some, progress, f"the usual way, calls of {size:,}")
    return days, results


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accrual", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=100_000, help="users of the day")
    parser.add_argument("--sample", type=int, default=3_000, help="acts to measure for each row of the table")
    chosen = parser.parse_args()
    handler = logger.registered_handler
    if isinstance(handler, logging.StreamHandler):
        handler.setStream(Path(os.devnull).open("w"))  # noqa: SIM115 - log lines are written, to nowhere
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with engine() as queue_url, Progress(*columns, console=console) as progress:
        days, results = measure_all(chosen.users, chosen.sample, progress, queue_url)
        told = report(chosen.users, days, results)
    draw(told, PLOT)
    show(told)
    faults = list(missed(told))
    for fault in faults:
        console.print(f"[red]✗[/] {fault}")
    print(json.dumps(told))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
