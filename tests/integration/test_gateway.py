"""Events of API Gateway: percent-encoded paths, header names in any case, and addresses with stages and domains."""

from typing import Any

import pytest

from saxaul.settings import settings
from tests.builders import reported
from tests.integration.stack import BASE_URL, SCOPES, Stack, api_event, call, invoke, parse_response, wallet_of

APP_CLAIMS = {"authorizer": {"claims": {"client_id": "alipay-client", "scope": SCOPES}}}
REDEMPTIONS = "/users/{user_id}/redemptions"


def wallet_event(user_id: str) -> dict[str, Any]:
    """Return a request for a wallet. The path has ``user_id`` exactly as given."""
    event = api_event("GET", "/users/{user_id}/wallet", path={"user_id": "u"})
    return event | {
        "path": f"/users/{user_id}/wallet",
        "pathParameters": {"user_id": user_id},
        "requestContext": event["requestContext"] | APP_CLAIMS | {"path": f"/v1/users/{user_id}/wallet"},
    }


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("called", "user_id"),
    [
        ("mei%40example.com", "mei@example.com"),
        ("mei@example.com", "mei@example.com"),
        ("mei%2Btag%3d1", "mei+tag=1"),
        ("a+b", "a+b"),
        ("%75-42", "u-42"),
        ("...", "..."),
    ],
)
def test_a_user_id_in_a_path_is_decoded_exactly_once(called: str, user_id: str) -> None:
    response = parse_response(invoke("view_forest", wallet_event(called)))

    assert (response.status, response.body.get("user_id")) == (200, user_id)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "called",
    [
        *(
            "%2525",
            "%25",
            "mei%2540example.com",
            "a%2Fb",
            "a%5Cb",
            "%",
            "%4",
            "mei%zz",
            "%u0041",
            "%ff",
            "%C3",
            "%ED%A0%80",
        ),
        *(".", "..", "%2e", "%2E%2e", ".%2E", "%00", "%0A", "mei%0A", "%20", "x" * 129, ""),
    ],
)
def test_an_invalid_user_id_in_a_path_is_refused(called: str) -> None:
    response = parse_response(invoke("view_forest", wallet_event(called)))

    assert (response.status, response.code) == (400, "invalid_parameter")


@pytest.mark.usefixtures("stack")
def test_a_path_parameter_that_the_gateway_decoded_is_not_decoded_again() -> None:
    decoded = {"version": "1.0"}

    assert (
        parse_response(invoke("view_forest", wallet_event("mei@example.com") | decoded)).body["user_id"]
        == "mei@example.com"
    )
    assert (
        parse_response(invoke("view_forest", wallet_event("mei%40example.com") | decoded)).code == "invalid_parameter"
    )
    assert parse_response(invoke("view_forest", wallet_event("%") | decoded)).code == "invalid_parameter"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("called", ["%ff", "%"])
@pytest.mark.parametrize(
    ("function", "resource", "name"),
    [
        ("prove_trees", "/certificates/{number}", "number"),
        ("view_impact", "/campaigns/{id}", "id"),
        ("view_impact", "/factors/{action_type}/{version}", "action_type"),
        ("view_impact", "/factors/{action_type}/{version}", "version"),
        ("manage_catalog", "/catalog/{kind}", "kind"),
        ("redeem_trees", "/users/{user_id}/redemptions/{redemption_id}", "redemption_id"),
    ],
)
def test_a_path_parameter_that_is_not_percent_encoded_utf_8_is_refused(
    function: str, resource: str, name: str, called: str
) -> None:
    valid = {"user_id": "u", "redemption_id": "r", "number": "n", "id": "i", "kind": "k"}
    event = api_event("GET", resource, path=valid | {"action_type": "t", "version": "1"})
    event["pathParameters"][name] = called
    client = "operator-client" if function == "manage_catalog" else "alipay-client"
    event["requestContext"]["authorizer"] = {"claims": {"client_id": client, "scope": SCOPES}}

    response = parse_response(invoke(function, event))

    assert (response.status, response.code) == (400, "invalid_parameter")


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("user_id", [".", ".."])
def test_an_action_whose_owner_id_cannot_be_in_a_path_is_refused(user_id: str) -> None:
    person, facility = reported(user_id=user_id), reported(user_id=None, facility_id=user_id)

    response = call("ingest_actions", "POST", "/actions", body={"actions": [person, facility]})

    assert [refusal["code"] for refusal in response.body["refused"]] == ["invalid_action"] * 2


