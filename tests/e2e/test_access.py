"""Who reaches what on a deployed stack, for every operation, as it declares.

``citybike`` is the third-party app. ``partner`` owns the order, and ``yili`` is another partner. API Gateway refuses a
token without the scope of a route before a function runs. So here, a wrong role is 401 or 403 without a code of ours.
"""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest

from local.deployment import client_arguments
from local.operations import operations
from saxaul.http.access import Data
from saxaul.http.operations import Operation
from saxaul.ledger.grants import COVERS
from tests.access import (
    ADMITTED,
    FIRST_PARTY,
    GRANTED,
    HIDDEN,
    OPERATOR,
    OTHER_PARTNER,
    PARTNER,
    ROUTES,
    TAKEN_BACK,
    THIRD_PARTY,
    UNREGISTERED,
    Sender,
    expected,
    named,
    query_of,
)
from tests.builders import RECEIPT, make_receipt_part
from tests.e2e.calling import Client
from tests.e2e.journeys import (
    eventually,
    make_action,
    make_rich,
    new_user,
    order_with,
    put_receipt,
    redeem,
    run_planting_batch,
)

# These are the first tests. What takes a minute begins with them, and later ones look at how it went.
pytestmark = pytest.mark.usefixtures("rotation", "parcels_before")

CLIENTS = {FIRST_PARTY: "taobao", PARTNER: "partner", OTHER_PARTNER: "yili", OPERATOR: "operator"}
BY_GATEWAY = "refused by the gateway"
SCOPES = {route.route: {f"saxaul/{scope}" for scope in route.access.scopes} for route in operations()}
"""The scopes of which API Gateway requires one. It does not look at the query."""
Order = dict[str, Any]


@pytest.fixture(scope="module")
def order(stack: dict[str, Any], alipay: Client, partner: Client) -> Order:
    """An order of the partner client, which the client yili has nothing to do with."""
    user = new_user()
    make_rich(alipay, user)
    redemption = redeem(alipay, user, "caragana-wuwei")
    [tree] = alipay.call_or_exit("GET", redemption["path"])["certificates"]
    run_planting_batch(stack)
    return order_with(partner, tree)


@pytest.fixture(scope="module")
def citybike(stack: dict[str, Any]) -> Iterator[Client]:
    assert stack
    with Client("citybike") as client:
        yield client


def body_of(route: Operation, user: str) -> object:
    """Return a body for a request. What a report says is refused item by item, and changes nothing."""
    action = make_action(user)
    reversal = {name: action[name] for name in ("action_id", "user_id", "occurred_at")} | {"reason": "a test"}
    bodies: dict[str, object] = {
        "/actions": {"actions": [action]},
        "/reversals": {"reversals": [reversal]},
        "/users/{user_id}/redemptions": {"project_id": "no-such-project"},
        "/users/{user_id}/grants/{app_id}": {"covers": ["read"]},
        "/catalog/{kind}/{id}": {"words": ["only one"]},
        "/apps/{app_id}": {"name": ""},
        "/apps/{app_id}/secret": {},
        "/apps/{app_id}/reversals": {"reversals": [reversal]},
        "/planting-orders/{order_id}/confirmations": {"confirmations": [{}]},
        "/planting-orders/{order_id}/failures": {"failures": [{}]},
        "/planting-orders/{order_id}/inspections": {"inspections": [{}]},
        "/planting-orders/{order_id}/photos": {"photos": [{}]},
    }
    return bodies.get(route.path) if route.method in {"POST", "PUT"} else None


def send(client: Client, route: Operation, user: str, order_id: str, sender: Sender = FIRST_PARTY) -> httpx.Response:
    values = {"user_id": user, "redemption_id": "none", "app_id": "citybike", "order_id": order_id, "number": "n"}
    values |= {"kind": "synonyms", "id": "no-such-entry", "action_type": "bus_ride", "version": "1", "file": "none"}
    values["receipt_id"] = RECEIPT
    values |= {"secret_id": "none", "erasure_id": "none"}
    if route.access.data is Data.APPS:  # an operator must not change an app that the tests use
        values["app_id"] = "no-such-app"
    query = "".join(f"?{name}={value}" for name, value in query_of(route, user, sender).items())
    path = route.path.format_map(values) + query
    return client.call(route.method, path, body_of(route, user), idempotency_key=new_user())


def observed(route: Operation, response: httpx.Response) -> str:
    assert response.status_code < 500, (route, response.text)
    if response.status_code in (401, 403):
        code = response.json().get("code")
        return BY_GATEWAY if code in (None, "forbidden", "unauthorized") else str(code)
    if route.access.data is Data.PERSONS_IN_BODY:
        refused = response.json()["refused"]
        return str(refused[0]["code"]) if refused else ADMITTED
    code = response.json()["code"] if response.status_code == 404 else None
    return str(code) if code in HIDDEN.values() else ADMITTED


