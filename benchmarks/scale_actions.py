"""Measures what the reporting of actions uses: from the API through the queue to the periods and their stream."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import boto3

from benchmarks.day import Call, Day
from benchmarks.engine import ACTIVITY, LEDGER, PLAIN, make_tables
from benchmarks.periods_way import CONTEXT, PeriodsWay, users_of
from benchmarks.scale_gauge import Gauge, Handler, mapping, step
from benchmarks.scale_units import Step, Units
from benchmarks.stored_items import INDEX_BYTES, ledger_items
from benchmarks.usual_way import UsualWay
from functions.find_repeats.handler import handler as find_repeats
from functions.tally_impact.handler import handler as tally_impact
from operations.ledger_reading import size_of
from saxaul.messages.events import QueueRecord
from saxaul.storage import clients, periods
from saxaul.storage.table import python

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SHARD = "shardId-00000001780632000000-f55eea83"
"""The name of a shard is as long as this one."""


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


class ActionSteps:
    """Measures the steps of the reporting of actions. ``sample`` is the number of actions for each call size."""

    def __init__(self, gauge: Gauge, queue_url: str, sample: int) -> None:
        self._gauge = gauge
        self._queue_url = queue_url
        self._outside: SQSClient = boto3.client("sqs")
        self._sample = sample

    def of_calls(self, way: PeriodsWay, day: Day, size: int) -> MeasuredActions:
        """Measure calls of one size: one call as the smallest batch, and as many as the template allows."""
        make_tables(LEDGER, ACTIVITY, PLAIN)
        most = min(int(mapping("ActionsToAccruePoints")["BatchSize"]), ceil(self._sample / size))
        calls = spread(day.calls(size), max(2, most) + 1)
        self._run_calls(way, day, calls[:1])  # so that the clients and the versions of types are there
        make_tables(LEDGER, ACTIVITY, PLAIN)
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

    def _run_calls(self, way: PeriodsWay | UsualWay, day: Day, calls: Sequence[Call]) -> Run:
        arrived = [_arrived(call) for call in calls]
        for call, before in zip(calls, arrived, strict=True):
            way.prepare(call, before)
        old = ledger_items() if isinstance(way, PeriodsWay) else {}
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
        new = ledger_items() if isinstance(way, PeriodsWay) else {}
        actions = sum(arrival.acts for call in calls for arrival in call if not arrival.again)
        size = sum(len(record["body"].encode()) for record in received) / len(calls)
        return Run(reported, accrued, _changes(old, new), actions, size)

    def of_usual_design(self, way: UsualWay, day: Day, size: int) -> tuple[Step, Step]:
        """Measure the same for the usual design. Return the step of reporting and that of posting one action."""
        make_tables(LEDGER, ACTIVITY, PLAIN)
        calls = spread(day.calls(size), max(2, ceil(self._sample / 5 / size)))
        self._run_calls(way, day, calls[:1])
        run = self._run_calls(way, day, calls[1:])
        return (
            Step("IngestActions", run.reported.scaled(1 / (len(calls) - 1))),
            Step("AccruePoints", Units(), run.accrued.scaled(1 / run.actions), 10),
        )

    @staticmethod
    def usual_bytes() -> float:
        """Return the bytes that an action has added to the table of the usual design."""
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

    def of_stream(self, records: Sequence[dict[str, Any]]) -> tuple[Step, Step]:
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
