"""Permissions: the policies of each role, and the policy of the signing key."""

import re

import pytest

from local.template import Properties
from saxaul.catalog.entries import KINDS
from tests.template.deploying import of_type
from tests.template.reading import functions, made, made_resources, sources

PERMISSIONS = {
    "IngestActions": [
        "dynamodb:PutItem dynamodb:Query on ActivityTable in RECEIPT#*",
        "dynamodb:Query on CatalogTable",
        "s3:GetObject on CatalogBucket/catalog/*",
        "dynamodb:GetItem on CatalogTable in catalog clients apps",
        "dynamodb:BatchGetItem on LedgerTable in USER#* FACILITY#*",
        "sqs:SendMessage on ActionQueue",
        "dynamodb:UpdateItem on ActivityTable in CALLS#* ACTIONS#*",
    ],
    "AccruePoints": [
        "dynamodb:PutItem dynamodb:BatchWriteItem on ActivityTable in RECEIPT#*",
        "dynamodb:BatchGetItem on CatalogTable in action-types/*",
        (
            "dynamodb:GetItem dynamodb:BatchGetItem dynamodb:PartiQLInsert dynamodb:PartiQLUpdate dynamodb:PutItem"
            " on LedgerTable"
        ),
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes on ActionQueue",
    ],
    "FindRepeats": [
        "dynamodb:Query dynamodb:BatchGetItem on LedgerTable in USER#* FACILITY#*",
        "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on LedgerTable.StreamArn",
        "dynamodb:ListStreams on LedgerTable/stream/*",
        "sqs:SendMessage on ActionQueue",
        "sqs:SendMessage on RepeatDeadLetterQueue",
    ],
    "SuggestCampaigns": [
        "dynamodb:Query on CatalogTable",
        "s3:GetObject on CatalogBucket/catalog/*",
        "dynamodb:GetItem on CatalogTable in catalog clients",
        "dynamodb:GetItem dynamodb:BatchGetItem on LedgerTable in PROJECT#* IMPACT#FACILITIES#* USER#*",
        "dynamodb:UpdateItem on ActivityTable in CALLS#*",
    ],
    "RedeemTrees": [
        "dynamodb:Query dynamodb:GetItem on CatalogTable",
        "s3:GetObject on CatalogBucket/catalog/*",
        "dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:PutItem dynamodb:UpdateItem on LedgerTable",
        "sqs:SendMessage on RedemptionQueue",
        "dynamodb:UpdateItem on ActivityTable in CALLS#*",
    ],
    "SettleRedemptions": [
        (
            "dynamodb:GetItem dynamodb:BatchGetItem dynamodb:BatchWriteItem dynamodb:PutItem dynamodb:UpdateItem"
            " on LedgerTable"
        ),
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes on RedemptionQueue",
    ],
    "SweepRedemptions": [
        "dynamodb:BatchGetItem on LedgerTable",
        "dynamodb:Query on LedgerTable/index/Listing",
        "dynamodb:Query on ActivityTable/index/Waiting",
        "sqs:SendMessage on RedemptionQueue",
    ],
    "ScheduleOrders": [
        "dynamodb:Query on CatalogTable",
        "dynamodb:GetItem on CatalogTable in catalog",
        "s3:GetObject on CatalogBucket/catalog/*",
        "dynamodb:BatchGetItem on LedgerTable in ORDER#*",
        "dynamodb:Query on LedgerTable/index/Listing",
        "sqs:SendMessage on PlantingQueue",
    ],
    "PlaceOrders": [
        "dynamodb:GetItem on CatalogTable",
        "dynamodb:GetItem on LedgerTable in ORDER#* PROGRESS#*",
        "dynamodb:BatchGetItem on LedgerTable in ORDER#* USER#* NOBODY#*",
        "dynamodb:PutItem on LedgerTable in ORDER#* PROGRESS#* USER#* NOBODY#*",
        "dynamodb:Query on LedgerTable/index/Listing",
        "sqs:SendMessage on PlantingQueue",
        "s3:PutObject on ManifestBucket/orders/*",
        "events:PutEvents on Bus",
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes on PlantingQueue",
    ],
    "TakeReports": [
        "sqs:SendMessage on LogQueue",
        "dynamodb:GetItem on CatalogTable in clients",
        "dynamodb:GetItem on LedgerTable in ORDER#* PROGRESS#*",
        "dynamodb:BatchGetItem on LedgerTable in PROGRESS#* USER#* NOBODY#* EVIDENCE#* PHOTO#*",
        "dynamodb:PutItem on LedgerTable in USER#* NOBODY#* PROGRESS#* LEAF#* EVIDENCE#*",
        "dynamodb:DeleteItem dynamodb:ConditionCheckItem on LedgerTable in EVIDENCE#*",
        "dynamodb:UpdateItem on LedgerTable in USER#*",
        "dynamodb:Query on LedgerTable/index/Listing",
        "s3:GetObject on ManifestBucket/orders/*",
        "s3:PutObject on UploadBucket/uploads/*",
        "dynamodb:UpdateItem on ActivityTable in CALLS#*",
    ],
    "HashPhotos": [
        "dynamodb:PutItem on LedgerTable in PHOTO#*",
        "s3:GetObject s3:DeleteObject on UploadBucket/uploads/*",
        "s3:ListBucket on UploadBucket",
        "s3:PutObject on FilesBucket/photos/*",
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes on PhotoQueue",
    ],
    "ViewForest": [
        "dynamodb:Query on CatalogTable",
        "s3:GetObject on CatalogBucket/catalog/*",
        "dynamodb:GetItem on CatalogTable in catalog clients",
        "dynamodb:BatchGetItem on CatalogTable in action-types/*",
        "dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query on LedgerTable",
        "dynamodb:Query on LedgerTable/index/Forest",
        "dynamodb:UpdateItem on ActivityTable in CALLS#*",
    ],
    "ManageGrants": [
        "dynamodb:GetItem dynamodb:Query on CatalogTable in clients",
        "dynamodb:GetItem dynamodb:Query dynamodb:PutItem dynamodb:DeleteItem on LedgerTable in USER#*",
        "dynamodb:GetItem dynamodb:BatchGetItem on LedgerTable in ERASED ERASED#*",
        "dynamodb:UpdateItem on ActivityTable in CALLS#*",
    ],
    "ManagePersons": [
        "dynamodb:GetItem on CatalogTable in clients",
        "dynamodb:GetItem dynamodb:Query on LedgerTable in USER#* ERASED ERASED#* ERASURE#*",
        "dynamodb:BatchGetItem on LedgerTable in CERT#* ORDER#* ERASED#*",
        "dynamodb:PutItem on LedgerTable in ERASED ERASED#* ERASURE#*",
        "s3:PutObject s3:GetObject on ExportBucket/exports/*",
        "sqs:SendMessage on EraseQueue",
        "dynamodb:UpdateItem on ActivityTable in CALLS#*",
    ],
    "ProveTrees": [
        "dynamodb:Query on CatalogTable",
        "dynamodb:GetItem on CatalogTable in catalog",
        "s3:GetObject on CatalogBucket/catalog/*",
        "dynamodb:GetItem on LedgerTable",
        "dynamodb:Query on LedgerTable in LEAF#*",
        "s3:GetObject on FilesBucket/log/*",
        "kms:GetPublicKey on SigningKey",
    ],
    "SequenceLog": [
        "dynamodb:GetItem dynamodb:Query dynamodb:PutItem on LedgerTable in LOG",
        "dynamodb:BatchGetItem dynamodb:BatchWriteItem on LedgerTable in LEAF#*",
        "dynamodb:Query on LedgerTable/index/Listing",
        "s3:GetObject on FilesBucket/log/checkpoint",
        "s3:PutObject on FilesBucket/log/*",
        "sqs:SendMessage on CheckpointQueue",
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes on LogQueue",
    ],
    "ErasePersons": [
        (
            "dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query on LedgerTable"
            " in ERASED#* ERASURE#* USER#* CERT#* ORDER#* NAMELESS#*"
        ),
        ("dynamodb:PutItem on LedgerTable in ERASED#* ERASURE#* USER#* NOBODY#* CERT#* ORDER#* LEAF#* NAMELESS#*"),
        "dynamodb:UpdateItem on LedgerTable in ERASURE#* USER#* PROJECT#*",
        "dynamodb:DeleteItem on LedgerTable in USER#* CERT#* ERASURE#*",
        "dynamodb:Query on LedgerTable/index/Listing",
        "s3:DeleteObject on ExportBucket/exports/*",
        "s3:ListBucket on ExportBucket",
        "sqs:SendMessage on LogQueue",
        "sqs:SendMessage on EraseQueue",
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes on EraseQueue",
    ],
    "CosignCheckpoints": [
        "s3:GetObject on FilesBucket/log/*",
        "s3:PutObject on FilesBucket/log/checkpoint",
        "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes on CheckpointQueue",
    ],
    "TallyImpact": [
        "dynamodb:BatchGetItem dynamodb:PutItem on LedgerTable in IMPACT#* USER#*",
        "dynamodb:GetItem dynamodb:BatchGetItem on LedgerTable in ERASED ERASED#*",
        "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on LedgerTable.StreamArn",
        "dynamodb:ListStreams on LedgerTable/stream/*",
        "sqs:SendMessage on ImpactDeadLetterQueue",
    ],
    "ViewImpact": [
        "dynamodb:Query on CatalogTable",
        "s3:GetObject on CatalogBucket/catalog/*",
        "dynamodb:GetItem on CatalogTable in action-types/* catalog clients",
        "dynamodb:Query dynamodb:BatchGetItem on LedgerTable in IMPACT#*",
        "dynamodb:GetItem on LedgerTable in LOG",
        "dynamodb:UpdateItem on ActivityTable in CALLS#*",
    ],
    "ManageCatalog": [
        "dynamodb:Query dynamodb:GetItem dynamodb:BatchGetItem on CatalogTable",
        f"dynamodb:PutItem on CatalogTable in {' '.join(f'{kind}*' for kind in KINDS)} references",
        "dynamodb:UpdateItem on CatalogTable in catalog",
        "dynamodb:GetItem dynamodb:UpdateItem on LedgerTable in PROJECT#*",
    ],
    "ManageApps": [
        "dynamodb:GetItem on CatalogTable in apps clients",
        "dynamodb:Query on CatalogTable in apps",
        "dynamodb:PutItem on CatalogTable in apps clients overlaps leftovers",
        "dynamodb:DeleteItem on CatalogTable in clients overlaps leftovers",
        (
            "cognito-idp:CreateUserPoolClient cognito-idp:UpdateUserPoolClient cognito-idp:DeleteUserPoolClient"
            " cognito-idp:AddUserPoolClientSecret cognito-idp:ListUserPoolClientSecrets"
            " cognito-idp:DeleteUserPoolClientSecret on UserPool"
        ),
    ],
    "EndOverlaps": [
        "dynamodb:GetItem on CatalogTable in apps",
        "dynamodb:Query dynamodb:DeleteItem on CatalogTable in overlaps leftovers",
        "dynamodb:PutItem on CatalogTable in apps overlaps",
        (
            "cognito-idp:ListUserPoolClients cognito-idp:UpdateUserPoolClient cognito-idp:DeleteUserPoolClient"
            " cognito-idp:ListUserPoolClientSecrets cognito-idp:DeleteUserPoolClientSecret on UserPool"
        ),
    ],
    "PublishCatalog": [
        f"dynamodb:Query on CatalogTable in {' '.join(KINDS)}",
        "dynamodb:GetItem dynamodb:UpdateItem on CatalogTable in catalog",
        "s3:GetObject s3:PutObject on CatalogBucket/catalog/*",
        "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator on CatalogTable.StreamArn",
        "dynamodb:ListStreams on CatalogTable/stream/*",
        "sqs:SendMessage on PublicationDeadLetterQueue",
    ],
    "DescribeApi": [],
}
"""What each function may do: the actions, the resource, and the partitions that a condition limits them to."""