def expected_on_the_stack(route: Operation, sender: Sender, client: dict[str, Any]) -> str:
    """Return what the table says, after the check of the scope by API Gateway, or by the function for a person."""
    if SCOPES[route.route] and not SCOPES[route.route] & set(client["scopes"]):
        return BY_GATEWAY
    found = expected(route, sender)
    return BY_GATEWAY if found == "forbidden" else found


def compare(stack: dict[str, Any], client: Client, name: str, sender: Sender, user: str, order: Order) -> None:
    put_receipt(stack, make_receipt_part("p", app=name if sender.owns else "alipay", accepted_at=int(time.time())))
    answers = {
        named(route, sender): observed(route, send(client, route, user, order["order_id"], sender)) for route in ROUTES
    }

    assert answers == {
        named(route, sender): expected_on_the_stack(route, sender, stack["clients"][name]) for route in ROUTES
    }


@pytest.mark.parametrize("sender", CLIENTS, ids=lambda sender: sender.name)
def test_every_route_answers_a_client_as_the_table_says(stack: dict[str, Any], order: Order, sender: Sender) -> None:
    with Client(CLIENTS[sender]) as client:
        compare(stack, client, CLIENTS[sender], sender, new_user(), order)


@pytest.mark.parametrize("sender", [THIRD_PARTY, TAKEN_BACK, *GRANTED], ids=lambda sender: sender.name)
def test_every_route_answers_a_third_party_app_as_the_grant_says(
    stack: dict[str, Any], alipay: Client, citybike: Client, order: Order, sender: Sender
) -> None:
    user = new_user()
    grant = f"/users/{user}/grants/citybike"
    if sender == TAKEN_BACK:
        alipay.call_or_exit("PUT", grant, {"covers": list(COVERS)})
        assert citybike.call("GET", f"/users/{user}/wallet").status_code == 200
        alipay.call_or_exit("DELETE", grant)
    elif sender.covers:
        alipay.call_or_exit("PUT", grant, {"covers": list(sender.covers)})

    compare(stack, citybike, "citybike", sender, user, order)


def test_a_client_that_leaves_the_registry_is_refused_within_three_seconds_with_its_token_in_hand(
    stack: dict[str, Any], order: Order
) -> None:
    dynamodb = boto3.client("dynamodb", **client_arguments(stack["endpoint_url"]))
    table, name, user = stack["tables"]["catalog"], "freshippo", new_user()
    key = {"pk": {"S": "clients"}, "sk": {"S": stack["clients"][name]["client_id"]}}
    item = dynamodb.get_item(TableName=table, Key=key)["Item"]
    with Client(name) as client:
        assert client.call("GET", f"/users/{user}/wallet").status_code == 200
        try:
            dynamodb.delete_item(TableName=table, Key=key)
            time.sleep(3)
            compare(stack, client, name, UNREGISTERED, user, order)
        finally:
            dynamodb.put_item(TableName=table, Item=item)
        again = eventually(
            lambda: client.call("GET", f"/users/{user}/wallet").status_code, lambda status: status == 200, 10
        )
        assert again == 200


def test_a_request_without_a_token_reaches_only_public_routes(stack: dict[str, Any], order: Order) -> None:
    values = {"user_id": "u", "redemption_id": "r", "app_id": "a", "order_id": order["order_id"], "number": "n"}
    values |= {"kind": "synonyms", "id": "i", "action_type": "bus_ride", "version": "1", "file": "none"}
    values["receipt_id"] = RECEIPT
    values |= {"secret_id": "none", "erasure_id": "none"}
    answers = {
        f"{route.method} {route.path}": httpx.request(
            route.method, stack["api_url"] + route.path.format_map(values), timeout=60
        ).status_code
        == 401
        for route in operations()
    }

    assert answers == {f"{route.method} {route.path}": route.access.scope is not None for route in operations()}


@pytest.mark.usefixtures("stack")
def test_the_order_of_another_partner_is_answered_like_one_that_does_not_exist(order: Order) -> None:
    with Client("yili") as yili:
        routes = [
            route for route in operations() if route.access.data is Data.OWN_ORDERS and "{order_id}" in route.path
        ]
        foreign = [send(yili, route, "u", order["order_id"]) for route in routes]
        missing = [send(yili, route, "u", "never-existed") for route in routes]
        listed = yili.call_or_exit("GET", "/planting-orders?limit=100")["orders"]

    assert [(answer.status_code, answer.json()) for answer in foreign] == [
        (answer.status_code, answer.json()) for answer in missing
    ]
    assert {answer.status_code for answer in foreign} == {404}
    assert {item["partner"] for item in listed} <= {"Yili Public Welfare Foundation"}
