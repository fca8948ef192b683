"""The laptop stack itself: the files that it writes, and repeated starts."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.deployment import LAPTOP_STACK, client_arguments
from local.sam import ROOT
from tests.e2e.conftest import run_stack

SHOWN = ("AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::DynamoDB::Table")
"""The types of resources that the dashboard shows, each under its name."""


def test_stack_json_has_everything_that_a_client_needs(stack: dict[str, Any]) -> None:
    assert {"api_url", "token_url", "region", "endpoint_url", "tables", "queues", "clients"} <= stack.keys()
    assert stack["tables"].keys() == {"ledger", "catalog", "activity"}
    apps = {"taobao", "tmall", "alipay", "freshippo", "citybike"}
    assert stack["clients"].keys() == apps | {"partner", "yili", "operator"}
    assert all({"client_id", "client_secret", "scopes"} <= client.keys() for client in stack["clients"].values())
    assert httpx.get(f"{stack['api_url']}/certificates/x").status_code == 404


def test_starting_the_stack_again_changes_nothing_and_keeps_the_secrets_of_its_apps(
    stack: dict[str, Any], state_folder: Path, port: int
) -> None:
    before = json.loads((state_folder / "stack.json").read_text())
    again = run_stack("up", "--port", str(port))

    assert again.returncode == 0, again.stdout + again.stderr
    assert "planting partners: 7 unchanged" in again.stdout
    assert json.loads((state_folder / "stack.json").read_text()) == before
    assert before | {"versions": stack["versions"]} == stack  # other tests have deployed


@pytest.mark.usefixtures("stack")
def test_a_port_in_use_ends_with_one_sentence(tmp_path: Path, port: int) -> None:
    command = [sys.executable, "-c", f"from local.stack import start; start({port})"]

    done = subprocess.run(  # noqa: S603 - our own
        command, cwd=ROOT, env={"SAXAUL_STATE": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} is in use" in done.stderr


def test_the_dashboard_shows_the_functions_the_queues_the_tables_and_the_alarms_of_the_stack(
    stack: dict[str, Any],
) -> None:
    arguments = client_arguments(stack["endpoint_url"])
    cloudwatch = boto3.client("cloudwatch", **arguments)
    pages = boto3.client("cloudformation", **arguments).get_paginator("list_stack_resources")
    found = [entry for page in pages.paginate(StackName=LAPTOP_STACK) for entry in page["StackResourceSummaries"]]
    names = {type_: {e["PhysicalResourceId"] for e in found if e["ResourceType"] == type_} for type_ in SHOWN}
    queues = {url.rsplit("/", 1)[1] for url in names["AWS::SQS::Queue"]}

    text = cloudwatch.get_dashboard(DashboardName=f"{LAPTOP_STACK}-{stack['region']}")["DashboardBody"]

    shown = set(re.findall(r'"([^"]*)"', text))
    assert len(json.loads(text)["widgets"]) > 1
    assert "${" not in text
    assert queues | names["AWS::Lambda::Function"] | names["AWS::DynamoDB::Table"] <= shown
    listed = {alarm["AlarmArn"] for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert listed == {name for name in shown if name.startswith("arn:aws:cloudwatch:")}
    assert f"SOURCE '{stack['log_group']}' | " in text
