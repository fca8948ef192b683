"""`make deploy` takes its steps in their order, and stops at the one that fails. The same command then goes on."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from moto import mock_aws
from moto.backends import get_backend

from local import deploy
from local.client import file_of
from local.deletions import Deletion, remember
from local.deploy import Wanted
from local.deployment import NO_CREDENTIALS
from local.good_deployments import GoodDeployments
from local.harmless_events import Callers
from local.plan import PROTECTED_KINDS, Plan
from local.sam import ROOT, SamError
from local.sam_deploy import change_sets, run_sam_deploy
from local.target import Target, file_of_deletion
from local.template import template as template_of_the_project

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

TREES = Target("trees", "eu-west-1", None, None)
ALL, SOME = Callers("operator", "app", "partner"), Callers("operator")
KNOWN = {"api_url": "https://api.example/v1", "clients": {}}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator["CloudFormationClient"]:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.setenv("SAXAUL_STACK", "")  # so that it is as before after the test
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "k")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with mock_aws():
        yield boto3.client("cloudformation", region_name="eu-west-1")


MADE = [name for name, one in template_of_the_project()["Resources"].items() if one["Type"] in PROTECTED_KINDS]
"""The logical ids of what is protected. In these tests, each is a topic."""


def template(topics: int = 1) -> str:
    parameters = {name: {"Type": "String", "Default": ""} for name in ("Stage", "DeletionProtection", "AlarmEmail")}
    code = {"CodeUri": "s3://artefacts/code"}
    names = MADE + [f"Topic{number}" for number in range(topics)]
    resources = {name: {"Type": "AWS::SNS::Topic", "Metadata": code} for name in names}
    return json.dumps({"Parameters": parameters, "Resources": resources})


def create(aws: Any, project: str = "saxaul", **parameters: str) -> None:  # noqa: ANN401 - a client
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    tags = [{"Key": "project", "Value": project}]
    aws.create_stack(StackName="trees", TemplateBody=template(), Parameters=given, Tags=tags)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """Replace each step by one that notes itself, and return the notes."""
    noted: list[Any] = []

    def noting(name: str, answer: object = None) -> Callable[..., Any]:
        def step(*_: object, **__: object) -> object:
            noted.append(name)
            return answer

        return step

    def deployed(_: object, __: object, plan: Plan, *, asks: bool, lock: int) -> None:
        assert lock > 0
        noted.append(("sam deploy", plan.parameters.get("DeletionProtection"), asks))

    monkeypatch.setattr(deploy, "build_folder", lambda name: tmp_path / "builds" / name)
    monkeypatch.setattr(deploy, "run_sam_deploy", deployed)
    monkeypatch.setattr(deploy, "build_for_aws", noting("build"))
    monkeypatch.setattr(deploy, "connect", noting("connect", KNOWN))
    monkeypatch.setattr(deploy, "check_functions", noting("check", ALL))
    monkeypatch.setattr(deploy, "check_as_registered", noting("check as registered"))
    monkeypatch.setattr(GoodDeployments, "record", noting("record"))
    for name in ("wait_for_a_token", "seed", "smoke", "show_result"):
        monkeypatch.setattr(deploy, name, noting(name))
    return noted


REST = ["wait_for_a_token", "seed", "smoke", "show_result"]


def test_a_dev_stack_is_built_deployed_connected_checked_recorded_seeded_and_tested(steps: list[Any]) -> None:
    deploy.deploy(TREES, Wanted())

    assert steps == ["build", ("sam deploy", "false", True), "connect", "check", "record", *REST]


def test_a_new_prod_stack_is_protected_before_anything_else_may_fail(steps: list[Any]) -> None:
    deploy.deploy(TREES, Wanted(stage="prod"))

    first, second = ("sam deploy", "false", True), ("sam deploy", "true", False)
    assert steps == ["build", first, second, "connect", "check", "record", *REST]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_stack_that_exists_is_deployed_once_as_a_protected_prod_stack(
    steps: list[Any], aws: "CloudFormationClient", stage: str
) -> None:
    create(aws, Stage=stage, DeletionProtection=str(stage == "prod").lower())

    deploy.deploy(TREES, Wanted(stage="prod", asks=False))

    assert steps[:2] == ["build", ("sam deploy", "true", False)]
    assert len([step for step in steps if step[0] == "sam deploy"]) == 1


def test_a_stack_of_another_project_is_not_touched(steps: list[Any], aws: "CloudFormationClient") -> None:
    create(aws, project="forest")

    with pytest.raises(SamError, match="lacks the tag project=saxaul, so it is a stack of another project or was not"):
        deploy.deploy(TREES, Wanted(asks=False))

    assert steps == []


def propose(aws: Any, name: str, kind: str = "CREATE", project: str = "saxaul") -> None:  # noqa: ANN401 - a client
    """Make a change set, and let moto show its tags, as AWS does."""
    tags = [{"Key": "project", "Value": project}]
    made = aws.create_change_set(
        StackName="trees", ChangeSetName=name, TemplateBody=template(2), ChangeSetType=kind, Tags=tags
    )
    backend: Any = get_backend("cloudformation")["123456789012"]["eu-west-1"]
    backend.change_sets[made["Id"]].tags = tags


def test_a_review_of_another_project_is_not_touched(steps: list[Any], aws: "CloudFormationClient") -> None:
    propose(aws, "theirs", project="forest")

    with pytest.raises(SamError, match="lacks the tag project=saxaul"):
        deploy.deploy(TREES, Wanted(asks=False))

    assert steps == []
    assert change_sets(TREES) == {"theirs"}


def test_a_review_of_a_colleague_stays_until_the_changes_are_made(
    steps: list[Any], aws: "CloudFormationClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    propose(aws, "colleagues")
    monkeypatch.setattr(deploy, "run_sam_deploy", run_sam_deploy)
    sam_that(monkeypatch, does=lambda: propose(aws, "ours"))

    with pytest.raises(SystemExit):
        deploy.deploy(TREES, Wanted())

    assert steps == ["build"]
    assert change_sets(TREES) == {"colleagues"}


def test_what_is_left_of_a_first_deployment_that_failed_is_deleted(
    steps: list[Any], aws: "CloudFormationClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    create(aws)
    monkeypatch.setattr(GoodDeployments, "status", lambda _: "ROLLBACK_COMPLETE")

    deploy.deploy(TREES, Wanted(stage="prod"))

    assert aws.describe_stacks()["Stacks"] == []
    assert [step[1] for step in steps if step[0] == "sam deploy"] == ["false", "true"]


def test_a_failed_protection_says_that_the_stack_is_deployed_and_is_completed_by_the_same_command(
    steps: list[Any],
    aws: "CloudFormationClient",
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(_: object, __: object, plan: Plan, **___: object) -> None:
        if not plan.then_protects:
            raise SamError("sam deploy failed with exit code 1")
        create(aws, Stage="prod", DeletionProtection="false")

    with monkeypatch.context() as context:
        context.setattr(deploy, "run_sam_deploy", failing)
        with pytest.raises(SystemExit) as ended:
            deploy.deploy(TREES, Wanted(stage="prod"))

    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "trees is deployed, but its data is not protected yet: sam deploy failed" in said
    assert "Go on with: make deploy STACK=trees REGION=eu-west-1" in said
    assert steps == ["build"]

    deploy.deploy(TREES, Wanted())

    assert steps[1:] == ["build", ("sam deploy", "true", True), "connect", "check", "record", *REST]


def test_what_needs_registered_apps_is_checked_after_the_seed(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "check_functions", lambda *_: SOME)

    deploy.deploy(TREES, Wanted())

    after = ["connect", "wait_for_a_token", "seed", "check as registered", "record", "smoke", "show_result"]
    assert steps[2:] == after


def test_a_broken_function_ends_the_command_before_the_record_and_the_seed_and_the_data_is_protected(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(deploy, "check_functions", broken)

    with pytest.raises(SystemExit):
        deploy.deploy(TREES, Wanted(stage="prod"))

    assert steps == ["build", ("sam deploy", "false", True), ("sam deploy", "true", False), "connect"]


@pytest.mark.parametrize("stopped_at", ["build", "connect", "check", "record", *REST])
def test_a_deployment_that_was_stopped_anywhere_is_completed_by_the_same_command(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch, aws: "CloudFormationClient", stopped_at: str
) -> None:
    class KilledError(Exception):
        """The process has ended here."""

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    names = {"build": "build_for_aws", "check": "check_functions"}
    with monkeypatch.context() as context:
        where, name = (GoodDeployments, "record") if stopped_at == "record" else (deploy, stopped_at)
        context.setattr(where, names.get(name, name), killed)
        with pytest.raises(KilledError):
            deploy.deploy(TREES, Wanted(stage="prod"))
    is_deployed = stopped_at != "build"
    if is_deployed:
        create(aws, Stage="prod", DeletionProtection="true")
    steps.clear()

    deploy.deploy(TREES, Wanted(stage=None if is_deployed else "prod"))

    protections = [step[1] for step in steps if step[0] == "sam deploy"]
    assert protections == (["true"] if is_deployed else ["false", "true"])
    assert steps[-len(REST) :] == REST
    assert "record" in steps


def test_each_stack_on_aws_has_a_folder_for_its_build(monkeypatch: pytest.MonkeyPatch, steps: list[Any]) -> None:
    folders: list[Path] = []
    monkeypatch.setattr(deploy, "build_for_aws", lambda _, folder: folders.append(folder))

    deploy.deploy(TREES, Wanted())
    deploy.deploy(TREES._replace(name="forest"), Wanted())

    assert [folder.name for folder in folders] == ["trees", "forest"]
    assert steps


def sam_that(monkeypatch: pytest.MonkeyPatch, code: int = 0, does: Callable[[], object] = lambda: None) -> list[Any]:
    """Replace the sam CLI, and return its commands with their environments."""
    commands: list[Any] = []

    def run(command: list[str], env: dict[str, str], **_: object) -> SimpleNamespace:
        commands.append((list(map(str, command)), env))
        does()
        return SimpleNamespace(returncode=code)

    monkeypatch.setattr("local.sam_deploy.shutil.which", lambda *_, **__: "/bin/sam")
    monkeypatch.setattr("local.sam_deploy.subprocess.run", run)
    return commands


def test_sam_gets_the_template_the_stack_its_tags_its_folder_and_each_parameter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands = sam_that(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")

    run_sam_deploy(tmp_path / "t.yaml", TREES, Plan("dev", {"HarvestTime": "08:00"}), asks=True, lock=0)

    [(command, environment)] = commands
    assert command[:2] == ["/bin/sam", "deploy"]
    line = " ".join(command).replace('"', "")
    for part in (
        f"--template-file {tmp_path / 't.yaml'}",
        "--stack-name trees --region eu-west-1",
        "--s3-prefix saxaul/eu-west-1/trees",
        "--tags project=saxaul stage=dev",
        "HarvestTime=08:00",
    ):
        assert part in line
    assert "--no-confirm-changeset" not in command
    assert "AWS_ENDPOINT_URL" not in environment


def test_sam_does_not_ask_if_it_is_told_not_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = sam_that(monkeypatch)

    run_sam_deploy(tmp_path / "t.yaml", TREES, Plan("dev", {}), asks=False, lock=0)

    assert "--no-confirm-changeset" in commands[0][0]


def test_a_failure_of_sam_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sam_that(monkeypatch, code=3)

    with pytest.raises(SamError, match="exit code 3"):
        run_sam_deploy(tmp_path / "t.yaml", TREES, Plan("dev", {}), asks=True, lock=0)


@pytest.mark.parametrize("exists", [False, True])
def test_changes_that_are_not_confirmed_end_the_command_and_leave_nothing(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    aws: "CloudFormationClient",
    capsys: pytest.CaptureFixture[str],
    exists: bool,
) -> None:
    if exists:
        create(aws)

    sam_that(monkeypatch, does=lambda: propose(aws, "samcli-deploy1", "UPDATE" if exists else "CREATE"))

    with pytest.raises(SystemExit):
        run_sam_deploy(tmp_path / "t.yaml", TREES, Plan("dev", {}), asks=True, lock=0)

    assert "not confirmed, so nothing was deployed" in capsys.readouterr().err
    assert change_sets(TREES) == set()
    living = [stack["StackName"] for stack in aws.describe_stacks()["Stacks"]]
    assert living == (["trees"] if exists else [])


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["local.deploy", "--stack", "trees", "--region", "eu-west-1", *arguments])
    with pytest.raises(SystemExit) as ended:
        deploy.main()
    assert ended.value.code == 1


def test_without_credentials_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise NoCredentialsError

    monkeypatch.setattr(deploy, "deploy", refuse)

    command(monkeypatch)

    assert capsys.readouterr().err == f"✗ Not deployed. {NO_CREDENTIALS}\n"


def test_a_profile_that_does_not_exist_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.setenv(name, "")  # so that it is as before after the test

    command(monkeypatch, "--profile", "nobodys")

    said = capsys.readouterr().err
    assert "nobodys" in said
    assert "Traceback" not in said


def test_a_stack_that_is_being_destroyed_is_not_deployed_on_this_machine_or_another(
    steps: list[Any], aws: "CloudFormationClient", capsys: pytest.CaptureFixture[str]
) -> None:
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="sam-artefacts")
    sam = {"Outputs": {"SourceBucket": {"Value": "sam-artefacts"}}, "Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
    aws.create_stack(StackName="aws-sam-cli-managed-default", TemplateBody=json.dumps(sam))
    remember(TREES, Deletion("trees", "eu-west-1", "123456789012", "dev", ()))

    for _ in ("here", "elsewhere"):
        with pytest.raises(SystemExit):
            deploy.deploy(TREES, Wanted())
        assert "make destroy STACK=trees" in capsys.readouterr().err
        file_of_deletion("trees").unlink(missing_ok=True)
    assert steps == []


def test_credentials_for_another_account_deploy_nothing(steps: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    file_of("trees").write_text(json.dumps({"region": "eu-west-1", "account": "999999999999"}))

    with pytest.raises(SystemExit):
        deploy.deploy(TREES, Wanted())

    assert "recorded here in the account 999999999999" in capsys.readouterr().err
    assert steps == []


@pytest.mark.parametrize(
    ("given", "recorded"),
    [(None, ""), ("catalog", ""), ("my/catalog", "my/catalog"), ("/elsewhere/catalog", "/elsewhere/catalog")],
)
def test_the_catalog_is_recorded_so_that_another_clone_finds_it(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch, given: str | None, recorded: str
) -> None:
    noted: list[Any] = []

    def connect(_: Target, catalog: str) -> dict[str, Any]:
        noted.append(catalog)
        return KNOWN

    monkeypatch.setattr(deploy, "connect", connect)
    monkeypatch.setattr(deploy, "seed", noted.append)

    deploy.deploy(TREES, Wanted(folder=Path(given) if given else None))
    file_of("trees").write_text(json.dumps({"catalog": noted[0]}))
    deploy.deploy(TREES, Wanted())

    assert noted == [recorded, ROOT / (given or "catalog")] * 2
    assert steps


@pytest.mark.parametrize(
    ("mail", "subscribes", "said", "unsaid"),
    [
        ("", False, "AlarmEmail is empty", "gets a message"),
        ("a@b.c", True, "a@b.c gets a message from AWS", "is empty"),
        ("a@b.c", False, "is deployed and works", "gets a message"),
    ],
)
def test_who_gets_alarms_is_said_if_it_is_new_or_nobody(
    aws: "CloudFormationClient", capsys: pytest.CaptureFixture[str], mail: str, subscribes: bool, said: str, unsaid: str
) -> None:
    create(aws, AlarmEmail=mail)

    deploy.show_result(TREES, KNOWN, Plan("dev", {}, subscribes=subscribes))

    printed = " ".join(capsys.readouterr().out.split())
    assert said in printed
    assert unsaid not in printed
