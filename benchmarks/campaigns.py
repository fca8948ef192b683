"""Measure what the progress of a campaign costs: the units of a person and of an action, with and without a campaign.

    make bench ONLY=campaigns
    python -m benchmarks.campaigns [--persons 1000]

In three rounds, each person reports one bus ride of the same day. So the first ride of a person begins a period, and
the later ones are added to it. The rides are accrued in messages of 100, and ``TallyImpact`` then reads the stream in
batches of 1,000 records, and again in batches of 10, as they are with little traffic. All of this is done for rides
that no campaign multiplies, for rides that one campaign multiplies, and for rides that 20 campaigns multiply, each
those of some persons. The write units and read units are those of DynamoDB (``benchmarks/metering.py``).
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3

from benchmarks.engine import ACTIVITY, LEDGER, engine, make_tables
from benchmarks.metering import WRITES, Meter
from benchmarks.periods_way import APP, CONTEXT
from functions.accrue_points.handler import handler as accrue_points
from functions.tally_impact.handler import handler as tally_impact
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, print_json, progress
from local.tables import number, print_table
from saxaul.catalog.entries import run_name
from saxaul.ledger.actions import Action, Owner
from saxaul.messages.bodies import Call, pack
from saxaul.observability import logger
from saxaul.settings import settings
from saxaul.storage.clients import dynamodb, sqs
from saxaul.storage.impact import PARTICIPATION_PREFIX
from saxaul.storage.periods import PERIOD_PREFIX

if TYPE_CHECKING:
    from saxaul.messages.events import QueueRecord

ROUNDS = 3
IN_A_MESSAGE = 100
BATCHES = (1000, 10)
CAMPAIGNS = (0, 1, 20)
SHARD = "shardId-00000001780632000000-f55eea83"
"""The name of a shard is as long as this one."""

Item = dict[str, Any]


class Used(NamedTuple):
    """What a ride of a round used: units, and bytes of a message."""

    accrual_writes: float
    tally_writes: float
    tally_reads: float
    message_bytes: float


class Rides:
    """The rides of some persons, and what became of them in an empty ledger. ``batch`` is the records of a batch."""

    def __init__(self, meter: Meter, persons: int, campaigns: int, batch: int) -> None:
        make_tables(LEDGER, ACTIVITY)
        self._meter = meter
        self._persons = persons
        self._campaigns = campaigns
        self._batch = batch
        self._seen: dict[tuple[str, str], Item] = {}
        self._numbers = count(10**27)

    def round(self, number: int) -> Used:
        """Let each person ride once, and return what a ride used."""
        bodies = list(self._messages(number))
        received: list[QueueRecord] = [{"messageId": str(at), "body": body} for at, body in enumerate(bodies)]
        with self._meter.measured() as accrued:
            failed = accrue_points({"Records": received}, CONTEXT)["batchItemFailures"]
        if failed:
            raise RuntimeError(f"not accrued: {failed}")
        writes = reads = 0.0
        while changes := self._changes():  # what is counted of a person is a change too
            for start in range(0, len(changes), self._batch):
                with self._meter.measured() as counted:
                    tally_impact({"Records": changes[start : start + self._batch], "shardId": SHARD}, CONTEXT)
                writes += counted["write_units"]
                units = ((name.removesuffix(".units"), amount) for name, amount in counted.items() if "." in name)
                reads += sum(amount for name, amount in units if name not in WRITES)
        of_periods = accrued["write_units"] - accrued["receipt_units"]
        return Used(*(amount / self._persons for amount in (of_periods, writes, reads, sum(map(len, bodies)))))

    def _messages(self, number: int) -> Iterator[str]:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        for start in range(0, self._persons, IN_A_MESSAGE):
            persons = range(start, min(start + IN_A_MESSAGE, self._persons))
            rides = [self._ride(person, number, int(hour.timestamp())) for person in persons]
            call = Call(APP, int(hour.timestamp()), f"{number:06}{start:010}", len(rides))
            yield from (packed.body for packed in pack(call, rides, range(len(rides))))

    def _ride(self, person: int, number: int, at: int) -> Action:
        owner, first = Owner("user", f"person-{person:06}"), settings().calendar.day_of(at)
        run = run_name(f"campaign-{person % self._campaigns:02}", first) if self._campaigns else ""
        ride = Action(APP, owner, f"ride-{person:06}-{number}", "bus_ride", Decimal(1), at, rule=1)
        return ride._replace(run=run, multiplier=Decimal(2 if run else 1))

    def _changes(self) -> list[Any]:
        """Return the stream records of the periods and participations that have changed since the last call."""
        pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=LEDGER)
        records = []
        for item in (item for page in pages for item in page["Items"]):
            key = (item["pk"]["S"], item["sk"]["S"])
            if key[1].startswith((PERIOD_PREFIX, PARTICIPATION_PREFIX)) and self._seen.get(key) != item:
                old = {"OldImage": self._seen[key]} if key in self._seen else {}
                change = {"SequenceNumber": str(next(self._numbers)), "NewImage": item, **old}
                records.append({"eventName": "MODIFY" if old else "INSERT", "dynamodb": change})
                self._seen[key] = item
        return records


def show(found: dict[tuple[int, int], list[Used]]) -> None:
    print_table(
        [
            *map(number, ("campaigns", "records in a batch", "ride of a person")),
            *map(number, ("written by the accrual", "bytes of the message")),
            *map(number, ("written by the tally", "read by the tally")),
        ],
        [
            (
                *(campaigns, batch, at),
                *(f"{used.accrual_writes:.3f}", f"{used.message_bytes:,.0f}"),
                *(f"{used.tally_writes:.3f}", f"{used.tally_reads:.3f}"),
            )
            for (campaigns, batch), rounds in found.items()
            for at, used in enumerate(rounds, start=1)
        ],
        title="Units for each ride",
        keys=3,
    )


def main() -> None:
    parser = command_parser("benchmarks.campaigns", __doc__)
    parser.add_argument("--persons", type=whole_number(1), default=1000, help="how many persons take part")
    add_json(parser)
    chosen = parser.parse_args()
    logger.setLevel(logging.ERROR)
    with apart_from_the_output(needed=chosen.json):
        found = _measured(chosen.persons)
        if not chosen.json:
            show(found)
            return
        rows = {
            f"{campaigns} campaigns, batches of {batch}": [
                {name: round(amount, 4) for name, amount in used._asdict().items()} for used in rounds
            ]
            for (campaigns, batch), rounds in found.items()
        }
        print_json({"benchmark": "campaigns", "persons": chosen.persons, "rides": rows})


def _measured(persons: int) -> dict[tuple[int, int], list[Used]]:
    found: dict[tuple[int, int], list[Used]] = {}
    settings_ = [(campaigns, batch) for batch in BATCHES for campaigns in CAMPAIGNS]
    with engine():
        meter = Meter()
        meter.attach(dynamodb(), sqs())
        with progress("letting everybody ride", "rounds", len(settings_) * ROUNDS) as tell:
            for campaigns, batch in settings_:
                rides = Rides(meter, persons, campaigns, batch)
                rounds = found[campaigns, batch] = []
                for at in range(ROUNDS):
                    rounds.append(rides.round(at))
                    tell(sum(map(len, found.values())))
    return found


if __name__ == "__main__":
    run_command(main)
