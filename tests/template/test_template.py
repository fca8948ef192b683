"""Parts of the template where a mistake would otherwise show only in production."""

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest

from local.build import ON_LAMBDA, SERVICES
from local.operations import operations
from local.sam import ROOT
from saxaul.catalog.apps import ONLY_IF_NAMED
from saxaul.catalog.apps import SCOPES as SCOPES_OF_KINDS
from saxaul.catalog.clients import OPERATOR
from tests.template.reading import events, functions, resources, template

PUBLIC = {
    ("get", "/certificates/{number}"),
    ("get", "/factors/{action_type}/{version}"),
    ("get", "/impact"),
    ("get", "/log"),
    ("get", "/openapi.json"),
    ("get", "/docs"),
    ("get", "/docs/{file}"),
}
"""Each of them is served for the method HEAD too (test_gateway.py)."""

SCOPES = {
    ("post", "/actions"): "actions.write",
    ("post", "/reversals"): "actions.write",
    ("get", "/receipts/{receipt_id}"): "actions.write",
    ("get", "/users/{user_id}/ledger"): "wallets.read",
    ("get", "/users/{user_id}/statement"): "wallets.read",
    ("get", "/suggestions"): "suggestions.read",
    ("get", "/tree-projects"): "suggestions.read",
    ("get", "/action-types"): "suggestions.read",
    ("get", "/campaigns"): "suggestions.read",
    ("get", "/campaigns/{id}"): "suggestions.read",
    ("get", "/users/{user_id}/wallet"): "wallets.read",
    ("get", "/users/{user_id}/forest"): "wallets.read",
    ("post", "/users/{user_id}/harvest"): "trees.redeem",
    ("post", "/users/{user_id}/redemptions"): "trees.redeem",
    ("get", "/users/{user_id}/redemptions"): "wallets.read",
    ("get", "/users/{user_id}/redemptions/{redemption_id}"): "wallets.read",
    ("delete", "/users/{user_id}/redemptions/{redemption_id}"): "trees.redeem",
    ("get", "/users/{user_id}/grants"): "grants.write",
    ("get", "/users/{user_id}/grants/{app_id}"): "grants.write",
    ("put", "/users/{user_id}/grants/{app_id}"): "grants.write",
    ("delete", "/users/{user_id}/grants/{app_id}"): "grants.write",
    ("get", "/users/{user_id}/export"): "users.admin",
    ("delete", "/users/{user_id}"): "users.admin",
    ("get", "/users/{user_id}"): "users.admin",
    ("get", "/erasures/{erasure_id}"): "users.admin",
    ("get", "/planting-orders"): "planting.write",
    ("get", "/planting-orders/{order_id}"): "planting.write",
    ("post", "/planting-orders/{order_id}/confirmations"): "planting.write",
    ("post", "/planting-orders/{order_id}/failures"): "planting.write",
    ("post", "/planting-orders/{order_id}/inspections"): "planting.write",
    ("post", "/planting-orders/{order_id}/corrections"): "planting.write",
    ("post", "/planting-orders/{order_id}/photos"): "planting.write",
    ("get", "/catalog/{kind}/{id}"): "catalog.write",
    ("put", "/catalog/{kind}/{id}"): "catalog.write",
    ("delete", "/catalog/{kind}/{id}"): "catalog.write",
    ("get", "/catalog/{kind}"): "catalog.write",
    ("get", "/catalog/{kind}/{id}/versions"): "catalog.write",
    ("post", "/catalog/{kind}/{id}/versions/{version}/restore"): "catalog.write",
    ("post", "/catalog/{kind}/{id}/end"): "catalog.write",
    ("get", "/apps"): "apps.write",
    ("get", "/apps/{app_id}"): "apps.write",
    ("put", "/apps/{app_id}"): "apps.write",
    ("delete", "/apps/{app_id}"): "apps.write",
    ("post", "/apps/{app_id}/suspend"): "apps.write",
    ("post", "/apps/{app_id}/resume"): "apps.write",
    ("post", "/apps/{app_id}/secret"): "apps.write",
    ("post", "/apps/{app_id}/reversals"): "apps.write",
    ("delete", "/apps/{app_id}/secrets/{secret_id}"): "apps.write",
}


OPERATOR_SCOPES: Mapping[object, str] = {
    "wallets.read": "users.read",
    "suggestions.read": "catalog.write",
    "users.admin": "users.admin",
    ("get", "/receipts/{receipt_id}"): "apps.write",
}
"""With which scope an operator may send the requests for which an app needs this scope, or this one request."""


