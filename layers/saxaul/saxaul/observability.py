"""The structured logger of all functions. Each logs one line per invocation; place_orders logs one per message."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aws_lambda_powertools import Logger

NAMESPACE = "Saxaul"
"""The namespace of our own metrics."""

METRICS: Mapping[str, str] = {
    "Accepted": "Count",
    "Refused": "Count",
    "ActionsPosted": "Count",
    "PointsEarned": "Count",
    "OldestAccepted": "Seconds",
    "SettleTime": "Seconds",
    "OldestUnposted": "Seconds",
    "OldestUnpublished": "Seconds",
    "MissingCosignatures": "Count",
}
"""Our own metrics with their units. docs/operations.md says what each means. CloudWatch bills each by the month."""

SAPLINGS_LEFT = "SaplingsLeft"
"""Begins the name of a metric that each tree project has, in its unit Count: a space and the project's id follow.

A line has one value of each dimension, but may settle redemptions of several projects. So the id is no dimension.
"""

MAX_LOGGED = 8000
"""The most characters of one text in a log line. An error message may contain what a client sent."""


def log_line(record: Mapping[str, Any]) -> str:
    """Return a record as one line of JSON in ASCII, with its long texts cut.

    Every other character is escaped. So a text that others wrote cannot end the line, add a field, or control the
    terminal that shows the line. A lone surrogate, which UTF-8 cannot encode, does not lose the line.
    """
    return json.dumps(_cut(record), default=lambda value: _cut(str(value)), separators=(",", ":"))


def _cut(value: Any) -> Any:  # noqa: ANN401 - any value of a record
    match value:
        case str() if len(value) > MAX_LOGGED:
            return f"{value[:MAX_LOGGED]}… ({len(value)} characters)"
        case Mapping():
            return {_cut(name): _cut(member) for name, member in value.items()}
        case list() | tuple():
            return [_cut(member) for member in value]
        case _:
            return value


logger = Logger(
    service="saxaul",
    json_serializer=log_line,
    json_deserializer=str,  # a message stays a text, also if it could be read as JSON
)


def metrics(function: str, values: Mapping[str, float | Sequence[float]]) -> dict[str, Any]:
    """Return the fields that make a log line the data of metrics (CloudWatch's embedded metric format).

    ``values`` has the value of each metric, or at most 100 values. The metrics are in the namespace NAMESPACE, and have
    the name of the function as their dimension ``Function``, so two stacks of one account have different metrics. Their
    time is that of AWS, which the clock of a stack does not move. There are no fields if there are no values.
    """
    if not values:
        return {}
    described = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Function"]],
        "Metrics": [{"Name": name, "Unit": METRICS.get(name, "Count")} for name in values],
    }
    return {
        "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [described]},
        "Function": function,
        **values,
    }
