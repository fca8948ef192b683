"""docs/restoring.md: its commands stop and start what the template has, and change nothing else."""

import json
import re

import boto3
import jmespath  # type: ignore[import-untyped]
from moto import mock_aws

from local.sam import ROOT
from tests.template.reading import events

PAGE = (ROOT / "docs/restoring.md").read_text("utf-8")


def test_the_functions_that_the_page_stops_are_those_of_the_api() -> None:
    [names] = re.findall(r"for function in ([\w\s\\]+); do", PAGE)

    assert set(names.replace("\\", " ").split()) == {name for name, _ in events("Api")}


def test_the_page_stops_the_workers_before_the_api_and_starts_them_after_it() -> None:
    marks = ['DO="stop all"', "set_schedules DISABLED", "put-function-concurrency", "## 5", 'DO="stop all"', "## 7"]
    marks += ["delete-function-concurrency", "make deploy", 'DO="start all"', "set_schedules ENABLED"]
    at = 0
    for mark in marks:
        found = PAGE.find(mark, at)
        assert found >= 0, f"{mark} does not follow what comes before it"
        at = found + len(mark)


@mock_aws
def test_a_schedule_that_is_disabled_keeps_all_that_it_has() -> None:
    scheduler = boto3.client("scheduler", region_name="eu-west-1")
    target = {"Arn": "arn:aws:lambda:eu-west-1:0:function:a:live", "RoleArn": "arn:aws:iam::0:role/a", "Input": "{}"}
    scheduler.create_schedule(
        Name="planting",
        ScheduleExpression="cron(0 9 * * ? *)",
        ScheduleExpressionTimezone="Asia/Shanghai",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={**target, "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600}},
    )
    [query] = re.findall(r"--query '(\{Name: .*?\})'", PAGE, re.DOTALL)
    before = scheduler.get_schedule(Name="planting")

    scheduler.update_schedule(**json.loads(json.dumps(jmespath.search(query, before))), State="DISABLED")

    after = scheduler.get_schedule(Name="planting")
    kept = before.keys() - {"State", "LastModificationDate", "ResponseMetadata"}
    assert (before["State"], after["State"]) == ("ENABLED", "DISABLED")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_the_parts_of_a_schedule_of_the_template_are_those_that_the_page_repeats() -> None:
    [query] = re.findall(r"--query '(\{Name: .*?\})'", PAGE, re.DOTALL)
    repeated = set(re.findall(r"(\w+):", query))
    of_target = {"Input", "RetryPolicy", "DeadLetterConfig"}
    scheduled = [properties.keys() - of_target - {"OmitName"} for _, properties in events("ScheduleV2")]

    assert scheduled
    assert [names for names in scheduled if not names <= repeated] == []
