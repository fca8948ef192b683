"""The dashboard: its JSON is valid, it names only what exists, and nothing that can fail is missing in it."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from benchmarks.prices import ALARM_METRIC_MONTH, DASHBOARD_MONTH, LOG_TIERS, METRIC_MONTH
from benchmarks.scale_model import alarm_metrics
from local.problem_codes import codes_below
from local.sam import ROOT
from saxaul.observability import METRICS, NAMESPACE, SAPLINGS_LEFT, log_line, metrics
from tests.template.reading import functions, made, made_resources, resources, template
from tests.template.test_alarms import WRITERS

METRICS_OF_AWS: Mapping[str, tuple[frozenset[str], tuple[tuple[str, ...], ...]]] = {
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    "AWS/ApiGateway": (frozenset({"Count", "4XXError", "5XXError", "Latency"}), (("ApiName", "Stage"),)),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": (
        frozenset({"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "NumberOfMessagesSent"}),
        (("QueueName",),),
    ),
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    "AWS/Lambda": (
        frozenset({"Errors", "Throttles", "Duration", "ConcurrentExecutions", "IteratorAge", "Invocations"}),
        (("FunctionName",),),
    ),
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    "AWS/DynamoDB": (
        frozenset(
            {
                "ConsumedReadCapacityUnits",
                "ConsumedWriteCapacityUnits",
                "ReadThrottleEvents",
                "WriteThrottleEvents",
            }
        ),
        (("TableName",), ("TableName", "GlobalSecondaryIndexName")),
    ),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    "AWS/Logs": (frozenset({"IncomingBytes", "EMFParsingErrors", "EMFValidationErrors"}), (("LogGroupName",),)),
}
"""The metrics of AWS that the dashboard and the alarms may name, and the sets of dimensions that these have."""

STATISTICS = re.compile(r"Sum|Maximum|Minimum|Average|SampleCount|p\d{1,2}")
WIDTH = 24
"""How many columns a dashboard has."""

SHOWN_OF_FUNCTIONS = ("Errors", "Throttles", "Duration", "ConcurrentExecutions")


class Shown(NamedTuple):
    """A metric that a widget shows. The values of its dimensions are those of the template, such as ``${Api}``."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    stat: str


def substituted() -> tuple[str, Mapping[str, Any]]:
    """Return the text of the dashboard with its references, and its variables."""
    text, variables = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    return text, variables


def widgets(*, on_aws: bool = True) -> list[dict[str, Any]]:
    """Return the widgets as CloudFormation makes them, with the references as they are."""
    text, variables = substituted()
    [(name, choice)] = variables.items()
    _, there, elsewhere = choice["Fn::If"]
    body = json.loads(text.replace(f"${{{name}}}", there["Fn::Sub"] if on_aws else elsewhere))
    assert body.keys() == {"widgets"}
    return list(body["widgets"])


def of_type(type_: str) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in widgets() if widget["type"] == type_]


def shown() -> Iterator[Shown]:
    """Yield each metric of the dashboard but the expressions."""
    for properties in of_type("metric"):
        before: list[str] = []
        for row in properties["metrics"]:
            options = row[-1] if isinstance(row[-1], dict) else {}
            if "expression" in options:
                continue
            names = [member for member in row if isinstance(member, str)]
            if names[0] == "...":
                names = [*before[: len(before) - len(names) + 1], *names[1:]]
            before = names
            yield Shown(
                names[0],
                names[1],
                dict(zip(names[2::2], names[3::2], strict=True)),
                options.get("stat", properties["stat"]),
            )


def named(metric: str) -> list[str]:
    """Return the values of the first dimension of a metric, wherever it is shown."""
    return [next(iter(found.dimensions.values())) for found in shown() if found.name == metric]


def references(text: str) -> set[str]:
    return set(re.findall(r"\$\{([^}]+)\}", text))


@pytest.mark.parametrize("on_aws", [True, False])
def test_the_widgets_lie_side_by_side_and_never_over_each_other(on_aws: bool) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets(on_aws=on_aws):
        x, y, width, height = (widget[name] for name in ("x", "y", "width", "height"))
        place = {(x + right, y + down) for right in range(width) for down in range(height)}
        assert x + width <= WIDTH
        assert not taken & place
        taken |= place
    assert len(taken) == WIDTH * (1 + max(y for _, y in taken)), "there is no gap"


