"""Steps that several end-to-end tests share."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import httpx

from local.action_queue import wait_until_empty
from local.calls import StoppedError
from local.console import exit_with
from local.deployment import client_arguments
from local.invoking import invoke, lambda_client
from local.replay import ZONE
from local.sam import ROOT
from local.seed import load
from local.versions import LATEST, point_to
from saxaul.catalog.entries import Campaign
from saxaul.ledger.receipts import ReceiptPart
from saxaul.storage.receipts import to_item
from saxaul.storage.table import raw
from saxaul_client import App, OperatorClient
from tests.e2e.calling import Client

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


def eventually(read: Callable[[], Any], is_done: Callable[[Any], bool], patience: float = 60) -> Any:  # noqa: ANN401 - JSON
    """Call ``read`` until ``is_done`` accepts its result, at most ``patience`` seconds. Returns the last result."""
    deadline = time.monotonic() + patience
    while not is_done(result := read()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return result


def wallet_of(client: Client, user_id: str, *, earned: int) -> dict[str, Any]:
    """Return the user's wallet once it has earned at least ``earned`` points."""
    found: dict[str, Any] = eventually(
        lambda: client.call("GET", f"/users/{user_id}/wallet").json(), lambda wallet: wallet["earned"] >= earned
    )
    return found


def make_rich(client: Client, user_id: str) -> int:
    """Report actions that earn a user 20,030 points, more than a tree costs. Returns the points."""
    actions = [make_action(user_id, "clothes_recycling", quantity=10, days_ago=days) for days in (1, 35)]
    actions += [make_action(user_id, "paperless_bill", days_ago=1) for _ in range(5)]
    actions += [make_action(user_id, "leave_the_car", days_ago=1) for _ in range(2)]
    client.call_or_exit("POST", "/actions", {"actions": actions})
    earned = 2 * 7900 + 5 * 262 + 2 * 1460
    assert wallet_of(client, user_id, earned=earned)["earned"] == earned
    return earned


def settled_redemption(client: Client, path: str) -> dict[str, Any]:
    """Return a redemption once it is settled."""
    found: dict[str, Any] = eventually(
        lambda: client.call_or_exit("GET", path), lambda redemption: redemption["state"] != "requested"
    )
    return found


def register(operator: OperatorClient, kind: str, **fields: object) -> App:
    """Register an app that no other test uses."""
    document = {"name": "A new app", "kind": kind, "limits": {"calls_per_second": 1000}, **fields}
    return operator.register_app(f"new-{secrets.token_hex(5)}", document, new=True)


def token_status(stack: Mapping[str, Any], app: App, secret: str | None) -> int:
    """Return the status of the answer to a request for a token."""
    form = {"grant_type": "client_credentials"}
    answer = httpx.post(stack["token_url"], auth=(app.client_id, str(secret)), data=form, timeout=30)
    return answer.status_code


def put_receipt(stack: Mapping[str, Any], part: ReceiptPart) -> None:
    """Write a part of a receipt to the table, over what is stored."""
    dynamodb = boto3.client("dynamodb", **client_arguments(stack["endpoint_url"]))
    dynamodb.put_item(TableName=stack["tables"]["activity"], Item=raw(to_item(part)))


