"""An empty argument, such as an unset shell variable gives, never selects another stack or all messages."""

import sys
from types import ModuleType

import pytest

from local import stack
from operations import dead_letters, reconcile, recount


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (reconcile, ["--table", ""]),
        (recount, ["--table", "", "--time-zone", "Asia/Shanghai"]),
        (dead_letters, ["list", "--source-url", "", "--dead-letter-url", ""]),
        (dead_letters, ["redrive", "--id", ""]),
        (stack, ["up", "--port", ""]),
        (stack, ["up", "--port", "0"]),
        (stack, ["up", "--port", "99999"]),
    ],
)
def test_an_empty_or_impossible_argument_ends_the_command_before_it_does_anything(
    command: ModuleType, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["command", *arguments])

    with pytest.raises(SystemExit) as ended:
        command.main()

    assert ended.value.code == 2
    assert "must " in capsys.readouterr().err
