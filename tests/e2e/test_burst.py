"""A burst of redemption requests: four times as many people as saplings, all at once, while workers are killed."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import ANY

import boto3
import httpx

from local.deployment import client_arguments
from saxaul.ledger.wallets import Wallet
from saxaul.storage import redemptions, wallets
from saxaul.storage.table import Item, python, wallet_key
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State
from tests.e2e.calling import Client
from tests.e2e.journeys import IS_LONG, eventually, make_action, run_operation, short_visibility_timeout
from tests.e2e.worker_killer import WorkerKiller

USERS = 2000 if IS_LONG else 600
SAPLINGS = USERS // 4
PRICE = 80
"""The points of one bus ride."""

PATIENCE = 300.0
"""Seconds to wait for a response or for a queue: far more than an idle machine needs."""

VISIBILITY = 10
"""Seconds until SQS redelivers a killed worker's messages. A cold start takes two; a minute is too long for a test."""


def test_in_a_burst_every_sapling_is_sold_once_and_nobody_else_pays(
    stack: dict[str, Any], alipay: Client, operator: Client
) -> None:
    project, users = open_project(operator), [f"burst-{secrets.token_hex(4)}-{number}" for number in range(USERS)]
    let_each_ride_the_bus(stack, alipay, users)

    killer = WorkerKiller(stack, ["RedeemTrees", "SettleRedemptions"])
    with short_visibility_timeout(stack, "redemptions", VISIBILITY), killer, ThreadPoolExecutor(8) as threads:
        responses = dict(
            zip(users, threads.map(lambda user: request_a_tree(alipay, project, user), users), strict=True)
        )
        assert eventually(lambda: messages_in(stack, "redemptions"), lambda count: count == 0, PATIENCE) == 0

    refused_by_api = {user for user, response in responses.items() if response.status_code == 409}
    assert {responses[user].json()["code"] for user in refused_by_api} <= {"sold_out"}
    assert {response.status_code for response in responses.values()} <= {202, 409}
    found = {redemption.user_id: redemption for redemption in redemptions_of(stack, project)}
    assert found.keys() == set(users) - refused_by_api
    served = {user for user, redemption in found.items() if redemption.state in {State.RESERVED, State.ORDERED}}
    refused = [(redemption.state, redemption.reason) for user, redemption in found.items() if user not in served]
    assert set(refused) <= {(State.REJECTED, "sold_out")}
    assert (len(served), len(refused) + len(refused_by_api)) == (SAPLINGS, USERS - SAPLINGS)

    spent = {user: wallet.spent for user, wallet in wallets_of(stack, users).items()}
    assert Counter(spent.get(user, 0) for user in users) == {PRICE: SAPLINGS, 0: USERS - SAPLINGS}
    assert {user for user in users if spent.get(user)} == served
    for user in [*sorted(served)[:5], *sorted(set(users) - served)[:20]]:
        wallet = alipay.call_or_exit("GET", f"/users/{user}/wallet")
        assert (wallet["earned"], wallet["spent"]) == (PRICE, PRICE if user in served else 0)
    shown = next(
        entry for entry in alipay.call_or_exit("GET", "/tree-projects")["projects"] if entry["project_id"] == project
    )
    assert (shown["available"], shown["next_release"]) == (0, None)
    assert killer.kills.keys() == {"RedeemTrees", "SettleRedemptions"}
    assert messages_in(stack, "redemptions_dead_letter") == 0
    reconciled = run_operation("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr


def open_project(operator: Client) -> str:
    project = f"burst-{secrets.token_hex(3)}"
    template = operator.call_or_exit("GET", "/catalog/tree-projects/saxaul-alxa")
    document = {key: template[key] for key in ("species", "place", "partner")}
    cheap = {"price_points": PRICE, "saplings": SAPLINGS}
    operator.call_or_exit("PUT", f"/catalog/tree-projects/{project}", document | cheap)
    return project


def let_each_ride_the_bus(stack: dict[str, Any], client: Client, users: list[str]) -> None:
    for first in range(0, len(users), 500):
        rides = [make_action(user) for user in users[first : first + 500]]
        assert client.call_or_exit("POST", "/actions", {"actions": rides}) == {
            "receipt_id": ANY,
            "accepted": len(rides),
            "refused": [],
        }
    assert eventually(lambda: messages_in(stack, "actions"), lambda count: count == 0, PATIENCE) == 0


def request_a_tree(client: Client, project: str, user: str) -> httpx.Response:
    """Request a tree. Every fifth user repeats the request with the same key, and must get the same redemption."""
    response = request_with_retries(client, project, user)
    if int(user.rpartition("-")[2]) % 5 == 0:
        again = request_with_retries(client, project, user)
        assert again.status_code == response.status_code
        if again.is_success:
            assert again.json()["replay"]
            assert again.json()["redemption_id"] == response.json()["redemption_id"]
    return response


def request_with_retries(client: Client, project: str, user: str) -> httpx.Response:
    """Request a tree. After a server or network error, repeat the request with the same key, as an app does."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            response = client.call(
                "POST", f"/users/{user}/redemptions", {"project_id": project}, idempotency_key=f"morning-{user}"
            )
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
        else:
            if not response.is_server_error or time.monotonic() > deadline:
                return response
        time.sleep(0.1)


def messages_in(stack: dict[str, Any], queue: str) -> int:
    """Return the number of messages in a queue, including those that a worker holds."""
    sqs = boto3.client("sqs", **client_arguments(stack["endpoint_url"]))
    counted = sqs.get_queue_attributes(QueueUrl=stack["queues"][queue], AttributeNames=["All"])["Attributes"]
    return int(counted["ApproximateNumberOfMessages"]) + int(counted["ApproximateNumberOfMessagesNotVisible"])


def ledger(stack: dict[str, Any]) -> Iterator[Item]:
    client = boto3.client("dynamodb", **client_arguments(stack["endpoint_url"]))
    for page in client.get_paginator("scan").paginate(TableName=stack["tables"]["ledger"], ConsistentRead=True):
        yield from map(python, page["Items"])


def redemptions_of(stack: dict[str, Any], project: str) -> list[Redemption]:
    items = (item for item in ledger(stack) if item["sk"].startswith(redemptions.TREE_PREFIX))
    return [redemptions.from_item(item) for item in items if item["project_id"] == project]


def wallets_of(stack: dict[str, Any], users: list[str]) -> dict[str, Wallet]:
    keys = {wallet_key(user) for user in users}
    found = (wallets.from_item(item) for item in ledger(stack) if (item["pk"], item["sk"]) in keys)
    return {wallet.user_id: wallet for wallet in found}