def permissions(function: str) -> list[str]:
    allowed = [statement for policy in functions()[function]["Policies"] for statement in policy["Statement"]]
    assert {statement["Effect"] for statement in allowed} <= {"Allow"}
    return [line_of(statement) for statement in allowed]


def line_of(statement: Properties) -> str:
    assert statement["Resource"].keys() <= {"Fn::GetAtt", "Fn::Sub"}  # both give an ARN here, and Ref would not
    assert statement.get("Condition", {}).keys() <= {"ForAllValues:StringLike", "ForAllValues:StringEquals"}
    [reference] = statement["Resource"].values()
    resource = re.sub(r"\$\{(\w+)\.Arn\}", r"\1", reference)
    partitions = [key for test in statement.get("Condition", {}).values() for key in test["dynamodb:LeadingKeys"]]
    allowed = f"{' '.join(statement['Action'])} on {resource.removesuffix('.Arn')}"
    return f"{allowed} in {' '.join(partitions)}" if partitions else allowed


def test_each_function_has_exactly_these_permissions() -> None:
    assert {function: permissions(function) for function in functions()} == PERMISSIONS


WITH_WILDCARDS = (
    {"Fn::Sub": "${ManifestBucket.Arn}/orders/*"},
    {"Fn::Sub": "${UploadBucket.Arn}/uploads/*"},
    {"Fn::Sub": "${ExportBucket.Arn}/exports/*"},
    {"Fn::Sub": "${FilesBucket.Arn}/photos/*"},
    {"Fn::Sub": "${CatalogBucket.Arn}/catalog/*"},
    {"Fn::Sub": "${FilesBucket.Arn}/log/*"},
    {"Fn::Sub": "${LedgerTable.Arn}/stream/*"},
    {"Fn::Sub": "${CatalogTable.Arn}/stream/*"},
)
"""The resources with a wildcard: objects are not known in advance, and ListStreams is for all streams of a table."""


