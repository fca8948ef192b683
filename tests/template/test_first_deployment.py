"""A stack can have any name, and a first deployment that fails leaves nothing behind."""

import re
from typing import Any

import pytest

from saxaul.services.publish_catalog import WRITTEN_AGAIN_AFTER
from saxaul.storage.clients import LONGEST_CALL
from saxaul.storage.snapshots import INDEXES, POINTER
from tests.template.deploying import of_type
from tests.template.reading import functions, made, made_resources, resources, template

RETAINED = {
    "ActivityTable",
    "BackupVault",
    "CatalogBucket",
    "CatalogTable",
    "ExportBucket",
    "FilesBucket",
    "LedgerTable",
    "ManifestBucket",
    "SigningKey",
    "UploadBucket",
    "UserPool",
}
GATEWAY_SECONDS = 29
"""The longest time that API Gateway waits for a function."""


def test_resources_that_outlive_the_stack_are_still_deleted_if_their_creation_fails() -> None:
    policies = {name: resource.get("DeletionPolicy", "Delete") for name, resource in made_resources().items()}
    replacing = {name for name, resource in made_resources().items() if resource.get("UpdateReplacePolicy") == "Retain"}

    assert {name for name, policy in policies.items() if policy == "RetainExceptOnCreate"} == RETAINED
    assert "Retain" not in policies.values()
    assert replacing == RETAINED


def test_a_first_deployment_has_no_deletion_protection() -> None:
    protection = template()["Parameters"]["DeletionProtection"]

    assert protection["Default"] == "false"
    assert all(
        table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
        for table in resources("AWS::DynamoDB::Table").values()
    )
    [pool] = resources("AWS::Cognito::UserPool").values()
    assert pool["DeletionProtection"] == {"Fn::If": ["IsProtected", "ACTIVE", "INACTIVE"]}
    assert template()["Outputs"]["DataIsProtected"]["Value"] == {"Ref": "DeletionProtection"}


def test_the_tables_are_recoverable_and_encrypted_without_kms_costs() -> None:
    tables = of_type("AWS::DynamoDB::Table", {})

    assert tables.keys() == {"ActivityTable", "CatalogTable", "LedgerTable"}
    for table in tables.values():
        assert table["SSESpecification"] == {"SSEEnabled": False}, "false uses a key that AWS owns, true a KMS key"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert tables["LedgerTable"]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert tables["CatalogTable"]["StreamSpecification"] == {"StreamViewType": "KEYS_ONLY"}


@pytest.mark.parametrize("name", ["CatalogBucket", "ManifestBucket", "UploadBucket"])
def test_a_bucket_is_encrypted_and_not_public(name: str) -> None:
    bucket = of_type("AWS::S3::Bucket", {})[name]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert "AES256" in str(bucket["BucketEncryption"])


def test_manifests_are_versioned_and_kept() -> None:
    bucket = resources("AWS::S3::Bucket")["ManifestBucket"]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]

    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert "ExpirationInDays" not in rule
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


def test_the_bucket_deletes_indexes_days_after_the_publisher_has_written_those_in_use_again() -> None:
    [rule] = resources("AWS::S3::Bucket")["CatalogBucket"]["LifecycleConfiguration"]["Rules"]

    assert rule["Prefix"] == INDEXES
    assert not POINTER.startswith(rule["Prefix"])
    assert rule["ExpirationInDays"] * 24 * 3600 > 2 * WRITTEN_AGAIN_AFTER


@pytest.mark.parametrize("prefix", ["", "saxaul", "green-2026", "a", "a" * 63])
def test_a_domain_prefix_that_cognito_allows_is_accepted(prefix: str) -> None:
    assert is_allowed(prefix)


@pytest.mark.parametrize(
    "prefix", ["Saxaul", "saxaul_1", "-a", "a-", "a" * 64, "my-aws", "amazonia", "cognito1", "a.b", "树", "a\n"]
)
def test_a_domain_prefix_that_cognito_refuses_is_refused_before_anything_is_created(prefix: str) -> None:
    assert not is_allowed(prefix)


def is_allowed(prefix: str) -> bool:
    """Return whether CloudFormation accepts a prefix: the whole value must match."""
    parameter = template()["Parameters"]["DomainPrefix"]
    return len(prefix) <= parameter["MaxLength"] and bool(re.fullmatch(parameter["AllowedPattern"], prefix))


def test_the_pools_domain_does_not_depend_on_the_stacks_name() -> None:
    [domain] = made("AWS::Cognito::UserPoolDomain").values()
    condition, given, otherwise = domain["Domain"]["Fn::If"]

    assert (condition, given) == ("HasDomainPrefix", {"Ref": "DomainPrefix"})
    assert "AWS::StackName" not in str(otherwise)
    part = "1b2c3d4e-0000-1111-2222-333344445555"
    assert otherwise == {
        "Fn::Join": ["-", ["saxaul", {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}]]
    }
    assert is_allowed(f"saxaul-{part}")


NAMED_BY_THE_STACK: dict[str, tuple[str, int]] = {
    "Bus": ("Name", 256),
    "LogGroup": ("LogGroupName", 512),
    "AccessLogGroup": ("LogGroupName", 512),
    "SigningKeyAlias": ("AliasName", 256),
    "UserPool": ("UserPoolName", 128),
    "Api": ("Name", 1024),
}
"""Resources named after the stack, with the property for the name and the greatest length of its value. A stack name
has up to 128 characters."""


def test_every_resource_named_after_the_stack_has_room_for_the_longest_stack_name() -> None:
    for name, (key, most) in NAMED_BY_THE_STACK.items():
        assert len(filled(made_resources()[name]["Properties"][key])) <= most, name


def test_no_other_resource_is_named_after_the_stack_and_schedules_have_no_fixed_name() -> None:
    named = {
        name
        for name, resource in made_resources().items()
        for key in resource.get("Properties", {})
        if re.fullmatch(r"(Name|\w+Name)", key) and "AWS::StackName" in str(resource["Properties"][key])
    }

    assert named == set(NAMED_BY_THE_STACK)
    assert not any("Name" in schedule for schedule in made("AWS::Scheduler::Schedule").values())


def filled(value: Any) -> str:  # noqa: ANN401 - text, or a CloudFormation function that gives text
    text = value if isinstance(value, str) else value.get("Fn::Sub") or f"${{{value['Ref']}}}"
    return str(text).replace("${AWS::StackName}", "S" * 128)


def test_the_bus_is_never_named_default() -> None:
    assert filled(resources("AWS::Events::EventBus")["Bus"]["Name"]).startswith("saxaul-")


def test_no_function_times_out_while_an_aws_call_may_still_be_retried() -> None:
    for name, function in functions().items():
        assert function["Timeout"] > LONGEST_CALL, name


def test_no_function_of_the_api_runs_longer_than_the_gateway_waits() -> None:
    exit_if_unreachable = {name for name, function in functions().items() if "RestApiId" in str(function.get("Events"))}

    assert all(functions()[name]["Timeout"] <= GATEWAY_SECONDS for name in exit_if_unreachable)
