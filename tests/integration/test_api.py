"""Refusals of the API: who may not, what is not there, and what is not of the documented shape."""

import base64
import json
from typing import Any

import pytest

from saxaul.settings import settings
from tests.builders import make_catalog, make_suggestion, reported
from tests.integration.stack import (
    BASE_URL,
    Answer,
    Stack,
    answered,
    api_event,
    call,
    event_of,
    harvest,
    invoke,
    wallet_of,
)

ME = {"user_id": "u-42"}


def post_actions(body: Any) -> Answer:  # noqa: ANN401 - whatever an app sends
    return call("ingest_actions", "POST", "/actions", body=body)


def suggest(**query: str) -> Answer:
    return call("suggest_campaigns", "GET", "/suggestions", query=query)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "body", [None, "", "{", "nonsense", '{"actions": [NaN]}', '{"actions": [Infinity]}', "[" * 100_000]
)
def test_a_body_that_is_not_json_is_400(body: str | None) -> None:
    answer = post_actions(body)

    assert (answer.status, answer.code) == (400, "invalid_json")


@pytest.mark.usefixtures("stack")
def test_a_body_in_base64_is_read_and_one_that_is_no_base64_is_400() -> None:
    event = event_of("ingest_actions") | {"isBase64Encoded": True}
    coded = base64.b64encode(event["body"].encode()).decode()
    no_text = base64.b64encode(b"\xff").decode()

    assert answered(invoke("ingest_actions", event | {"body": coded})).status == 202
    assert answered(invoke("ingest_actions", event | {"body": "%"})).code == "invalid_json"
    assert answered(invoke("ingest_actions", event | {"body": no_text})).code == "invalid_json"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1E+9999999999999999999", "1e-99999999999999999999"])
def test_a_number_with_an_absurd_exponent_is_refused_and_does_not_break_the_function(number: str) -> None:
    body = json.dumps({"actions": [reported(quantity=0)]}).replace('"quantity": 0', f'"quantity": {number}')

    assert post_actions(body).status < 500


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "action", ['{"action_id": "\\ud800"}', '{"\\ud800": 1}', '{"action_id": "a", "user_id": "u", "type": "\\ud800"}']
)
def test_half_a_character_in_a_bad_action_does_not_make_the_whole_answer_unsendable(action: str) -> None:
    answer = post_actions(f'{{"actions": [{action}]}}')

    assert answer.status == 202
    json.dumps(answer.body, ensure_ascii=False).encode()


@pytest.mark.usefixtures("stack")
def test_too_many_actions_and_none_are_400() -> None:
    assert post_actions({"actions": [reported()] * 501}).code == "too_many_actions"
    assert post_actions({"actions": []}).code == "invalid_body"
    assert post_actions({"action": reported()}).status == 400


def test_refused_actions_do_not_stop_the_others(stack: Stack) -> None:
    stack.seed_catalog()

    answer = post_actions({"actions": [reported(action_id=f"ride-{n}", quantity=n % 2) for n in range(500)]})

    assert (answer.status, answer.body["accepted"], len(answer.body["refused"])) == (202, 250, 250)
    assert set(answer.body["refused"][0]) == {"index", "action_id", "code", "detail"}
    assert stack.accrue(*stack.waiting(stack.actions_url)) == []
    assert len(stack.periods_of()[0].entries) == 250


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("client", "code"),
    [("partner-client", "not_an_app"), ("operator-client", "not_an_app"), ("stranger", "unknown_client")],
)
def test_only_a_registered_app_reports_redeems_and_searches(client: str, code: str) -> None:
    refused = [
        call("ingest_actions", "POST", "/actions", client=client, body={"actions": [reported()]}),
        call("suggest_campaigns", "GET", "/suggestions", client=client),
    ]

    assert [(answer.status, answer.code) for answer in refused] == [(403, code)] * 2