def statements(role: str) -> list[Properties]:
    """Return what a role may do by its own policies, as SAM translates them."""
    policies = made("AWS::IAM::Role")[role].get("Policies", [])
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("role", sorted(made("AWS::IAM::Role").keys() - {"BackupRole", "ShiftRole"}))
def test_no_role_has_a_wildcard_among_its_actions_or_resources(role: str) -> None:
    assert statements(role) or role == "DescribeApiRole"
    for statement in statements(role):
        resource = statement["Resource"] if statement["Resource"] not in WITH_WILDCARDS else ""
        assert "*" not in str([statement["Action"], resource])


@pytest.mark.parametrize("role", sorted(of_type("AWS::IAM::Role", {})))
def test_no_role_has_a_managed_policy_except_the_one_for_logs(role: str) -> None:
    arns = of_type("AWS::IAM::Role", {})[role].get("ManagedPolicyArns", [])

    assert {str(arn).rpartition("/")[2] for arn in arns} <= {"AWSLambdaBasicExecutionRole"}


@pytest.mark.parametrize(("function", "source"), sources(".Arn"))
def test_a_function_that_reads_a_queue_may_read_only_that_queue(function: str, source: Properties) -> None:
    reading = [statement for statement in statements(f"{function}Role") if "sqs:ReceiveMessage" in statement["Action"]]

    assert [statement["Resource"] for statement in reading] == [source["EventSourceArn"]]