def test_business_is_on_top_and_what_costs_money_below_health() -> None:
    headings = [properties["markdown"] for properties in of_type("text")]

    assert [re.sub(r".*: the business\..*", "business", heading) for heading in headings] == [
        "business",
        "## Health",
        "## What costs money. API calls are above",
    ]


def test_every_widget_of_data_names_the_region_of_the_stack_and_has_a_title() -> None:
    found = [*of_type("metric"), *of_type("log")]

    assert {properties["region"] for properties in found} == {"${AWS::Region}"}
    assert all(properties["title"] for properties in found)
    assert len({properties["title"] for properties in found}) == len(found)


def test_the_name_has_the_region_because_all_regions_of_an_account_share_the_names_of_dashboards() -> None:
    assert made("AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardName"] == {
        "Fn::Sub": "${AWS::StackName}-${AWS::Region}"
    }
    url = template()["Outputs"]["DashboardUrl"]
    assert url["Condition"] == "IsOnAws"
    assert url["Value"] == {
        "Fn::Sub": "https://${AWS::Region}.console.aws.amazon.com/cloudwatch/home?region=${AWS::Region}"
        "#dashboards/dashboard/${Dashboard}"
    }


def test_every_metric_of_the_dashboard_and_of_the_alarms_exists() -> None:
    watched = [
        Shown(metric["Namespace"], metric["MetricName"], {d["Name"]: str(d["Value"]) for d in metric["Dimensions"]}, "")
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for metric in [q["MetricStat"]["Metric"] for q in alarm.get("Metrics", ()) if "MetricStat" in q] or [alarm]
    ]

    for found in [*shown(), *watched]:
        if found.namespace == NAMESPACE:
            assert found.name in METRICS
            assert tuple(found.dimensions) == ("Function",)
        else:
            names, dimensions = METRICS_OF_AWS[found.namespace]
            assert found.name in names
            assert tuple(found.dimensions) in dimensions
        assert not found.stat or STATISTICS.fullmatch(found.stat)


def test_every_metric_of_our_own_is_shown_with_the_function_that_writes_it() -> None:
    found = {(metric.name, metric.dimensions["Function"]) for metric in shown() if metric.namespace == NAMESPACE}
    searched = [row[0]["expression"] for p in of_type("metric") for row in p["metrics"] if isinstance(row[0], dict)]

    assert found == {(name, f"${{{function}}}") for name, function in WRITERS.items()}
    assert WRITERS.keys() == METRICS.keys()
    assert searched == [
        f"SEARCH('{{{NAMESPACE},Function}} Function=\"${{SettleRedemptions}}\" {SAPLINGS_LEFT}', 'Minimum', 300)"
    ]


@pytest.mark.parametrize("metric", SHOWN_OF_FUNCTIONS)
def test_every_function_is_shown_once(metric: str) -> None:
    assert sorted(named(metric)) == sorted(f"${{{function}}}" for function in functions())


def test_every_queue_and_every_dead_letter_queue_is_shown() -> None:
    queues = {f"${{{name}.QueueName}}" for name in resources("AWS::SQS::Queue")}
    working = {name for name in queues if "DeadLetter" not in name}

    assert set(named("ApproximateNumberOfMessagesVisible")) == queues
    assert set(named("ApproximateAgeOfOldestMessage")) == set(named("NumberOfMessagesSent")) == working


def test_every_table_and_index_is_shown_with_what_it_used_and_what_was_throttled() -> None:
    tables = resources("AWS::DynamoDB::Table")
    indexes = {(n, index["IndexName"]) for n, t in tables.items() for index in t.get("GlobalSecondaryIndexes", ())}
    expected = {(f"${{{name}}}",) for name in tables} | {(f"${{{name}}}", index) for name, index in indexes}

    for metric in METRICS_OF_AWS["AWS/DynamoDB"][0]:
        assert {tuple(found.dimensions.values()) for found in shown() if found.name == metric} == expected


def test_every_reader_of_a_stream_is_shown() -> None:
    mappings = resources("AWS::Lambda::EventSourceMapping").values()
    readers = [mapping["FunctionName"] for mapping in mappings if "StreamArn" in str(mapping["EventSourceArn"])]

    assert len(named("IteratorAge")) == len(readers)
    assert all(any(name.strip("${}") in str(reader) for reader in readers) for name in named("IteratorAge"))


