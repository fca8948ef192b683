"""A command that makes no sense for a stack says why: the story, the examples and the clock."""

import json
from pathlib import Path
from types import ModuleType

import pytest

from local import clock, invoke, story
from local.client import file_of, is_on_laptop, stack_clock
from local.stack_clock import StackClock
from saxaul.clock import SYSTEM_CLOCK

EMULATOR = "http://localhost:4599"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.setenv("SAXAUL_STACK", "trees")
    for name in ("NO_PROXY", "no_proxy", "AWS_PROFILE"):
        monkeypatch.setenv(name, "")  # so that they are as before after the test


def record(**known: object) -> None:
    file_of("trees").write_text(json.dumps(known))


def refusal(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    monkeypatch.setattr("sys.argv", ["command", *arguments])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"stage": "prod", "harvest_time": "at-once"}, "trees is a prod stack"),
        ({"stage": "dev", "harvest_time": "07:00"}, "Points of trees ripen at 07:00"),
    ],
)
def test_the_story_is_told_on_a_dev_stack_whose_points_ripen_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], known: dict[str, str], said: str
) -> None:
    record(endpoint_url=None, **known)

    assert said in refusal(story, monkeypatch, capsys)


def test_a_dev_stack_whose_points_ripen_at_once_is_fit_for_the_story() -> None:
    record(endpoint_url=EMULATOR, stage="dev", harvest_time="at-once")

    story.refuse_unfit()


def test_the_examples_are_for_stacks_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(endpoint_url=None)

    assert "would change a real programme" in refusal(invoke, monkeypatch, capsys, "ViewForest")


@pytest.mark.parametrize(
    ("endpoint", "said"), [(None, "trees is on AWS"), (EMULATOR, "trees has the clock of the laptop stack")]
)
def test_only_the_laptop_stack_has_a_clock_to_move(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], endpoint: str | None, said: str
) -> None:
    record(endpoint_url=endpoint)

    assert said in refusal(clock, monkeypatch, capsys)


def test_a_stack_beside_the_laptop_stack_has_its_clock_and_a_stack_on_aws_that_of_this_machine() -> None:
    record(endpoint_url=EMULATOR)
    assert is_on_laptop()
    assert isinstance(stack_clock(), StackClock)

    record(endpoint_url=None)
    assert not is_on_laptop()
    assert stack_clock() is SYSTEM_CLOCK
