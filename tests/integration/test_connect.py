"""`make connect` reads CloudFormation and Cognito, and writes a file with the addresses of a deployed stack."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError, PartialCredentialsError
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local import client, connect, export, seed
from local.client import client_arguments_of_stack, stack, use_stack
from local.credentials import remember
from local.deployed import OUTPUTS
from local.target import Target, target_of
from saxaul.log.notes import VerifierKey
from saxaul_client import AppClient, Clock

POOL = "eu-west-1_pool"
TREES = Target("trees", "eu-west-1")
SHAPE = {
    *("api_url", "token_url", "region", "endpoint_url", "tables", "queues", "bucket", "bus", "functions", "clients"),
    *("stage", "profile", "catalog", "harvest_time", "dashboard_url"),
    *("versions", "account"),
    *("time_zone", "log_group", "catalog_bucket", "files_bucket", "log_url", "log_vkey", "witnesses"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    for name in ("SAXAUL_STACK", "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        monkeypatch.setenv(name, "")  # so that monkeypatch restores a variable that a command sets
        monkeypatch.delenv(name)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "ours")
    return tmp_path


@pytest.fixture
def stubs(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Stubber]]:
    """Stubs for the clients of AWS. botocore checks requests and responses against its own models."""
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "eu-west-1"}
    clients: dict[str, Any] = {
        name: boto3.client(name, **keys)  # type: ignore[call-overload] # one of many by its name
        for name in ("cloudformation", "cognito-idp", "kms", "dynamodb")
    }
    clients["sts"] = SimpleNamespace(get_caller_identity=lambda: {"Account": "123456789012"})
    monkeypatch.setattr(boto3, "client", lambda name, **_: clients[name])
    stubbers = {name: Stubber(client) for name, client in clients.items() if name != "sts"}
    for stubber in stubbers.values():
        stubber.activate()
    yield stubbers
    for stubber in stubbers.values():
        stubber.assert_no_pending_responses()


def outputs() -> dict[str, str]:
    found = {output: f"the-{output}" for output in OUTPUTS.values()}
    found |= {"FilesUrl": "https://{bucket}.example/", "LogOrigin": ""}
    return found | {"UserPoolId": POOL, "ApiUrl": "https://api.example/v1", "ApiId": "abc123"}


def stub_stack(stubber: Stubber, found: dict[str, str]) -> None:
    about: dict[str, Any] = {
        "StackName": "trees",
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/trees/5e99dadd",
        "CreationTime": "2026-11-24T00:00:00Z",
        "StackStatus": "CREATE_COMPLETE",
    }
    listed = [{"OutputKey": name, "OutputValue": value} for name, value in found.items()]
    stubber.add_response("describe_stacks", {"Stacks": [about | {"Outputs": listed}]}, {"StackName": "trees"})


OPERATORS = {"OperatorClient": "id-operator"}
"""The client of operators among the resources of the stack."""


def stub_resources(stubber: Stubber, *pages: dict[str, str]) -> None:
    """Answer with pages of resources, by their logical ids. A name in small letters is that of a role.

    A version whose name ends in 0 is one that CloudFormation could not delete.
    """
    for number, page in enumerate(pages):
        resources = [
            {
                "LogicalResourceId": logical,
                "PhysicalResourceId": physical,
                "ResourceType": type_of(logical),
                "LastUpdatedTimestamp": "2026-11-24T00:00:00Z",
                "ResourceStatus": "DELETE_FAILED" if logical.endswith("0") else "CREATE_COMPLETE",
            }
            for logical, physical in page.items()
        ]
        more = {"NextToken": "more"} if number < len(pages) - 1 else {}
        stubber.add_response("list_stack_resources", {"StackResourceSummaries": resources} | more)


def type_of(logical: str) -> str:
    if logical.endswith("Client"):
        return "AWS::Cognito::UserPoolClient"
    if "Version" in logical:
        return "AWS::Lambda::Version"
    return "AWS::Lambda::Function" if logical[0].isupper() else "AWS::IAM::Role"


def stub_client(stubber: Stubber, name: str = "operator", **secret: str) -> None:
    client = {"ClientName": name, "ClientId": f"id-{name}", "AllowedOAuthScopes": ["saxaul/catalog.write"]}
    request = {"UserPoolId": POOL, "ClientId": f"id-{name}"}
    stubber.add_response("describe_user_pool_client", {"UserPoolClient": client | secret}, request)


def stub_key(stubber: Stubber) -> None:
    """Answer with the public key of the log, as KMS does."""
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    stubber.add_response("get_public_key", {"PublicKey": key}, {"KeyId": "the-SigningKeyArn"})


def stub_head(stubber: Stubber, origin: str) -> None:
    """Answer with the head of the log, as DynamoDB does; without one if the log has no name yet."""
    asked = {"TableName": "the-LedgerTableName", "Key": {"pk": {"S": "LOG"}, "sk": {"S": "HEAD"}}}
    head: dict[str, Any] = {"Item": {"origin": {"S": origin}}} if origin else {}
    stubber.add_response("get_item", head, asked | {"ConsistentRead": True})


def stub_everything(stubs: dict[str, Stubber], origin: str = "") -> None:
    stub_stack(stubs["cloudformation"], outputs())
    of = "arn:aws:lambda:eu-west-1:123456789012:function"
    functions = {"ViewForest": "trees-ViewForest-1", "role": "r", "AnotherClient": "id-other"}
    versions = {"ViewForestVersion1": f"{of}:trees-ViewForest-1:7", "ViewForestVersion0": f"{of}:trees-ViewForest-1:6"}
    others = {"PlaceOrders": "p", "PlaceOrdersVersion1": f"{of}:p:3"}
    stub_resources(stubs["cloudformation"], functions | versions, others | OPERATORS)
    stub_client(stubs["cognito-idp"], "other")
    stub_client(stubs["cognito-idp"], ClientSecret="a long secret of operators")
    stub_key(stubs["kms"])
    stub_head(stubs["dynamodb"], origin)


def refusal(name: str, region: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Connect, and return the one sentence with which the command fails."""
    with pytest.raises(SystemExit) as ended:
        connect.connect(target_of(name, region, None, None))
    error = capsys.readouterr().err
    assert ended.value.code == 1
    assert error.count("\n") == 1
    return error