@pytest.mark.usefixtures("stack")
def test_without_a_token_nobody_gets_past_the_handler() -> None:
    assert call("ingest_actions", "POST", "/actions", client=None, body={"actions": [reported()]}).status == 403


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("function", "method", "resource"),
    [
        ("view_forest", "GET", "/users/{user_id}/wallet"),
        ("view_forest", "GET", "/users/{user_id}/forest"),
        ("redeem_trees", "POST", "/users/{user_id}/harvest"),
        ("redeem_trees", "GET", "/users/{user_id}/redemptions/{redemption_id}"),
        ("redeem_trees", "DELETE", "/users/{user_id}/redemptions/{redemption_id}"),
    ],
)
def test_a_person_reaches_their_own_paths_only(function: str, method: str, resource: str) -> None:
    path = ME | {"redemption_id": "r-1"}

    foreign = call(function, method, resource, path=path, person="u-43")
    own = call(function, method, resource, path=path, person="u-42")

    assert (foreign.status, foreign.code) == (403, "not_yours")
    assert own.status != 403


APP_CLAIMS = {"authorizer": {"claims": {"client_id": "alipay-client"}}}
REDEMPTIONS = "/users/{user_id}/redemptions"


def wallet_event(user_id: str) -> dict[str, Any]:
    """A call of a wallet, with this where the path has the user."""
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
def test_a_user_in_a_path_is_decoded_once(called: str, user_id: str) -> None:
    answer = answered(invoke("view_forest", wallet_event(called)))

    assert (answer.status, answer.body.get("user_id")) == (200, user_id)


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
def test_a_user_whom_no_path_can_hold_is_refused(called: str) -> None:
    answer = answered(invoke("view_forest", wallet_event(called)))

    assert (answer.status, answer.code) == (400, "invalid_parameter")


@pytest.mark.usefixtures("stack")
def test_a_path_that_the_gateway_decoded_is_not_decoded_again() -> None:
    decoded = {"version": "1.0"}

    assert (
        answered(invoke("view_forest", wallet_event("mei@example.com") | decoded)).body["user_id"] == "mei@example.com"
    )
    assert answered(invoke("view_forest", wallet_event("mei%40example.com") | decoded)).code == "invalid_parameter"
    assert answered(invoke("view_forest", wallet_event("%") | decoded)).code == "invalid_parameter"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("called", ["%ff", "%"])
@pytest.mark.parametrize(
    ("function", "resource", "name"),
    [
        ("prove_trees", "/certificates/{number}", "number"),
        ("view_impact", "/campaigns/{id}", "id"),
        ("manage_catalog", "/catalog/{kind}", "kind"),
        ("redeem_trees", "/users/{user_id}/redemptions/{redemption_id}", "redemption_id"),
    ],
)
def test_a_path_that_is_not_encoded_utf_8_is_refused_everywhere(
    function: str, resource: str, name: str, called: str
) -> None:
    event = api_event(
        "GET", resource, path={"user_id": "u", "redemption_id": "r", "number": "n", "id": "i", "kind": "k"}
    )
    event["pathParameters"][name] = called
    event["requestContext"] |= APP_CLAIMS

    answer = answered(invoke(function, event))

    assert (answer.status, answer.code) == (400, "invalid_parameter")


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("user_id", [".", ".."])
def test_no_action_is_taken_of_an_owner_whom_no_path_can_hold(user_id: str) -> None:
    person, facility = reported(user_id=user_id), reported(user_id=None, facility_id=user_id)

    answer = post_actions({"actions": [person, facility]})

    assert [refusal["code"] for refusal in answer.body["refused"]] == ["invalid_action"] * 2


def redemption_event(key: str = "key-1", **context: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """A call for one tree, by the user of the wallet that has enough."""
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
def test_the_location_of_a_redemption_can_be_followed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, context: dict[str, str], public_url: str, base: str
) -> None:
    stack.seed_catalog()
    stack.add_wallet(160, "mei@example.com")
    monkeypatch.setenv("PUBLIC_URL", public_url)
    settings.cache_clear()

    answer = answered(invoke("redeem_trees", redemption_event(**context)))

    assert answer.headers["location"] == f"{base}/users/mei@example.com/redemptions/{answer.body['redemption_id']}"


