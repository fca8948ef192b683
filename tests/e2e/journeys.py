"""Steps that several end-to-end tests share."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3

from local.client import Client
from local.deployment import session_of
from local.replay import ZONE
from local.sam import ROOT
from local.seed import load
from saxaul.catalog.entries import Campaign

IS_LONG = os.environ.get("SAXAUL_PROFILE") == "long"
"""Whether the tests under load run at full size, as ``make test-long`` runs them."""


@cache
def campaigns() -> list[Campaign]:
    """Return the campaigns of the default catalog, which the stack uses."""
    return [campaign for campaign in load()["campaigns"].values() if isinstance(campaign, Campaign)]


def new_user() -> str:
    return f"u-{secrets.token_hex(6)}"


def make_action(user_id: str, type_: str = "bus_ride", *, quantity: float = 1, days_ago: int = 1) -> dict[str, Any]:
    """Return an action of a day without a campaign: the latest such day that is at least ``days_ago`` days ago."""
    occurred_at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days_ago)
    while any(campaign.runs_on(occurred_at.astimezone(ZONE).date()) for campaign in campaigns()):
        occurred_at -= timedelta(days=1)
    return {
        "action_id": secrets.token_hex(8),
        "user_id": user_id,
        "type": type_,
        "quantity": quantity,
        "occurred_at": occurred_at.isoformat(),
    }


def eventually(ask: Callable[[], Any], good: Callable[[Any], bool], patience: float = 60) -> Any:  # noqa: ANN401 - JSON
    """Call ``ask`` until its result is good or ``patience`` seconds are over. Returns the last result."""
    deadline = time.monotonic() + patience
    while not good(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


def wallet_of(client: Client, user_id: str, *, earned: int) -> dict[str, Any]:
    """Return the user's wallet once it has earned at least ``earned`` points."""
    found: dict[str, Any] = eventually(
        lambda: client.call("GET", f"/users/{user_id}/wallet").json(), lambda wallet: wallet["earned"] >= earned
    )
    return found


def make_rich(client: Client, user_id: str) -> int:
    """Have a user earn 20,030 points, more than a tree costs: clothes recycling in two months, bills, car-free days."""
    actions = [make_action(user_id, "clothes_recycling", quantity=10, days_ago=days) for days in (1, 35)]
    actions += [make_action(user_id, "paperless_bill", days_ago=1) for _ in range(5)]
    actions += [make_action(user_id, "leave_the_car", days_ago=1) for _ in range(2)]
    client.done("POST", "/actions", {"actions": actions})
    earned = 2 * 7900 + 5 * 262 + 2 * 1460
    assert wallet_of(client, user_id, earned=earned)["earned"] == earned
    return earned


def verdict_on(client: Client, place: str) -> dict[str, Any]:
    """Return a redemption once it is settled."""
    found: dict[str, Any] = eventually(
        lambda: client.done("GET", place), lambda redemption: redemption["state"] != "requested"
    )
    return found


def run_operation(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an operator's command against the stack, in a new process."""
    command = [sys.executable, "-m", f"operations.{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own


@contextmanager
def visible_again_after(stack: Mapping[str, Any], queue: str, seconds: int) -> Iterator[None]:
    """Set a queue's visibility timeout for the block, so that SQS soon redelivers the messages of a dead worker."""
    sqs = boto3.client("sqs", **session_of(stack["endpoint_url"]))
    url = stack["queues"][queue]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": before["VisibilityTimeout"]})


def redeem(client: Client, user_id: str, project_id: str) -> dict[str, Any]:
    """Redeem one tree for a user with enough points. ``place`` in the result is the path of the redemption."""
    path, key = f"/users/{user_id}/redemptions", secrets.token_hex(8)
    asked = client.done("POST", path, {"project_id": project_id}, idempotency_key=key)
    place = f"{path}/{asked['redemption_id']}"
    assert verdict_on(client, place)["state"] in {"reserved", "ordered"}
    return {**asked, "place": place}


def run_planting_batch(stack: dict[str, Any]) -> None:
    """Run now what the schedule runs every minute on the laptop stack."""
    client = boto3.client("lambda", **session_of(stack["endpoint_url"]))
    answer = client.invoke(FunctionName=stack["functions"]["ScheduleOrders"], Payload=b'{"schedule": "planting"}')
    assert "FunctionError" not in answer, answer["Payload"].read()


def order_with(partner: Client, certificate: str, *, besides: Container[str] = ()) -> dict[str, Any]:
    """Wait for the order that has this tree and is not one of ``besides``, and return it."""

    def look() -> dict[str, Any] | None:
        for listed in partner.done("GET", "/planting-orders?limit=20")["orders"]:
            if listed["order_id"] not in besides:
                order: dict[str, Any] = partner.done("GET", f"/planting-orders/{listed['order_id']}")
                if certificate in {tree["certificate"] for tree in order["trees"]}:
                    return order
        return None

    found: dict[str, Any] | None = eventually(look, lambda order: order is not None)
    assert found, f"no order has {certificate}"
    return found