ACCOUNT = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}


def test_the_key_names_no_role_as_a_principal_because_kms_may_not_know_it_yet() -> None:
    [key] = made("AWS::KMS::Key").values()

    assert all(statement["Principal"] == ACCOUNT for statement in key["KeyPolicy"]["Statement"])


def test_only_the_role_of_the_sequencer_may_sign() -> None:
    [key] = made("AWS::KMS::Key").values()
    [signing] = [statement for statement in key["KeyPolicy"]["Statement"] if "kms:Sign" in statement["Action"]]
    condition, on_aws, _ = signing["Condition"]["ArnLike"]["aws:PrincipalArn"]["Fn::If"]
    policy = made("AWS::IAM::Policy")["SigningPolicy"]
    [allowed] = policy["PolicyDocument"]["Statement"]

    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    assert (condition, on_aws) == ("IsOnAws", {"Fn::GetAtt": "SequenceLogRole.Arn"})
    assert policy["Roles"] == [{"Ref": "SequenceLogRole"}]
    assert (allowed["Action"], allowed["Resource"]) == (
        ["kms:Sign", "kms:GetPublicKey"],
        {"Fn::GetAtt": "SigningKey.Arn"},
    )
    assert not [role for role in made("AWS::IAM::Role") if "kms:Sign" in str(statements(role))]
    assert made_resources()["SequenceLog"]["DependsOn"] == "SigningPolicy"