def test_connecting_writes_addresses_names_and_secrets_to_a_file_that_only_its_owner_can_read(
    stubs: dict[str, Stubber], folder: Path
) -> None:
    stub_everything(stubs)
    (folder / "trees.json").write_text('{"of": "another time"}')
    (folder / "trees.json").chmod(0o644)

    connect.connect(TREES)

    known = json.loads((folder / "trees.json").read_text())
    assert known.keys() == SHAPE
    assert (folder / "trees.json").stat().st_mode & 0o777 == 0o600
    assert (known["api_url"], known["token_url"]) == ("https://api.example/v1", "the-TokenUrl")
    assert (known["region"], known["endpoint_url"]) == ("eu-west-1", None)
    assert known["account"] == "123456789012"
    assert known["tables"] == {name: f"the-{name.capitalize()}TableName" for name in ("ledger", "catalog", "activity")}
    assert known["queues"]["planting_dead_letter"] == "the-PlantingDeadLetterQueueUrl"
    assert known["log_url"] == "https://the-FilesBucketName.example/log"
    assert VerifierKey.parse(known["log_vkey"]).name == "the-FilesBucketName.example/log"
    assert known["functions"] == {"ViewForest": "trees-ViewForest-1", "PlaceOrders": "p"}
    assert known["versions"] == {"ViewForest": "7", "PlaceOrders": "3"}
    assert known["clients"] == {
        "operator": {
            "client_id": "id-operator",
            "client_secret": "a long secret of operators",
            "scopes": ["saxaul/catalog.write"],
        }
    }
    assert [file.name for file in folder.iterdir()] == ["trees.json"]


