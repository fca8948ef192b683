"""Grants: a person lets a third-party app report, read or spend, and takes this back."""

from typing import Any

import pytest

from tests.builders import USER, at, make_redemption
from tests.integration.stack import Response, Stack, call, call_grant, cancel, grant, redeem

THIRD_PARTY = "third-party-client"


def wallet() -> Response:
    return call("view_forest", "GET", "/users/{user_id}/wallet", client=THIRD_PARTY, path={"user_id": USER.id})


def listed(user_id: str = USER.id) -> Any:  # noqa: ANN401 - the response body
    return call("manage_grants", "GET", "/users/{user_id}/grants", path={"user_id": user_id}).body


@pytest.mark.usefixtures("stack")
def test_a_grant_is_read_back_as_it_was_written() -> None:
    written = grant("spend", "report")

    assert (written.status, written.body) == (
        200,
        {
            "user_id": USER.id,
            "app_id": "citybike",
            "covers": ["report", "spend"],
            "granted_at": "2026-06-05T12:00:00+08:00",
            "granted_by": "alipay",
        },
    )
    assert call_grant("GET").body == written.body
    assert listed() == {"user_id": USER.id, "grants": [written.body]}


def test_a_repeated_grant_changes_nothing_and_another_one_replaces_it(stack: Stack) -> None:
    first = grant("read").body
    stack.clock.instant = at("2026-06-06T12:00")

    repeated = call_grant("PUT", body={"covers": ["read"]}, client="taobao-client").body
    replaced = call_grant("PUT", body={"covers": ["report"]}, client="taobao-client").body

    assert repeated == first
    assert (replaced["covers"], replaced["granted_by"]) == (["report"], "taobao")
    assert replaced["granted_at"] == "2026-06-06T12:00:00+08:00"
    assert wallet().code == "not_granted"


@pytest.mark.usefixtures("stack")
def test_taking_a_grant_back_applies_to_the_next_request_and_is_safe_to_repeat() -> None:
    grant("read")
    assert wallet().status == 200

    answers = [call_grant("DELETE") for _ in range(2)]

    assert (wallet().status, wallet().code) == (403, "not_granted")
    assert [(answer.status, answer.body["covers"]) for answer in answers] == [(200, [])] * 2
    assert call_grant("GET").code == "unknown_grant"
    assert listed()["grants"] == []


@pytest.mark.usefixtures("stack")
def test_a_grant_reaches_one_person_and_one_app_only() -> None:
    grant("read", user_id="u-43")

    assert wallet().code == "not_granted"
    assert listed("u-43")["grants"] != []


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "null",
        {"covers": []},
        {"covers": ["read", "read"]},
        {"covers": ["write"]},
        {"covers": "read"},
        {"covers": {"read": True}},
        {"covers": ["read", None]},
        {"covers": [["read"]]},
        {"covers": ["report", "read", "spend", "read"]},
        {"covers": ["read"], "until": "2027"},
        {"covers": ["READ"]},
    ],
)
def test_a_body_that_is_not_a_grant_is_refused_and_nothing_is_written(body: Any) -> None:  # noqa: ANN401 - an app may send anything
    assert (call_grant("PUT", body=body).status, call_grant("PUT", body=body).code) == (400, "invalid_body")
    assert call_grant("GET").code == "unknown_grant"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("app_id", "status", "code"),
    [
        ("nobody", 404, "unknown_app"),
        ("partner", 404, "unknown_app"),
        ("operator", 404, "unknown_app"),
        ("taobao", 409, "grant_not_needed"),
        ("City Bike", 400, "invalid_parameter"),
        ("citybike#", 400, "invalid_parameter"),
    ],
)
def test_only_a_registered_third_party_app_can_be_granted_anything(app_id: str, status: int, code: str) -> None:
    response = call_grant("PUT", app_id, {"covers": ["read"]})

    assert (response.status, response.code) == (status, code)
    assert listed()["grants"] == []


def test_a_grant_to_an_app_that_is_not_registered_any_more_can_be_seen_and_taken_back(stack: Stack) -> None:
    grant("read")
    stack.unregister(THIRD_PARTY)

    assert call_grant("GET").status == 200
    assert call_grant("DELETE").status == 200
    assert listed()["grants"] == []


def test_a_third_party_app_with_a_grant_cancels_only_what_it_requested(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    grant("spend")
    stack.redemptions.add(make_redemption("r-of-alipay"))

    own = redeem(client=THIRD_PARTY).body["redemption_id"]

    assert cancel("r-of-alipay", client=THIRD_PARTY).code == "not_yours"
    assert cancel(own, client=THIRD_PARTY).body["state"] == "cancelled"
    call_grant("DELETE")
    assert cancel(own, client=THIRD_PARTY).code == "not_granted"


def test_a_malformed_grant_covers_nothing(stack: Stack) -> None:
    stack.ledger.replace({"pk": f"USER#{USER.id}", "sk": "GRANT#citybike", "covers": ["everything"]})

    assert wallet().code == "not_granted"
    assert call_grant("GET").body["covers"] == []


def test_reconciliation_and_the_wallet_ignore_grants(stack: Stack) -> None:
    stack.seed_catalog()
    grant("read", "report", "spend")

    assert stack.faults() == []
    assert wallet().body["earned"] == 0


@pytest.mark.usefixtures("stack")
def test_one_invalid_cover_is_one_error() -> None:
    response = call_grant("PUT", body={"covers": ["everything"]})

    assert response.body["errors"] == ["covers.0: this must be 'report', 'read' or 'spend'"]
