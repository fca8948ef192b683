"""The laptop stack does what the OpenAPI document says, for generated requests to each operation."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import CONFLICT, SERVICE_UNAVAILABLE
from typing import Any

import pytest
import requests

from local.openapi import DOCUMENT
from tests.contract.conformance import Answer, Exercise, operations_of
from tests.contract.honest import (
    ALWAYS,
    ENTRY,
    EXCLUSIONS,
    PREFIX,
    RUNNING,
    World,
    known,
    registered_apps,
    remove_entries,
)
from tests.contract.release import read
from tests.e2e.calling import Client
from tests.e2e.journeys import (
    IS_LONG,
    make_action,
    make_rich,
    new_planting,
    new_user,
    order_with,
    redeem,
    run_planting_batch,
    settled_redemption,
)

EXAMPLES = 100 if IS_LONG else 3
OPERATIONS = operations_of(read(DOCUMENT))
PROJECT = "saxaul-alxa"


@pytest.fixture(scope="module")
def world(stack: dict[str, Any], alipay: Client, partner: Client, operator: Client) -> Iterator[World]:
    """Three trees that are ordered, one of which is planted, a person with points, and a changed catalog entry."""
    owners = [new_user() for _ in range(3)]
    redemptions = []
    for owner in owners:
        make_rich(alipay, owner)
        redemptions.append(redeem(alipay, owner, PROJECT))
    cancelled = cancelled_redemption(alipay)
    user = new_user()
    make_rich(alipay, user)
    action = make_action(user)
    accepted = alipay.call_or_exit("POST", "/actions", {"actions": [action]})
    alipay.call_or_exit("PUT", f"/users/{user}/grants/citybike", {"covers": ["read"]})
    run_planting_batch(stack)
    planted, waiting, failing = [redemption["certificates"][0] for redemption in redemptions]
    orders = {number: order_with(partner, number)["order_id"] for number in (planted, waiting, failing)}
    partner.call_or_exit(
        "POST",
        f"/planting-orders/{orders[planted]}/confirmations",
        {"confirmations": [{"certificate": planted, **new_planting()}]},
    )
    for words in (["contract", "合约"], ["contract", "合约", "agreement"]):
        operator.call_or_exit("PUT", f"/catalog/synonyms/{ENTRY}", {"words": words})
    operator.call_or_exit("PUT", f"/catalog/campaigns/{RUNNING}", ALWAYS)
    operator.call_or_exit("PUT", f"/catalog/synonyms/{PREFIX}deleted", {"words": ["contract", "合约"]})
    yield World(
        now=datetime.now(UTC),
        user=user,
        action=action,
        receipt=accepted["receipt_id"],
        redemption={"user_id": owners[0], "redemption_id": redemptions[0]["redemption_id"]},
        cancelled=cancelled,
        orders=orders,
        ordered=waiting,
        failing=failing,
        erasure=erased_person(operator),
        planted=planted,
        apps=registered_apps(operator.call_or_exit, new_user()[-12:].lower()),
    )
    remove_entries(lambda method, path: operator.call(method, path).json())


def erased_person(operator: Client) -> dict[str, str]:
    user = new_user()
    erasure = operator.call_or_exit("DELETE", f"/users/{user}?reason=ticket%204711")
    return {"user_id": user, "erasure_id": erasure["erasure_id"]}


def cancelled_redemption(alipay: Client) -> dict[str, str]:
    """Return a redemption that was cancelled before its tree was ordered. A batch orders trees every minute."""
    refusals = []
    for _ in range(5):
        user = new_user()
        make_rich(alipay, user)
        requested = alipay.call_or_exit(
            "POST", f"/users/{user}/redemptions", {"project_id": PROJECT}, idempotency_key="contract"
        )
        path = f"/users/{user}/redemptions/{requested['redemption_id']}"
        settled_redemption(alipay, path)
        response = alipay.call("DELETE", path)
        if response.is_success:
            return {"user_id": user, "redemption_id": requested["redemption_id"]}
        refusals.append(response.text)
        if response.status_code != CONFLICT or response.json()["code"] != "already_ordered":
            break
    pytest.fail(f"no redemption could be cancelled: {refusals}")


@pytest.fixture(scope="module")
def tokens(stack: dict[str, Any], alipay: Client, partner: Client, operator: Client) -> dict[str, str]:
    assert stack
    clients = {"app": alipay, "partner": partner, "operator": operator}
    return {role: client.authorization() for role, client in clients.items()}


def send(request: requests.PreparedRequest) -> Answer:
    """Send a request, and again if a worker that just started had too little time left (status 503), as clients do."""
    with requests.Session() as session:
        for _ in range(3):
            response = session.send(request, timeout=60, allow_redirects=False)
            if response.status_code != SERVICE_UNAVAILABLE:
                break
            time.sleep(float(response.headers["retry-after"]))
        return Answer.from_any(response)


@pytest.mark.parametrize("label", OPERATIONS)
def test_an_operation_does_what_the_document_says(
    stack: dict[str, Any], world: World, tokens: dict[str, str], label: str
) -> None:
    """It succeeds and refuses at least once, and no answer differs from the document."""
    exercise = Exercise(OPERATIONS[label], known(world, tokens), send, stack["api_url"], EXCLUSIONS)

    outcome = exercise.run(EXAMPLES)

    assert not outcome.faults, "\n".join(outcome.faults)
    assert outcome.successes, outcome.statuses
    assert outcome.refusals, outcome.statuses
