"""The laptop stack itself: the files that it writes, and repeated starts."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.sam import ROOT
from tests.e2e.conftest import run_stack


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
    again = run_stack("up", "--port", str(port))

    assert again.returncode == 0, again.stdout + again.stderr
    assert "planting partners: 7 unchanged" in again.stdout
    assert json.loads((state_folder / "stack.json").read_text()) == stack


@pytest.mark.usefixtures("stack")
def test_a_port_in_use_ends_with_one_sentence(tmp_path: Path, port: int) -> None:
    command = [sys.executable, "-c", f"from local.stack import start; start({port})"]

    done = subprocess.run(  # noqa: S603 - our own
        command, cwd=ROOT, env={"SAXAUL_STATE": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} is in use" in done.stderr
