"""Authorization and request validation on a deployed stack, and the form of its errors."""

from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_action, make_rich, new_user, wallet_of


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/actions"),
        ("GET", "/suggestions?q=green"),
        ("GET", "/tree-projects"),
        ("GET", "/campaigns"),
        ("GET", "/campaigns/world-environment-day"),
        ("GET", "/users/u/wallet"),
        ("GET", "/users/u/forest"),
        ("POST", "/users/u/harvest"),
        ("POST", "/users/u/redemptions"),
        ("GET", "/users/u/redemptions"),
        ("GET", "/users/u/redemptions/r"),
        ("DELETE", "/users/u/redemptions/r"),
        ("GET", "/planting-orders"),
        ("GET", "/planting-orders/o"),
        ("POST", "/planting-orders/o/confirmations"),
        ("POST", "/planting-orders/o/failures"),
        ("POST", "/planting-orders/o/inspections"),
        ("POST", "/planting-orders/o/photos"),
        ("GET", "/catalog/action-types/bus_ride"),
        ("PUT", "/catalog/action-types/bus_ride"),
        ("DELETE", "/catalog/action-types/bus_ride"),
        ("GET", "/catalog/action-types"),
        ("GET", "/catalog/action-types/bus_ride/versions"),
        ("POST", "/catalog/action-types/bus_ride/versions/1/restore"),
        ("POST", "/catalog/campaigns/world-environment-day/end"),
    ],
)
def test_a_request_without_a_token_or_with_a_forged_one_is_401(stack: dict[str, Any], method: str, path: str) -> None:
    without = httpx.request(method, stack["api_url"] + path)
    made_up = httpx.request(method, stack["api_url"] + path, headers={"authorization": "Bearer made.up.token"})

    assert (without.status_code, made_up.status_code) == (401, 401)


@pytest.mark.parametrize(
    ("client", "method", "path"),
    [
        ("partner", "POST", "/actions"),
        ("operator", "POST", "/users/u/harvest"),
        ("operator", "GET", "/planting-orders"),
        ("partner", "GET", "/users/u/wallet?reason=ticket+4711"),
        ("partner", "GET", "/campaigns"),
        ("alipay", "GET", "/planting-orders"),
        ("alipay", "PUT", "/catalog/action-types/bus_ride"),
        ("alipay", "DELETE", "/catalog/action-types/bus_ride"),
        ("alipay", "GET", "/catalog/suggestions"),
        ("partner", "GET", "/catalog/suggestions/take-the-bus/versions"),
        ("partner", "POST", "/users/u/redemptions"),
        ("partner", "DELETE", "/users/u/redemptions/r"),
    ],
)
@pytest.mark.usefixtures("stack")
def test_a_token_without_the_scope_is_refused(client: str, method: str, path: str) -> None:
    with Client(client) as caller:
        response = caller.call(method, path, {})

    assert response.status_code in (401, 403)


@pytest.mark.usefixtures("stack")
def test_a_token_requested_with_one_scope_has_only_that_scope() -> None:
    with Client("alipay", scopes="saxaul/suggestions.read") as caller:
        allowed = caller.call("GET", "/suggestions?q=green")
        refused = caller.call("POST", "/actions", {"actions": [make_action(new_user())]})

    assert allowed.status_code == 200
    assert refused.status_code in (401, 403)


def test_a_bad_action_is_refused_by_index_and_the_others_are_accepted(alipay: Client) -> None:
    user = new_user()
    bad = make_action(user, "flight")

    response = alipay.call("POST", "/actions", {"actions": [make_action(user), bad, make_action(user, "metro_ride")]})

    assert response.status_code == 202
    assert response.json()["accepted"] == 2
    [refused] = response.json()["refused"]
    assert (refused["index"], refused["action_id"], refused["code"]) == (1, bad["action_id"], "unknown_type")
    assert wallet_of(alipay, user, earned=132)["earned"] == 132


