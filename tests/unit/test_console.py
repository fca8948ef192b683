"""The output of the commands, on a terminal and in a log."""

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pytest

from local import console
from local.console import apart_from_the_output, print_json, progress
from local.sam import ROOT


def test_a_log_gets_plain_lines_of_progress_at_intervals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "LOG_SECONDS", 0)

    with progress("sending", "rides", 2_000) as report:
        report(1_000)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  sending: 1,000 of 2,000 rides, about 0 s left"
    assert lines[1].startswith("✓ sending")


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
