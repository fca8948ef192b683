"""The project's folders, and the sam CLI of this environment."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
"""What CloudFormation takes for a stack's name."""


def state() -> Path:
    """The folder of the laptop stack; another one, named by ``SAXAUL_STATE``, holds another stack beside it."""
    return Path(os.environ.get("SAXAUL_STATE", ROOT / ".local"))


class SamError(Exception):
    """The sam CLI failed. The message is one sentence that says where to look."""


def write_private(file: Path, content: Mapping[str, object]) -> None:
    """Write JSON that nobody else on this machine may read; whoever reads the file finds all of it or what it was."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(json.dumps(content, indent=2) + "\n")
    fresh.replace(file)


def sam(*arguments: str, log: Path, env: Mapping[str, str], cwd: Path = ROOT) -> None:
    """Run a command of the sam CLI in a folder, with what it prints in a log.

    Raises:
        SamError: it ended with an error.
    """
    beside = Path(sys.executable).parent
    with log.open("w") as output:
        done = subprocess.run(
            [beside / "sam", *arguments],
            cwd=cwd,
            env={**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}", "SAM_CLI_TELEMETRY": "0", **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        told = [line for line in log.read_text().splitlines() if line.strip()]
        raise SamError(f"sam {arguments[0]} failed: {told[-1] if told else 'it said nothing'} (all of it in {log})")
