"""Apps: operators register them, change, suspend and end them, and rotate their secrets."""

from typing import Any

import pytest

from tests.builders import USER, reported
from tests.integration.stack import Response, Stack, call, call_app, call_grant, report_actions

BIKES: dict[str, Any] = {"name": "Bikes", "kind": "third_party"}
_NOT_OF_THIS_KIND = (
    "not a scope of this kind; the scopes are actions.write, suggestions.read, wallets.read, trees.redeem"
)
_NO_PARTNERS = "partners: an app of the kind partner must have partners, and no other app may have any"
_ONE_PLACE = "link_pattern: this must have {suggestion_id} exactly once, and no other braces"
_HTTPS = (
    "link_pattern: this must be a link of the form https://host/path with {suggestion_id} after the host, without "
    "quotes, backslashes or angle brackets"
)
ALL = ["actions.write", "suggestions.read", "wallets.read", "trees.redeem"]


def register(app_id: str = "bikes", body: Any = BIKES) -> Response:  # noqa: ANN401 - an operator may send anything
    response = call_app("PUT", app_id, body=body)
    assert response.status == 201, response
    return response


def wallet(client: str) -> Response:
    return call("view_forest", "GET", "/users/{user_id}/wallet", client=client, path={"user_id": USER.id})


def test_a_new_app_gets_a_client_with_a_secret_that_no_other_response_has(stack: Stack) -> None:
    made = register()

    client_id, secret = made.body["client_id"], made.body["client_secret"]
    assert stack.cognito.values_of(client_id) == {secret}
    assert stack.cognito.clients[client_id] | {"secrets": {}} == {
        "UserPoolId": "pool_1",
        "ClientName": "bikes",
        "GenerateSecret": True,
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthFlows": ["client_credentials"],
        "AllowedOAuthScopes": [f"saxaul/{scope}" for scope in ALL],
        "secrets": {},
    }
    shown = call_app("GET")
    assert shown.body == {name: value for name, value in made.body.items() if name != "client_secret"}
    assert secret not in str(call("manage_apps", "GET", "/apps", client="operator-client").body)
    assert made.headers["etag"] == shown.headers["etag"] == '"1"'


def test_an_app_that_is_registered_with_only_a_name_and_a_kind_gets_the_default_limits(stack: Stack) -> None:
    assert register().body["limits"] == {"calls_per_second": 50, "actions_per_day": 100_000}
    partner = {"name": "SEE", "kind": "partner", "partners": ["Alxa SEE"]}
    made = register("see", partner).body

    assert (made["limits"], made["scopes"]) == (
        {"calls_per_second": 50, "actions_per_day": None},
        ["planting.write"],
    )
    stored = stack.registry().find(made["client_id"])
    assert stored is not None
    assert (stored.name, stored.role, stored.partners, stored.actions_per_day) == (
        "see",
        "partner",
        ("Alxa SEE",),
        None,
    )


def test_a_registered_app_reports_and_reads_what_persons_grant_it(stack: Stack) -> None:
    stack.seed_catalog()
    client = register().body["client_id"]

    assert wallet(client).code == "not_granted"
    assert call_grant("PUT", "bikes", {"covers": ["read"]}).status == 200
    assert wallet(client).status == 200
    assert report_actions(reported(), client=client).body["refused"][0]["code"] == "not_granted"


@pytest.mark.usefixtures("stack")
def test_the_same_request_again_changes_nothing_and_has_no_secret() -> None:
    made = register()

    again = call_app("PUT", body=BIKES)

    assert (again.status, again.body) == (200, {k: v for k, v in made.body.items() if k != "client_secret"})


def test_a_change_is_a_new_version_and_applies_to_requests_and_to_tokens(stack: Stack) -> None:
    client = register().body["client_id"]
    assert call_grant("PUT", "bikes", {"covers": ["read"]}).status == 200
    assert wallet(client).status == 200

    changed = call_app("PUT", body={**BIKES, "scopes": ["actions.write"]})
    stack.clock.instant += 3

    assert (changed.status, changed.body["version"], changed.headers["etag"]) == (200, 2, '"2"')
    assert stack.cognito.clients[client]["AllowedOAuthScopes"] == ["saxaul/actions.write"]
    assert wallet(client).code == "forbidden"


@pytest.mark.usefixtures("stack")
def test_an_app_that_was_read_can_be_edited_and_sent_back() -> None:
    register(body={**BIKES, "scopes": ["actions.write"]})

    read = call_app("GET").body
    sent_back = call_app("PUT", body={**read, "limits": {**read["limits"], "calls_per_second": 5}}, If_Match='"1"')

    assert sent_back.status == 200
    added = {"version": 2, "changed_at": sent_back.body["changed_at"]}
    assert sent_back.body == {**read, "limits": {**read["limits"], "calls_per_second": 5}, **added}


@pytest.mark.usefixtures("stack")
def test_an_app_may_become_first_party_and_no_partner() -> None:
    client = register().body["client_id"]

    assert call_app("PUT", body={**BIKES, "kind": "first_party"}).status == 200
    assert wallet(client).status == 200
    partner = {"name": "SEE", "kind": "partner", "partners": ["SEE"]}
    assert call_app("PUT", body=partner).code == "kind_fixed"


