"""A command about a stack acts in the region, the account and the place that are recorded of it, and in no other."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from local import client, target
from local.stack import forget_stacks_beside
from local.target import Target, account_of, file_of_deletion, recorded_of, target_of

EMULATOR = "http://localhost:4599"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder, in a shell with keys and an endpoint, and without an emulator."""
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    for name in ("AWS_PROFILE", "NO_PROXY", "no_proxy", "SAXAUL_STACK"):
        monkeypatch.setenv(name, "")  # so that they are as before after the test
        monkeypatch.delenv(name)
    for name in CREDENTIALS:
        monkeypatch.setenv(name, "of-the-shell")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://elsewhere")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(target, "running_deployment", lambda: None)
    return tmp_path


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "running_deployment", lambda: SimpleNamespace(endpoint=EMULATOR))


def record(name: str = "trees", **known: object) -> None:
    client.file_of(name).write_text(json.dumps(known))


def refusal(capsys: pytest.CaptureFixture[str], *given: str | None) -> str:
    with pytest.raises(SystemExit) as ended:
        target_of(*(given or ("trees", None, None, None)))  # type: ignore[arg-type]
    assert ended.value.code == 1
    return capsys.readouterr().err


def test_a_stack_that_is_not_recorded_needs_a_region(capsys: pytest.CaptureFixture[str]) -> None:
    assert "The region of trees is not known here. Name it" in refusal(capsys)
    assert target_of("trees", "eu-west-1", None, None) == Target("trees", "eu-west-1")


def test_region_profile_and_place_of_a_recorded_stack_are_known() -> None:
    record(region="eu-west-1", profile="work", endpoint_url=None)

    assert target_of("trees", None, None, None) == Target("trees", "eu-west-1", None, "work")


def test_another_region_than_the_recorded_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    record(region="eu-west-1")

    assert "recorded here in eu-west-1, and not in us-east-1" in refusal(capsys, "trees", "us-east-1", None, None)


def test_a_given_profile_takes_precedence_and_replaces_the_keys_of_the_shell() -> None:
    record(region="eu-west-1", profile="work")

    assert target_of("trees", None, None, "other").profile == "other"

    assert os.environ["AWS_PROFILE"] == "other"
    assert [name for name in CREDENTIALS if name in os.environ] == []


def test_without_a_profile_the_keys_of_the_shell_are_used() -> None:
    target_of("trees", "eu-west-1", None, None)

    assert "AWS_PROFILE" not in os.environ
    assert os.environ["AWS_ACCESS_KEY_ID"] == "of-the-shell"


def test_later_commands_use_the_recorded_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    record(region="eu-west-1", profile="work", endpoint_url=None)
    monkeypatch.setenv("SAXAUL_STACK", "trees")

    client.stack()

    assert os.environ["AWS_PROFILE"] == "work"


def test_on_aws_no_program_uses_the_endpoint_of_the_shell() -> None:
    environment = Target("trees", "eu-west-1").environment

    assert "AWS_ENDPOINT_URL" not in environment
    assert environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] == "true"


@pytest.mark.usefixtures("emulator")
def test_on_the_laptop_the_emulator_is_found_and_reached_as_its_administrator() -> None:
    found = target_of("trees", "eu-west-1", "laptop", None)

    assert found.endpoint == EMULATOR
    expected = {"AWS_ENDPOINT_URL": EMULATOR, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test"}
    assert expected.items() <= found.environment.items()
    assert found.client_arguments["endpoint_url"] == EMULATOR


@pytest.mark.usefixtures("emulator")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("saxaul", "eu-west-1", "laptop", None), "the name of the laptop stack"),
        (("trees", "eu-west-1", "laptop", "work"), "PROFILE is for AWS"),
        (("trees", "eu-west-1", "elsewhere", None), "ENDPOINT=elsewhere is not known"),
        (("stack", "eu-west-1", "laptop", None), "cannot connect to a stack named stack"),
        (("my_stack", "eu-west-1", None, None), "is not a stack name"),
        (("forest", None, "laptop", None), "forest is recorded here as a stack on AWS"),
    ],
)
def test_what_contradicts_is_refused(capsys: pytest.CaptureFixture[str], given: tuple[str, ...], said: str) -> None:
    record("forest", region="eu-west-1", endpoint_url=None)

    assert said in refusal(capsys, *given)


def test_without_an_emulator_a_stack_on_the_laptop_cannot_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    record(region="eu-west-1", endpoint_url=EMULATOR)

    assert "start it with: make up" in refusal(capsys)
    assert "start it with: make up" in refusal(capsys, "others", "eu-west-1", "laptop", None)


def test_while_a_stack_is_deleted_its_place_is_known_although_its_file_is_gone() -> None:
    file_of_deletion("trees").parent.mkdir()
    file_of_deletion("trees").write_text(json.dumps({"region": "eu-west-1", "profile": "work", "endpoint_url": None}))

    assert target_of("trees", None, None, None) == Target("trees", "eu-west-1", None, "work")


def test_credentials_for_another_account_than_the_recorded_one_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trees = Target("trees", "eu-west-1")
    monkeypatch.delenv("AWS_DEFAULT_PROFILE")
    with mock_aws():
        monkeypatch.setenv("MOTO_ACCOUNT_ID", "111111111111")
        assert account_of(trees) == "111111111111"
        record(account="111111111111")
        assert account_of(trees) == "111111111111"

        monkeypatch.setenv("MOTO_ACCOUNT_ID", "222222222222")
        with pytest.raises(SystemExit):
            account_of(trees)

    [sentence, advice] = capsys.readouterr().err.splitlines()
    assert "trees is recorded here in the account 111111111111, and the credentials are for 222222222222" in sentence
    assert str(client.file_of("trees")) in advice


def test_when_the_emulator_ends_the_files_of_all_stacks_on_it_are_deleted(folder: Path) -> None:
    record("second", region="eu-west-1", endpoint_url=EMULATOR)
    file_of_deletion("third").parent.mkdir()
    file_of_deletion("third").write_text(json.dumps({"endpoint_url": EMULATOR}))
    record("forest", region="eu-west-1", endpoint_url=None)
    (folder / "durations.json").write_text("[1]")

    forget_stacks_beside()

    assert sorted(file.name for file in folder.glob("**/*.json")) == ["durations.json", "forest.json"]


@pytest.mark.parametrize("content", ["{,}", "null", "[]", ""])
def test_a_damaged_file_of_a_stack_ends_the_command_and_stays(
    content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    (tmp_path / "trees.json").write_text(content)

    with pytest.raises(SystemExit):
        recorded_of("trees")

    assert "is damaged. It may have secrets of apps" in capsys.readouterr().err
    assert (tmp_path / "trees.json").read_text() == content
