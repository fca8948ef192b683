"""The laptop stack itself: the files that it writes, repeated starts, and an event for each function."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from local.deployment import client_arguments
from local.sam import ROOT
from tests.e2e.conftest import run_stack

FUNCTIONS = {path.parent.name: path for path in (ROOT / "functions").glob("*/handler.py")}


def logical_id(function: str) -> str:
    return "".join(word.capitalize() for word in function.split("_"))


def test_stack_json_has_everything_that_a_client_needs(stack: dict[str, Any]) -> None:
    assert {"api_url", "token_url", "region", "endpoint_url", "tables", "queues", "clients"} <= stack.keys()
    assert stack["tables"].keys() == {"ledger", "catalog", "activity"}
    apps = {"taobao", "tmall", "alipay", "freshippo", "citybike"}
    assert stack["clients"].keys() == apps | {"partner", "yili", "operator"}
    assert all({"client_id", "client_secret", "scopes"} <= client.keys() for client in stack["clients"].values())
    assert httpx.get(f"{stack['api_url']}/certificates/x").status_code == 404


def test_env_json_gives_each_function_its_variables_and_an_endpoint_for_containers(
    stack: dict[str, Any], state_folder: Path
) -> None:
    environments = json.loads((state_folder / "env.json").read_text())

    assert environments.keys() == {logical_id(function) for function in FUNCTIONS}
    assert environments["ViewForest"]["LEDGER_TABLE"] == stack["tables"]["ledger"]
    assert all("host.docker.internal" in variables["AWS_ENDPOINT_URL"] for variables in environments.values())


def test_starting_the_stack_again_changes_nothing_and_keeps_the_secrets_of_its_apps(
    stack: dict[str, Any], state_folder: Path, port: int
) -> None:
    again = run_stack("up", "--port", str(port))

    assert again.returncode == 0, again.stdout + again.stderr
    assert "planting partners: 7 unchanged" in again.stdout
    assert json.loads((state_folder / "stack.json").read_text()) == stack


def test_a_port_in_use_ends_with_one_sentence(stack: dict[str, Any], tmp_path: Path, port: int) -> None:
    assert stack
    command = [sys.executable, "-c", f"from local.stack import start; start({port})"]

    done = subprocess.run(  # noqa: S603 - our own
        command, cwd=ROOT, env={"SAXAUL_STATE": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} is in use" in done.stderr


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_each_function_on_the_stack_handles_its_event(stack: dict[str, Any], function: str) -> None:
    event = (ROOT / "events" / f"{function}.json").read_bytes()
    client = boto3.client("lambda", **client_arguments(stack["endpoint_url"]))

    done = client.invoke(FunctionName=stack["functions"][logical_id(function)], Payload=event)

    assert "FunctionError" not in done, done["Payload"].read()
