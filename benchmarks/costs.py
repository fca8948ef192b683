"""Compute every cost of a million actions and of a tree, from the call to the ledger and the public totals.

Batches are full, as they are with much traffic. Prices are those of the first step of AWS's list (``prices``).
"""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import prices
from benchmarks.scale_model import DAYS_OF_MONTH, HEADER_BYTES, LOG_COMPRESSION, LOG_DAYS, Activity, platform_bytes
from benchmarks.scale_units import Measured, Step, Units

MILLION = 1_000_000
CALLS_PER_TOKEN = 3600
"""How many calls a server sends with one token, which is valid for an hour: one call a second. An assumption."""

LINES = (
    "API Gateway",
    "DynamoDB writes",
    "DynamoDB reads",
    "DynamoDB stream reads",
    "Storage, for a year",
    "Recovery, for a year",
    "Lambda duration",
    "Lambda requests",
    "SQS",
    "Logs",
    "Cognito tokens",
    "KMS signatures",
    "S3 and EventBridge",
    "Data to the internet",
)
"""The lines of a bill. Clients, keys and alarms cost the same each month, so they are not among them."""


class Part(NamedTuple):
    """A step, and how many items it handles. ``fair`` and ``fifo`` say what queue its messages are in."""

    step: Step
    items: float
    is_api: bool = False
    fair: bool = False
    fifo: bool = False

    @property
    def invocations(self) -> float:
        return self.items / self.step.most

    @property
    def used(self) -> Units:
        return self.step.uses(self.step.most).scaled(self.invocations)


def bill(parts: Sequence[Part], stored_bytes: float) -> dict[str, float]:
    """Return what these parts cost, by line, in dollars; and keeping ``stored_bytes`` in the table for a year."""
    used, calls, tokens = Units(), sum(part.items for part in parts if part.is_api), 0.0
    for part in parts:
        used = used.plus(part.used)
    tokens = calls / CALLS_PER_TOKEN
    invocations = sum(part.invocations for part in parts)
    gb_seconds = sum(
        part.invocations * part.step.seconds(part.step.most) * part.step.memory_mb / 1024 for part in parts
    )
    gb = stored_bytes / 1e9
    logged = (used.log_bytes + invocations * platform_bytes()) / 1e9
    dearer = sum(part.used.sqs_requests for part in parts if part.fair or part.fifo)
    sent = (used.sent_bytes + calls * HEADER_BYTES) / 1e9
    return {
        "API Gateway": calls * prices.API_CALL,
        "DynamoDB writes": used.write_units * prices.WRITE_UNIT,
        "DynamoDB reads": used.read_units * prices.READ_UNIT,
        "DynamoDB stream reads": prices.STREAM_READ,
        "Storage, for a year": 12 * gb * prices.STORED_GB,
        "Recovery, for a year": 12 * gb * prices.RECOVERABLE_GB,
        "Lambda duration": gb_seconds * prices.GB_SECOND,
        "Lambda requests": invocations * prices.INVOCATION,
        "SQS": used.sqs_requests * prices.SQS_REQUEST + dearer * prices.FAIR_QUEUE_REQUEST,
        "Logs": logged * (prices.LOGGED_GB + prices.KEPT_LOG_GB * LOG_DAYS / DAYS_OF_MONTH * LOG_COMPRESSION),
        "Cognito tokens": tokens * prices.TOKEN,
        "KMS signatures": used.signatures * prices.SIGNATURE,
        "S3 and EventBridge": used.files * prices.S3_PUT + used.events * prices.EVENT,
        "Data to the internet": sent * prices.SENT_GB,
    }


def actions_bill(measured: Measured, size: int) -> dict[str, float]:
    """Return what a million actions cost in calls of ``size``: to report, post, search for repeats, and count them."""
    records = MILLION * measured.records_per_action
    parts = [
        Part(measured.reports[size], MILLION / size, is_api=True, fair=True),
        Part(measured.accruals[size], MILLION / size, fair=True),
        Part(measured.steps["find_repeats"], records),
        Part(measured.steps["tally"], records),
    ]
    return bill(parts, MILLION * measured.bytes_per_action)


def usual_bill(measured: Measured, size: int) -> dict[str, float]:
    """Return what a million actions cost in the usual design, which neither searches for repeats nor counts totals.

    It logs as much in an invocation as Saxaul does.
    """
    report, post = measured.usual_reports[size], measured.usual[size]
    logged = Units(log_bytes=measured.accruals[size].fixed.log_bytes)
    parts = [
        Part(Step(report.function, report.fixed.plus(_logs_of(measured.reports[size]))), MILLION / size, is_api=True),
        Part(Step(post.function, post.fixed.plus(logged), post.each, post.most), MILLION),
    ]
    return bill(parts, MILLION * measured.usual_bytes)


def _logs_of(step: Step) -> Units:
    return Units(log_bytes=step.fixed.log_bytes)


def tree_bill(measured: Measured, activity: Activity) -> dict[str, float]:
    """Return what a million trees cost, from the harvest to the certificate, without the actions that earned them."""
    steps = measured.steps
    views = MILLION * activity.views_per_tree
    late = MILLION * (activity.requests_per_tree - 1)
    parts = [
        Part(steps["harvest"], MILLION, is_api=True),
        Part(steps["redeem"], MILLION, is_api=True, fifo=True),
        Part(steps["redeem_late"], late, is_api=True),
        Part(steps["view_redemption"], views, is_api=True),
        Part(steps["settle"], MILLION, fifo=True),
        Part(steps["order"], MILLION, fifo=True),
        Part(steps["confirm"], MILLION),
        Part(steps["certificate"], views, is_api=True),
        Part(steps["tally"], MILLION * measured.tree_records),
    ]
    return bill(parts, MILLION * measured.tree_bytes)


def actions_of_a_tree(measured: Measured) -> float:
    """Return how many average actions earn the points of one tree."""
    return measured.tree_points / measured.points_per_action


def front_doors(size: int) -> dict[str, float]:
    """Return what the front door costs for a million actions in calls of ``size``, with each kind of front door."""
    calls = MILLION / size
    return {
        "REST API": calls * prices.API_CALL,
        "HTTP API": calls * prices.HTTP_API_CALL,
        "function URL": 0.0,
    }
