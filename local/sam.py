"""Names the project's folders, writes private files, and runs the sam CLI of this Python environment."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
"""The stack names that CloudFormation accepts."""

EMULATOR_LOG = "ministack.log"
"""The file in the state folder to which the emulator and the functions of the laptop stack write."""


def state() -> Path:
    """Return the folder for the files of the laptop stack: .local, or the folder that SAXAUL_STATE names.

    Another folder allows a second laptop stack on the same machine.
    """
    return Path(os.environ.get("SAXAUL_STATE", ROOT / ".local"))


def emulator_log() -> Path:
    """Return the file to which the emulator writes its own output and that of the functions."""
    return state() / EMULATOR_LOG


class SamError(Exception):
    """A build or a deployment failed. The sentence says why, or which log says why. Each detail is a line."""

    def __init__(self, sentence: str, details: Sequence[str] = ()) -> None:
        super().__init__("\n  ".join([sentence, *details]))
        self.sentence = sentence
        self.details = details


def write_private(file: Path, content: Mapping[str, object]) -> None:
    """Write JSON to a file that only its owner may read. An existing file is replaced in one step."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(json.dumps(content, indent=2) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)  # what was written of it, if the disk is full


def sam(*arguments: str, log: Path, env: Mapping[str, str], cwd: Path = ROOT, keeps: Sequence[int] = ()) -> None:
    """Run a command of the sam CLI in the folder ``cwd``, and write its output to the file ``log``.

    ``keeps`` are descriptors of files that stay open until the command has ended, also if this process is killed.

    Raises:
        SamError: the command failed.
    """
    scripts = Path(sys.executable).parent
    with log.open("w") as output:
        finished = subprocess.run(
            [scripts / "sam", *arguments],
            cwd=cwd,
            env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0", **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            pass_fds=keeps,
        )
    if finished.returncode:
        printed = [line for line in log.read_text().splitlines() if line.strip()]
        raise SamError(
            f"sam {arguments[0]} failed: {printed[-1] if printed else 'it printed nothing'} (full output: {log})"
        )