def test_the_key_has_the_name_that_the_log_got_with_its_first_leaf(stubs: dict[str, Stubber], folder: Path) -> None:
    stub_everything(stubs, "first.example/log")

    connect.connect(TREES)

    known = json.loads((folder / "trees.json").read_text())
    assert known["log_url"] == "https://the-FilesBucketName.example/log"
    assert VerifierKey.parse(known["log_vkey"]).name == "first.example/log"


def test_connecting_again_keeps_the_secrets_of_apps_and_names_the_apps(
    stubs: dict[str, Stubber], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub_everything(stubs)
    stub_everything(stubs)
    connect.connect(TREES)
    remember(folder / "trees.json", "bikes", "id-bikes", "of-bikes", ("actions.write",))

    connect.connect(TREES)

    known = json.loads((folder / "trees.json").read_text())
    assert known["clients"].keys() == {"operator", "bikes"}
    assert known["clients"]["bikes"]["client_secret"] == "of-bikes"
    assert "kept the secrets of bikes" in capsys.readouterr().out


@pytest.mark.usefixtures("stubs")
def test_a_stack_that_is_recorded_in_another_account_is_not_connected(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "trees.json").write_text(before := json.dumps({"account": "999999999999"}))

    with pytest.raises(SystemExit):
        connect.connect(TREES)

    assert "recorded here in the account 999999999999" in capsys.readouterr().err
    assert (folder / "trees.json").read_text() == before


def test_secrets_of_apps_of_another_stack_are_not_overwritten(
    stubs: dict[str, Stubber], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub_everything(stubs)
    before = json.dumps({"api_url": "https://other.example/v1", "clients": {"operator": {}, "bikes": {}}})
    (folder / "trees.json").write_text(before)

    assert "secrets of apps of another stack: bikes" in refusal("trees", "eu-west-1", capsys)
    assert (folder / "trees.json").read_text() == before


def test_on_the_emulator_the_addresses_have_the_form_of_the_laptop_stack(
    stubs: dict[str, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub_everything(stubs)

    connect.connect(TREES._replace(endpoint="http://localhost:4599"))

    monkeypatch.setenv("SAXAUL_STACK", "trees")
    known = stack()
    assert known["api_url"] == "http://localhost:4599/_aws/execute-api/abc123/v1"
    assert known["token_url"] == "http://localhost:4599/oauth2/token"
    assert client_arguments_of_stack(known)["endpoint_url"] == "http://localhost:4599"


def test_commands_for_a_stack_on_aws_ignore_the_endpoint_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4599")
    known = {"endpoint_url": None, "region": "eu-west-1"}
    sqs = boto3.client("sqs", **client_arguments_of_stack(known))

    use_stack(known)

    assert sqs.meta.endpoint_url == "https://sqs.eu-west-1.amazonaws.com"
    assert boto3.session.Session().client("sqs").meta.endpoint_url == "https://sqs.eu-west-1.amazonaws.com"
    assert os.environ["AWS_ACCESS_KEY_ID"] == "ours"


def test_an_unknown_stack_ends_with_one_sentence(stubs: dict[str, Stubber], capsys: pytest.CaptureFixture[str]) -> None:
    stubs["cloudformation"].add_client_error("describe_stacks", "ValidationError", "Stack with id x does not exist")

    assert "There is no stack trees in eu-west-1." in refusal("trees", "eu-west-1", capsys)


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied"])
def test_refused_credentials_end_with_one_sentence(
    code: str, stubs: dict[str, Stubber], capsys: pytest.CaptureFixture[str]
) -> None:
    stubs["cloudformation"].add_client_error("describe_stacks", code, "Not with\nthis token")

    assert code in refusal("trees", "eu-west-1", capsys)


@pytest.mark.parametrize("error", [NoCredentialsError(), PartialCredentialsError(provider="env", cred_var="SECRET")])
def test_missing_credentials_end_with_one_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(boto3, "client", refuse)

    assert "no AWS credentials" in refusal("trees", "eu-west-1", capsys)


@pytest.mark.parametrize("found", [{}, {"BucketName": "another template's"}, outputs() | {"ApiUrl": ""}])
def test_a_stack_of_another_template_ends_with_one_sentence(
    found: dict[str, str], stubs: dict[str, Stubber], capsys: pytest.CaptureFixture[str]
) -> None:
    stub_stack(stubs["cloudformation"], {name: value for name, value in found.items() if value})

    assert "ApiUrl" in refusal("trees", "eu-west-1", capsys)


def test_a_client_of_operators_without_a_secret_ends_with_one_sentence(
    stubs: dict[str, Stubber], capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    stub_stack(stubs["cloudformation"], outputs())
    stub_resources(stubs["cloudformation"], OPERATORS)
    stub_client(stubs["cognito-idp"])
    stub_key(stubs["kms"])
    stub_head(stubs["dynamodb"], "")

    assert "operators of trees has no secret" in refusal("trees", "eu-west-1", capsys)
    assert list(folder.iterdir()) == []


def test_a_stack_without_a_client_of_operators_ends_with_one_sentence_that_says_what_to_do(
    stubs: dict[str, Stubber], capsys: pytest.CaptureFixture[str]
) -> None:
    stub_stack(stubs["cloudformation"], outputs())
    stub_resources(stubs["cloudformation"], {"AlipayClient": "id-alipay"})
    stub_client(stubs["cognito-idp"], "alipay", ClientSecret="a long secret of alipay..")
    stub_key(stubs["kms"])
    stub_head(stubs["dynamodb"], "")

    assert "trees has no client for operators; deploy it again" in refusal("trees", "eu-west-1", capsys)


@pytest.mark.parametrize("name", ["stack", "process", "durations", "../x", "my_stack", "-x"])
def test_a_stack_name_that_is_reserved_or_invalid_ends_with_one_sentence(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "stack" in refusal(name, "eu-west-1", capsys)


def test_a_command_for_a_stack_without_a_file_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAXAUL_STACK", "trees")

    with pytest.raises(SystemExit):
        stack()

    assert "make connect STACK=trees" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stack_name", "name", "advice"),
    [
        ("", "alipay", ["make seed.", "make secret APP=alipay"]),
        ("trees", "alipay", ["make seed STACK=trees.", "make secret APP=alipay STACK=trees"]),
        ("", "operator", ["make up"]),
        ("trees", "operator", ["make connect STACK=trees REGION="]),
    ],
)
def test_a_client_without_a_secret_in_the_file_ends_with_the_commands_that_help(
    stack_name: str,
    name: str,
    advice: list[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SAXAUL_STACK", stack_name)
    (folder / f"{stack_name or 'stack'}.json").write_text(json.dumps({"clients": {}}))

    with pytest.raises(SystemExit):
        client.open_client(AppClient, name)

    error = capsys.readouterr().err
    assert f"has no secret of {name}." in error
    assert [said for said in advice if said not in error] == []


@pytest.mark.parametrize("command", [seed, export])
def test_a_stack_that_does_not_respond_ends_with_one_sentence(
    command: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        operator = {"client_id": "o", "client_secret": "s", "scopes": []}
        known = {"api_url": address, "token_url": f"{address}/token", "clients": {"operator": operator}}
        (folder / "trees.json").write_text(json.dumps(known))
        monkeypatch.setenv("SAXAUL_STACK", "trees")
        monkeypatch.setattr(Clock, "sleep", lambda *_: None)
        monkeypatch.setattr("sys.argv", ["command", *([str(folder / "out")] if command is export else [])])

        with pytest.raises(SystemExit) as ended:
            command.main()

    assert ended.value.code == 1
    assert f"{address} cannot be reached" in capsys.readouterr().err
