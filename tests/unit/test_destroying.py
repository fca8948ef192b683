"""`make destroy` shows a dev stack, asks for its name, deletes everything, and goes on if it was stopped anywhere."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from local import destroy
from local.client import file_of
from local.deletions import Resource, recall
from local.deployment import NO_CREDENTIALS
from local.leftovers import Leftovers
from local.stack_contents import kept_resources, resources_by_tag
from local.target import Target, file_of_deletion
from tests.template.reading import made_resources

TREES = Target("trees", "eu-west-1", None, None)
ARTEFACTS = "sam-artefacts"
RETAINED = {"DeletionPolicy": "Retain"}
KEYS = {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}
TABLE = {
    "TableName": "trees-Ledger",
    "BillingMode": "PAY_PER_REQUEST",
    **KEYS,
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
}
TEMPLATE = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "dev"},
        "DeletionProtection": {"Type": "String", "Default": "false"},
    },
    "Resources": {
        "Ledger": {"Type": "AWS::DynamoDB::Table", **RETAINED, "Properties": TABLE},
        "Files": {
            "Type": "AWS::S3::Bucket",
            **RETAINED,
            "Properties": {"BucketName": "trees-files"},
        },
        "Key": {"Type": "AWS::KMS::Key", **RETAINED, "Properties": {"KeyPolicy": {}}},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/saxaul/trees"}},
        "Actions": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "trees-Actions"}},
        "Code": {"Type": "AWS::SNS::Topic", "Metadata": {"CodeUri": f"s3://{ARTEFACTS}/saxaul/eu-west-1/trees/c"}},
    },
}


RETAINED_KINDS = {
    one["Type"] for one in made_resources().values() if one.get("DeletionPolicy", "Delete") != "Delete"
} - {"AWS::Lambda::Version"}  # versions of a function go with the function

POOL = Resource("AWS::Cognito::UserPool", "eu-west-1_trees")


class Pools:
    """A Cognito with one pool that has a domain. moto's own Cognito needs a package that is not installed."""

    def __init__(self) -> None:
        self.domains = {POOL.name: "saxaul-trees"}
        self.protection = {POOL.name: "INACTIVE"}

    def describe_user_pool(self, *, UserPoolId: str) -> dict[str, Any]:  # noqa: N803 - as AWS names it
        self._find(UserPoolId)
        domain = {"Domain": self.domains[UserPoolId]} if UserPoolId in self.domains else {}
        return {"UserPool": {"DeletionProtection": self.protection[UserPoolId], **domain}}

    def get_paginator(self, _: str) -> "Pools":
        return self

    def paginate(self, *, UserPoolId: str) -> list[dict[str, Any]]:  # noqa: N803
        self._find(UserPoolId)
        return [{"UserPoolClients": [{}]}]

    def delete_user_pool_domain(self, *, UserPoolId: str, Domain: str) -> None:  # noqa: N803
        assert self.domains.pop(UserPoolId) == Domain

    def delete_user_pool(self, *, UserPoolId: str) -> None:  # noqa: N803
        self._find(UserPoolId)
        if UserPoolId in self.domains or self.protection[UserPoolId] == "ACTIVE":
            raise ClientError({"Error": {"Code": "InvalidParameterException"}}, "DeleteUserPool")
        del self.protection[UserPoolId]

    def _find(self, pool: str) -> None:
        if pool not in self.protection:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeUserPool")


