"""Redemption requests: which requests are valid, and what the Idempotency-Key does."""

from typing import Any

import pytest

from tests.builders import DAY
from tests.integration.stack import Stack, call, cancel, redeem

ME = {"user_id": "u-42"}


def test_only_an_app_can_request_trees(stack: Stack) -> None:
    stack.seed_catalog()

    assert redeem(client="operator-client").code == "not_an_app"


def test_a_person_cannot_spend_the_points_of_another_person(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    response = call(
        "redeem_trees",
        "POST",
        "/users/{user_id}/redemptions",
        path=ME,
        person="u-43",
        body={"project_id": "saxaul-alxa"},
        headers={"Idempotency-Key": "key"},
    )

    assert response.code == "not_yours"
    assert stack.receive_all(stack.redemptions_url) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"project_id": "no-such-project"}, "unknown_project"),
        ({"project_id": "No Such"}, "invalid_body"),
        ({"trees": 0}, "invalid_body"),
        ({"trees": 11}, "invalid_body"),
        ({"trees": "1"}, "invalid_body"),
        ({"trees": True}, "invalid_body"),
        ({"trees": 1.5}, "invalid_body"),
        ({"dedication": "x" * 101}, "invalid_body"),
        ({"dedication": None}, "invalid_body"),
        ({"points": 1}, "invalid_body"),
    ],
)
def test_an_invalid_request_is_refused(stack: Stack, change: dict[str, Any], code: str) -> None:
    stack.seed_catalog()
    stack.add_wallet(10_000)

    response = redeem(**change)

    assert response.code == code
    assert response.status == (404 if code == "unknown_project" else 400)


@pytest.mark.parametrize("key", ["", "x" * 129])
def test_a_request_needs_an_idempotency_key_of_1_to_128_characters(stack: Stack, key: str) -> None:
    stack.seed_catalog()

    assert redeem(key).code == "missing_key"


def test_the_header_name_idempotency_key_may_have_any_case(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    resource, body = "/users/{user_id}/redemptions", {"project_id": "saxaul-alxa"}

    responses = [
        call("redeem_trees", "POST", resource, path=ME, body=body, headers={name: "key"})
        for name in ("idempotency-key", "Idempotency-Key", "IDEMPOTENCY-KEY")
    ]

    assert len({response.body["redemption_id"] for response in responses}) == 1


def test_a_dedication_is_normalized_and_one_that_looks_the_same_counts_as_the_same_request(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)

    first = redeem(dedication="  Für\tZoe\u0308 \u202e ")
    again = redeem(dedication="Für Zoë\u200b")

    assert first.body["dedication"] == "Für Zoë"
    assert (again.status, again.body["replay"]) == (202, True)


def test_a_key_is_kept_for_good_also_if_its_redemption_was_cancelled(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    first = redeem("key-1").body["redemption_id"]
    assert cancel(first).body["state"] == "cancelled"

    stack.clock.instant += 3650 * DAY
    again = redeem("key-1")

    assert (again.status, again.body["redemption_id"], again.body["replay"]) == (202, first, True)
    assert again.body["state"] == "cancelled"


def test_a_refused_request_stores_no_key(stack: Stack) -> None:
    stack.seed_catalog()
    assert redeem("key-1").code == "insufficient_points"
    stack.add_wallet(1000)

    assert redeem("key-1", trees=2).body["replay"] is False


def test_a_key_that_was_used_for_a_different_request_is_422(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    redeem("key-1")

    response = redeem("key-1", trees=2)

    assert (response.status, response.code) == (422, "key_reused")


def test_the_same_key_from_another_app_or_user_is_a_different_request(stack: Stack) -> None:
    stack.seed_catalog()
    for user in ("u-42", "u-43"):
        stack.add_wallet(1000, user)

    responses = [redeem(), redeem(client="taobao-client"), redeem(user_id="u-43")]

    assert [response.body["replay"] for response in responses] == [False] * 3
    assert len({response.body["redemption_id"] for response in responses}) == 3


def test_a_request_that_the_wallet_cannot_pay_is_409_and_stores_nothing(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(159)

    response = redeem()

    assert (response.status, response.code) == (409, "insufficient_points")
    assert stack.receive_all(stack.redemptions_url) == []
    assert stack.redemptions.of_user("u-42") == []


def test_a_key_does_not_give_access_to_the_redemption_of_another_user(stack: Stack) -> None:
    stack.seed_catalog()
    for user in ("u-42", "u-43"):
        stack.add_wallet(1000, user)
    resource = "/users/{user_id}/redemptions/{redemption_id}"
    theirs = redeem("key-1", "u-43", dedication="For Mum").body["redemption_id"]
    path = ME | {"redemption_id": theirs}

    mine = redeem("key-1", "u-42", dedication="For Dad")
    seen = call("redeem_trees", "GET", resource, path=path)
    as_a_person = call("redeem_trees", "GET", resource, path=path | {"user_id": "u-43"}, person="u-42")

    assert (mine.status, mine.body["replay"], mine.body["dedication"]) == (202, False, "For Dad")
    assert mine.body["redemption_id"] != theirs
    assert (seen.status, seen.code) == (404, "unknown_redemption")
    assert (as_a_person.status, as_a_person.code) == (403, "not_yours")
