"""The template as SAM translates it: one API stage, no wildcard without a reason, and alarms that reach somebody.

Each test looks at what CloudFormation creates with the defaults, on a laptop, and with all options.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from local.template import Properties, template
from tests.template.deploying import PARAMETER_SETS, deployed, of_type, statements
from tests.template.reading import functions

with_each_set = pytest.mark.parametrize("parameters", PARAMETER_SETS.values(), ids=PARAMETER_SETS)

OBJECTS = "the names of objects are not known in advance"
STREAMS = "ListStreams is for all streams of a table"
ALIASES = "CodeDeploy moves the alias of the function, whose ARN begins with the function's"
WILDCARDS: Mapping[str, str] = {
    "${CatalogBucket.Arn}/catalog/*": OBJECTS,
    "${ExportBucket.Arn}/*": "the bucket's own policy refuses requests without TLS",
    "${ExportBucket.Arn}/exports/*": OBJECTS,
    "${FilesBucket.Arn}/log/*": OBJECTS,
    "${FilesBucket.Arn}/photos/*": OBJECTS,
    "${ManifestBucket.Arn}/orders/*": OBJECTS,
    "${UploadBucket.Arn}/uploads/*": OBJECTS,
    "${CatalogTable.Arn}/stream/*": STREAMS,
    "${LedgerTable.Arn}/stream/*": STREAMS,
    **{f"${{{name}.Arn}}*": ALIASES for name in functions()},
    "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*": "CodeDeploy only reads their states",
}
"""Each resource with a wildcard that a statement may have, and why."""

MANAGED: Mapping[str, str] = {
    "AWSLambdaBasicExecutionRole": "SAM adds it to each function; it allows writing logs and nothing else",
    "AWSXrayWriteOnlyAccess": "SAM adds it with Tracing; X-Ray has no resources that a statement could name",
    "AWSBackupServiceRolePolicyForBackup": "AWS keeps it up to date, and only AWS Backup can take the role on",
}
"""Each policy of AWS's that a role may have, and why. All of them allow `*`."""

TOPIC = [{"Ref": "Alarms"}]


def texts(value: Any) -> list[str]:  # noqa: ANN401 - a resource of a statement, or a list of them
    """Return the ARNs of a statement as they are written, with the names of resources in them."""
    if isinstance(value, list):
        return [text for part in value for text in texts(part)]
    return [value if isinstance(value, str) else str(next(iter(value.values())))]


def without_a_reason(name: str, resource: Properties) -> list[str]:
    found = [text for statement in statements(resource) for text in texts(statement.get("Resource", []))]
    if resource["Type"] == "AWS::KMS::Key":
        found = [text for text in found if text != "*"]  # in the policy of a key, that is the key
    managed = [text.rpartition("/")[2] for text in texts(resource.get("Properties", {}).get("ManagedPolicyArns", []))]
    return [f"{name}: {text}" for text in found if "*" in text and text not in WILDCARDS] + [
        f"{name}: {text}" for text in managed if text not in MANAGED
    ]


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ({"Policies": [{"PolicyDocument": {"Statement": [{"Action": ["s3:*"], "Resource": "*"}]}}]}, ["X: *"]),
        ({"PolicyDocument": {"Statement": [{"Resource": [{"Fn::Sub": "${T.Arn}/*"}]}]}}, ["X: ${T.Arn}/*"]),
        ({"PolicyDocument": {"Statement": [{"Resource": {"Fn::GetAtt": "T.Arn"}}]}}, []),
        ({"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}, ["X: AdministratorAccess"]),
    ],
)
def test_a_wildcard_without_a_reason_is_found(resource: Properties, found: list[str]) -> None:
    assert without_a_reason("X", {"Type": "AWS::IAM::Role", "Properties": resource}) == found


@with_each_set
def test_no_policy_has_a_wildcard_among_its_resources_without_a_reason(parameters: Mapping[str, str]) -> None:
    found = [text for name, resource in deployed(parameters).items() for text in without_a_reason(name, resource)]

    assert found == []


def test_each_reason_for_a_wildcard_is_in_use() -> None:
    used = {
        text
        for parameters in PARAMETER_SETS.values()
        for resource in deployed(parameters).values()
        for statement in statements(resource)
        for text in texts(statement.get("Resource", []))
    }
    managed = {
        text.rpartition("/")[2]
        for parameters in PARAMETER_SETS.values()
        for role in of_type("AWS::IAM::Role", parameters).values()
        for text in texts(role.get("ManagedPolicyArns", []))
    }

    assert WILDCARDS.keys() <= used
    assert MANAGED.keys() == managed


@with_each_set
def test_no_statement_allows_all_actions_of_a_service(parameters: Mapping[str, str]) -> None:
    allowed = [
        action
        for resource in deployed(parameters).values()
        for statement in statements(resource)
        if statement["Effect"] == "Allow"
        for action in texts(statement["Action"])
    ]

    assert {action for action in allowed if "*" in action} == {"kms:List*"}  # of those who administrate the signing key


@with_each_set
def test_the_api_has_one_stage_and_its_deployment_makes_no_other(parameters: Mapping[str, str]) -> None:
    [stage] = of_type("AWS::ApiGateway::Stage", parameters).values()
    [deployment] = of_type("AWS::ApiGateway::Deployment", parameters).values()

    assert stage["StageName"] == "v1"
    assert "StageName" not in deployment


@with_each_set
def test_each_alarm_tells_the_topic_and_nobody_else(parameters: Mapping[str, str]) -> None:
    alarms = of_type("AWS::CloudWatch::Alarm", parameters)

    assert alarms
    assert {name: alarm["AlarmActions"] for name, alarm in alarms.items() if alarm["AlarmActions"] != TOPIC} == {}
    assert not [name for name, alarm in alarms.items() if alarm.get("ActionsEnabled") is False]


@with_each_set
def test_nothing_that_is_created_refers_to_what_is_not(parameters: Mapping[str, str]) -> None:
    made = deployed(parameters)

    assert {name for name in references(made) if not name.startswith("AWS::")} <= {*made, *template()["Parameters"]}


def references(value: Any) -> set[str]:  # noqa: ANN401 - any value of the template
    """Return each logical id that a value refers to."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::GetAtt": str(path)}:
            return {path.partition(".")[0]}
        case dict():
            return set().union(*map(references, value.values()))
        case list():
            return set().union(*map(references, value))
    return set()
