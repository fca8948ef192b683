"""Alarms: each one notifies the topic, and each resource that can fail has an alarm."""

import re
from collections.abc import Iterator

import pytest

from local.sam import ROOT
from local.template import Properties
from saxaul.observability import METRICS, NAMESPACE
from tests.template.reading import attribute_of, events, functions, made, made_resources, resources, sources, template

MOST_METRICS = 10
"""The most metrics that an alarm can sum."""

WRITERS = {
    "Accepted": "IngestActions",
    "Refused": "IngestActions",
    "ActionsPosted": "AccruePoints",
    "PointsEarned": "AccruePoints",
    "OldestAccepted": "AccruePoints",
    "SettleTime": "SettleRedemptions",
    "OldestUnposted": "SweepRedemptions",
    "OldestUnpublished": "SequenceLog",
    "MissingCosignatures": "CosignCheckpoints",
}
"""The function that writes each metric of our own."""

PACKAGE = ROOT / "layers/saxaul/saxaul"
ELSEWHERE = {
    "IngestActions": ["http/intake_views.py"],
    "AccruePoints": ["services/accrue.py"],
    "SettleRedemptions": ["services/settle.py"],
}
"""The modules in which the metrics of a function are named, if it is not the handler."""

LONGEST_DESCRIPTION = 1024
"""The most characters of the description of an alarm."""

ALARMS = resources("AWS::CloudWatch::Alarm")

PAGE = (ROOT / "docs/alarms.md").read_text("utf-8")

ON_STREAMS = {"ImpactDeadLetterAlarm", "PublicationDeadLetterAlarm", "RepeatDeadLetterAlarm"}
"""The alarms on what a function that reads a stream gave up."""

OF_FUNCTIONS = sorted(name for name in ALARMS if name.endswith(("ErrorsAlarm", "ThrottlesAlarm")))
OF_FUNCTIONS.remove("ServerErrorsAlarm")  # it counts responses, and names no function


def described(description: Properties | str) -> str:
    """Return a description as its readers get it, with the longest name that a stack may have."""
    text = description["Fn::Sub"] if isinstance(description, dict) else description
    return str(text).replace("${AWS::StackName}", "s" * 128)


def alarmed(metric: str) -> list[str]:
    """Return the resources for which an alarm watches this metric and no other."""
    dimensions = [alarm["Dimensions"][0]["Value"] for alarm in ALARMS.values() if alarm.get("MetricName") == metric]
    return sorted(value["Ref"] if "Ref" in value else attribute_of(value) for value in dimensions)


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_every_alarm_notifies_the_topic_and_names_its_section(name: str) -> None:
    alarm = made("AWS::CloudWatch::Alarm")[name]

    assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
    assert described(alarm["AlarmDescription"]).endswith(f". See docs/alarms.md#{name.lower()}")
    assert len(described(alarm["AlarmDescription"])) <= LONGEST_DESCRIPTION


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_every_alarm_stays_off_without_data_but_the_one_on_missing_metrics(name: str) -> None:
    alarm = made("AWS::CloudWatch::Alarm")[name]

    assert alarm["TreatMissingData"] == ("breaching" if name == "NoMetricsAlarm" else "notBreaching")
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_every_dead_letter_queue_has_an_alarm_on_its_first_message() -> None:
    queues = [name for name in resources("AWS::SQS::Queue") if name.endswith("DeadLetterQueue")]

    assert alarmed("ApproximateNumberOfMessagesVisible") == sorted([*queues, "ActionQueue"])
    assert {
        alarm["Threshold"]
        for name, alarm in ALARMS.items()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible" and name != "ActionDepthAlarm"
    } == {0}


