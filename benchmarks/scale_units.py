"""What a piece of work uses, and what the scale model needs to know about all pieces of work of the system.

``scale_measuring`` measures it. A step that handles batches has what an invocation uses at least, and what each item
adds. So batches of any size can be computed.
"""

from dataclasses import asdict, dataclass, field, fields
from functools import cache
from typing import Any

from benchmarks.engine import function_memory
from benchmarks.prices import FULL_PROCESSOR_MB, ROUND_TRIP

SIZES = (1, 10, 100)
"""Actions per call."""

EVENT_BYTES = 26
"""Bytes that CloudWatch Logs adds to each line. https://aws.amazon.com/cloudwatch/pricing/, PutLogEvents."""

PLATFORM_LINES = (125, 310)
"""Bytes of the two lines that Lambda itself logs for each invocation: ``platform.start`` and ``platform.report``.

They are examples from AWS's guide. Lambda logs them at the level INFO.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
"""

_memory = cache(function_memory)


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
