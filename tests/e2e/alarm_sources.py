"""Reads what the metric of an alarm is made of, from a running laptop stack.

Everything that is read follows from the alarm in the template: the namespace, the metric, and the resource that its
dimension names. So an alarm that watches another queue or function than it should is noticed.

The emulator has the metrics of Lambda that count errors and throttles, and the number of messages of a queue. It has no
metric of the age of messages, so the age is that of the oldest message itself. It does not make metrics of log lines,
so these are read from the lines, as CloudWatch reads them.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3

from local.deployment import LAPTOP_STACK, client_arguments
from local.template import Properties, resources
from operations.log_group import LogGroup

NOTHING = 0.0
"""What a source without data is taken for, as the alarms treat missing data as not breaching."""


class Metric(NamedTuple):
    """A metric that an alarm watches: its namespace, its name, and the logical id that its dimension names."""

    namespace: str
    name: str
    resource: str
    statistic: str


def metrics_of(alarm: Properties) -> list[Metric]:
    """Return the metrics that an alarm of the template watches: one, or those of its metric math."""
    if "MetricName" in alarm:
        return [_metric(alarm, str(alarm.get("Statistic") or alarm["ExtendedStatistic"]))]
    found = [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    return [_metric(each["Metric"], each["Stat"]) for each in found]


def _metric(described: Properties, statistic: str) -> Metric:
    value = described["Dimensions"][0]["Value"]
    resource = value["Fn::GetAtt"] if "Fn::GetAtt" in value else value["Ref"]
    return Metric(described["Namespace"], described["MetricName"], str(resource).partition(".")[0], statistic)


class Sources:
    """Reads the sources of metrics. ``stack`` is the file of the laptop stack."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        arguments = client_arguments(stack["endpoint_url"])
        self._functions: Mapping[str, str] = stack["functions"]
        self._queues = _queue_urls(boto3.client("cloudformation", **arguments))
        self._sqs = boto3.client("sqs", **arguments)
        self._cloudwatch = boto3.client("cloudwatch", **arguments)
        self._lines = LogGroup(boto3.client("logs", **arguments), stack["log_group"])

    def queue_url(self, queue: str) -> str:
        """Return the URL of a queue, by its logical id."""
        return self._queues[queue]

    def read(self, metric: Metric, since: float) -> float:
        """Return the newest value of a metric's source; of a count, what was counted since an instant."""
        match metric:
            case Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, _):
                found = self._sqs.get_queue_attributes(
                    QueueUrl=self._queues[queue], AttributeNames=["ApproximateNumberOfMessages"]
                )
                return float(found["Attributes"]["ApproximateNumberOfMessages"])
            case Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", queue, _):
                return self._age_of_oldest(self._queues[queue])
            case Metric("AWS/Lambda", name, function, "Sum"):
                return self._counted(name, self._functions[function], since)
            case Metric("Saxaul", name, function, "Sum" | "SampleCount" as statistic):
                values = self.logged(name, function, since)
                return sum(values) if statistic == "Sum" else len(values)
            case Metric("Saxaul", name, function, _):
                return next(reversed(self.logged(name, function, since)), NOTHING)
            case _:
                raise ValueError(f"the emulator has no source of {metric}")

    def _age_of_oldest(self, url: str) -> float:
        """Return the age of the oldest message that nobody processes, in seconds. Looking at a message hides it not."""
        seen = self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageSystemAttributeNames=["SentTimestamp"]
        )
        sent = [int(message["Attributes"]["SentTimestamp"]) / 1000 for message in seen.get("Messages", ())]
        return time.time() - min(sent) if sent else NOTHING

    def _counted(self, name: str, function: str, since: float) -> float:
        """Return how often something was counted of a function, in the minutes from that of ``since`` on."""
        found = self._cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": function}],
            StartTime=datetime.fromtimestamp(since, UTC).replace(second=0),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in found["Datapoints"]))

    def logged(self, name: str, function: str, since: float) -> list[float]:
        """Return the values of a metric of our own that a function has logged since an instant, oldest first.

        A line counts only if CloudWatch would take it for values of the metric of this function.
        """
        lines = self._lines.find(f'"{name}"', since, time.time(), oldest_first=True).found
        values = [line.fields[name] for line in lines if _describes(line.fields, name, self._functions[function])]
        return [number for value in values for number in (value if isinstance(value, list) else [value])]

    def messages(self, message: str, since: float) -> int:
        """Return how many lines with a message were logged since an instant, by all functions."""
        return len(self._lines.find(f'"message":"{message}"', since, time.time()).found)

    def statuses(self, path: str, since: float) -> list[int]:
        """Return the status of each request of a path, such as ``GET /users/{user_id}/wallet``, since an instant."""
        lines = self._lines.find('"status":', since, time.time()).found
        return [line.fields["status"] for line in lines if line.fields.get("message") == path]


def _describes(fields: Mapping[str, Any], name: str, function: str) -> bool:
    """Return whether a log line is a value of a metric with the dimension ``Function`` of this function."""
    described = fields.get("_aws", {}).get("CloudWatchMetrics", ())
    return fields.get("Function") == function and any(
        each["Namespace"] == "Saxaul"
        and ["Function"] in each["Dimensions"]
        and name in [metric["Name"] for metric in each["Metrics"]]
        for each in described
    )


def _queue_urls(cloudformation: Any) -> dict[str, str]:  # noqa: ANN401 - boto3's own
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=LAPTOP_STACK)
    made = [resource for page in pages for resource in page["StackResourceSummaries"]]
    queues = resources("AWS::SQS::Queue")
    return {
        found["LogicalResourceId"]: found["PhysicalResourceId"]
        for found in made
        if found["LogicalResourceId"] in queues
    }