def client(service: str) -> Any:  # noqa: ANN401 - a client of any service
    make: Any = boto3.client
    return make(service, region_name="eu-west-1")


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> Pools:
    """Let the stack have a pool, and reach it."""
    found, client_of = Pools(), Leftovers._client  # noqa: SLF001
    monkeypatch.setattr(destroy, "kept_resources", lambda target: [*kept_resources(target), POOL])
    monkeypatch.setattr(
        Leftovers, "_client", lambda self, name: found if name == "cognito-idp" else client_of(self, name)
    )
    return found


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pools: Pools) -> Iterator[Pools]:
    """An account with sam's bucket, in which other stacks have code too, and files of the stack on this machine."""
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path / "state"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "k")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    made, make = dict[str, Any](), boto3.client
    monkeypatch.setattr(
        boto3, "client", lambda name, **of: made[name] if name in made else made.setdefault(name, make(name, **of))
    )
    monkeypatch.setattr("local.destroy.time.sleep", lambda _: None)
    monkeypatch.setattr(destroy, "build_folder", lambda name: tmp_path / "builds" / name)
    (tmp_path / "builds" / "trees").mkdir(parents=True)
    (tmp_path / "state").mkdir()
    with mock_aws():
        location = {"LocationConstraint": "eu-west-1"}
        client("s3").create_bucket(Bucket=ARTEFACTS, CreateBucketConfiguration=location)
        for key in OWN | OTHERS:
            client("s3").put_object(Bucket=ARTEFACTS, Key=key, Body=b"x")
        sam = {"Outputs": {"SourceBucket": {"Value": ARTEFACTS}}, "Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
        client("cloudformation").create_stack(StackName="aws-sam-cli-managed-default", TemplateBody=json.dumps(sam))
        yield pools


OWN = {"saxaul/eu-west-1/trees/c", "saxaul-deployments/trees/2027-06-05T01:00:00Z.json"}
OTHERS = {"saxaul/eu-west-1/trees2/c", "saxaul/us-east-1/trees/c", "saxaul-deployments/trees2/t.json", "other"}


def deploy(stage: str = "dev", *, protected: bool = False, project: str = "saxaul") -> None:
    """Deploy the stack, and let it be used."""
    parameters = [
        {"ParameterKey": "Stage", "ParameterValue": stage},
        {"ParameterKey": "DeletionProtection", "ParameterValue": str(protected).lower()},
    ]
    client("cloudformation").create_stack(
        StackName="trees",
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=parameters,
        Tags=[{"Key": "project", "Value": project}, {"Key": "stage", "Value": stage}],
    )
    file_of("trees").write_text(json.dumps({"region": "eu-west-1", "endpoint_url": None}))
    dynamodb, s3 = client("dynamodb"), client("s3")
    dynamodb.put_item(TableName="trees-Ledger", Item={"pk": {"S": "USER#mei"}})
    s3.put_bucket_versioning(Bucket="trees-files", VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket="trees-files", Key="log/checkpoint", Body=b"x")
    s3.delete_object(Bucket="trees-files", Key="log/checkpoint")


@pytest.fixture
def left(pools: Pools) -> Callable[[], dict[str, Any]]:
    """Return a function that returns what the account and this machine still have of the stack."""
    return lambda: left_of(pools)


def left_of(pools: Pools) -> dict[str, Any]:
    stacks = client("cloudformation").describe_stacks()["Stacks"]
    logs = client("logs").describe_log_groups()["logGroups"]
    listed = client("s3").list_objects_v2(Bucket=ARTEFACTS)["Contents"]
    keys = [client("kms").describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in client("kms").list_keys()["Keys"]]
    found = {
        "stacks": {stack["StackName"] for stack in stacks} & {"trees"},
        "tables": set(client("dynamodb").list_tables()["TableNames"]),
        "buckets": {bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]} - {ARTEFACTS},
        "pools": {*pools.protection, *pools.domains},
        "keys": {key["KeyId"] for key in keys if key["KeyState"] != "PendingDeletion"},
        "logs": {group["logGroupName"] for group in logs},
        "code": {one["Key"] for one in listed} - OTHERS,
        "files": {file.name for file in (file_of("trees"), file_of_deletion("trees")) if file.exists()},
    }
    assert {one["Key"] for one in listed} >= OTHERS
    return {name: what for name, what in found.items() if what}


