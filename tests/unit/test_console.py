"""The output of the commands, on a terminal and in a log."""

import io
import json
import os
import re
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from local import console
from local.console import apart_from_the_output, print_json, progress, step, watching
from local.sam import ROOT


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))


@pytest.fixture
def frequent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a log have a line of progress every 0.05 seconds."""
    monkeypatch.setattr(console, "FIRST_LOG_SECONDS", 0.05)
    monkeypatch.setattr(console, "LOG_SECONDS", 0.05)


@pytest.mark.usefixtures("frequent")
def test_a_log_gets_plain_lines_of_progress_at_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("sending", "rides", 2_000) as report:
        report(1_000)
        time.sleep(0.3)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  sending: 1,000 of 2,000 rides"
    assert lines[-1].startswith("✓ sending")
    assert 3 <= len(lines) <= 7


def test_the_first_line_of_a_log_comes_sooner_than_the_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "FIRST_LOG_SECONDS", 0.05)
    monkeypatch.setattr(console, "LOG_SECONDS", 60)

    with step("deleting", "[bold]the files[/]"):
        time.sleep(0.3)

    first, last = capsys.readouterr().out.splitlines()
    assert first == "  deleting the files: 0 s"
    assert last.startswith("✓ deleting the files 0.")


def test_work_that_leaves_no_line_prints_nothing_if_it_is_soon_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "FIRST_LOG_SECONDS", 0.05)

    with watching("reading", "items", 10):
        time.sleep(0.3)

    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("frequent")
def test_a_log_says_how_long_a_step_takes_before_it_has_ended(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "durations.json").write_text('{"building": 61}')

    with step("building"):
        time.sleep(0.3)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  building: 0 s, about 1 min 1 s left"
    assert re.fullmatch(r"✓ building 0\.\d s", lines[-1])


def test_a_step_that_fails_is_not_called_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), step("building"):
        raise ValueError("broken")

    assert capsys.readouterr().out == ""


def test_a_terminal_shows_the_rest_beside_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = console.PipedConsole(file=io.StringIO(), force_terminal=True, width=80, soft_wrap=True)
    monkeypatch.setattr(console, "console", terminal)

    with progress("sending", "rides", 2_000) as report:
        report(1)
        time.sleep(0.3)
        report(500)
        time.sleep(0.6)

    assert isinstance(terminal.file, io.StringIO)
    assert re.search(r"sending: 500 of 2,000 rides, about \d s left", terminal.file.getvalue())


def test_characters_that_the_encoding_lacks_are_escaped() -> None:
    program = "from local.console import console, exit_with; console.print('✓ 梭梭'); exit_with('没有 [red]x[/] a[b')"
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, check=False)  # noqa: S603

    assert done.returncode == 1
    assert done.stdout.split() == [rb"\u2713", rb"\u68ad\u68ad"]
    assert done.stderr.split(maxsplit=1) == [rb"\u2717", rb"\u6ca1\u6709 [red]x[/] a[b" + b"\n"]


def test_json_is_all_of_the_output_and_the_rest_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with apart_from_the_output(needed=True):
        console.console.print("working")
        print_json({"app": "饿了么", "points": Decimal(3), "grams": Decimal("0.5"), "day": date(2026, 6, 4)})

    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"app": "饿了么", "points": 3, "grams": 0.5, "day": "2026-06-04"}
    assert captured.out.isascii()
    assert captured.err == "working\n"


def test_a_number_that_json_cannot_say_is_an_error() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"ratio": float("nan")})