def test_every_path_needs_its_scope_or_is_public_on_purpose() -> None:
    declared: dict[tuple[str, str], Any] = {
        (event["Method"], event["Path"]): event["Auth"] for _, event in events("Api") if event["Method"] != "head"
    }

    assert declared.keys() == SCOPES.keys() | PUBLIC
    for route, scope in SCOPES.items():
        of_operators = OPERATOR_SCOPES.get(scope, OPERATOR_SCOPES.get(route))
        scopes = [f"saxaul/{one}" for one in dict.fromkeys((scope, of_operators)) if one]
        assert declared[route] == {"Authorizer": "Cognito", "AuthorizationScopes": scopes}, route
    for route in PUBLIC:
        assert declared[route] == {"Authorizer": "NONE"}, route


def test_the_operations_have_the_methods_paths_and_scopes_of_the_template() -> None:
    declared = {
        (event["Method"].upper(), event["Path"]): event["Auth"].get("AuthorizationScopes", [])
        for _, event in events("Api")
    }

    assert declared == {
        route: [f"saxaul/{scope}" for scope in declaration.access.scopes]
        for declaration in operations()
        for route in declaration.routes
    }


def test_the_user_pool_can_grant_every_scope_in_use() -> None:
    [server] = resources("AWS::Cognito::UserPoolResourceServer").values()
    granted = {f"{server['Identifier']}/{scope['ScopeName']}" for scope in server["Scopes"]}

    assert {f"saxaul/{scope}" for scope in {*SCOPES.values(), *OPERATOR_SCOPES.values()}} == granted


def test_the_operator_is_the_only_client_and_gets_the_scopes_that_no_app_has_by_default() -> None:
    [operator] = resources("AWS::Cognito::UserPoolClient").values()
    of_apps = {scope for scopes in SCOPES_OF_KINDS.values() for scope in scopes} - ONLY_IF_NAMED

    assert operator["ClientName"] == OPERATOR
    in_use = {*SCOPES.values(), *OPERATOR_SCOPES.values()}
    assert set(operator["AllowedOAuthScopes"]) == {f"saxaul/{scope}" for scope in in_use - of_apps}


@pytest.mark.parametrize("function", sorted(functions()))
def test_a_function_serves_exactly_the_routes_that_the_template_sends_to_it(function: str) -> None:
    handler = import_module(f"{functions()[function]['CodeUri'].replace('/', '.')}.handler")
    served = {route for declared in getattr(handler.handler, "operations", ()) for route in declared.routes}

    assert served == {(event["Method"].upper(), event["Path"]) for name, event in events("Api") if name == function}


def test_only_the_items_of_the_activity_table_expire() -> None:
    """So an Idempotency-Key, which the ledger has, is kept for good."""
    tables = resources("AWS::DynamoDB::Table")

    assert [name for name, table in tables.items() if "TimeToLiveSpecification" in table] == ["ActivityTable"]
    assert tables["ActivityTable"]["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_every_function_folder_is_deployed() -> None:
    folders = {f"functions/{path.parent.name}" for path in (ROOT / "functions").glob("*/handler.py")}

    assert {function["CodeUri"] for function in functions().values()} == folders


def test_the_endpoint_variable_is_never_deployed_empty() -> None:
    variable = template()["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"]

    assert variable == {"Fn::If": ["HasEndpointUrl", {"Ref": "EndpointUrl"}, {"Ref": "AWS::NoValue"}]}


def test_the_build_for_lambda_uses_the_templates_defaults() -> None:
    defaults = {name: template()["Parameters"][name]["Default"] for name in ON_LAMBDA}

    assert defaults == ON_LAMBDA


def test_the_planting_schedule_runs_in_the_programmes_time_zone() -> None:
    schedule = dict(events("ScheduleV2"))["ScheduleOrders"]

    assert schedule["ScheduleExpression"] == {"Ref": "PlantingSchedule"}
    assert schedule["ScheduleExpressionTimezone"] == {"Ref": "TimeZone"}


def test_the_layer_keeps_botocores_description_of_every_service_that_has_a_client() -> None:
    sources = (ROOT / "layers/saxaul").rglob("*.py")
    called = {
        service for source in sources for service in re.findall(r'_client\("([a-z0-9-]+)"', source.read_text("utf-8"))
    }

    assert called == SERVICES


def test_snapstart_is_off_by_default_and_for_published_versions_if_it_is_on() -> None:
    assert template()["Parameters"]["SnapStart"]["Default"] == "None"
    assert template()["Conditions"]["HasSnapStart"] == {"Fn::Equals": [{"Ref": "SnapStart"}, "PublishedVersions"]}
    assert template()["Globals"]["Function"]["SnapStart"] == {
        "Fn::If": ["HasSnapStart", {"ApplyOn": "PublishedVersions"}, {"Ref": "AWS::NoValue"}]
    }


def test_a_stack_is_for_development_unless_it_is_said_to_be_for_production_and_an_output_tells() -> None:
    stage = template()["Parameters"]["Stage"]

    assert (stage["Default"], stage["AllowedValues"]) == ("dev", ["dev", "prod"])
    assert template()["Outputs"]["Stage"]["Value"] == {"Ref": "Stage"}