def test_every_queue_that_a_function_reads_has_an_alarm_on_its_oldest_message() -> None:
    queues = resources("AWS::SQS::Queue")

    assert alarmed("ApproximateAgeOfOldestMessage") == sorted(
        attribute_of(source["EventSourceArn"]) for _, source in sources("Queue.Arn")
    )
    for name, alarm in ALARMS.items():
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage":
            queue = queues[attribute_of(alarm["Dimensions"][0]["Value"])]
            assert queue["VisibilityTimeout"] < alarm["Threshold"] < 3600, f"{name}: one failure must raise no alarm"


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_in_one_alarm_on_its_errors_and_in_one_on_its_throttles(metric: str) -> None:
    sums = [alarm["Metrics"] for alarm in ALARMS.values() if f"'{metric}'" in str(alarm.get("Metrics"))]
    watched = [query for metrics in sums for query in metrics if "MetricStat" in query]

    assert sorted([*map(named, watched), *alarmed(metric)]) == sorted(functions())
    for query in watched:
        assert query["MetricStat"]["Metric"]["MetricName"] == metric
        assert query["ReturnData"] is False


def test_an_alarm_on_an_expression_uses_all_metrics_that_it_names() -> None:
    for alarm in ALARMS.values():
        if "Metrics" in alarm:
            total, *parts = alarm["Metrics"]
            names = [part["Id"] for part in parts]
            assert "ReturnData" not in total
            assert [part["ReturnData"] for part in parts] == [False] * len(parts)
            assert set(re.findall(r"\b[a-z]\w*", total["Expression"])) == set(names)
            assert len(parts) <= MOST_METRICS
            if "SUM" in total["Expression"]:
                assert total["Expression"] == f"SUM([{', '.join(names)}])"


def named(query: Properties) -> str:
    [dimension] = query["MetricStat"]["Metric"]["Dimensions"]
    return str(dimension["Value"]["Ref"])


def test_each_metric_of_our_own_that_a_schedule_writes_is_missed_if_it_stays_away() -> None:
    """The alarms on these metrics are off without data. All others are written if there is work."""
    expression, *parts = ALARMS["NoMetricsAlarm"]["Metrics"]
    counted = {part["MetricStat"]["Metric"]["MetricName"]: part["MetricStat"] for part in parts}
    intervals = {name: interval(function) for name, function in WRITERS.items() if interval(function)}

    assert counted.keys() == intervals.keys()
    assert {counted[name]["Stat"] for name in counted} == {"SampleCount"}
    assert expression["Expression"] == "IF(FILL(published, 0) == 0 OR FILL(swept, 0) == 0, 1, 0)"
    for name, seconds in intervals.items():
        assert seconds < counted[name]["Period"] * (ALARMS["NoMetricsAlarm"]["EvaluationPeriods"] - 1)


def test_only_a_laptop_stack_leaves_out_the_alarms_on_expressions() -> None:
    conditional = {name: made_resources()[name].get("Condition") for name in ALARMS}

    assert {name for name, condition in conditional.items() if condition} == {
        name for name, alarm in ALARMS.items() if "Metrics" in alarm
    }
    assert set(conditional.values()) == {None, "IsOnAws"}
    assert template()["Conditions"]["IsOnAws"] == {"Fn::Equals": [{"Ref": "OnLaptop"}, "false"]}
    assert template()["Parameters"]["OnLaptop"]["Default"] == "false"


def test_5xx_responses_and_a_lagging_stream_have_an_alarm() -> None:
    [(stage, _)] = made("AWS::ApiGateway::Stage").items()
    [api] = made("AWS::ApiGateway::RestApi").values()
    errors = ALARMS["ServerErrorsAlarm"]

    assert errors["Dimensions"] == [
        {"Name": "ApiName", "Value": api["Name"]},
        {"Name": "Stage", "Value": made("AWS::ApiGateway::Stage")[stage]["StageName"]},
    ]
    ledgers = [name for name, mapping in sources("LedgerTable.StreamArn")]
    assert alarmed("IteratorAge") == sorted(ledgers)
    for name in ("StreamLagAlarm", "RepeatLagAlarm"):
        assert ALARMS[name]["Threshold"] < 24 * 3600 * 1000, "the stream keeps a change for one day"