def redemption_event(key: str = "key-1", **context: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """Return a redemption request for one tree by mei@example.com."""
    event = api_event("POST", REDEMPTIONS, path={"user_id": "mei@example.com"}, headers={"Idempotency-Key": key})
    event["requestContext"] |= APP_CLAIMS | context
    return event | {"body": '{"project_id": "saxaul-alxa"}'}


@pytest.mark.parametrize(
    ("context", "public_url", "base"),
    [
        ({}, "", BASE_URL),
        (
            {"domainName": "api.trees.example", "path": "/green/users/mei%40example.com/redemptions"},
            "",
            "https://api.trees.example/green",
        ),
        (
            {"domainName": "api.trees.example", "path": "/users/mei%40example.com/redemptions"},
            "",
            "https://api.trees.example",
        ),
        (
            {"domainName": "api.trees.example", "path": "/users/users/mei%40example.com/redemptions/"},
            "",
            "https://api.trees.example/users",
        ),
        ({}, "https://trees.example/{api_id}/", "https://trees.example/abc123"),
    ],
)
def test_the_location_of_a_redemption_begins_with_the_public_address_of_the_api(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, context: dict[str, str], public_url: str, base: str
) -> None:
    stack.seed_catalog()
    stack.add_wallet(160, "mei@example.com")
    monkeypatch.setenv("PUBLIC_URL", public_url)
    settings.cache_clear()

    response = parse_response(invoke("redeem_trees", redemption_event(**context)))

    assert response.headers["location"] == f"{base}/users/mei@example.com/redemptions/{response.body['redemption_id']}"


def test_the_location_of_a_redemption_is_correct_if_the_user_id_is_also_a_path_segment(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(160, "users")

    response = call(
        "redeem_trees",
        "POST",
        REDEMPTIONS,
        path={"user_id": "users"},
        body={"project_id": "saxaul-alxa"},
        headers={"Idempotency-Key": "key-1"},
    )

    assert response.headers["location"] == f"{BASE_URL}/users/users/redemptions/{response.body['redemption_id']}"


@pytest.mark.parametrize(
    "headers",
    [
        {"multiValueHeaders": {"IDEMPOTENCY-KEY": ["key-1"]}},
        {"multiValueHeaders": {"Idempotency-Key": ["key-1", "key-1"]}},
        {"multiValueHeaders": {"Idempotency-Key": ["key-1"], "idempotency-key": ["key-1"]}},
        {"multiValueHeaders": None, "headers": {"idempotency-KEY": "key-1"}},
    ],
)
def test_a_header_may_have_any_case_and_may_be_sent_twice_with_the_same_value(
    stack: Stack, headers: dict[str, Any]
) -> None:
    stack.seed_catalog()
    stack.add_wallet(160, "mei@example.com")
    before = parse_response(invoke("redeem_trees", redemption_event()))

    response = parse_response(invoke("redeem_trees", redemption_event() | headers))

    assert response.body == before.body | {"replay": True}


@pytest.mark.parametrize(
    "headers",
    [
        {"multiValueHeaders": None, "headers": None},
        {"multiValueHeaders": {}, "headers": {}},
        {"multiValueHeaders": {"Idempotency-Key": ["key-1", "key-2"]}},
        {"multiValueHeaders": {"Idempotency-Key": ["key-1"], "idempotency-key": ["key-2"]}},
        {"multiValueHeaders": None, "headers": {"Idempotency-Key": "key-1", "idempotency-key": "key-2"}},
    ],
)
def test_a_redemption_request_must_have_exactly_one_idempotency_key(stack: Stack, headers: dict[str, Any]) -> None:
    stack.seed_catalog()
    stack.add_wallet(160, "mei@example.com")

    response = parse_response(invoke("redeem_trees", redemption_event() | headers))

    assert (response.status, response.code) == (400, "missing_key")
    assert wallet_of("mei@example.com")["spent"] == 0
