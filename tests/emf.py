"""Reads the metrics of a log line, and refuses a line that CloudWatch would not take them from.

The rules are those of CloudWatch's embedded metric format:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
The lengths of names and of the values of dimensions, the two weeks and the two hours are those of ``PutMetricData``:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MOST_BYTES = 256 * 1024
"""The most bytes of a line. Newer pages of the specification allow 1 MB."""

MOST_METRICS = 100
MOST_VALUES = 100
MOST_DIMENSIONS = 9
"""The most dimensions of a metric. Newer pages of the specification allow 30."""

MOST_CHARACTERS = 255
"""The most characters of a namespace, of a name and of the name of a dimension."""

MOST_CHARACTERS_OF_A_VALUE = 1024
"""The most characters of the value of a dimension."""

_SIZES = [
    f"{prefix}{name}".capitalize() for prefix in ("", "kilo", "mega", "giga", "tera") for name in ("bytes", "bits")
]
_PER_SECOND = [f"{name}/Second" for name in (*_SIZES, "Count")]
UNITS = frozenset(
    {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "None"}.union(_SIZES, _PER_SECOND),
)


class Measured(NamedTuple):
    """A metric of a line, with its values and its dimensions."""

    namespace: str
    name: str
    unit: str
    values: tuple[float, ...]
    dimensions: Mapping[str, str]


def metrics_of(line: str) -> list[Measured]:
    """Return the metrics of a line. It is empty if the line has none.

    Raises:
        AssertionError: the line breaks a rule of the specification.
    """
    assert len(line.encode()) <= MOST_BYTES
    root = json.loads(line, parse_constant=_no_number)
    assert isinstance(root, dict), "the line is an object, and has nothing before and after it"
    if "_aws" not in root:
        return []
    metadata = root["_aws"]
    assert metadata.keys() == {"Timestamp", "CloudWatchMetrics"}
    _check_time(metadata["Timestamp"])
    found = [metric for directive in metadata["CloudWatchMetrics"] for metric in _of_directive(directive, root)]
    names = [metric.name for metric in found]
    assert len(names) == len(set(names)), "a line has one member of a name"
    assert found
    return found


def _no_number(text: str) -> None:
    raise AssertionError(f"{text} is no number of JSON")


def _check_time(at: object) -> None:
    now = time.time_ns() // 1_000_000
    assert type(at) is int
    assert now - 14 * 86_400_000 <= at <= now + 2 * 3_600_000, "milliseconds since 1970, in the last two weeks"


def _of_directive(directive: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Measured]:
    assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
    _check_name(directive["Namespace"])
    assert not directive["Namespace"].startswith(":")
    assert 1 <= len(directive["Metrics"]) <= MOST_METRICS
    [names] = directive["Dimensions"]  # each set would make another metric of each, which AWS bills
    assert len(names) <= MOST_DIMENSIONS
    dimensions = {name: _dimension(name, root) for name in names}
    for definition in directive["Metrics"]:
        assert {"Name"} <= definition.keys() <= {"Name", "Unit"}
        name, unit = definition["Name"], definition.get("Unit", "None")
        _check_name(name)
        assert unit in UNITS
        yield Measured(directive["Namespace"], name, unit, _values(root[name]), dimensions)


def _check_name(name: object) -> None:
    assert isinstance(name, str)
    assert 1 <= len(name) <= MOST_CHARACTERS
    assert name.isascii()
    assert name.isprintable()
    assert name.strip() == name


def _dimension(name: str, root: Mapping[str, Any]) -> str:
    _check_name(name)
    value = root[name]
    assert isinstance(value, str)
    assert 1 <= len(value) <= MOST_CHARACTERS_OF_A_VALUE
    assert value.isascii()
    assert value.isprintable()
    assert value.strip()
    return value


def _values(target: object) -> tuple[float, ...]:
    values = tuple(target) if isinstance(target, list) else (target,)
    assert 1 <= len(values) <= MOST_VALUES
    assert all(type(value) in (int, float) for value in values), "a boolean is no number"
    return values