def own_metrics() -> Iterator[tuple[str, str]]:
    """Yield the metrics of our own that alarms watch, each with the logical id of the function of its dimension."""
    for alarm in ALARMS.values():
        watched = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
        for metric in watched or [alarm]:
            if metric["Namespace"] == NAMESPACE:
                [dimension] = metric["Dimensions"]
                assert dimension["Name"] == "Function"
                yield metric["MetricName"], dimension["Value"]["Ref"]


def test_an_alarm_on_a_metric_of_our_own_watches_the_function_that_writes_it() -> None:
    watched = list(own_metrics())

    assert {name for name, _ in watched} <= METRICS.keys()
    assert {(name, WRITERS[name]) for name, _ in watched} == set(watched)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_of_our_own_is_written_by_one_function(name: str) -> None:
    writing = {
        function
        for function, properties in functions().items()
        for path in [ROOT / properties["CodeUri"] / "handler.py", *map(PACKAGE.joinpath, ELSEWHERE.get(function, ()))]
        if f'"{name}": ' in path.read_text("utf-8")
    }

    assert writing == {WRITERS[name]}


def test_a_late_log_has_one_bound_which_its_alarm_and_the_docs_name() -> None:
    minutes = ALARMS["LateLogAlarm"]["Threshold"] // 60
    described = [str(alarm["AlarmDescription"]) for alarm in ALARMS.values()]
    [section] = re.findall(r"^### LateLogAlarm\n(.+?)^#", PAGE, re.MULTILINE | re.DOTALL)

    assert [f"more than {minutes} minutes" in text for text in described if "to be published in the log" in text] == [
        True
    ]
    assert f"more than {minutes} minutes" in section


def test_every_change_of_who_may_use_the_signing_key_is_published_to_the_topic() -> None:
    [rule] = made("AWS::Events::Rule").values()
    detail = rule["EventPattern"]["detail"]

    assert {"PutKeyPolicy", "ScheduleKeyDeletion", "DisableKey", "CreateGrant"} == set(detail["eventName"])
    assert detail["resources"] == {"ARN": [{"Fn::GetAtt": "SigningKey.Arn"}]}
    assert [target["Arn"] for target in rule["Targets"]] == [{"Ref": "Alarms"}]


def test_alarms_and_rules_may_publish_to_the_topic_and_an_address_can_subscribe() -> None:
    [policy] = made("AWS::SNS::TopicPolicy").values()
    [subscription] = made("AWS::SNS::Subscription").values()
    pattern = template()["Parameters"]["AlarmEmail"]["AllowedPattern"]

    assert [statement["Principal"]["Service"] for statement in policy["PolicyDocument"]["Statement"]] == [
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    ]
    assert subscription["Endpoint"] == {"Ref": "AlarmEmail"}
    assert made_resources()["AlarmSubscription"]["Condition"] == "HasAlarmEmail"
    assert [text for text in ("", "a@b.cn", "a b@c", "nobody") if re.search(pattern, text)] == ["", "a@b.cn"]


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_every_dimension_names_a_resource_of_its_kind(name: str) -> None:
    kinds = {"QueueName": resources("AWS::SQS::Queue"), "FunctionName": functions(), "Function": functions()}
    metrics = [query["MetricStat"]["Metric"] for query in ALARMS[name].get("Metrics", ()) if "MetricStat" in query]

    for metric in metrics or [ALARMS[name]]:
        for dimension in metric["Dimensions"]:
            if dimension["Name"] not in {"ApiName", "Stage"}:
                value = dimension["Value"]
                assert (value["Ref"] if "Ref" in value else attribute_of(value)) in kinds[dimension["Name"]]


@pytest.mark.parametrize("ending", ["Age", "DeadLetter"])
def test_an_alarm_on_a_queue_watches_the_queue_of_its_name(ending: str) -> None:
    for name, alarm in ALARMS.items():
        if name.endswith(f"{ending}Alarm") and alarm.get("Namespace") == "AWS/SQS":
            queue = name.removesuffix("Alarm").removesuffix("Age")
            assert attribute_of(alarm["Dimensions"][0]["Value"]) == f"{queue}Queue"
            assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Maximum", 60, 1)


