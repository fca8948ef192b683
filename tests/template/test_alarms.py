"""Alarms: each has somebody to tell, and nothing that can break is without one."""

import re

import pytest

from local.sam import ROOT
from local.template import Properties
from tests.template.reading import attribute_of, functions, made, made_resources, resources, sources, template

MOST_METRICS = 10
"""An alarm adds up no more metrics."""

ALARMS = resources("AWS::CloudWatch::Alarm")


def alarmed(metric: str) -> list[str]:
    """The resources whose metric an alarm watches alone."""
    dimensions = [alarm["Dimensions"][0]["Value"] for alarm in ALARMS.values() if alarm.get("MetricName") == metric]
    return sorted(value["Ref"] if "Ref" in value else attribute_of(value) for value in dimensions)


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_has_an_action_and_sleeps_while_nothing_happens(name: str) -> None:
    alarm = made("AWS::CloudWatch::Alarm")[name]

    assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


def test_every_dead_letter_queue_has_an_alarm_on_its_first_message() -> None:
    queues = [name for name in resources("AWS::SQS::Queue") if name.endswith("DeadLetterQueue")]

    assert alarmed("ApproximateNumberOfMessagesVisible") == sorted(queues)
    assert all(
        alarm["Threshold"] == 0
        for alarm in ALARMS.values()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    )


def test_every_queue_that_a_function_reads_has_an_alarm_on_its_oldest_message() -> None:
    queues = resources("AWS::SQS::Queue")

    assert alarmed("ApproximateAgeOfOldestMessage") == sorted(
        attribute_of(source["EventSourceArn"]) for _, source in sources("Queue.Arn")
    )
    for name, alarm in ALARMS.items():
        if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage":
            queue = queues[attribute_of(alarm["Dimensions"][0]["Value"])]
            assert queue["VisibilityTimeout"] < alarm["Threshold"] < 3600, f"{name}: one failure is no alarm"


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_is_in_one_alarm_on_its_errors_and_in_one_on_its_throttles(metric: str) -> None:
    sums = [alarm["Metrics"] for alarm in ALARMS.values() if metric in str(alarm.get("Metrics"))]
    watched = [query for metrics in sums for query in metrics if "MetricStat" in query]

    assert sorted(named(query) for query in watched) == sorted(functions())
    for query in watched:
        assert query["MetricStat"]["Metric"]["MetricName"] == metric
        assert query["ReturnData"] is False


def test_an_alarm_on_a_sum_adds_up_all_that_it_names() -> None:
    for alarm in ALARMS.values():
        if "Metrics" in alarm:
            total, *parts = alarm["Metrics"]
            assert total["Expression"] == f"SUM([{', '.join(part['Id'] for part in parts)}])"
            assert len(parts) <= MOST_METRICS
            assert all(re.fullmatch(r"[a-z]\w*", part["Id"]) for part in parts)


def named(query: Properties) -> str:
    [dimension] = query["MetricStat"]["Metric"]["Dimensions"]
    return str(dimension["Value"]["Ref"])


def test_only_a_laptop_stack_goes_without_the_alarms_on_sums() -> None:
    conditional = {name: made_resources()[name].get("Condition") for name in ALARMS}

    assert {name for name, condition in conditional.items() if condition} == {
        name for name, alarm in ALARMS.items() if "Metrics" in alarm
    }
    assert set(conditional.values()) == {None, "IsOnAws"}
    assert template()["Conditions"]["IsOnAws"] == {"Fn::Equals": [{"Ref": "OnLaptop"}, "false"]}
    assert template()["Parameters"]["OnLaptop"]["Default"] == "false"


def test_answers_of_5xx_and_a_stream_that_lags_have_an_alarm() -> None:
    [(stage, _)] = made("AWS::ApiGateway::Stage").items()
    [api] = made("AWS::ApiGateway::RestApi").values()
    errors = ALARMS["ServerErrorsAlarm"]

    assert errors["Dimensions"] == [
        {"Name": "ApiName", "Value": api["Name"]},
        {"Name": "Stage", "Value": made("AWS::ApiGateway::Stage")[stage]["StageName"]},
    ]
    assert alarmed("IteratorAge") == [name for name, _ in sources("StreamArn")]
    assert ALARMS["StreamLagAlarm"]["Threshold"] < 24 * 3600 * 1000, "the stream forgets after a day"


def test_whoever_changes_the_key_is_told_of() -> None:
    [rule] = made("AWS::Events::Rule").values()
    detail = rule["EventPattern"]["detail"]

    assert {"PutKeyPolicy", "ScheduleKeyDeletion", "DisableKey", "CreateGrant"} == set(detail["eventName"])
    assert detail["resources"] == {"ARN": [{"Fn::GetAtt": "SigningKey.Arn"}]}
    assert [target["Arn"] for target in rule["Targets"]] == [{"Ref": "Alarms"}]


def test_alarms_and_rules_may_speak_to_the_topic_and_an_address_hears_it() -> None:
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


@pytest.mark.parametrize("name", [*sorted(ALARMS), "KeyChanges"])
def test_the_operations_say_of_every_alarm_what_it_means_how_soon_it_shows_and_what_to_do(name: str) -> None:
    rows = re.findall(rf"^\| `{name}` \|(.+)\|$", (ROOT / "docs/operations.md").read_text("utf-8"), re.MULTILINE)

    assert len(rows) == 1
    assert all(cell.strip() for cell in rows[0].split("|"))
    assert len(rows[0].split("|")) == 3
