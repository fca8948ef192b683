"""A stack on AWS is found with its region, and each command that is advised can be run as it is printed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from local import deploy, rollback
from local.deployment import NO_CREDENTIALS
from local.good_deployments import RecordError
from local.sam import SamError


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The state folder, in a shell whose AWS is nowhere."""
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return tmp_path


def test_the_region_of_a_stack_is_that_which_make_connect_recorded(folder: Path) -> None:
    (folder / "trees.json").write_text(json.dumps({"region": "eu-west-1"}))

    assert rollback.stack_on_aws("trees", None).of_stack == " STACK=trees REGION=eu-west-1"


@pytest.mark.parametrize("content", [None, "{", "{}"])
def test_without_a_recorded_region_the_command_says_how_to_name_it(
    folder: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    if content is not None:
        (folder / "trees.json").write_text(content)

    with pytest.raises(SystemExit):
        rollback.stack_on_aws("trees", None)

    assert "make rollback STACK=trees REGION=" in capsys.readouterr().err


def test_what_is_advised_names_the_region_that_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    of_stack = rollback.stack_on_aws("trees", "eu-west-1").of_stack

    with pytest.raises(SystemExit):
        rollback.chosen_of([], None, of_stack)

    assert "make deploy STACK=trees REGION=eu-west-1" in capsys.readouterr().err


def test_a_failure_of_sam_ends_the_rollback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rollback, "run_sam_deploy", lambda *_: 3)

    with pytest.raises(SamError, match="exit code 3"):
        rollback.stack_on_aws("trees", "eu-west-1").deploy(tmp_path, {})


def test_sam_gets_the_template_the_stack_and_each_parameter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[list[str]] = []

    class Done:
        returncode = 0

    def run(command: list[str], **_: object) -> Done:
        commands.append([*map(str, command)])
        return Done()

    monkeypatch.setattr("local.deploy.shutil.which", lambda *_, **__: "/bin/sam")
    monkeypatch.setattr("local.deploy.subprocess.run", run)

    assert deploy.run_sam_deploy(tmp_path / "t.yaml", "trees", "eu-west-1", {"HarvestTime": "08:00"}) == 0

    [command] = commands
    assert command[:2] == ["/bin/sam", "deploy"]
    assert {str(tmp_path / "t.yaml"), "trees", "eu-west-1"} <= set(command)
    assert "HarvestTime=08:00" in " ".join(command).replace('"', "")


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "printed"),
    [
        (NoCredentialsError(), NO_CREDENTIALS),
        (RecordError("the record x is not one"), "The stack was not brought back. the record x"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetTemplate"), "AccessDenied"),
    ],
)
def test_why_a_stack_was_not_brought_back_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, printed: str
) -> None:
    monkeypatch.setattr(rollback, "rollback", raising(error))
    monkeypatch.setattr(sys, "argv", ["local.rollback", "--stack", "trees", "--region", "eu-west-1"])

    with pytest.raises(SystemExit) as ended:
        rollback.main()

    assert ended.value.code == 1
    assert printed in " ".join(capsys.readouterr().err.split())