def test_the_key_policy_lets_administrators_manage_the_key_but_not_sign() -> None:
    [key] = made("AWS::KMS::Key").values()
    [managing] = [statement for statement in key["KeyPolicy"]["Statement"] if "Condition" not in statement]

    assert {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"} <= set(managing["Action"])
    assert not {"*", "kms:*", "kms:Sign", "kms:CreateGrant"} & set(managing["Action"])


def test_everyone_may_read_the_log_and_the_photos_and_nothing_else() -> None:
    policies = made("AWS::S3::BucketPolicy")
    public = {
        name
        for name, each in policies.items()
        if "Allow" in {one["Effect"] for one in each["PolicyDocument"]["Statement"]}
    }
    policy = policies["FilesBucketPolicy"]

    assert public == {"FilesBucketPolicy"}
    assert policy["Bucket"] == {"Ref": "FilesBucket"}
    assert [(one["Effect"], one["Principal"], one["Action"]) for one in policy["PolicyDocument"]["Statement"]] == [
        ("Allow", "*", "s3:GetObject"),
        ("Allow", "*", "s3:GetObject"),
    ]
    assert [one["Resource"] for one in policy["PolicyDocument"]["Statement"]] == [
        {"Fn::Sub": "${FilesBucket.Arn}/log/*"},
        {"Fn::Sub": "${FilesBucket.Arn}/photos/*"},
    ]


def test_no_other_bucket_can_become_public() -> None:
    blocked = {name: bucket["PublicAccessBlockConfiguration"] for name, bucket in made("AWS::S3::Bucket").items()}

    assert {name for name, block in blocked.items() if not all(block.values())} == {"FilesBucket"}
    assert blocked["FilesBucket"]["BlockPublicAcls"] is blocked["FilesBucket"]["IgnorePublicAcls"] is True


def test_an_export_is_read_only_with_tls_expires_after_a_day_and_leaves_no_version() -> None:
    bucket = made("AWS::S3::Bucket")["ExportBucket"]
    policy = made_resources()["ExportBucketPolicy"]
    [denied] = policy["Properties"]["PolicyDocument"]["Statement"]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]

    assert "VersioningConfiguration" not in bucket
    assert (rule["Status"], rule["ExpirationInDays"], rule.keys() & {"Prefix", "Filter"}) == ("Enabled", 1, set())
    assert policy["Condition"] == "IsOnAws"
    assert policy["Properties"]["Bucket"] == {"Ref": "ExportBucket"}
    assert (denied["Effect"], denied["Principal"], denied["Action"]) == ("Deny", "*", "s3:*")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied["Resource"] == [{"Fn::GetAtt": "ExportBucket.Arn"}, {"Fn::Sub": "${ExportBucket.Arn}/*"}]
