"""The main path on a deployed stack: from a bus ride to a planted tree."""

import secrets
from typing import Any

import httpx

from tests.e2e.calling import Client
from tests.e2e.journeys import (
    eventually,
    make_action,
    make_rich,
    new_planting,
    new_user,
    order_with,
    redeem,
    settled_redemption,
    wallet_of,
)

PROJECT = "saxaul-alxa"
PRICE = 17900


def test_the_points_of_a_bus_ride_ripen_and_are_harvested(alipay: Client) -> None:
    user = new_user()

    alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
    before = wallet_of(alipay, user, earned=80)
    moved = alipay.call_or_exit("POST", f"/users/{user}/harvest")
    after = alipay.call_or_exit("GET", f"/users/{user}/wallet")

    assert (before["spendable"], before["ripening"], before["avoided_g"]) == (0, 80, 212.5)
    assert (moved["moved"], after["spendable"], after["ripening"], after["earned"]) == (80, 80, 0, 80)


def test_an_action_sent_again_changes_nothing(alipay: Client) -> None:
    user = new_user()
    ride = make_action(user)
    marker = make_action(user, "metro_ride")

    alipay.call_or_exit("POST", "/actions", {"actions": [ride]})
    wallet_of(alipay, user, earned=80)
    alipay.call_or_exit("POST", "/actions", {"actions": [ride, ride, marker]})
    wallet = wallet_of(alipay, user, earned=80 + 52)

    assert wallet["earned"] == 80 + 52


def test_a_cap_applies_across_many_calls(alipay: Client) -> None:
    user = new_user()

    for _ in range(8):
        alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
    alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user, "metro_ride")]})
    wallet = eventually(
        lambda: alipay.call_or_exit("GET", f"/users/{user}/wallet"),
        lambda wallet: wallet["avoided_g"] == 8 * 212.5 + 515.5,
    )

    assert wallet["avoided_g"] == 8 * 212.5 + 515.5
    assert wallet["earned"] == 5 * 80 + 52


def test_points_become_a_planted_tree_with_a_certificate(
    alipay: Client, partner: Client, stack: dict[str, Any]
) -> None:
    user = new_user()
    earned = make_rich(alipay, user)
    key = secrets.token_hex(8)
    request = {"project_id": PROJECT, "trees": 1, "dedication": "For my grandmother"}

    requested = alipay.call("POST", f"/users/{user}/redemptions", request, idempotency_key=key)
    redemption = requested.json()
    redemption_path = f"/users/{user}/redemptions/{redemption['redemption_id']}"
    reserved = settled_redemption(alipay, redemption_path)
    again = alipay.call_or_exit("POST", f"/users/{user}/redemptions", request, idempotency_key=key)
    wallet = alipay.call_or_exit("GET", f"/users/{user}/wallet")

    assert requested.status_code == 202
    assert requested.headers["location"] == stack["api_url"] + redemption_path
    assert not redemption["replay"]
    # The schedule of the laptop stack runs every minute, so the tree may already be ordered.
    assert reserved["state"] in ("reserved", "ordered")
    assert (again["redemption_id"], again["replay"]) == (redemption["redemption_id"], True)
    assert (wallet["spendable"], wallet["spent"], wallet["ripening"]) == (earned - PRICE, PRICE, 0)

    number = redemption["certificates"][0]
    ordered = eventually(
        lambda: alipay.call_or_exit("GET", redemption_path),
        lambda redemption: redemption["state"] == "ordered",
        patience=100,
    )
    assert ordered["state"] == "ordered", "the schedule did not order the tree"
    order = order_with(partner, number)
    confirmation = {"certificate": number} | new_planting()
    path = f"/planting-orders/{order['order_id']}/confirmations"
    confirmed = partner.call_or_exit(
        "POST", path, {"confirmations": [confirmation, confirmation | {"certificate": "x"}]}
    )
    repeated = partner.call_or_exit("POST", path, {"confirmations": [confirmation]})
    certificate = httpx.get(f"{stack['api_url']}/certificates/{number}").json()
    forest = alipay.call_or_exit("GET", f"/users/{user}/forest")
    listed = alipay.call_or_exit("GET", f"/users/{user}/redemptions?limit=10")
    planted = partner.call_or_exit("GET", "/planting-orders?state=closed&limit=100")["orders"]

    assert confirmed["accepted"] == 1
    assert [refusal["code"] for refusal in confirmed["refused"]] == ["not_in_order"]
    assert repeated == {"accepted": 1, "refused": []}
    assert (certificate["state"], certificate["species"]) == ("planted", "Saxaul")
    assert certificate["tree"]["tag"] == confirmation["tag"]
    assert user not in str(certificate)
    assert [tree["certificate"] for tree in forest["forest"]] == [number]
    assert alipay.call_or_exit("GET", redemption_path)["state"] == "planted"
    assert [(found["redemption_id"], found["state"]) for found in listed["redemptions"]] == [
        (redemption["redemption_id"], "planted")
    ]
    assert (order["site"]["radius_km"] > 0, order["trees"]) == (True, len(order["ordered_trees"]))
    if len(order["ordered_trees"]) == 1:  # else trees of other tests are in the order
        assert order["order_id"] in [found["order_id"] for found in planted]


def test_a_user_with_too_few_points_is_refused_at_once_and_keeps_them(alipay: Client) -> None:
    user = new_user()
    alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
    wallet_of(alipay, user, earned=80)

    refused = alipay.call("POST", f"/users/{user}/redemptions", {"project_id": PROJECT}, idempotency_key="k")

    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_points")
    assert alipay.call_or_exit("GET", f"/users/{user}/wallet")["spendable"] == 80


def test_after_the_last_sapling_the_next_user_is_refused_and_keeps_the_points(alipay: Client, operator: Client) -> None:
    project = f"last-one-{secrets.token_hex(3)}"
    template = operator.call_or_exit("GET", f"/catalog/tree-projects/{PROJECT}")
    document = {key: template[key] for key in ("species", "place", "partner", "price_points")}
    operator.call_or_exit("PUT", f"/catalog/tree-projects/{project}", document | {"saplings": 1})
    first, second = new_user(), new_user()
    for user in (first, second):
        make_rich(alipay, user)

    redeem(alipay, first, project)
    refused = alipay.call("POST", f"/users/{second}/redemptions", {"project_id": project}, idempotency_key="k")

    assert (refused.status_code, refused.json()["code"]) == (409, "sold_out")
    wallet = alipay.call_or_exit("GET", f"/users/{second}/wallet")
    assert (wallet["spent"], wallet["spendable"] + wallet["ripening"]) == (0, wallet["earned"])
