"""The validator of metrics refuses each line that the specification refuses."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from saxaul.observability import METRICS, SAPLINGS_LEFT, log_line, metrics
from tests.emf import MOST_VALUES, UNITS, metrics_of


def line_of(change: Callable[[dict[str, Any]], object]) -> str:
    """Return a valid line with two metrics, changed."""
    root: dict[str, Any] = {
        "message": "settled",
        **metrics("saxaul-IngestActions-1", {"Accepted": 2, "SettleTime": [1, 2.5]}),
    }
    change(root)
    return json.dumps(root)


def directive(root: dict[str, Any]) -> dict[str, Any]:
    [found] = root["_aws"]["CloudWatchMetrics"]
    assert isinstance(found, dict)
    return found


def test_a_valid_line_has_its_metrics_with_their_units_values_and_dimensions() -> None:
    accepted, settled = metrics_of(line_of(lambda _: None))

    assert (accepted.namespace, accepted.name, accepted.unit, accepted.values) == ("Saxaul", "Accepted", "Count", (2,))
    assert (settled.name, settled.unit, settled.values) == ("SettleTime", "Seconds", (1, 2.5))
    assert accepted.dimensions == settled.dimensions == {"Function": "saxaul-IngestActions-1"}


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "no time": lambda root: root["_aws"].pop("Timestamp"),
    "a time in seconds": lambda root: root["_aws"].update(Timestamp=int(time.time())),
    "a time in the future": lambda root: root["_aws"].update(Timestamp=int(1000 * (time.time() + 3 * 3600))),
    "an unknown member": lambda root: root["_aws"].update(Log="x"),
    "no directive": lambda root: root["_aws"].update(CloudWatchMetrics=[]),
    "no namespace": lambda root: directive(root).pop("Namespace"),
    "an empty namespace": lambda root: directive(root).update(Namespace=""),
    "no metrics": lambda root: directive(root).update(Metrics=[]),
    "101 metrics": lambda root: directive(root).update(Metrics=[{"Name": "Accepted"}] * 101),
    "a metric twice": lambda root: directive(root).update(Metrics=[{"Name": "Accepted"}] * 2),
    "a metric without a value": lambda root: root.pop("Accepted"),
    "a unit that is none": lambda root: directive(root)["Metrics"][0].update(Unit="Points"),
    "a name of 256 characters": lambda root: directive(root)["Metrics"][0].update(Name="n" * 256),
    "a name that is not ASCII": lambda root: directive(root)["Metrics"][0].update(Name="梭梭"),
    "a text as a value": lambda root: root.update(Accepted="2"),
    "a boolean as a value": lambda root: root.update(Accepted=True),
    "null as a value": lambda root: root.update(Accepted=None),
    "not a number": lambda root: root.update(Accepted=float("nan")),
    "no values": lambda root: root.update(SettleTime=[]),
    "101 values": lambda root: root.update(SettleTime=[1] * (MOST_VALUES + 1)),
    "two sets of dimensions": lambda root: directive(root).update(Dimensions=[["Function"], []]),
    "a dimension without a value": lambda root: root.pop("Function"),
    "an empty dimension": lambda root: root.update(Function=" "),
    "a number as a dimension": lambda root: root.update(Function=1),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_line_that_breaks_a_rule_is_refused(name: str) -> None:
    with pytest.raises((AssertionError, KeyError, ValueError)):
        metrics_of(line_of(WRONG[name]))


def test_a_line_without_metrics_has_none_and_no_fields_of_them() -> None:
    assert metrics("saxaul-IngestActions-1", {}) == {}
    assert metrics_of('{"message": "settled"}') == []


def test_every_metric_of_our_own_has_a_unit_of_cloudwatch_and_the_longest_names_are_valid() -> None:
    assert set(METRICS.values()) <= UNITS
    longest = metrics("f" * 64, {**dict.fromkeys(METRICS, 10**12), f"{SAPLINGS_LEFT} {'p' * 64}": -1})

    assert len(metrics_of(log_line(longest))) == len(METRICS) + 1
