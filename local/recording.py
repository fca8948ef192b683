"""Records what a command prints, and when."""

import os
import re
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

COLUMNS = 96
"""The width of the terminal for which the command prints."""

_LINE_UP = "\x1b[1A"
_ERASED = re.compile(r"^.*(?:\x1b\[2K|\r)(?=.)", re.DOTALL)
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]|\r")


class RecordedLine(NamedTuple):
    """A line that a command printed."""

    at: float
    """Seconds since the command was started."""
    text: str
    """With ANSI codes for its colours."""


def record(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> list[RecordedLine]:
    """Run a command, and return the lines that it left on a terminal with colours: without progress that it erased.

    Raises:
        subprocess.CalledProcessError: the command failed. Its output has what it printed.
    """
    colourful = {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "PYTHONUNBUFFERED": "1"}
    began = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **variables, **colourful},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        printed = [RecordedLine(time.monotonic() - began, line.decode("utf-8")) for line in process.stdout or ()]
    lines = left_of(printed)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, "\n".join(line.text for line in lines))
    return lines


def left_of(printed: Iterable[RecordedLine]) -> list[RecordedLine]:
    """Return what a terminal shows in the end of the lines that a command printed, which end with a line break.

    A command that shows progress returns to the beginning of its line, or to the line above, and erases it.
    """
    left: list[RecordedLine] = []
    for at, text in printed:
        del left[max(0, len(left) - text.count(_LINE_UP)) :]
        left.append(RecordedLine(at, _CONTROLS.sub("", _ERASED.sub("", text.removesuffix("\n")))))
    return left
