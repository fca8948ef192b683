"""The project's folders, and the sam CLI of this environment."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def state() -> Path:
    """The folder of the laptop stack; another one, named by ``SAXAUL_STATE``, holds another stack beside it."""
    return Path(os.environ.get("SAXAUL_STATE", ROOT / ".local"))


class SamError(Exception):
    """The sam CLI failed. The message is one sentence that says where to look."""


def sam(*arguments: str, log: Path, env: Mapping[str, str]) -> None:
    """Run a command of the sam CLI in the project's folder, with what it prints in a log.

    Raises:
        SamError: it ended with an error.
    """
    beside = Path(sys.executable).parent
    with log.open("w") as output:
        done = subprocess.run(
            [beside / "sam", *arguments],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0", **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        told = [line for line in log.read_text().splitlines() if line.strip()]
        raise SamError(f"sam {arguments[0]} failed: {told[-1] if told else 'it said nothing'} (all of it in {log})")