def interval(function: str) -> int:
    """Return how often a schedule starts a function, in seconds. 0 if none does."""
    rates = [
        re.search(r"^rate\((\d+) minutes?\)$", str(properties["ScheduleExpression"]))
        for name, properties in events("ScheduleV2")
        if name == function
    ]
    return next((int(rate[1]) * 60 for rate in rates if rate), 0)


def breached_after(name: str) -> float:
    """Return the seconds from the first failure until what an alarm watches has been over its threshold long enough."""
    alarm = ALARMS[name]
    described = next((query["MetricStat"] for query in alarm.get("Metrics", ()) if "MetricStat" in query), alarm)
    periods = described["Period"] * alarm["EvaluationPeriods"]
    match alarm.get("MetricName"):
        case "ApproximateAgeOfOldestMessage":
            return float(alarm["Threshold"])
        case "ApproximateNumberOfMessagesVisible" if name != "ActionDepthAlarm":
            return failed_after(name.removesuffix("DeadLetterAlarm"))
        case "IteratorAge":
            return float(alarm["Threshold"] / 1000 + periods)
        case "OldestUnposted" | "OldestUnpublished" as metric:
            return float(alarm["Threshold"] + interval(WRITERS[metric]))
        case "MissingCosignatures":
            return float(periods + interval("SequenceLog"))
    return float(periods)


def failed_after(queue: str) -> float:
    """Return the seconds until a message that always fails is a dead letter. A scheduled run fails within a minute."""
    work = resources("AWS::SQS::Queue").get(f"{queue}Queue")
    return float(work["RedrivePolicy"]["maxReceiveCount"] * work["VisibilityTimeout"]) if work else 60.0


def section_of(name: str) -> str:
    """Return the section of an alarm."""
    return PAGE.partition(f"\n### {name}\n")[2].partition("\n#")[0]


def said(name: str) -> str:
    """Return when an alarm shows, as its section says."""
    [text] = re.findall(r"\*\*Shows after:\*\* (.+?)\.\n- ", section_of(name), re.DOTALL)
    return " ".join(text.split())


def indexed(name: str) -> str:
    """Return when an alarm shows, as the index says."""
    [text] = re.findall(rf"^\| \[`{name}`\][^|]*\|[^|]*\| ([^|]+) \|", PAGE, re.MULTILINE)
    return str(text)


@pytest.mark.parametrize("name", sorted(ALARMS.keys() - ON_STREAMS))
def test_an_alarm_shows_as_soon_as_its_section_and_the_index_say(name: str) -> None:
    minutes = (breached_after(name) + 60 + 30) // 60  # a minute is that of CloudWatch

    assert re.match(rf"{minutes:.0f} minutes\b", said(name))
    assert indexed(name) == said(name)


@pytest.mark.parametrize("name", sorted(ON_STREAMS))
def test_a_dead_letter_of_a_stream_shows_after_the_retries_that_its_section_says(name: str) -> None:
    """Lambda decides how long it waits between two attempts, so no time can be told."""
    queue = name.replace("Alarm", "Queue")
    mappings = resources("AWS::Lambda::EventSourceMapping").values()
    [retries] = [each["MaximumRetryAttempts"] for each in mappings if queue in str(each.get("DestinationConfig"))]

    assert said(name).startswith(f"after all {retries} retries have failed; ")
    assert indexed(name) == said(name)


@pytest.mark.parametrize("name", OF_FUNCTIONS)
def test_a_function_whose_log_the_section_of_an_alarm_on_functions_shows_is_in_that_alarm(name: str) -> None:
    alarm, shown = ALARMS[name], set(re.findall(r"FUNCTION=(\w+)", section_of(name)))
    watched = {*map(named, alarm["Metrics"][1:])} if "Metrics" in alarm else {alarm["Dimensions"][0]["Value"]["Ref"]}

    assert shown <= watched
    assert shown or name.endswith("ThrottlesAlarm"), "errors are read in a log"