def test_a_request_of_500_actions_is_accepted_and_one_of_501_is_refused(alipay: Client) -> None:
    users = [new_user() for _ in range(20)]
    actions = [make_action(users[number % 20]) for number in range(501)]

    accepted = alipay.call("POST", "/actions", {"actions": actions[:500]})
    refused = alipay.call("POST", "/actions", {"actions": actions})

    assert (accepted.status_code, accepted.json()) == (202, {"receipt_id": ANY, "accepted": 500, "refused": []})
    assert (refused.status_code, refused.json()["code"]) == (400, "too_many_actions")
    assert refused.headers["content-type"] == "application/problem+json"
    last = eventually(
        lambda: alipay.call_or_exit("GET", f"/users/{users[19]}/wallet"),
        lambda wallet: wallet["avoided_g"] == 8 * 212.5,
    )
    assert (last["earned"], last["avoided_g"]) == (5 * 80, 8 * 212.5)


@pytest.mark.parametrize("body", ["{", "", "[]", "null", '{"actions": 5}', '{"actions": []}', '{"actions": NaN}'])
def test_a_malformed_body_gets_a_problem_document(alipay: Client, stack: dict[str, Any], body: str) -> None:
    headers = {"authorization": alipay.authorization(), "content-type": "application/json"}

    response = httpx.post(f"{stack['api_url']}/actions", content=body, headers=headers)

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] in ("invalid_json", "invalid_body")


def test_a_redemption_request_without_an_idempotency_key_is_refused(alipay: Client) -> None:
    response = alipay.call("POST", f"/users/{new_user()}/redemptions", {"project_id": "saxaul-alxa"})

    assert (response.status_code, response.json()["code"]) == (400, "missing_key")


def test_a_user_with_an_at_sign_is_one_user_however_the_path_is_encoded(alipay: Client) -> None:
    user = f"{new_user()}@example.com"
    alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
    assert wallet_of(alipay, user, earned=80)["user_id"] == user

    encoded = alipay.call_or_exit("GET", f"/users/{user.replace('@', '%40')}/wallet")
    twice = alipay.call("GET", f"/users/{user.replace('@', '%2540')}/wallet")

    assert (encoded["user_id"], encoded["earned"]) == (user, 80)
    assert (twice.status_code, twice.json()["code"]) == (400, "invalid_parameter")


@pytest.mark.parametrize("called", ["%25", "%2525", "%ff", "%20", "%2e%2e"])
def test_an_invalid_user_id_in_the_path_is_refused(alipay: Client, called: str) -> None:
    response = alipay.call("GET", f"/users/{called}/wallet")

    assert 400 <= response.status_code < 500


def test_the_location_of_a_redemption_can_be_followed(alipay: Client) -> None:
    user = f"{new_user()}@example.com"
    make_rich(alipay, user)
    asked = alipay.call(
        "POST", f"/users/{user}/redemptions", {"project_id": "caragana-wuwei"}, idempotency_key=new_user()
    )

    followed = httpx.get(
        asked.headers["location"], headers={"authorization": alipay.authorization()}, timeout=60
    ).raise_for_status()

    assert followed.json()["redemption_id"] == asked.json()["redemption_id"]


def test_an_unknown_certificate_is_404(stack: dict[str, Any]) -> None:
    response = httpx.get(f"{stack['api_url']}/certificates/0000-0000-0000-0", timeout=60)  # may be a cold start

    assert (response.status_code, response.json()["code"]) == (404, "unknown_certificate")


def test_the_factor_of_an_entry_can_be_read_without_a_token(alipay: Client) -> None:
    user = new_user()
    alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
    wallet_of(alipay, user, earned=80)
    [entry] = alipay.call_or_exit("GET", f"/users/{user}/ledger")["entries"]

    factor = httpx.get(entry["factor"], timeout=60).raise_for_status()

    assert f"{factor.json()['action_type']}@{factor.json()['version']}" == entry["rule"]
    assert factor.json()["avoided_g"]["source"] == entry["avoided_g_source"]


def test_a_factor_that_does_not_exist_is_404(stack: dict[str, Any]) -> None:
    response = httpx.get(f"{stack['api_url']}/factors/bus_ride/99999999", timeout=60)

    assert (response.status_code, response.json()["code"]) == (404, "unknown_factor")
