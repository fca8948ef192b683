"""The structured logger of all functions. Each logs one line per invocation; place_orders logs one per message."""

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

METRICS = "Saxaul"
"""The namespace of our own metrics."""

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


def metric(name: str, unit: str, value: int, function: str, now: int) -> dict[str, Any]:
    """Return the fields that make a log line a data point of a metric (CloudWatch's embedded metric format).

    The metric is in the namespace METRICS and has the name of the function as its dimension ``Function``. ``now`` is in
    seconds since 1970.
    """
    described = {
        "Namespace": METRICS,
        "Dimensions": [["Function"]],
        "Metrics": [{"Name": name, "Unit": unit}],
    }
    return {"_aws": {"Timestamp": 1000 * now, "CloudWatchMetrics": [described]}, "Function": function, name: value}
