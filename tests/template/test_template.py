"""What the template promises AWS, where a slip would only show in production."""

import inspect
import json
import re
from importlib import import_module
from typing import Any

import pytest

from local.build import ON_LAMBDA, SERVICES
from local.sam import ROOT
from saxaul.services.sweep import LOST_AFTER
from saxaul.storage import periods, redemptions
from saxaul.storage.log import PARTITION
from tests.template.reading import events, functions, resources, template

PUBLIC = {("get", "/certificates/{number}"), ("get", "/impact"), ("get", "/log"), ("get", "/log/key")}

SCOPES = {
    ("post", "/actions"): "actions.write",
    ("post", "/reversals"): "actions.write",
    ("get", "/users/{user_id}/ledger"): "wallets.read",
    ("get", "/users/{user_id}/statement"): "wallets.read",
    ("get", "/suggestions"): "suggestions.read",
    ("get", "/tree-projects"): "suggestions.read",
    ("get", "/campaigns"): "suggestions.read",
    ("get", "/campaigns/{id}"): "suggestions.read",
    ("get", "/users/{user_id}/wallet"): "wallets.read",
    ("get", "/users/{user_id}/forest"): "wallets.read",
    ("post", "/users/{user_id}/harvest"): "trees.redeem",
    ("post", "/users/{user_id}/redemptions"): "trees.redeem",
    ("get", "/users/{user_id}/redemptions/{redemption_id}"): "wallets.read",
    ("delete", "/users/{user_id}/redemptions/{redemption_id}"): "trees.redeem",
    ("get", "/planting-orders"): "planting.write",
    ("get", "/planting-orders/{order_id}"): "planting.write",
    ("post", "/planting-orders/{order_id}/confirmations"): "planting.write",
    ("post", "/planting-orders/{order_id}/failures"): "planting.write",
    ("post", "/planting-orders/{order_id}/inspections"): "planting.write",
    ("get", "/catalog/{kind}/{id}"): "catalog.write",
    ("put", "/catalog/{kind}/{id}"): "catalog.write",
    ("delete", "/catalog/{kind}/{id}"): "catalog.write",
    ("get", "/catalog/{kind}"): "catalog.write",
    ("get", "/catalog/{kind}/{id}/versions"): "catalog.write",
}


def test_every_path_needs_its_scope_or_is_public_on_purpose() -> None:
    declared: dict[tuple[str, str], Any] = {
        (event["Method"], event["Path"]): event["Auth"] for _, event in events("Api")
    }

    assert declared.keys() == SCOPES.keys() | PUBLIC
    for route, scope in SCOPES.items():
        assert declared[route] == {"Authorizer": "Cognito", "AuthorizationScopes": [f"saxaul/{scope}"]}, route
    for route in PUBLIC:
        assert declared[route] == {"Authorizer": "NONE"}, route


def test_every_scope_in_use_is_one_that_the_pool_can_grant() -> None:
    [server] = resources("AWS::Cognito::UserPoolResourceServer").values()
    granted = {f"{server['Identifier']}/{scope['ScopeName']}" for scope in server["Scopes"]}
    clients = resources("AWS::Cognito::UserPoolClient").values()

    assert {f"saxaul/{scope}" for scope in SCOPES.values()} <= granted
    assert {scope for client in clients for scope in client["AllowedOAuthScopes"]} == granted


@pytest.mark.parametrize("function", sorted(functions()))
def test_the_routes_of_a_function_are_those_that_the_template_sends_it(function: str) -> None:
    handler = import_module(f"{functions()[function]['CodeUri'].replace('/', '.')}.handler")
    endpoint = getattr(handler, "_api", handler.handler)
    served = inspect.getclosurevars(endpoint).nonlocals.get("routes", {})

    assert set(served) == {
        (event["Method"].upper(), event["Path"]) for name, event in events("Api") if name == function
    }


def test_every_folder_of_functions_is_deployed() -> None:
    folders = {f"functions/{path.parent.name}" for path in (ROOT / "functions").glob("*/handler.py")}

    assert {function["CodeUri"] for function in functions().values()} == folders


def test_a_message_stays_hidden_for_six_times_its_functions_timeout_and_the_window() -> None:
    queues = resources("AWS::SQS::Queue")
    sources = events("SQS")

    assert len(sources) == 3
    for name, source in sources:
        queue = queues[source["Queue"]["Fn::GetAtt"].removesuffix(".Arn")]
        window = source.get("MaximumBatchingWindowInSeconds", 0)
        assert queue["VisibilityTimeout"] >= 6 * functions()[name]["Timeout"] + window, name


