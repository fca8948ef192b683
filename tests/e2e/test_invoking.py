"""Every function of a deployed stack with its example, as `make invoke FUNCTION=all` invokes it, again and again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.client import open_client
from local.invoking import invoke
from local.sam import ROOT
from saxaul_client import AppClient, OperatorClient
from tests.e2e.journeys import run_operation

FUNCTIONS = {"".join(map(str.capitalize, path.stem.split("_"))) for path in (ROOT / "events").glob("*.json")}


def run_invoke(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "local.invoke", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def invoke_all() -> dict[str, dict[str, Any]]:
    """Invoke each function, which must succeed. Return what became of each, by its name."""
    done = run_invoke("all", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return {found["function"]: found for found in json.loads(done.stdout)["functions"]}


def logged(found: dict[str, Any]) -> dict[str, Any]:
    """Return the last line that a function logged."""
    line: dict[str, Any] = found["log"][-1]
    return line


def versions_of_others(operator: OperatorClient) -> dict[str, int]:
    """Return the version of each app that is not one of the examples."""
    return {app.app_id: app.version for app in operator.apps() if not app.app_id.startswith("example-")}


def test_each_function_answers_its_example_again_and_again_and_everything_still_adds_up(
    stack: dict[str, Any], state_folder: Path
) -> None:
    catalog = invoke(stack, "PublishCatalog", b'{"schedule": "repair"}').answer["version"]
    with open_client(OperatorClient, "operator") as operator:
        before = versions_of_others(operator)
        runs = [invoke_all(), invoke_all()]
        assert versions_of_others(operator) == before

    for run in runs:
        assert run.keys() == FUNCTIONS
        assert json.loads(run["RedeemTrees"]["answer"]["body"])["replay"] is False
        assert logged(run["AccruePoints"])["posted"] == 1
        assert (logged(run["TallyImpact"])["changes"], logged(run["TallyImpact"])["tallies"]) == (2, 1)
        assert json.loads(run["ViewForest"]["answer"]["body"])["forest"]
        # The schedule of the stack, which runs each minute, may have ordered the example's tree a moment before.
        assert {*run["ScheduleOrders"]["answer"]["projects"]} <= {"saxaul-alxa"}
        assert run["PublishCatalog"]["answer"]["version"] == catalog + 1, "the examples write one entry, once"
    settled = json.loads((state_folder / "events" / "settle_redemptions.json").read_text())
    message = json.loads(settled["Records"][0]["body"])
    with open_client(AppClient, "alipay") as alipay:
        assert alipay.redemption(message["user_id"], message["redemption_id"]).state in ("reserved", "ordered")
    for name in ("reconcile", "recount"):
        done = run_operation(name)
        assert (done.returncode, "does not hold" in done.stdout) == (0, False), done.stdout + done.stderr


@pytest.mark.usefixtures("stack")
def test_a_function_that_fails_is_shown_with_its_error_and_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_text("{}")

    done = run_invoke("AccruePoints", "--event", str(tmp_path / "empty.json"))

    assert done.returncode == 1
    assert "AccruePoints failed" in done.stdout
    assert 'handler.py", line ' in done.stdout
    assert done.stderr == "✗ AccruePoints: KeyError: 'Records' in functions/accrue_points/handler.py:19\n"
