"""``make status`` shows on one screen what is wrong with the stack, and what to do next."""

import json
import re
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.deployment import client_arguments
from local.sam import ROOT
from saxaul.ledger.receipts import ReceiptPart
from tests.e2e.calling import Client
from tests.e2e.journeys import (
    eventually,
    failing_function,
    make_action,
    new_user,
    put_receipt,
    run_operation,
    wallet_of,
)


def status() -> dict[str, Any]:
    """Return the status as JSON. All sections must have been read."""
    done = run_operation("status", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["unread"] == {}
    return found


def queue_of(found: dict[str, Any], name: str) -> dict[str, Any]:
    [queue] = [queue for queue in found["queues"] if queue["queue"] == name]
    return dict(queue)


@pytest.mark.usefixtures("stack")
def test_a_screen_of_80_columns_shows_all_sections() -> None:
    shown = run_operation("status")

    lines = shown.stdout.splitlines()
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert len(lines) <= 40
    titles = (
        "queues",
        "dead letters",
        "workers",
        "batches",
        "saplings",
        "campaigns",
        "refused",
        "apps",
        "deployment",
        "totals",
        "public log",
        "catalog",
    )
    assert [title for title in titles if not any(line.startswith(title) for line in lines)] == []


def test_what_the_api_refused_in_the_last_hour_is_counted_by_reason(alipay: Client) -> None:
    before = status()["refusals"]
    actions = [make_action(new_user()), *(make_action(new_user(), "flight") for _ in range(3))]

    alipay.call_or_exit("POST", "/actions", {"actions": actions})
    assert alipay.call("POST", "/actions", {"actions": actions[1:]}).status_code == 422
    assert alipay.call("GET", "/campaigns/none").status_code == 404

    def grown() -> dict[str, int]:
        found = status()["refusals"]
        return {
            code: found[of].get(code, 0) - before[of].get(code, 0)
            for of, code in (("items", "unknown_type"), ("requests", "all_refused"), ("requests", "unknown_campaign"))
        }

    expected = {"unknown_type": 6, "all_refused": 1, "unknown_campaign": 1}
    assert eventually(grown, lambda found: found == expected) == expected


def test_dead_letters_late_batches_and_suspended_apps_are_shown_with_what_to_do_next(
    stack: dict[str, Any], operator: Client
) -> None:
    sqs = boto3.client("sqs", **client_arguments(stack["endpoint_url"]))
    app = f"app-{secrets.token_hex(4)}"
    dead, totals = (stack["queues"][f"{name}_dead_letter"] for name in ("actions", "totals"))
    late = ReceiptPart(secrets.token_hex(8), 0, 1, "alipay", "actions", int(time.time()) - 100, "w")
    try:
        sqs.send_message(QueueUrl=dead, MessageBody="no JSON", MessageGroupId="alipay")
        sqs.send_message(QueueUrl=totals, MessageBody="{}")
        put_receipt(stack, late)
        operator.call_or_exit("PUT", f"/apps/{app}", {"name": "Bikes", "kind": "third_party"})
        operator.call_or_exit("POST", f"/apps/{app}/suspend")

        found = status()
    finally:
        run_operation("dead_letters", "drop", "--all", "--yes")
        run_operation("dead_letters", "drop", "--receipt", late.receipt_id)
        sqs.purge_queue(QueueUrl=totals)
        operator.call("DELETE", f"/apps/{app}")

    assert (queue_of(found, "actions")["dead"], queue_of(found, "totals")["dead"]) == (1, 1)
    assert found["batches"]["late"] == 1
    assert found["batches"]["oldest_s"] >= 100
    assert app in found["apps"]["suspended"]
    assert found["worst"] == "red"
    assert {"make dead-letters", "make recount", "make reconcile", "make apps"} <= {*found["to_do"]}


def test_the_public_totals_follow_what_is_posted(alipay: Client) -> None:
    user, began = new_user(), time.time()
    alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
    wallet_of(alipay, user, earned=80)

    totals = eventually(
        lambda: status()["totals"],
        lambda found: is_since(began, found["counted_s"]) and found["uncounted_s"] is None,
    )

    assert totals["uncounted_s"] is None
    assert is_since(began, totals["counted_s"])
    assert totals["behind_s"] >= 0


def is_since(began: float, seconds_ago: int | None) -> bool:
    """Return whether something that was so many seconds ago was after the beginning of a test."""
    return seconds_ago is not None and seconds_ago <= time.time() - began


def test_the_catalog_and_the_saplings_are_those_of_the_stack(alipay: Client) -> None:
    found = status()
    projects = alipay.call_or_exit("GET", "/tree-projects")["projects"]

    assert {stock["project_id"]: 0 if stock["closed"] else stock["left"] for stock in found["stocks"]} == {
        project["project_id"]: project["available"] for project in projects
    }
    assert found["catalog"]["version"] == found["catalog"]["published_version"]


def test_requests_that_failed_are_found_by_the_command_that_the_status_names(
    stack: dict[str, Any], alipay: Client
) -> None:
    with failing_function(stack, "ViewForest"):
        assert alipay.call("GET", f"/users/{new_user()}/wallet").status_code == 500

    [command] = eventually(
        lambda: [each for each in status()["to_do"] if "ministack.log" in each], lambda found: found != []
    )
    found = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False).stdout  # noqa: S602 - our own

    assert '"message":"GET /users/{user_id}/wallet"' in found
    assert '"status":500,"code":"internal_error"' in found
    assert '"message":"unexpected failure"' in found
    assert re.search(r'"where":"[^"]*handler\.py', found.replace('\\"', "'"))


@pytest.mark.usefixtures("stack")
def test_a_section_that_cannot_be_read_is_named_and_does_not_hide_the_others(state_folder: Path) -> None:
    file = state_folder / "stack.json"
    written = file.read_text()
    try:
        file.write_text(json.dumps(json.loads(written) | {"log_group": "/saxaul/none"}))
        done = run_operation("status", "--json")
        found = json.loads(done.stdout)
    finally:
        file.write_text(written)

    assert done.returncode == 1
    assert found["unread"].keys() == {"refusals", "totals"}
    assert "ResourceNotFoundException" in found["unread"]["refusals"]
    assert found["refusals"] is None
    assert found["stocks"]
    assert "totals: An error occurred (ResourceNotFoundException)" in done.stderr
