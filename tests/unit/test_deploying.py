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

from local import deploy
from local.deploy import Wanted, change_sets, run_sam_deploy
from local.deployment import NO_CREDENTIALS
from local.good_deployments import GoodDeployments
from local.harmless_events import Callers
from local.plan import Plan
from local.sam import SamError
from local.target import Target, file_of_deletion

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


def template(topics: int = 1) -> str:
    parameters = {name: {"Type": "String", "Default": ""} for name in ("Stage", "DeletionProtection", "AlarmEmail")}
    code = {"CodeUri": "s3://artefacts/code"}
    resources = {f"Topic{number}": {"Type": "AWS::SNS::Topic", "Metadata": code} for number in range(topics)}
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

    assert steps == ["build", ("sam deploy", None, True), "connect", "check", "record", *REST]


def test_a_new_prod_stack_is_protected_after_its_check_and_before_it_is_recorded(steps: list[Any]) -> None:
    deploy.deploy(TREES, Wanted(stage="prod"))

    first, second = ("sam deploy", "false", True), ("sam deploy", "true", False)
    assert steps == ["build", first, "connect", "check", second, "record", *REST]


def test_a_protected_prod_stack_is_deployed_once(steps: list[Any], aws: "CloudFormationClient") -> None:
    create(aws, Stage="prod", DeletionProtection="true")

    deploy.deploy(TREES, Wanted(asks=False))

    assert steps[:2] == ["build", ("sam deploy", "true", False)]
    assert len([step for step in steps if step[0] == "sam deploy"]) == 1


def test_a_stack_of_another_project_is_not_touched(steps: list[Any], aws: "CloudFormationClient") -> None:
    create(aws, project="forest")

    with pytest.raises(SamError, match="is a stack of another project"):
        deploy.deploy(TREES, Wanted(asks=False))

    assert steps == []


def test_what_needs_registered_apps_is_checked_after_the_seed(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "check_functions", lambda *_: SOME)

    deploy.deploy(TREES, Wanted())

    after = ["connect", "wait_for_a_token", "seed", "check as registered", "record", "smoke", "show_result"]
    assert steps[2:] == after


def test_a_broken_function_ends_the_command_before_the_protection_the_record_and_the_seed(
    steps: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(deploy, "check_functions", broken)

    with pytest.raises(SystemExit):
        deploy.deploy(TREES, Wanted(stage="prod"))

    assert steps == ["build", ("sam deploy", "false", True), "connect"]


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
    is_protected = stopped_at not in ("build", "connect", "check")
    if is_deployed:
        create(aws, Stage="prod", DeletionProtection=str(is_protected).lower())
    steps.clear()

    deploy.deploy(TREES, Wanted(stage=None if is_deployed else "prod"))

    protections = [step[1] for step in steps if step[0] == "sam deploy"]
    assert protections == (["true"] if is_protected else ["false", "true"])
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

    monkeypatch.setattr("local.deploy.shutil.which", lambda *_, **__: "/bin/sam")
    monkeypatch.setattr("local.deploy.subprocess.run", run)
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

    def propose() -> None:
        aws.create_change_set(
            StackName="trees",
            ChangeSetName="samcli-deploy1",
            TemplateBody=template(2),
            ChangeSetType="UPDATE" if exists else "CREATE",
        )

    sam_that(monkeypatch, does=propose)

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


def test_a_stack_that_is_being_destroyed_is_not_deployed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file_of_deletion("trees").parent.mkdir()
    file_of_deletion("trees").write_text("{}")

    command(monkeypatch)

    assert "make destroy STACK=trees" in capsys.readouterr().err
