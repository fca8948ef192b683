"""Stopping the laptop stack ends every process of it, even if a process ignores the signal or has just ended."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local import stack
from local.stack import end

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {DEAF!r}])"


@pytest.mark.slow
def test_a_process_that_ignores_the_signal_is_killed_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as started:  # noqa: S603 - our own
        assert started.stdout
        assert started.stdout.readline() == "ready\n"
        parent = psutil.Process(started.pid)
        [child] = parent.children()

        end(parent)

    assert not child.is_running()


def test_a_process_that_ends_before_its_turn_does_not_keep_the_others_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as parent,
        subprocess.Popen([sys.executable, "-c", ""]) as ended,
    ):
        gone = psutil.Process(ended.pid)
        ended.wait()
        monkeypatch.setattr(psutil.Process, "children", lambda _process, **_options: [gone])

        end(psutil.Process(parent.pid))

        assert not psutil.pid_exists(parent.pid)


@pytest.mark.parametrize("parameters", ["HarvestAfterHours='1", "HarvestAfterHours"])
def test_malformed_parameters_end_the_command_with_a_sentence_that_names_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], parameters: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["local.stack", "up", "--parameters", parameters])

    with pytest.raises(SystemExit):
        stack.main()

    assert parameters in " ".join(capsys.readouterr().err.split())


def test_an_error_of_the_program_is_not_taken_for_a_malformed_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(stack, "up", failing)
    monkeypatch.setattr(sys, "argv", ["local.stack", "up", "--parameters", "HarvestAfterHours=1"])

    with pytest.raises(ValueError, match="a defect"):
        stack.main()


def test_an_emulator_that_starts_after_one_that_died_knows_nothing_of_the_stacks_on_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class StartedError(Exception):
        """The emulator would start here."""

    def start(*_: object, **__: object) -> None:
        raise StartedError

    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.setattr(stack, "_is_taken", lambda _: False)
    monkeypatch.setattr(stack, "_INTERPRETER", Path(sys.executable))
    monkeypatch.setattr("local.stack.subprocess.Popen", start)
    (tmp_path / "deleting").mkdir()
    for name, endpoint in (
        ("second", "http://localhost:4600"),
        ("deleting/third", "http://localhost:4600"),
        ("trees", None),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps({"endpoint_url": endpoint}))

    with pytest.raises(StartedError):
        stack.start(4599)

    assert [file.name for file in tmp_path.glob("**/*.json")] == ["trees.json"]