@pytest.mark.usefixtures("stack")
def test_a_write_checks_its_conditions() -> None:
    assert call_app("PUT", body=BIKES, If_Match='"1"').code == "stale_version"
    assert call_app("PUT", body=BIKES, If_None_Match="*").status == 201
    assert call_app("PUT", body=BIKES, If_None_Match="*").code == "already_there"
    other = {**BIKES, "name": "Better bikes"}
    assert call_app("PUT", body=other, If_Match='"1"').body["version"] == 2
    assert call_app("PUT", body=other, If_Match='"1"').code == "stale_version"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"name": ""}, "name: this must have at least 1 character"),
        ({"kind": "operator"}, "kind: this must be 'first_party', 'third_party' or 'partner'"),
        ({"scopes": ["grants.write"]}, f"scopes: grants.write is {_NOT_OF_THIS_KIND}"),
        ({"scopes": []}, "scopes: this must have at least 1 item"),
        ({"partners": ["SEE"]}, _NO_PARTNERS),
        ({"kind": "partner"}, _NO_PARTNERS),
        ({"link_pattern": "https://x.example/"}, _ONE_PLACE),
        (
            {"link_pattern": "https://x.example/{suggestion_id}/{user_id}"},
            _ONE_PLACE,
        ),
        *(
            ({"link_pattern": pattern}, _HTTPS)
            for pattern in (
                "http://x.example/{suggestion_id}",
                "javascript:alert(1)//{suggestion_id}",
                "https:///{suggestion_id}",
                "https://{suggestion_id}/",
                "https://{suggestion_id}.x.example/",
                "https://somebody@x.example/{suggestion_id}",
                'https://x.example/"><script>{suggestion_id}',
                "https://x.example/'{suggestion_id}",
                "https://x.example\\{suggestion_id}",
                "https://x.example/%{suggestion_id}",
                "https://x.example/ {suggestion_id}",
            )
        ),
        ({"limits": {"calls_per_second": 0}}, "limits.calls_per_second: this must be at least 1"),
        ({"limits": {"actions_per_day": 10**9 + 1}}, "limits.actions_per_day: this must be at most 1000000000"),
        ({"secret": "mine"}, "secret: there is no such field"),
        (
            {"kind": "partner", "partners": ["SEE"], "limits": {"actions_per_day": 5}},
            "limits: a partner reports no actions, so it has no actions_per_day",
        ),
        (
            {"kind": "partner", "partners": ["SEE"], "link_pattern": "https://x.example/{suggestion_id}"},
            "link_pattern: a partner has no links to suggestions",
        ),
    ],
)
def test_an_app_with_an_error_is_refused_with_a_line_that_names_it(change: dict[str, Any], error: str) -> None:
    response = call_app("PUT", body={**BIKES, **change})

    assert (response.status, response.code, response.body["errors"]) == (400, "invalid_body", [error])


def test_the_id_of_the_operator_and_malformed_ids_are_refused(stack: Stack) -> None:
    for app_id in ("operator", "Bikes", "_bikes", "a" * 65, "a#b"):
        assert call_app("PUT", app_id, body=BIKES).code == "invalid_identifier", app_id

    assert stack.cognito.clients == {}


@pytest.mark.usefixtures("stack")
def test_the_apps_are_listed_page_by_page_sorted_by_id() -> None:
    names = ["bikes", "bikes-2", "bikes_3", "a", "zoo", "0"]
    for name in names:
        register(name)
    call_app("DELETE", "zoo")

    found: list[Any] = []
    cursor = ""
    while cursor is not None:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = call("manage_apps", "GET", "/apps", client="operator-client", query=query).body
        assert len(page["apps"]) <= 2
        found += page["apps"]
        cursor = page["cursor"]

    assert [app["app_id"] for app in found] == sorted(names)
    assert {app["app_id"]: app["state"] for app in found}["zoo"] == "ended"


def test_a_suspended_app_is_refused_everywhere_within_three_seconds_until_it_is_resumed(stack: Stack) -> None:
    client = register(body={**BIKES, "kind": "first_party"}).body["client_id"]
    assert wallet(client).status == 200

    for _ in range(2):
        assert call_app("POST", below="suspend").body["state"] == "suspended"
    stack.clock.instant += 3

    assert (wallet(client).status, wallet(client).code) == (403, "app_suspended")
    assert report_actions(reported(), client=client).code == "app_suspended"
    assert call_app("GET", client=client).code == "app_suspended"
    assert call_app("PUT", body={**BIKES, "kind": "first_party", "name": "B"}).body["state"] == "suspended"
    for _ in range(2):
        assert call_app("POST", below="resume").body["state"] == "active"
    stack.clock.instant += 3
    assert wallet(client).status == 200


def test_an_ended_app_is_refused_and_its_id_is_never_given_away(stack: Stack) -> None:
    client = register(body={**BIKES, "kind": "first_party"}).body["client_id"]

    for _ in range(2):
        ended = call_app("DELETE")
        assert (ended.status, ended.body["state"], ended.body["secrets"]) == (200, "ended", [])
    stack.clock.instant += 3

    assert wallet(client).code == "unknown_client"
    assert stack.cognito.clients == {}
    assert call_app("PUT", body=BIKES).code == "app_ended"
    assert call_app("POST", below="suspend").code == "app_ended"
    assert call_app("POST", below="resume").code == "app_ended"
    assert call_app("POST", below="secret", body={}).code == "app_ended"
    assert call_app("DELETE", below="secrets/any").code == "app_ended"
    assert call_app("GET").body["state"] == "ended"


@pytest.mark.usefixtures("stack")
def test_an_app_that_was_never_registered_is_unknown() -> None:
    answers = [
        call_app("GET"),
        call_app("DELETE"),
        *(call_app("POST", below=below) for below in ("suspend", "resume")),
        call_app("POST", below="secret", body={}),
        call_app("DELETE", below="secrets/any"),
    ]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "unknown_app")}


def test_the_operator_is_known_without_a_read_of_the_registry(stack: Stack) -> None:
    assert stack.registry().find("operator-client") is None
    assert call("manage_apps", "GET", "/apps", client="operator-client").status == 200