def test_the_first_widget_below_the_heading_lists_every_alarm() -> None:
    alarms = resources("AWS::CloudWatch::Alarm")
    [listed] = of_type("alarm")

    assert sorted(listed["alarms"]) == sorted(f"${{{name}.Arn}}" for name in alarms)
    assert widgets()[1]["type"] == "alarm"


def test_a_laptop_stack_lists_only_the_alarms_that_it_has() -> None:
    left = {
        f"${{{name}.Arn}}"
        for name in resources("AWS::CloudWatch::Alarm")
        if made_resources()[name].get("Condition") != "IsOnAws"
    }

    assert set(widgets(on_aws=False)[1]["properties"]["alarms"]) == left


def test_everything_that_the_dashboard_refers_to_is_a_resource_or_a_name_of_the_stack() -> None:
    text, variables = substituted()
    used = references(text) | {name for choice in variables.values() for name in references(json.dumps(choice))}
    known = {*made_resources(), "AWS::Region", "AWS::StackName", *variables}

    assert {name.partition(".")[0] for name in used} <= known


def test_the_refusals_are_counted_by_every_code_of_an_action_or_a_reversal() -> None:
    [query] = [properties["query"] for properties in of_type("log") if "by reason" in properties["title"]]
    codes = [found.code for found in codes_below("Codes of one action or reversal")]

    assert re.findall(r"sum\(refused\.(\w+)\) as (\w+)", query) == [(code, code) for code in codes]
    assert query.endswith(" by bin(5m)")


def test_the_queries_read_the_log_group_of_the_stack() -> None:
    for properties in of_type("log"):
        source, *commands = properties["query"].split(" | ")
        assert source == "SOURCE '${LogGroup}'"
        assert {command.split()[0] for command in commands} <= {"filter", "stats", "sort", "limit"}


def cost_of(item: str) -> str:
    """Return the row about an item in the table of what the stack costs."""
    table = (ROOT / "docs/operations.md").read_text("utf-8").partition("| item | dollars | why, and what to do |\n")[2]
    [row] = re.findall(rf"^\| {item} \|(.+)\|$", table, re.MULTILINE)
    return str(row)


def test_the_documented_costs_of_alarms_metrics_and_the_dashboard_are_those_of_the_template() -> None:
    alarms = resources("AWS::CloudWatch::Alarm").values()
    on_expressions = [len(alarm["Metrics"]) - 1 for alarm in alarms if "Metrics" in alarm]
    watched = alarm_metrics()
    distinct = {(found.namespace, found.name, *found.dimensions.items()) for found in shown()}

    of_alarms, own = cost_of("metrics of the alarms"), cost_of("metrics of our own")
    assert f"about {watched * ALARM_METRIC_MONTH:.2f} in all" in of_alarms
    assert f"have {sum(on_expressions)} metrics together" in of_alarms
    assert f"the other alarms {watched - sum(on_expressions)} " in of_alarms
    assert f" {METRIC_MONTH:.2f} a month each, {len(METRICS) * METRIC_MONTH:.2f} in all" in own
    assert cost_of("the dashboard").startswith(f" {DASHBOARD_MONTH:.0f} a month | it shows {len(distinct)} metrics;")


def test_the_documented_cost_of_metrics_in_log_lines_is_that_of_their_bytes() -> None:
    line = log_line(metrics("saxaul-IngestActions-AbCdEfGhIjKl", {"Accepted": 100, "Refused": 0}))
    dollars = 1e6 * len(line) / 1e9 * LOG_TIERS[0][1]

    assert f" about {dollars:.2f} for a million calls" in cost_of("log lines with metrics")
    assert f"add {round(len(line), -1)} bytes" in cost_of("log lines with metrics")


def test_every_metric_of_our_own_is_described_with_the_function_that_writes_it() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8").partition("## Metrics and the dashboard\n")[2]
    rows = re.findall(r"^\| `(\w+)(?: <project>)?` \| `(\w+)` \|", page.partition("\n## ")[0], re.MULTILINE)

    assert sorted(rows) == sorted([*WRITERS.items(), (SAPLINGS_LEFT, "SettleRedemptions")])
