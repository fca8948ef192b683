"""Errors of the API: callers without permission, unknown paths, and malformed requests."""

import base64
import json
from typing import Any

import pytest

from tests.builders import USER, make_catalog, make_suggestion, reported
from tests.integration.stack import Response, Stack, call, event_of, harvest, invoke, parse_response

ME = {"user_id": "u-42"}


def post_actions(body: Any) -> Response:  # noqa: ANN401 - an app may send anything
    return call("ingest_actions", "POST", "/actions", body=body)


def suggest(**query: str) -> Response:
    return call("suggest_campaigns", "GET", "/suggestions", query=query)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "body", [None, "", "{", "nonsense", '{"actions": [NaN]}', '{"actions": [Infinity]}', "[" * 100_000]
)
def test_a_body_that_is_not_json_is_400(body: str | None) -> None:
    response = post_actions(body)

    assert (response.status, response.code) == (400, "invalid_json")


def test_a_base64_body_is_decoded_and_an_invalid_one_is_400(stack: Stack) -> None:
    stack.seed_catalog()
    event = event_of("ingest_actions") | {"isBase64Encoded": True}
    coded = base64.b64encode(event["body"].encode()).decode()
    no_text = base64.b64encode(b"\xff").decode()

    assert parse_response(invoke("ingest_actions", event | {"body": coded})).status == 202
    assert parse_response(invoke("ingest_actions", event | {"body": "%"})).code == "invalid_json"
    assert parse_response(invoke("ingest_actions", event | {"body": no_text})).code == "invalid_json"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1E+9999999999999999999", "1e-99999999999999999999"])
def test_a_number_with_an_extreme_exponent_is_400(number: str) -> None:
    body = json.dumps({"actions": [reported(quantity=0)]}).replace('"quantity": 0', f'"quantity": {number}')

    response = post_actions(body)

    assert (response.status, response.code) == (400, "invalid_json")


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "action", ['{"action_id": "\\ud800"}', '{"\\ud800": 1}', '{"action_id": "a", "user_id": "u", "type": "\\ud800"}']
)
def test_a_lone_surrogate_in_a_bad_action_still_gives_a_response_that_can_be_encoded(action: str) -> None:
    response = post_actions(f'{{"actions": [{action}]}}')

    assert (response.status, response.code) == (422, "all_refused")
    json.dumps(response.body, ensure_ascii=False).encode()


@pytest.mark.usefixtures("stack")
def test_a_request_with_too_many_actions_or_with_none_is_400() -> None:
    assert post_actions({"actions": [reported()] * 501}).code == "too_many_actions"
    assert post_actions({"actions": []}).code == "invalid_body"
    assert post_actions({"action": reported()}).status == 400


def test_refused_actions_do_not_stop_the_others(stack: Stack) -> None:
    stack.seed_catalog()

    response = post_actions({"actions": [reported(action_id=f"ride-{n}", quantity=n % 2) for n in range(500)]})

    assert (response.status, response.body["accepted"], len(response.body["refused"])) == (202, 250, 250)
    assert set(response.body["refused"][0]) == {"index", "action_id", "code", "detail"}
    assert stack.accrue(*stack.receive_all(stack.actions_url)) == []
    assert sum(entry.actions for entry in stack.periods_of()[0].entries.values()) == 250


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("client", "code"),
    [("partner-client", "not_an_app"), ("operator-client", "not_an_app"), ("stranger", "unknown_client")],
)
def test_only_a_registered_app_may_report_and_search_for_a_person(client: str, code: str) -> None:
    refused = [
        call("ingest_actions", "POST", "/actions", client=client, body={"actions": [reported()]}),
        call("suggest_campaigns", "GET", "/suggestions", client=client, query={"user_id": USER.id}),
    ]

    assert [(response.status, response.code) for response in refused] == [(403, code)] * 2


@pytest.mark.usefixtures("stack")
def test_a_request_without_a_token_is_403() -> None:
    assert call("ingest_actions", "POST", "/actions", client=None, body={"actions": [reported()]}).status == 403


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("function", "method", "resource", "status"),
    [
        ("view_forest", "GET", "/users/{user_id}/wallet", 200),
        ("view_forest", "GET", "/users/{user_id}/forest", 200),
        ("redeem_trees", "POST", "/users/{user_id}/harvest", 200),
        ("redeem_trees", "GET", "/users/{user_id}/redemptions/{redemption_id}", 404),
        ("redeem_trees", "DELETE", "/users/{user_id}/redemptions/{redemption_id}", 404),
    ],
)
def test_a_token_of_a_person_gives_access_to_that_persons_paths_only(
    function: str, method: str, resource: str, status: int
) -> None:
    path = ME | {"redemption_id": "r-1"}

    foreign = call(function, method, resource, path=path, person="u-43")
    own = call(function, method, resource, path=path, person="u-42")

    assert (foreign.status, foreign.code) == (403, "not_yours")
    assert own.status == status


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "function", ["ingest_actions", "redeem_trees", "view_forest", "prove_trees", "take_reports", "manage_catalog"]
)
def test_a_path_that_a_function_does_not_serve_is_404(function: str) -> None:
    assert call(function, "PATCH", "/nowhere").code == "unknown_path"


def test_an_unexpected_failure_is_500_without_internal_details(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.seed_catalog()
    monkeypatch.setenv("LEDGER_TABLE", "Gone")

    response = harvest()

    assert (response.status, response.code) == (500, "internal_error")
    assert "Gone" not in str(response.body)


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
def test_a_limit_with_leading_zeros_is_still_checked() -> None:
    assert suggest(limit="0" * 8 + "9999").code == "invalid_parameter"


def test_suggestions_are_in_the_requested_language_and_link_only_to_the_requesting_app(stack: Stack) -> None:
    links = {"alipay": "https://www.alipay.com/bus"}
    stack.seed("action-types", **make_catalog().action_types)
    stack.seed("suggestions", bus=make_suggestion(links=links), other=make_suggestion())

    response = suggest(q="公交", lang="zh", limit="1").body

    assert (response["query"], response["fallback"]) == ("公交", False)
    assert [
        (suggestion["id"], suggestion["title"], suggestion["points"], suggestion["avoided_g"])
        for suggestion in response["suggestions"]
    ] == [("bus", "坐公交去上班", 80, 212.5)]
    foreign = call("suggest_campaigns", "GET", "/suggestions", client="taobao-client").body["suggestions"]
    assert {suggestion["link"] for suggestion in foreign} == {None}
