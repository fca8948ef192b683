"""A partner on a deployed stack: orders, manifests, and reports about its own trees and about those of others."""

import csv
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx
import pytest

from local.deployment import client_arguments
from saxaul.log.counts import Counts
from tests.e2e.calling import Client
from tests.e2e.journeys import (
    eventually,
    logged_certificate,
    make_rich,
    new_planting,
    new_user,
    order_with,
    public_log,
    redeem,
    run_planting_batch,
    time_from_now,
)
from tests.e2e.worker_killer import start_new_workers

PROJECT = "saxaul-alxa"


def fetch(address: str) -> httpx.Response:
    """Fetch an address without a token. The timeout allows for a cold start on a busy machine."""
    return httpx.get(address, timeout=60)


def public_counts(stack: dict[str, Any]) -> Counts:
    said = public_log(stack)
    return Counts(said["planted"], said["dead"], said["standing"])


def count_changes(before: Counts, after: Counts) -> tuple[int, int, int]:
    return after.planted - before.planted, after.dead - before.dead, after.standing - before.standing


def certificate(stack: dict[str, Any], number: str) -> Any:  # noqa: ANN401 - JSON
    return fetch(f"{stack['api_url']}/certificates/{number}").raise_for_status().json()


@pytest.fixture
def reserved(alipay: Client) -> dict[str, Any]:
    user = new_user()
    make_rich(alipay, user)
    return redeem(alipay, user, PROJECT) | {"user": user}


def test_confirming_a_tree_finding_it_dead_and_replacing_it_change_the_public_counts_once_each(
    alipay: Client, partner: Client, stack: dict[str, Any], reserved: dict[str, Any]
) -> None:
    [number] = reserved["certificates"]
    start = public_counts(stack)
    run_planting_batch(stack)
    order = order_with(partner, number)
    path = f"/planting-orders/{order['order_id']}"
    assert count_changes(start, public_counts(stack)) == (0, 0, 0), "an ordered tree was counted as planted"

    planted = {"certificate": number} | new_planting()
    assert partner.call_or_exit("POST", f"{path}/confirmations", {"confirmations": [planted]})["accepted"] == 1
    assert partner.call_or_exit("POST", f"{path}/confirmations", {"confirmations": [planted]})["accepted"] == 1
    logged_certificate(stack, number, 1)
    assert count_changes(start, public_counts(stack)) == (1, 0, 1), (
        "a tree that was confirmed twice was not counted once"
    )
    assert partner.call_or_exit("GET", path)["state"] == "closed"

    dead = {"certificate": number, "state": "dead", "inspected_at": time_from_now(60), "inspector": "Forestry Bureau"}
    for _ in range(2):
        assert partner.call_or_exit("POST", f"{path}/inspections", {"inspections": [dead]}) == {
            "accepted": 1,
            "refused": [],
        }
    logged_certificate(stack, number, 2)
    assert count_changes(start, public_counts(stack)) == (1, 1, 0)
    assert certificate(stack, number)["state"] == "dead"

    replaced = dead | {"state": "replaced", "inspected_at": time_from_now(120)} | new_planting(90)
    early = dead | {"state": "alive", "inspected_at": time_from_now(30)}
    response = partner.call_or_exit("POST", f"{path}/inspections", {"inspections": [replaced, early]})
    assert [refusal["code"] for refusal in response["refused"]] == ["out_of_order"]
    published = logged_certificate(stack, number, 3)
    assert count_changes(start, public_counts(stack)) == (1, 0, 1)

    shown = json.loads(published)
    assert (shown["state"], shown["tree"]["tag"]) == ("replaced", replaced["tag"])
    assert [step["state"] for step in shown["history"]] == ["planted", "dead", "replaced"]
    assert reserved["user"].encode() not in published
    [life] = alipay.call_or_exit("GET", reserved["path"])["lives"]
    assert [(step["state"], step["inspector"]) for step in life["history"]] == [
        ("reserved", None),
        ("ordered", None),
        ("planted", None),
        ("dead", "Forestry Bureau"),
        ("replaced", "Forestry Bureau"),
    ]
    [tree] = alipay.call_or_exit("GET", f"/users/{reserved['user']}/forest")["forest"]
    assert (tree["certificate"], tree["state"]) == (number, "replaced")


def test_a_failed_tree_is_ordered_again_and_confirmed_in_the_later_order(
    partner: Client, stack: dict[str, Any], reserved: dict[str, Any]
) -> None:
    [number] = reserved["certificates"]
    run_planting_batch(stack)
    first = order_with(partner, number)
    report = {"failures": [{"certificate": number, "reason": "washed away"}]}

    assert partner.call_or_exit("POST", f"/planting-orders/{first['order_id']}/failures", report)["accepted"] == 1
    run_planting_batch(stack)
    second = order_with(partner, number, other_than={first["order_id"]})
    report = {"confirmations": [{"certificate": number} | new_planting()]}
    late = partner.call("POST", f"/planting-orders/{first['order_id']}/confirmations", report)
    accepted = partner.call_or_exit("POST", f"/planting-orders/{second['order_id']}/confirmations", report)

    assert (late.status_code, late.json()["code"]) == (422, "all_refused")
    assert [refusal["code"] for refusal in late.json()["refused"]] == ["already_failed"]
    assert accepted == {"accepted": 1, "refused": []}
    assert certificate(stack, number)["state"] == "planted"


