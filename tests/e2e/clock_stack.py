"""A laptop stack whose clock a test moves. It has the parameters of a stack on AWS, so points ripen at 07:00."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.sam import ROOT
from local.template import template
from tests.e2e.calling import Client
from tests.e2e.conftest import free_port, stack_in
from tests.e2e.journeys import eventually

FOLDER = ROOT / ".local" / "e2e-clock"

PARAMETERS = {
    **{name: template()["Parameters"][name]["Default"] for name in ("AcceptanceDays", "HarvestTime", "CatalogDelay")},
    "PlantingSchedule": '"rate(365 days)"',  # so that only the moves of the clock place orders
}


@contextmanager
def started_at(at: str) -> Iterator[dict[str, Any]]:
    """Start a stack whose clock shows a time, use it in this process, and stop it at the end."""
    before = os.environ.get("SAXAUL_STATE")
    os.environ["SAXAUL_STATE"] = str(FOLDER)
    parameters = " ".join(f"{name}={value}" for name, value in PARAMETERS.items())
    try:
        with stack_in(FOLDER, "--port", str(free_port()), "--at", at, "--parameters", parameters) as known:
            yield known
    finally:
        os.environ.pop("SAXAUL_STATE")
        if before is not None:
            os.environ["SAXAUL_STATE"] = before


def move_clock(*arguments: str) -> str:
    """Run the command of the clock, and return what it prints."""
    command = [sys.executable, "-m", "local.clock", *arguments]
    moved = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert moved.returncode == 0, moved.stdout + moved.stderr
    return moved.stdout


def go_to(at: str) -> str:
    """Move the clock to a local time, and return what the command prints."""
    return move_clock("--at", at)


def outcomes(app: Client, *actions: dict[str, Any]) -> list[str]:
    """Report actions, and return what became of each: a status, or the code of a refusal."""
    response = app.call("POST", "/actions", {"actions": actions})
    assert response.status_code in (202, 422), response.text
    body = response.json()
    refused = {each["index"]: each["code"] for each in body["refused"]}
    if not body["accepted"]:
        return [refused[index] for index in range(len(actions))]
    receipt = eventually(
        lambda: app.call_or_exit("GET", f"/receipts/{body['receipt_id']}"), lambda found: not found["counts"]["waiting"]
    )
    return [refused.get(item["index"], item["status"]) for item in receipt["items"]]