def test_the_location_holds_behind_a_user_who_is_named_like_a_part_of_the_path(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(160, "users")

    answer = call(
        "redeem_trees",
        "POST",
        REDEMPTIONS,
        path={"user_id": "users"},
        body={"project_id": "saxaul-alxa"},
        headers={"Idempotency-Key": "key-1"},
    )

    assert answer.headers["location"] == f"{BASE_URL}/users/users/redemptions/{answer.body['redemption_id']}"


@pytest.mark.parametrize(
    "headers",
    [
        {"multiValueHeaders": {"IDEMPOTENCY-KEY": ["key-1"]}},
        {"multiValueHeaders": {"Idempotency-Key": ["key-1", "key-1"]}},
        {"multiValueHeaders": {"Idempotency-Key": ["key-1"], "idempotency-key": ["key-1"]}},
        {"multiValueHeaders": None, "headers": {"idempotency-KEY": "key-1"}},
    ],
)
def test_a_header_is_found_in_whichever_case_and_however_often_it_came(stack: Stack, headers: dict[str, Any]) -> None:
    stack.seed_catalog()
    stack.add_wallet(160, "mei@example.com")
    before = answered(invoke("redeem_trees", redemption_event()))

    answer = answered(invoke("redeem_trees", redemption_event() | headers))

    assert answer.body == before.body | {"replay": True}


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
def test_a_redemption_has_one_key(stack: Stack, headers: dict[str, Any]) -> None:
    stack.seed_catalog()
    stack.add_wallet(160, "mei@example.com")

    answer = answered(invoke("redeem_trees", redemption_event() | headers))

    assert (answer.status, answer.code) == (400, "missing_key")
    assert wallet_of("mei@example.com")["spent"] == 0


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "function", ["ingest_actions", "redeem_trees", "view_forest", "prove_trees", "take_reports", "manage_catalog"]
)
def test_a_path_that_a_function_does_not_serve_is_404(function: str) -> None:
    assert call(function, "PATCH", "/nowhere").code == "unknown_path"


def test_an_unexpected_failure_is_500_and_shows_nothing_of_the_inside(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog()
    monkeypatch.setenv("LEDGER_TABLE", "Gone")

    answer = harvest()

    assert (answer.status, answer.code) == (500, "internal_error")
    assert "Gone" not in str(answer.body)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "query",
    [
        {"lang": "fr"},
        {"limit": "0"},
        {"limit": "51"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "²"},
        {"limit": ""},
        {"q": "x" * 101},
    ],
)
def test_a_parameter_out_of_range_is_400(query: dict[str, str]) -> None:
    assert suggest(**query).code == "invalid_parameter"


@pytest.mark.usefixtures("stack")
def test_leading_zeros_do_not_carry_a_number_past_its_limit() -> None:
    assert suggest(limit="0" * 8 + "9999").code == "invalid_parameter"


def test_suggestions_speak_the_language_that_is_asked_for_and_lead_into_the_asking_app(stack: Stack) -> None:
    links = {"alipay": "https://www.alipay.com/bus"}
    stack.seed("action-types", **make_catalog().action_types)
    stack.seed("suggestions", bus=make_suggestion(links=links), other=make_suggestion())

    answer = suggest(q="公交", lang="zh", limit="1").body

    assert (answer["query"], answer["fallback"]) == ("公交", False)
    assert [
        (suggestion["id"], suggestion["title"], suggestion["points"], suggestion["avoided_g"])
        for suggestion in answer["suggestions"]
    ] == [("bus", "坐公交去上班", 80, 212.5)]
    foreign = call("suggest_campaigns", "GET", "/suggestions", client="taobao-client").body["suggestions"]
    assert {suggestion["link"] for suggestion in foreign} == {None}