def test_a_tree_that_failed_three_times_is_refunded(
    alipay: Client, partner: Client, stack: dict[str, Any], reserved: dict[str, Any]
) -> None:
    [number] = reserved["certificates"]
    before = alipay.call_or_exit("GET", f"/users/{reserved['user']}/wallet")
    orders: list[str] = []
    for _ in range(3):
        run_planting_batch(stack)
        orders.append(order_with(partner, number, other_than=orders)["order_id"])
        report = {"failures": [{"certificate": number, "reason": "drought"}]}
        for _ in range(2):
            assert partner.call_or_exit("POST", f"/planting-orders/{orders[-1]}/failures", report)["accepted"] == 1

    after = alipay.call_or_exit("GET", f"/users/{reserved['user']}/wallet")

    assert alipay.call_or_exit("GET", reserved["path"])["state"] == "refunded"
    assert (after["spent"], after["spendable"]) == (0, before["spendable"] + before["spent"])
    assert after["earned"] == before["earned"]


def test_the_manifest_needs_only_its_signed_link_and_lists_the_trees_of_the_order(
    partner: Client, stack: dict[str, Any], reserved: dict[str, Any]
) -> None:
    run_planting_batch(stack)
    order = order_with(partner, reserved["certificates"][0])

    links = order["manifest"]
    lines = fetch(links["csv"]).raise_for_status().content.decode("utf-8-sig").splitlines()
    document = fetch(links["json"]).raise_for_status().json()
    unsigned = fetch(links["csv"].split("?")[0])

    assert datetime.now(UTC) < datetime.fromisoformat(links["expires_at"]) < datetime.now(UTC) + timedelta(hours=1)
    numbers = [tree["certificate"] for tree in order["ordered_trees"]]
    assert [row["certificate"] for row in csv.DictReader(lines)] == numbers
    assert [tree["certificate"] for tree in document["ordered_trees"]] == numbers
    assert reserved["user"] not in str(lines) + str(document)
    assert unsigned.status_code == 403


def test_a_partner_cannot_see_or_report_on_orders_of_another_partner(
    alipay: Client, operator: Client, partner: Client, stack: dict[str, Any]
) -> None:
    project, foundation = f"foreign-{secrets.token_hex(3)}", "Yili Public Welfare Foundation"
    template = operator.call_or_exit("GET", f"/catalog/tree-projects/{PROJECT}")
    document = {name: value for name, value in template.items() if name not in ("id", "version", "effective_at")}
    operator.call_or_exit("PUT", f"/catalog/tree-projects/{project}", document | {"partner": foundation, "saplings": 1})
    user = new_user()
    make_rich(alipay, user)
    foreign = redeem(alipay, user, project)

    def orders() -> list[str]:
        run_planting_batch(stack)
        client = boto3.client("dynamodb", **client_arguments(stack["endpoint_url"]))
        listed = client.query(
            TableName=stack["tables"]["ledger"],
            IndexName="Listing",
            KeyConditionExpression="list_name = :name",
            ExpressionAttributeValues={":name": {"S": f"ORDERS#{foundation}"}},
        )
        found = [item["pk"]["S"].removeprefix("ORDER#") for item in listed["Items"]]
        return [order_id for order_id in found if order_id.startswith(project)]

    start_new_workers(stack, "ScheduleOrders")  # a running worker has cached the catalog without the new project
    [order_id] = eventually(orders, lambda found: found != [], patience=90)
    number = foreign["certificates"][0]
    path = f"/planting-orders/{order_id}"
    inspection = {"certificate": number, "state": "dead", "inspected_at": time_from_now(1), "inspector": "x"}
    responses = [
        partner.call("GET", path),
        partner.call("POST", f"{path}/confirmations", {"confirmations": [{"certificate": number} | new_planting()]}),
        partner.call("POST", f"{path}/failures", {"failures": [{"certificate": number, "reason": "x"}]}),
        partner.call("POST", f"{path}/inspections", {"inspections": [inspection]}),
    ]

    assert [(response.status_code, response.json()["code"]) for response in responses] == [(404, "unknown_order")] * 4
    assert order_id not in str(partner.call_or_exit("GET", "/planting-orders?limit=100"))
    with Client("yili") as yili:
        assert yili.call_or_exit("GET", path)["ordered_trees"][0]["certificate"] == number
        assert order_id in str(yili.call_or_exit("GET", "/planting-orders?limit=100"))
    assert alipay.call_or_exit("GET", foreign["path"])["state"] == "ordered"
