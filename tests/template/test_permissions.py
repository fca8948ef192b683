"""Permissions: the policies of each role, and the policy of the signing key."""

from typing import Any

import pytest

from local.template import Properties
from saxaul.storage.log import PARTITION
from tests.template.reading import functions, made, made_resources, sources


def test_each_planting_function_has_exactly_the_permissions_that_it_uses() -> None:
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
        (("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), planting, ()),
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
    """Return what a function may do: actions, resource, and the partitions that a condition limits them to."""
    [policy] = functions()[function]["Policies"]
    found = []
    for statement in policy["Statement"]:
        [confined] = statement.get("Condition", {"": {}}).values()
        actions, partitions = statement["Action"], confined.get("dynamodb:LeadingKeys", ())
        found.append((tuple(actions), statement["Resource"], tuple(partitions)))
    return found


def test_settle_redemptions_knows_the_ledger_and_no_queue() -> None:
    assert functions()["SettleRedemptions"]["Environment"]["Variables"] == {"LEDGER_TABLE": {"Ref": "LedgerTable"}}


OBJECTS = {"Fn::Sub": "${ManifestBucket.Arn}/orders/*"}
STREAMS = {"Fn::Sub": "${LedgerTable.Arn}/stream/*"}
"""The resources with a wildcard: objects are not known in advance, and ListStreams is for all streams of a table."""


def statements(role: str) -> list[Properties]:
    """Return what a role may do by its own policies, as SAM translates them."""
    policies = made("AWS::IAM::Role")[role]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("role", sorted(made("AWS::IAM::Role")))
def test_no_role_has_a_wildcard_among_its_actions_or_resources(role: str) -> None:
    assert statements(role)
    for statement in statements(role):
        resource = statement["Resource"] if statement["Resource"] not in (OBJECTS, STREAMS) else ""
        assert "*" not in str([statement["Action"], resource])


@pytest.mark.parametrize("role", sorted(made("AWS::IAM::Role")))
def test_no_role_has_a_managed_policy_except_the_one_for_logs(role: str) -> None:
    arns = made("AWS::IAM::Role")[role].get("ManagedPolicyArns", [])

    assert {str(arn).rpartition("/")[2] for arn in arns} <= {"AWSLambdaBasicExecutionRole"}


@pytest.mark.parametrize(("function", "source"), sources(".Arn"))
def test_a_function_that_reads_a_queue_may_read_only_that_queue(function: str, source: Properties) -> None:
    reading = [statement for statement in statements(f"{function}Role") if "sqs:ReceiveMessage" in statement["Action"]]

    assert [statement["Resource"] for statement in reading] == [source["EventSourceArn"]]


def test_tally_impact_may_read_its_stream_and_send_to_its_dead_letter_queue() -> None:
    assert permissions("TallyImpact")[1:] == [
        (
            ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
            {"Fn::GetAtt": "LedgerTable.StreamArn"},
            (),
        ),
        (("dynamodb:ListStreams",), STREAMS, ()),
        (("sqs:SendMessage",), {"Fn::GetAtt": "ImpactDeadLetterQueue.Arn"}, ()),
    ]


def test_manage_catalog_may_access_only_the_stock_in_the_ledger() -> None:
    [policy] = functions()["ManageCatalog"]["Policies"]
    [ledger] = [
        statement for statement in policy["Statement"] if statement["Resource"] == {"Fn::GetAtt": "LedgerTable.Arn"}
    ]

    assert ledger["Action"] == ["dynamodb:GetItem", "dynamodb:UpdateItem"]
    assert ledger["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["PROJECT#*"]}}


@pytest.mark.parametrize(
    ("function", "actions", "partitions"),
    [("TallyImpact", {"BatchGetItem", "PutItem"}, ["IMPACT#*"]), ("ViewImpact", {"Query"}, ["IMPACT#*", PARTITION])],
)
def test_the_impact_functions_may_access_only_the_totals_and_the_log_in_the_ledger(
    function: str, actions: set[str], partitions: list[str]
) -> None:
    [policy] = functions()[function]["Policies"]
    [ledger] = [
        statement for statement in policy["Statement"] if statement["Resource"] == {"Fn::GetAtt": "LedgerTable.Arn"}
    ]

    assert {action.removeprefix("dynamodb:") for action in ledger["Action"]} == actions
    assert ledger["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": partitions}}


ACCOUNT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}


def test_the_key_names_no_role_as_a_principal_because_kms_may_not_know_it_yet() -> None:
    [key] = made("AWS::KMS::Key").values()

    assert all(statement["Principal"] == ACCOUNT for statement in key["KeyPolicy"]["Statement"])


def test_only_the_role_of_take_reports_may_sign() -> None:
    [key] = made("AWS::KMS::Key").values()
    [signing] = [statement for statement in key["KeyPolicy"]["Statement"] if "kms:Sign" in statement["Action"]]
    condition, on_aws, _ = signing["Condition"]["ArnLike"]["aws:PrincipalArn"]["Fn::If"]
    [policy] = made("AWS::IAM::Policy").values()
    [allowed] = policy["PolicyDocument"]["Statement"]

    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    assert (condition, on_aws) == ("IsOnAws", {"Fn::GetAtt": "TakeReportsRole.Arn"})
    assert policy["Roles"] == [{"Ref": "TakeReportsRole"}]
    assert (allowed["Action"], allowed["Resource"]) == (
        ["kms:Sign", "kms:GetPublicKey"],
        {"Fn::GetAtt": "SigningKey.Arn"},
    )
    assert not [role for role in made("AWS::IAM::Role") if "kms:Sign" in str(statements(role))]
    assert made_resources()["TakeReports"]["DependsOn"] == "SigningPolicy"


def test_the_key_policy_lets_administrators_manage_the_key_but_not_sign() -> None:
    [key] = made("AWS::KMS::Key").values()
    [managing] = [statement for statement in key["KeyPolicy"]["Statement"] if "Condition" not in statement]

    assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"} <= set(managing["Action"])
    assert not {"*", "kms:*", "kms:Sign", "kms:CreateGrant"} & set(managing["Action"])


def test_prove_trees_may_only_read() -> None:
    [policy] = functions()["ProveTrees"]["Policies"]
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}

    assert allowed == {"dynamodb:Query", "dynamodb:GetItem", "dynamodb:BatchGetItem", "kms:GetPublicKey"}