def test_a_batch_reports_its_failed_messages_alone() -> None:
    assert all(source["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for _, source in events("SQS"))


def test_every_queue_is_encrypted_and_ends_in_a_dead_letter_queue_with_an_alarm() -> None:
    queues = resources("AWS::SQS::Queue")
    alarmed = {
        dimension["Value"]["Fn::GetAtt"].removesuffix(".QueueName")
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
    }
    ends = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].removesuffix(".Arn")
        for queue in queues.values()
        if "RedrivePolicy" in queue
    } | {
        source["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"].removesuffix(".Arn")
        for _, source in events("DynamoDB")
    }

    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())
    assert {name for name, queue in queues.items() if "RedrivePolicy" not in queue} == ends
    assert ends == alarmed
    assert all(alarm["Threshold"] == 0 for alarm in resources("AWS::CloudWatch::Alarm").values())


def test_a_dead_letter_queue_is_of_the_kind_of_its_queue() -> None:
    queues = resources("AWS::SQS::Queue")

    for queue in queues.values():
        if "RedrivePolicy" in queue:
            end = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].removesuffix(".Arn")
            assert queues[end].get("FifoQueue", False) == queue.get("FifoQueue", False)


def test_the_tables_are_encrypted_recoverable_and_hard_to_lose() -> None:
    tables = resources("AWS::DynamoDB::Table")

    assert tables.keys() == {"CatalogTable", "LedgerTable"}
    for name, table in tables.items():
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert template()["Resources"][name]["DeletionPolicy"] == "Retain"
    assert tables["LedgerTable"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert template()["Parameters"]["DeletionProtection"]["Default"] == "true"


def test_manifests_are_encrypted_versioned_kept_from_the_public_and_hard_to_lose() -> None:
    [(name, bucket)] = resources("AWS::S3::Bucket").items()
    [rule] = bucket["LifecycleConfiguration"]["Rules"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "AES256" in str(bucket["BucketEncryption"])
    assert template()["Resources"][name]["DeletionPolicy"] == "Retain"
    assert "ExpirationInDays" not in rule
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


def test_each_planting_function_has_the_permissions_that_it_uses_and_no_more() -> None:
    listing, ledger = {"Fn::Sub": "${LedgerTable.Arn}/index/Listing"}, {"Fn::GetAtt": "LedgerTable.Arn"}
    planting, catalog = {"Fn::GetAtt": "PlantingQueue.Arn"}, {"Fn::GetAtt": "CatalogTable.Arn"}
    orders_and_redemptions = ("ORDER#*", "USER#*")

    assert permissions("ScheduleOrders") == [
        (("dynamodb:Query",), catalog, ()),
        (("dynamodb:BatchGetItem",), ledger, orders_and_redemptions),
        (("dynamodb:Query",), listing, ()),
        (("sqs:SendMessage",), planting, ()),
    ]
    assert permissions("PlaceOrders") == [
        (("dynamodb:GetItem",), catalog, ()),
        (("dynamodb:GetItem",), ledger, ("ORDER#*",)),
        (("dynamodb:BatchGetItem", "dynamodb:PutItem"), ledger, orders_and_redemptions),
        (("dynamodb:Query",), listing, ()),
        (("sqs:SendMessage",), planting, ()),
        (("s3:PutObject",), OBJECTS, ()),
        (("events:PutEvents",), {"Fn::GetAtt": "Bus.Arn"}, ()),
    ]
    assert permissions("TakeReports") == [
        (("dynamodb:GetItem",), ledger, ("ORDER#*",)),
        (("dynamodb:BatchGetItem",), ledger, orders_and_redemptions),
        (("dynamodb:PutItem",), ledger, ("USER#*", "LOG")),
        (("dynamodb:UpdateItem",), ledger, ("USER#*",)),
        (("dynamodb:Query",), ledger, ("LOG",)),
        (("dynamodb:Query",), listing, ()),
        (("s3:GetObject",), OBJECTS, ()),
    ]


def permissions(function: str) -> list[tuple[tuple[str, ...], Any, tuple[str, ...]]]:
    """What a function may do: the actions, the resource, and the partitions that it is confined to."""
    [policy] = functions()[function]["Policies"]
    found = []
    for statement in policy["Statement"]:
        [confined] = statement.get("Condition", {"": {}}).values()
        actions, partitions = statement["Action"], confined.get("dynamodb:LeadingKeys", ())
        found.append((tuple(actions), statement["Resource"], tuple(partitions)))
    return found


def test_settling_needs_no_queue() -> None:
    assert functions()["SettleRedemptions"]["Environment"]["Variables"] == {"LEDGER_TABLE": {"Ref": "LedgerTable"}}


OBJECTS = {"Fn::Sub": "${ManifestBucket.Arn}/orders/*"}
"""The one resource with a wildcard: an object has no name before it is written."""


def test_no_policy_has_a_wildcard_among_its_actions_or_resources() -> None:
    statements = [
        (name, statement)
        for name, function in functions().items()
        for policy in function["Policies"]
        for statement in policy["Statement"]
    ]

    assert len(statements) >= len(functions())
    for name, statement in statements:
        resource = statement["Resource"] if statement["Resource"] != OBJECTS else ""
        assert "*" not in str([statement["Action"], resource]), name


def test_the_catalog_function_touches_nothing_of_the_ledger_but_stock() -> None:
    [policy] = functions()["ManageCatalog"]["Policies"]
    [ledger] = [
        statement for statement in policy["Statement"] if statement["Resource"] == {"Fn::GetAtt": "LedgerTable.Arn"}
    ]

    assert ledger["Action"] == ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    assert ledger["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["PROJECT#*"]}}


def test_a_sweep_comes_as_soon_as_the_queue_would_take_a_repeat() -> None:
    sweep = dict(events("ScheduleV2"))["SweepRedemptions"]

    assert sweep["ScheduleExpression"] == f"rate({LOST_AFTER // 60} minutes)"


def test_the_tally_is_told_its_shard_and_hears_of_nothing_that_it_writes() -> None:
    [(name, source)] = events("DynamoDB")
    pattern = json.loads(source["FilterCriteria"]["Filters"][0]["Pattern"])

    assert name == "TallyImpact"
    assert source["TumblingWindowInSeconds"] > 0, "Lambda names the shard only to a function with a window"
    assert pattern["dynamodb"]["Keys"]["sk"]["S"] == [
        {"prefix": periods.PERIOD_PREFIX},
        {"prefix": redemptions.TREE_PREFIX},
    ]
    assert source["BisectBatchOnFunctionError"] is True


@pytest.mark.parametrize(
    ("function", "actions", "partitions"),
    [("TallyImpact", {"BatchGetItem", "PutItem"}, ["IMPACT#*"]), ("ViewImpact", {"Query"}, ["IMPACT#*", PARTITION])],
)
def test_who_counts_and_shows_the_impact_touches_nothing_else_of_the_ledger(
    function: str, actions: set[str], partitions: list[str]
) -> None:
    [policy] = functions()[function]["Policies"]
    [ledger] = [
        statement for statement in policy["Statement"] if statement["Resource"] == {"Fn::GetAtt": "LedgerTable.Arn"}
    ]

    assert {action.removeprefix("dynamodb:") for action in ledger["Action"]} == actions
    assert ledger["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": partitions}}


def test_the_endpoint_variable_is_never_deployed_empty() -> None:
    variable = template()["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"]

    assert variable == {"Fn::If": ["HasEndpointUrl", {"Ref": "EndpointUrl"}, {"Ref": "AWS::NoValue"}]}


def test_what_the_gateway_refuses_by_itself_is_a_problem_document_too() -> None:
    [api] = resources("AWS::Serverless::Api").values()
    responses = api["GatewayResponses"]

    assert {"UNAUTHORIZED", "ACCESS_DENIED", "THROTTLED", "DEFAULT_4XX", "DEFAULT_5XX"} <= responses.keys()
    for response in responses.values():
        assert response["ResponseParameters"]["Headers"]["Content-Type"] == "'application/problem+json'"
        assert '"code"' in response["ResponseTemplates"]["application/json"]


def test_the_build_for_lambda_uses_the_templates_defaults() -> None:
    defaults = {name: template()["Parameters"][name]["Default"] for name in ON_LAMBDA}

    assert defaults == ON_LAMBDA


def test_the_planting_schedule_runs_in_the_programmes_time_zone() -> None:
    schedule = dict(events("ScheduleV2"))["ScheduleOrders"]

    assert schedule["ScheduleExpression"] == {"Ref": "PlantingSchedule"}
    assert schedule["ScheduleExpressionTimezone"] == {"Ref": "TimeZone"}


def test_only_the_function_that_takes_reports_signs_and_the_key_outlives_the_stack() -> None:
    [key] = resources("AWS::KMS::Key").values()
    [signing] = [statement for statement in key["KeyPolicy"]["Statement"] if "kms:Sign" in statement["Action"]]
    policies = [policy for function in functions().values() for policy in function["Policies"]]

    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    assert template()["Resources"]["SigningKey"]["DeletionPolicy"] == "Retain"
    assert signing["Principal"] == {"AWS": {"Fn::GetAtt": "TakeReportsRole.Arn"}}
    assert "kms:Sign" not in str(policies)
    assert not any(
        action in ("*", "kms:*") for statement in key["KeyPolicy"]["Statement"] for action in statement["Action"]
    )


def test_the_public_function_reads_and_does_nothing_else() -> None:
    [policy] = functions()["ProveTrees"]["Policies"]
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}

    assert allowed == {"dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem", "kms:GetPublicKey"}


def test_the_layer_keeps_what_botocore_knows_of_each_service_that_a_client_is_made_for() -> None:
    sources = (ROOT / "layers/saxaul").rglob("*.py")
    called = {
        service
        for source in sources
        for service in re.findall(r'boto3\.client\("([a-z0-9-]+)"', source.read_text("utf-8"))
    }

    assert called == SERVICES