def run_operation(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an operator's command against the stack, in a new process."""
    command = [sys.executable, "-m", f"operations.{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own


@contextmanager
def changed_function(
    stack: Mapping[str, Any], function: str, change: Callable[[Any], dict[str, Any]]
) -> Iterator[None]:
    """Let the alias of a function point to another configuration inside this block.

    ``change`` maps the present configuration to what differs.
    """
    client = lambda_client(stack, 60)
    name = stack["functions"][function]
    right = client.get_function_configuration(FunctionName=name)
    changed = change(right)
    client.update_function_configuration(FunctionName=name, **changed)
    sound = point_to(client, name, LATEST)
    try:
        yield
    finally:
        point_to(client, name, sound)
        before: Any = {part: right[part] for part in changed}  # type: ignore[literal-required]
        client.update_function_configuration(FunctionName=name, **before)


def failing_function(stack: Mapping[str, Any], function: str) -> AbstractContextManager[None]:
    """Let a function fail inside this block. Its environment then names a ledger that does not exist."""

    def wrong(right: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's own
        return {"Environment": {"Variables": right["Environment"]["Variables"] | {"LEDGER_TABLE": "no-such-table"}}}

    return changed_function(stack, function, wrong)


def crashing_function(stack: Mapping[str, Any], function: str) -> AbstractContextManager[None]:
    """Let a function crash inside this block, as after a deployment whose code cannot be imported."""
    return changed_function(stack, function, lambda _: {"Handler": "no_such_module.handler"})


@contextmanager
def short_visibility_timeout(stack: Mapping[str, Any], queue: str, seconds: int) -> Iterator[None]:
    """Shorten a queue's visibility timeout inside this block, so that SQS soon redelivers killed workers' messages."""
    sqs = boto3.client("sqs", **client_arguments(stack["endpoint_url"]))
    url = stack["queues"][queue]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(seconds)})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": before["VisibilityTimeout"]})


def wait_for_empty_queue(patience: float) -> None:
    """Wait until the action queue is empty. Ends the program if the queue is stuck."""
    try:
        wait_until_empty(patience)
    except StoppedError as error:
        exit_with(str(error))


def redeem(client: Client, user_id: str, project_id: str) -> dict[str, Any]:
    """Redeem one tree for a user with enough points. ``path`` in the result is the path of the redemption."""
    endpoint, key = f"/users/{user_id}/redemptions", secrets.token_hex(8)
    requested = client.call_or_exit("POST", endpoint, {"project_id": project_id}, idempotency_key=key)
    path = f"{endpoint}/{requested['redemption_id']}"
    assert settled_redemption(client, path)["state"] in {"reserved", "ordered"}
    return {**requested, "path": path}


def run_planting_batch(stack: dict[str, Any]) -> None:
    """Start a planting batch now. On the laptop stack, the schedule starts one every minute."""
    ran = invoke(stack, "ScheduleOrders", b'{"schedule": "planting"}')
    assert ran.failure is None, ran.failure


def time_from_now(seconds_ahead: int = 0) -> str:
    """Return the current time plus some seconds. The API accepts times up to 5 minutes ahead."""
    return (datetime.now(UTC) + timedelta(seconds=seconds_ahead)).isoformat(timespec="seconds")


def new_planting(seconds_ahead: int = 0) -> dict[str, Any]:
    """Return what a partner says of a tree of saxaul-alxa, with a tag and a place that no other tree has."""
    lat, lon = (round(middle + secrets.randbelow(10_000) / 100_000, 5) for middle in (38.8, 105.68))
    return {"tag": f"ALXA-{secrets.token_hex(4)}", "lat": lat, "lon": lon, "planted_at": time_from_now(seconds_ahead)}


def plant(stack: dict[str, Any], alipay: Client, partner: Client) -> tuple[str, str]:
    """Redeem a tree, and let the partner confirm it. Return its certificate's number, and the path of its order."""
    user = new_user()
    make_rich(alipay, user)
    [number] = redeem(alipay, user, "saxaul-alxa")["certificates"]
    run_planting_batch(stack)
    path = f"/planting-orders/{order_with(partner, number)['order_id']}"
    confirmation = {"certificate": number} | new_planting()
    assert partner.call_or_exit("POST", f"{path}/confirmations", {"confirmations": [confirmation]})["accepted"] == 1
    return str(number), path


def logged_certificate(stack: Mapping[str, Any], number: str, statements: int) -> bytes:
    """Return a certificate once the log has this many statements about its tree. The certificate must show all."""

    def fetch() -> httpx.Response:
        return httpx.get(f"{stack['api_url']}/certificates/{number}", timeout=60)

    def shows_all(answer: httpx.Response) -> bool:
        return answer.is_success and len(answer.json()["proofs"]) == statements

    found: httpx.Response = eventually(fetch, shows_all)
    assert shows_all(found), f"the log does not have {statements} statements of {number}: {found.text[:500]}"
    return found.content


def public_log(stack: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the API says of the log: its address, its key, its size and its counts of trees."""
    said: dict[str, Any] = httpx.get(f"{stack['api_url']}/log", timeout=60).raise_for_status().json()
    return said


def order_with(partner: Client, certificate: str, *, other_than: Container[str] = ()) -> dict[str, Any]:
    """Wait for the order that has this tree and is not in ``other_than``, and return it."""

    def look() -> dict[str, Any] | None:
        for listed in partner.call_or_exit("GET", "/planting-orders?limit=20")["orders"]:
            if listed["order_id"] not in other_than:
                order: dict[str, Any] = partner.call_or_exit("GET", f"/planting-orders/{listed['order_id']}")
                if certificate in {tree["certificate"] for tree in order["ordered_trees"]}:
                    return order
        return None

    found: dict[str, Any] | None = eventually(look, lambda order: order is not None)
    assert found, f"no order has {certificate}"
    return found
