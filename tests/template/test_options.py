"""The options of the template: each is off by default, and does what docs/operations.md says if it is on."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from local.sam import ROOT
from saxaul.people.erasures import BACKUP_DAYS
from tests.template.deploying import ALL_OPTIONS, deployed, of_type
from tests.template.reading import template

OFF: Mapping[str, str] = {
    "AccessLogs": "false",
    "Tracing": "Disabled",
    "WebAcl": "",
    "DataKey": "",
    "Backups": "0",
    "MonthlyBudget": "0",
    "DomainName": "",
    "CertificateArn": "",
}
"""Each option, and the value with which it is off."""

OF_OPTIONS = {
    "AccessLogs": {"AccessLogGroup"},
    "Tracing": set[str](),
    "WebAcl": {"Firewall", "FirewallOfApi"},
    "DataKey": {"DataKeyPolicy"},
    "Backups": {"BackupVault", "BackupPlan", "BackupRole", "BackedUpTables"},
    "MonthlyBudget": {"Budget"},
    "DomainName": {"ApiDomain", "ApiOfDomain"},
    "CertificateArn": set[str](),
}
"""The resources that each option adds."""

DATA_KEY = {"Ref": "DataKey"}


def test_each_option_is_off_by_default() -> None:
    assert {name: str(template()["Parameters"][name]["Default"]) for name in OFF} == OFF


@pytest.mark.parametrize("option", OF_OPTIONS)
def test_an_option_adds_its_resources_and_no_others(option: str) -> None:
    added = deployed({option: ALL_OPTIONS[option]}).keys() - deployed({}).keys()

    assert {name for name in added if not re.search("(ApiDeployment|Version)[0-9a-f]{10}$", name)} == OF_OPTIONS[option]


@pytest.mark.parametrize("option", OFF)
def test_operations_md_has_a_price_for_each_option(option: str) -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    [options] = re.findall(r"^### Options, and what they cost\n(.+?)^##", page, re.MULTILINE | re.DOTALL)
    [row] = re.findall(rf"^\| [^|]*`{option}`[^|]* \|(.+)\|$", options, re.MULTILINE)
    _default, does, price = row.split(" | ")

    assert does.strip()
    assert re.search(r"\$\d|nothing", price)


def test_with_tracing_each_function_is_traced() -> None:
    traced = of_type("AWS::Lambda::Function", {"Tracing": "Active"}).values()
    others = of_type("AWS::Lambda::Function", {}).values()

    assert all(function["TracingConfig"] == {"Mode": {"Ref": "Tracing"}} for function in traced)
    assert not any("TracingConfig" in function for function in others)


def test_the_firewall_counts_calls_of_one_address_and_refuses_no_long_or_strange_text() -> None:
    [firewall] = of_type("AWS::WAFv2::WebACL", {"WebAcl": "managed"}).values()
    groups = {text for text in strings(firewall) if text.startswith("AWSManagedRules")}
    limits = [rule["Statement"]["RateBasedStatement"] for rule in firewall["Rules"] if "Action" in rule]

    assert groups == {"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet"}
    assert [limit["AggregateKeyType"] for limit in limits] == ["IP", "IP"]
    assert ["ScopeDownStatement" in limit for limit in limits] == [True, False]
    assert sorted(rule["Priority"] for rule in firewall["Rules"]) == list(range(len(firewall["Rules"])))
    assert firewall["DefaultAction"] == {"Allow": {}}


def test_one_address_may_send_at_most_half_of_what_the_api_admits() -> None:
    [firewall] = of_type("AWS::WAFv2::WebACL", {"WebAcl": "managed"}).values()
    [stage] = of_type("AWS::ApiGateway::Stage", {}).values()
    [limit] = [rule for rule in firewall["Rules"] if rule["Name"] == "OneAddress"]
    rate = limit["Statement"]["RateBasedStatement"]

    assert rate["Limit"] == stage["MethodSettings"][0]["ThrottlingRateLimit"] * rate["EvaluationWindowSec"] / 2


def test_no_sample_of_a_request_is_kept_because_it_would_have_the_path() -> None:
    [firewall] = of_type("AWS::WAFv2::WebACL", {"WebAcl": "managed"}).values()
    settings = [firewall["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in firewall["Rules"])]

    assert not any(setting["SampledRequestsEnabled"] for setting in settings)


@pytest.mark.parametrize(
    ("given", "used"),
    [("managed", {"Fn::GetAtt": "Firewall.Arn"}), ("arn:aws:wafv2:eu-west-1:1:regional/webacl/x", {"Ref": "WebAcl"})],
)
def test_the_firewall_is_in_front_of_the_one_stage(given: str, used: Any) -> None:  # noqa: ANN401
    [association] = of_type("AWS::WAFv2::WebACLAssociation", {"WebAcl": given}).values()
    [(stage, _)] = of_type("AWS::ApiGateway::Stage", {}).items()

    assert association["WebACLArn"] == used
    assert association["ResourceArn"]["Fn::Sub"].endswith(f"/restapis/${{Api}}/stages/${{{stage}}}")
    assert ("Firewall" in deployed({"WebAcl": given})) == (given == "managed")


def test_the_data_key_encrypts_all_tables_queues_and_logs_and_the_buckets_that_are_private() -> None:
    made = {type_: of_type(f"AWS::{type_}", ALL_OPTIONS) for type_ in ("SQS::Queue", "DynamoDB::Table", "S3::Bucket")}

    for queue in made["SQS::Queue"].values():
        assert queue["KmsMasterKeyId"] == DATA_KEY
        assert "SqsManagedSseEnabled" not in queue, "SQS allows one kind of encryption only"
    for table in made["DynamoDB::Table"].values():
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": DATA_KEY}
    for group in of_type("AWS::Logs::LogGroup", ALL_OPTIONS).values():
        assert group["KmsKeyId"] == DATA_KEY
    encrypted = {name for name, bucket in made["S3::Bucket"].items() if keys_of(bucket) == [DATA_KEY]}
    assert encrypted == made["S3::Bucket"].keys() - {"FilesBucket"}, "nobody could read a public file"
    assert keys_of(made["S3::Bucket"]["FilesBucket"]) == [None]


def keys_of(bucket: Mapping[str, Any]) -> list[object]:
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule.get("BucketKeyEnabled", False) == ("KMSMasterKeyID" in rule["ServerSideEncryptionByDefault"])
    return [rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID")]


def test_each_role_that_uses_data_may_use_its_key_and_only_through_the_services_that_keep_it() -> None:
    policy = of_type("AWS::IAM::Policy", ALL_OPTIONS)["DataKeyPolicy"]
    [statement] = policy["PolicyDocument"]["Statement"]
    roles = of_type("AWS::IAM::Role", {})
    [via] = statement["Condition"]["StringEquals"].values()

    assert {role["Ref"] for role in policy["Roles"]} == roles_for_data(roles)
    assert statement["Resource"] == DATA_KEY
    assert {service["Fn::Sub"].partition(".")[0] for service in via} == {"dynamodb", "s3", "sqs"}
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= set(statement["Action"])


def roles_for_data(roles: Mapping[str, Any]) -> set[str]:
    """Return the roles that have a policy of ours: those of functions, and of schedules with a dead-letter queue."""
    return {name for name, role in roles.items() if role.get("Policies")}


def test_a_backup_is_made_each_day_of_each_table_and_kept_no_longer_than_an_erasure_promises() -> None:
    [plan] = of_type("AWS::Backup::BackupPlan", ALL_OPTIONS).values()
    [selection] = of_type("AWS::Backup::BackupSelection", ALL_OPTIONS).values()
    [rule] = plan["BackupPlan"]["BackupPlanRule"]
    tables = of_type("AWS::DynamoDB::Table", {})

    assert selection["BackupSelection"]["Resources"] == [{"Fn::GetAtt": f"{name}.Arn"} for name in tables]
    assert rule["Lifecycle"] == {"DeleteAfterDays": {"Ref": "Backups"}}
    assert template()["Parameters"]["Backups"]["MaxValue"] == BACKUP_DAYS
    assert rule["ScheduleExpression"].startswith("cron(")


def test_the_budget_mails_before_and_when_the_month_costs_more() -> None:
    [budget] = of_type("AWS::Budgets::Budget", ALL_OPTIONS).values()
    told = budget["NotificationsWithSubscribers"]

    assert budget["Budget"]["BudgetLimit"] == {"Amount": {"Ref": "MonthlyBudget"}, "Unit": "USD"}
    assert "CostFilters" not in budget["Budget"], "a tag counts nothing before it is activated for billing"
    assert [(each["Notification"]["NotificationType"], each["Notification"]["Threshold"]) for each in told] == [
        ("ACTUAL", 80),
        ("FORECASTED", 100),
    ]
    assert all(
        each["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": {"Ref": "AlarmEmail"}}] for each in told
    )


@pytest.mark.parametrize(("option", "needed"), [("MonthlyBudget", "AlarmEmail"), ("DomainName", "CertificateArn")])
def test_an_option_that_needs_another_is_refused_without_it(option: str, needed: str) -> None:
    [rule] = [rule for rule in template()["Rules"].values() if option in str(rule["RuleCondition"])]
    [assertion] = rule["Assertions"]

    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": needed}, ""]}]}
    assert needed in assertion["AssertDescription"]


def test_the_own_domain_serves_the_one_stage_below_v1_and_is_the_address_on_certificates() -> None:
    [mapping] = of_type("AWS::ApiGateway::BasePathMapping", ALL_OPTIONS).values()
    [(stage, properties)] = of_type("AWS::ApiGateway::Stage", ALL_OPTIONS).items()

    assert (mapping["BasePath"], mapping["Stage"]) == (properties["StageName"], {"Ref": stage})
    assert public_urls(ALL_OPTIONS) == [{"Fn::Sub": "https://${DomainName}/v1"}]
    assert public_urls({**ALL_OPTIONS, "PublicUrl": "https://green.example/api"}) == [{"Ref": "PublicUrl"}]
    assert public_urls({}) == [""]


def public_urls(parameters: Mapping[str, str]) -> list[Any]:
    """Return the different values of PUBLIC_URL of all functions."""
    found: list[Any] = []
    for function in of_type("AWS::Lambda::Function", parameters).values():
        address = function["Environment"]["Variables"].get("PUBLIC_URL")
        if address is not None and address not in found:
            found.append(address)
    return found


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        ("WebAcl", ["", "managed", "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/a/b"], ["Managed", "arn:x"]),
        ("DataKey", ["", ALL_OPTIONS["DataKey"]], ["alias/data", "arn:aws:kms:eu-west-1:123456789012:alias/data"]),
        ("DomainName", ["", "api.example.org"], ["localhost", "https://api.example.org", "API.example.org"]),
        ("CertificateArn", ["", ALL_OPTIONS["CertificateArn"]], ["arn:aws:iam::123456789012:server-certificate/x"]),
    ],
)
def test_a_value_of_another_kind_is_refused_before_anything_is_created(
    name: str, accepted: list[str], refused: list[str]
) -> None:
    pattern = template()["Parameters"][name]["AllowedPattern"]

    assert [value for value in [*accepted, *refused] if re.fullmatch(pattern, value)] == accepted


def strings(value: Any) -> set[str]:  # noqa: ANN401 - any value of the template
    match value:
        case str():
            return {value}
        case dict():
            return set().union(*map(strings, value.values()))
        case list():
            return set().union(*map(strings, value))
    return set()