def test_a_dev_stack_is_deleted_with_everything_that_it_leaves(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    deploy()

    destroy.destroy(TREES, "trees")

    assert left() == {}
    assert list((tmp_path / "builds").iterdir()) == []
    printed = " ".join(capsys.readouterr().out.split())
    for shown in (
        "account 123456789012, stage dev",
        "trees-Ledger: about 1 items",
        "trees-files: 3 objects and older versions",
        "which KMS deletes on",
    ):
        assert shown in printed


STEPS = [
    "remember",
    "delete_stack",
    "delete_resources",
    "delete_artefacts",
    "delete_local_files",
    "forget",
    "delete_empty_bucket",
    "say_what_remains",
]
KINDS = ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool", "AWS::KMS::Key", "AWS::Logs::LogGroup"]


class KilledError(Exception):
    """The process has ended here."""


def killed(*_: object) -> None:
    raise KilledError


@pytest.mark.parametrize("step", STEPS)
def test_a_deletion_that_was_stopped_before_any_step_is_completed_by_the_same_command(
    left: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    deploy()
    with monkeypatch.context() as context:
        context.setattr(destroy, step, killed)
        with pytest.raises(KilledError):
            destroy.destroy(TREES, "trees")

    again()

    assert left() == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_deletion_that_was_stopped_after_any_resource_is_completed_by_the_same_command(
    left: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    deploy()
    delete = Leftovers.delete

    def stopping(self: Leftovers, resource: Resource) -> str | None:
        told = delete(self, resource)
        if resource.kind == kind:
            raise KilledError
        return told

    with monkeypatch.context() as context:
        context.setattr(Leftovers, "delete", stopping)
        with pytest.raises(KilledError):
            destroy.destroy(TREES, "trees")

    again()

    assert left() == {}


def again() -> None:
    """Destroy the stack again. If nothing was left to be done, the command may say so."""
    try:
        destroy.destroy(TREES, "trees")
    except SystemExit:
        assert not file_of_deletion("trees").exists()


def test_another_machine_goes_on_with_a_deletion_from_what_is_written_beside_the_code(
    left: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deploy()
    with monkeypatch.context() as context:
        context.setattr(destroy, "delete_resources", killed)
        with pytest.raises(KilledError):
            destroy.destroy(TREES, "trees")
    file_of_deletion("trees").unlink()
    file_of("trees").unlink()

    destroy.destroy(TREES, "trees")

    assert left() == {}


def test_what_was_to_be_deleted_is_written_before_anything_is(
    left: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    monkeypatch.setattr(destroy, "delete_stack", killed)

    with pytest.raises(KilledError):
        destroy.destroy(TREES, "trees")

    begun = recall(TREES)
    assert begun is not None
    assert {one.kind for one in begun.resources} == set(KINDS)
    assert left().keys() >= {"stacks", "tables", "buckets", "pools", "keys", "logs", "code"}


def test_a_prod_stack_is_not_deleted_and_what_it_keeps_is_said(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    deploy("prod")
    before = left()

    with pytest.raises(SystemExit) as ended:
        destroy.destroy(TREES, "trees")

    assert ended.value.code == 1
    assert left() == before
    said = capsys.readouterr()
    assert "trees is a prod stack, so nothing was deleted" in said.err
    assert "the signing key: without it, the log ends for ever" in said.err
    assert "make deploy STACK=trees STAGE=dev FORCE=1" in said.err
    assert "trees-Ledger" in said.out


@pytest.mark.parametrize("name", ["Trees", "tree", "1", ""])
def test_another_name_deletes_nothing(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    deploy()
    before = left()

    with pytest.raises(SystemExit):
        destroy.destroy(TREES, name)

    assert left() == before
    assert "is not trees" in capsys.readouterr().err


def test_the_name_is_asked_on_a_terminal_and_needed_elsewhere(
    left: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy()
    with pytest.raises(SystemExit):
        destroy.destroy(TREES, None)
    assert "YES=trees" in capsys.readouterr().err

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("local.destroy.console.input", lambda _: "trees\n")
    destroy.destroy(TREES, None)

    assert left() == {}


def test_messages_that_wait_are_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    deploy()
    sqs = client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="trees-Actions")["QueueUrl"], MessageBody="an action")

    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "no")

    printed = capsys.readouterr().out
    assert "1 messages wait in it" in printed
    assert "is lost with the queue" in printed


def test_a_stack_that_was_never_there_is_named_with_its_account_and_its_file_stays(
    capsys: pytest.CaptureFixture[str],
) -> None:
    file_of("trees").write_text(json.dumps({"region": "eu-west-1"}))

    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "trees")

    assert "There is no stack trees in eu-west-1 in the account 123456789012" in capsys.readouterr().err
    assert file_of("trees").exists()


def test_a_protected_dev_stack_is_not_deleted_and_how_it_loses_its_protection_is_said(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(protected=True)
    before = left()

    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "trees")

    assert left() == before
    said = capsys.readouterr().err
    assert "its parameter DeletionProtection is true. Nothing was deleted" in " ".join(said.split())
    assert "make deploy STACK=trees STAGE=dev FORCE=1" in said


@pytest.mark.parametrize(
    ("resource", "code"),
    [(Resource("AWS::DynamoDB::Table", "trees-Ledger"), "ValidationException"), (POOL, "InvalidParameterException")],
)
def test_a_resource_that_somebody_protected_is_not_deleted(pools: Pools, resource: Resource, code: str) -> None:
    deploy()
    client("dynamodb").update_table(TableName="trees-Ledger", DeletionProtectionEnabled=True)
    pools.protection[POOL.name] = "ACTIVE"

    with pytest.raises(ClientError, match=code):
        Leftovers({"region_name": "eu-west-1"}).delete(resource)


@pytest.mark.parametrize(
    ("status", "calls"),
    [
        ("ACTIVE", ["delete", "table_not_exists"]),
        ("UPDATING", ["table_exists", "delete", "table_not_exists"]),
        ("DELETING", ["table_not_exists"]),
    ],
)
def test_a_table_that_is_being_changed_is_deleted_after_the_change(
    monkeypatch: pytest.MonkeyPatch, status: str, calls: list[str]
) -> None:
    made: list[str] = []

    class Tables:
        def describe_table(self, **_: str) -> dict[str, Any]:
            return {"Table": {"TableStatus": status}}

        def delete_table(self, **_: str) -> None:
            made.append("delete")

        def get_waiter(self, name: str) -> Any:  # noqa: ANN401 - a waiter
            return SimpleNamespace(wait=lambda **_: made.append(name))

    monkeypatch.setattr(Leftovers, "_client", lambda *_: Tables())

    Leftovers({}).delete(Resource("AWS::DynamoDB::Table", "trees-Ledger"))

    assert made == calls


def test_a_stack_that_is_recorded_in_another_account_is_not_deleted(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    deploy()
    file_of("trees").write_text(json.dumps({"region": "eu-west-1", "account": "999999999999"}))
    before = left()

    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "trees")

    assert left() == before
    assert "recorded here in the account 999999999999" in capsys.readouterr().err


def test_who_may_not_write_beside_the_code_is_told_and_deletes_from_this_machine(
    left: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**of: str) -> None:
        assert of["Bucket"] == ARTEFACTS
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    deploy()
    for call in ("put_object", "get_object", "delete_object"):
        monkeypatch.setattr(client("s3"), call, refuse)

    destroy.destroy(TREES, "trees")

    assert left() == {}
    printed = " ".join(capsys.readouterr().out.split())
    for what in ("is not known whether another", "do not know that it is being", "still believe that it is being"):
        assert printed.count(what) == 1


def test_when_all_is_deleted_the_command_says_so_although_the_key_is_still_pending(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    key = client("kms").create_key(Tags=[{"TagKey": one["Key"], "TagValue": one["Value"]} for one in tags_of("trees")])
    assert [one.name for one in resources_by_tag(TREES, "dev")] == [key["KeyMetadata"]["KeyId"]]

    destroy.destroy(TREES, "trees")
    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "trees")

    assert left() == {"pools": {POOL.name}}
    assert "nothing is left of one" in capsys.readouterr().err


def test_what_a_stack_does_not_know_any_more_is_found_by_its_tags(left: Callable[[], dict[str, Any]]) -> None:
    deploy()
    client("dynamodb").create_table(**{**TABLE, "TableName": "of-an-earlier-release"}, Tags=tags_of("trees"))

    destroy.destroy(TREES, "trees")

    assert left() == {}


def test_each_kind_that_the_template_retains_is_found_by_its_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    place = "eu-west-1:123456789012"
    found = {
        f"arn:aws:dynamodb:{place}:table/t": Resource("AWS::DynamoDB::Table", "t"),
        "arn:aws:s3:::b": Resource("AWS::S3::Bucket", "b"),
        f"arn:aws:cognito-idp:{place}:userpool/p": Resource("AWS::Cognito::UserPool", "p"),
        f"arn:aws:kms:{place}:key/k": Resource("AWS::KMS::Key", "k"),
        f"arn:aws:logs:{place}:log-group:/saxaul/l:*": Resource("AWS::Logs::LogGroup", "/saxaul/l"),
        f"arn:aws:backup:{place}:backup-vault:v": Resource("AWS::Backup::BackupVault", "v"),
        f"arn:aws:sns:{place}:topic": None,
    }
    page = {"ResourceTagMappingList": [{"ResourceARN": arn} for arn in found]}
    lists = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [page]))
    monkeypatch.setattr(boto3, "client", lambda *_, **__: lists)
    monkeypatch.setattr(Leftovers, "is_left", lambda *_: True)

    assert list(resources_by_tag(TREES, "dev")) == [one for one in found.values() if one]
    assert {one.kind for one in found.values() if one} >= RETAINED_KINDS


def test_a_deletion_is_not_continued_in_another_account(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy()
    with monkeypatch.context() as context:
        context.setattr(destroy, "delete_resources", killed)
        with pytest.raises(KilledError):
            destroy.destroy(TREES, "trees")
    begun = json.loads(file_of_deletion("trees").read_text())
    file_of_deletion("trees").write_text(json.dumps(begun | {"account": "999999999999"}))

    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "trees")

    assert "begun in the account 999999999999" in capsys.readouterr().err


def test_what_is_left_of_a_stack_that_nobody_wrote_down_is_found_by_its_tag(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    client("dynamodb").create_table(**TABLE, Tags=tags_of("trees"))
    client("dynamodb").create_table(**{**TABLE, "TableName": "others"}, Tags=tags_of("forest"))
    client("dynamodb").create_table(**{**TABLE, "TableName": "no-project"}, Tags=tags_of("trees")[:1])

    destroy.destroy(TREES, "trees")

    assert left() == {"tables": {"others", "no-project"}, "pools": {POOL.name}}
    assert "trees-Ledger" in capsys.readouterr().out


def tags_of(stack: str, stage: str = "dev") -> list[dict[str, str]]:
    """Return the tags that AWS and `make deploy` put on what a stack makes."""
    found = {"aws:cloudformation:stack-name": stack, "project": "saxaul", "stage": stage}
    return [{"Key": key, "Value": value} for key, value in found.items()]


def test_what_is_left_of_a_prod_stack_that_is_gone_is_not_deleted(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    client("dynamodb").create_table(**TABLE, Tags=tags_of("trees", "prod"))
    before = left()

    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "trees")

    assert left() == before
    assert "it was a prod stack" in capsys.readouterr().err


def test_a_stack_of_another_project_is_not_deleted(
    left: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(project="forest")
    before = left()

    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "trees")

    assert left() == before
    assert "lacks the tag project=saxaul, so it is a stack of another project or was not" in capsys.readouterr().err


def test_without_credentials_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise NoCredentialsError

    monkeypatch.setattr(destroy, "destroy", refuse)
    monkeypatch.setattr("sys.argv", ["local.destroy", "--stack", "trees", "--region", "eu-west-1"])

    with pytest.raises(SystemExit):
        destroy.main()

    assert capsys.readouterr().err == f"✗ Nothing was deleted. {NO_CREDENTIALS}\n"


def test_everything_that_the_template_retains_can_be_deleted() -> None:
    leftovers = Leftovers({"region_name": "eu-west-1"})

    assert {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool", "AWS::KMS::Key"} <= RETAINED_KINDS
    assert [kind for kind in RETAINED_KINDS if not leftovers.knows(Resource(kind, "x"))] == []


def test_a_vault_is_emptied_before_it_is_deleted_and_a_vault_that_is_gone_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backup = Vault(["point-1", "point-2"])
    monkeypatch.setattr(Leftovers, "_client", lambda *_: backup)
    vault, leftovers = Resource("AWS::Backup::BackupVault", "saxaul-1"), Leftovers({})

    assert leftovers.about(vault) == ("backups", "saxaul-1", "2 backups of tables")
    leftovers.delete(vault)
    leftovers.delete(vault)

    assert not backup.exists
    assert leftovers.about(vault) is None


class Vault:
    """AWS Backup with one vault. A recovery point is in its lists once more after it was deleted, as on AWS."""

    def __init__(self, points: list[str]) -> None:
        self.exists = True
        self.points, self._going = points, list[str]()

    def describe_backup_vault(self, **_: str) -> None:
        if not self.exists:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeBackupVault")

    def get_paginator(self, _: str) -> "Vault":
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        listed, self._going = self.points + self._going, []
        return [{"RecoveryPoints": [{"RecoveryPointArn": point} for point in listed]}]

    def delete_recovery_point(self, *, RecoveryPointArn: str, **_: str) -> None:  # noqa: N803 - as AWS names it
        self.points.remove(RecoveryPointArn)
        self._going.append(RecoveryPointArn)

    def delete_backup_vault(self, **_: str) -> None:
        assert not self.points
        assert not self._going
        self.exists = False


def test_a_stack_that_became_prod_while_the_command_asked_is_not_deleted(
    left: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy()

    def asked(*_: object) -> None:
        parameters = [{"ParameterKey": "Stage", "ParameterValue": "prod"}]
        client("cloudformation").update_stack(
            StackName="trees", TemplateBody=json.dumps(TEMPLATE), Parameters=parameters, Tags=tags_of("", "prod")[1:]
        )

    monkeypatch.setattr(destroy, "confirm", asked)
    before = left()
    with pytest.raises(SystemExit):
        destroy.destroy(TREES, "trees")

    assert left() == before
    assert "has changed while this command asked" in capsys.readouterr().err


def test_a_note_about_an_earlier_stack_of_the_name_is_not_minded(monkeypatch: pytest.MonkeyPatch) -> None:
    deploy()
    with monkeypatch.context() as context:
        context.setattr(destroy, "delete_stack", killed)
        with pytest.raises(KilledError):
            destroy.destroy(TREES, "trees")
    assert recall(TREES)
    note = json.loads(file_of_deletion("trees").read_text())

    for other in ({"stack_id": note["stack_id"] + "2"}, {"region": "us-east-1"}, {"stack": "others"}):
        for_all = json.dumps(note | other)
        file_of_deletion("trees").write_text(for_all)
        client("s3").put_object(Bucket=ARTEFACTS, Key="saxaul-deletions/eu-west-1/trees.json", Body=for_all.encode())
        assert recall(TREES) is None, other
