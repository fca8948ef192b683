"""An operator reads a person on a deployed stack, and the log group has the reason and nothing else of the person."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local.deployment import client_arguments
from local.operations import operations
from saxaul.http.operations import Operation
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_action, make_rich, new_user, settled_redemption

READS = [declared for declared in operations() if declared.needs_reason and declared.access.cover == "read"]
DEDICATION = "For grandmother Hua"


@pytest.fixture(scope="module")
def person(stack: dict[str, Any], alipay: Client) -> dict[str, Any]:
    """A person with actions, points, and a redemption that is dedicated to somebody."""
    assert stack
    user = new_user()
    make_rich(alipay, user)
    action = make_action(user, days_ago=1) | {"evidence_id": f"ticket-{secrets.token_hex(6)}"}
    alipay.call_or_exit("POST", "/actions", {"actions": [action]})
    body = {"project_id": "saxaul-alxa", "dedication": DEDICATION}
    redemption = alipay.call_or_exit("POST", f"/users/{user}/redemptions", body, idempotency_key=user)
    settled_redemption(alipay, f"/users/{user}/redemptions/{redemption['redemption_id']}")
    eventually(
        lambda: [line["action_id"] for line in alipay.call_or_exit("GET", f"/users/{user}/ledger")["entries"]],
        lambda found: action["action_id"] in found,
        60,
    )
    return {"user_id": user, "redemption_id": redemption["redemption_id"], "action": action}


def logged(stack: dict[str, Any], text: str) -> Iterator[str]:
    """Yield the lines of the log group that contain a text."""
    logs = boto3.client("logs", **client_arguments(stack["endpoint_url"]))
    [group] = [found["logGroupName"] for found in logs.describe_log_groups()["logGroups"]]
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern=text):
        yield from (event["message"] for event in page["events"] if text in event["message"])


@pytest.mark.parametrize("declared", READS, ids=lambda declared: declared.path)
@pytest.mark.parametrize(
    ("query", "status"), [("", 200), ("&limit=0&no-such-parameter=1", 400)], ids=["admitted", "refused"]
)
def test_a_read_of_a_person_leaves_one_line_with_the_reason_and_nothing_personal(
    stack: dict[str, Any], operator: Client, person: dict[str, Any], declared: Operation, query: str, status: int
) -> None:
    reason = f"ticket {secrets.token_hex(8)}"
    path = declared.path.format_map(person)

    response = operator.call("GET", f"{path}?reason={reason.replace(' ', '%20')}{query}")

    assert response.status_code == status, response.text
    [line] = eventually(lambda: list(logged(stack, reason)), bool, 30)
    fields = json.loads(line)
    assert (fields["reason"], fields["operator"], fields["status"]) == (reason, "operator", status)
    assert fields["message"] == f"GET {declared.path}"
    action = person["action"]
    for text in (person["user_id"], person["redemption_id"], action["action_id"], action["evidence_id"], DEDICATION):
        assert text not in line


def test_nothing_in_the_log_names_the_person_whom_operators_read(
    stack: dict[str, Any], operator: Client, person: dict[str, Any]
) -> None:
    for reason in (f"asks {person['user_id']}", "", "tick"):
        refused = operator.call("GET", f"/users/{person['user_id']}/wallet?reason={reason.replace(' ', '%20')}")
        assert refused.status_code == 400
    assert operator.call("GET", f"/users/{person['user_id']}/wallet?reason=last%20of%20all").status_code == 200
    eventually(lambda: list(logged(stack, "last of all")), bool, 30)

    assert list(logged(stack, person["user_id"])) == []


def test_an_operator_spends_and_harvests_nothing(alipay: Client, operator: Client, person: dict[str, Any]) -> None:
    user = person["user_id"]

    def seen() -> list[Any]:
        wallet = alipay.call_or_exit("GET", f"/users/{user}/wallet")
        redemptions = alipay.call_or_exit("GET", f"/users/{user}/redemptions")["redemptions"]
        kept = [{**found, "state": found["state"] in ("reserved", "ordered")} for found in redemptions]
        return [wallet["spendable"], wallet["spent"], kept]

    before = seen()
    assert [found["state"] for found in before[2]] == [True]

    refused = [
        operator.call("POST", f"/users/{user}/harvest"),
        operator.call("POST", f"/users/{user}/redemptions", {"project_id": "saxaul-alxa"}, idempotency_key="x"),
        operator.call("DELETE", f"/users/{user}/redemptions/{person['redemption_id']}"),
        operator.call("GET", f"/users/{user}/grants"),
    ]

    assert {response.status_code for response in refused} <= {401, 403}
    assert seen() == before
