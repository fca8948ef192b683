"""The output of the commands, on a terminal and in a log."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Condition, Event

import pytest

from local import console, durations
from local.console import apart_from_the_output, print_json, progress, step, watching
from local.sam import ROOT

_GUARD = 60
"""Seconds after which a wait that should have ended fails the test."""


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))


class Clock:
    """A clock that stands still until a test lets seconds pass. Whoever waits for longer than that goes on waiting."""

    def __init__(self) -> None:
        self.now = 100.0
        self._changed = Condition()
        self._ends: list[float] = []
        """When each wait so far ends."""

    def passes(self, seconds: float) -> None:
        """Let seconds pass, after the thread that prints has begun to wait. Return when it waits for the next time."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ends, _GUARD)
            self.now += seconds
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._ends[-1] > self.now, _GUARD)

    def event(self) -> "Signal":
        return Signal(self)

    def wait(self, is_over: Callable[[], bool], seconds: float) -> bool:
        with self._changed:
            ends = self.now + seconds
            self._ends.append(ends)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: is_over() or self.now >= ends, _GUARD)
            return is_over()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class Signal(Event):
    """An event for which a thread waits by the clock of a test."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        return self._clock.wait(self.is_set, timeout)

    def set(self) -> None:
        super().set()
        self._clock.wake()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(durations, "monotonic", lambda: clock.now)
    monkeypatch.setattr(console, "Event", clock.event)
    return clock


def test_a_log_gets_plain_lines_of_progress_at_intervals(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with progress("sending", "rides", 2_000) as report:
        report(1_000)
        for seconds in (1.9, 0.1, 9.9, 0.1, 9.9, 0.1):
            clock.passes(seconds)

    lines = capsys.readouterr().out.splitlines()
    assert lines == ["  sending: 1,000 of 2,000 rides"] * 3 + ["✓ sending 22.0 s"]


def test_the_first_line_of_a_log_comes_sooner_than_the_next(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    with step("deleting", "[bold]the files[/]"):
        clock.passes(2)
        clock.passes(7)

    assert capsys.readouterr().out.splitlines() == ["  deleting the files: 2 s", "✓ deleting the files 9.0 s"]


def test_work_that_leaves_no_line_prints_nothing_if_it_is_soon_done(
    capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    with watching("reading", "items", 10):
        clock.passes(9.9)

    assert capsys.readouterr().out == ""


def test_a_log_says_how_long_a_step_takes_before_it_has_ended(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "durations.json").write_text('{"building": 61}')

    with step("building"):
        clock.passes(2)

    assert capsys.readouterr().out.splitlines() == ["  building: 2 s, about 59 s left", "✓ building 2.0 s"]


def test_a_step_that_fails_is_not_called_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), step("building"):
        raise ValueError("broken")

    assert capsys.readouterr().out == ""


def test_a_terminal_shows_the_rest_beside_a_bar(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    terminal = console.PipedConsole(file=io.StringIO(), force_terminal=True, width=80, soft_wrap=True)
    monkeypatch.setattr(console, "console", terminal)

    with progress("sending", "rides", 2_000) as report:
        report(1)
        clock.passes(0.3)
        report(500)
        clock.passes(0.7)

    assert isinstance(terminal.file, io.StringIO)
    assert "sending: 500 of 2,000 rides, about 3 s left" in terminal.file.getvalue()


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
