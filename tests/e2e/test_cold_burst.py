"""64 people redeem at the same moment, and no worker of the function runs."""

import json
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from saxaul.trees.states import State
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_action, short_visibility_timeout
from tests.e2e.test_burst import VISIBILITY, messages_in, redemptions_of, wallets_of
from tests.e2e.worker_killer import start_new_workers

PEOPLE = 64
ACCEPTED, BUSY = 202, 503
PRICE = 80
"""The points of one bus ride."""

PATIENCE = 150.0
"""Seconds from the burst until each request is accepted: several times what two cores need for 64 new workers."""

JSON, PROBLEM = "application/json", "application/problem+json"


def test_64_parallel_requests_to_new_workers_are_all_answered_by_us_and_each_is_paid_once(
    stack: dict[str, Any], alipay: Client, operator: Client
) -> None:
    project = open_project(operator)
    users = [f"cold-{secrets.token_hex(4)}-{number}" for number in range(PEOPLE)]
    alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user) for user in users]})
    assert eventually(lambda: messages_in(stack, "actions"), lambda count: count == 0) == 0
    headers = {"authorization": alipay.authorization(), "content-type": "application/json"}
    start_new_workers(stack, "RedeemTrees")
    began = time.monotonic()

    def responses_to(user: str) -> list[httpx.Response]:
        """Request a tree, as an app does: with the same key again, until the request is accepted."""
        address, body = f"{stack['api_url']}/users/{user}/redemptions", {"project_id": project, "max_points": PRICE}
        key = {"idempotency-key": f"morning-{user}"}
        found: list[httpx.Response] = []
        while not found or (found[-1].status_code != ACCEPTED and time.monotonic() - began < PATIENCE):
            time.sleep(float(found[-1].headers.get("retry-after", 0)) if found else 0)
            found.append(httpx.post(address, content=json.dumps(body), headers=headers | key, timeout=PATIENCE))
        return found

    # While 64 workers start on two cores, a batch of the settlement can run out of time. SQS delivers it again after
    # the visibility timeout, and holds back the messages behind it until then.
    with short_visibility_timeout(stack, "redemptions", VISIBILITY):
        with ThreadPoolExecutor(PEOPLE) as threads:
            responses = dict(zip(users, threads.map(responses_to, users), strict=True))

        kinds = Counter(kind_of(response) for found in responses.values() for response in found)
        assert kinds.keys() <= {(ACCEPTED, JSON, "", ""), (BUSY, PROBLEM, "busy", "2")}, kinds
        assert kinds[ACCEPTED, JSON, "", ""] == PEOPLE
        check_that_each_paid_once(stack, project, {user: found[-1].json() for user, found in responses.items()})


def check_that_each_paid_once(stack: dict[str, Any], project: str, accepted: Mapping[str, Any]) -> None:
    """Check, for each person's accepted request, that one tree was reserved and its price was paid once."""
    assert eventually(lambda: messages_in(stack, "redemptions"), lambda count: count == 0) == 0
    reserved = {State.RESERVED, State.ORDERED}
    found = [redemption for redemption in redemptions_of(stack, project) if redemption.state in reserved]
    assert sorted((redemption.user_id, redemption.redemption_id) for redemption in found) == sorted(
        (user, response["redemption_id"]) for user, response in accepted.items()
    )
    spent = {user: wallet.spent for user, wallet in wallets_of(stack, list(accepted)).items()}
    assert spent == dict.fromkeys(accepted, PRICE)
    assert messages_in(stack, "redemptions_dead_letter") == 0


def kind_of(response: httpx.Response) -> tuple[int, str, str, str]:
    """Return the status, the content type, the code of a problem and the Retry-After of a response."""
    code = response.json().get("code", "") if response.headers["content-type"] == PROBLEM else ""
    return response.status_code, response.headers["content-type"], code, response.headers.get("retry-after", "")


def open_project(operator: Client) -> str:
    """Open a project with a sapling for each person. Return its id."""
    project = f"cold-{secrets.token_hex(3)}"
    template = operator.call_or_exit("GET", "/catalog/tree-projects/saxaul-alxa")
    document = {key: template[key] for key in ("species", "place", "partner")}
    cheap = {"price_points": PRICE, "saplings": PEOPLE}
    operator.call_or_exit("PUT", f"/catalog/tree-projects/{project}", document | cheap)
    return project
