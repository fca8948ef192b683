"""Laptop stacks of this checkout and of an older commit, side by side on one machine."""

import json
import os
import shlex
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local.client import open_client
from local.console import exit_with, step
from local.sam import ROOT
from saxaul_client import AppClient

EMULATOR = "emulator"
"""The name of the emulator's own process among the functions."""


@dataclass(frozen=True)
class Stack:
    """A running laptop stack: its name in the report, how to reach it, and the folder of its files."""

    name: str
    known: Mapping[str, Any]
    folder: Path

    def client(self, app: str) -> AppClient:
        with _variables(SAXAUL_STATE=str(self.folder)):
            return open_client(AppClient, app)

    @property
    def log_file(self) -> Path:
        """The log of the emulator and of the functions."""
        return self.folder / "ministack.log"

    def processor_ms(self) -> Counter[str]:
        """Return the milliseconds of processor time that the emulator and the workers of each function have used.

        Workers that have ended are left out.
        """
        emulator = psutil.Process(json.loads((self.folder / "process.json").read_text())["pid"])
        used = Counter({EMULATOR: _ms(emulator)})
        names = {name: logical_id for logical_id, name in self.known["functions"].items()}
        for worker in emulator.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it may end before its turn
                function = worker.environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
                used[names.get(function, "other")] += _ms(worker)
        return used


def _ms(process: psutil.Process) -> int:
    times = process.cpu_times()
    return round(1000 * (times.user + times.system))


def commit_before(file: str, root: Path = ROOT) -> str | None:
    """Return the parent of the commit that first added a file, or None if the history does not have both."""
    added = _git(root, "log", "--diff-filter=A", "--format=%H", "--reverse", "HEAD", "--", file)
    return _git(root, "rev-parse", "--verify", "--quiet", f"{added.split()[0]}^{{commit}}^") if added else None


def commit_of(name: str, root: Path = ROOT) -> str | None:
    """Return the id of the commit that a name means, such as a branch, or None if there is none."""
    return _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


@contextmanager
def checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Check out a commit into a git worktree. Its stack runs on the emulator of this checkout. Remove it afterwards.

    Whatever the older commit starts the emulator with, a script starts it with the corrections of this checkout.
    """
    _remove(folder)
    with step("checking out", commit[:12]):
        created = ["git", "worktree", "add", "--quiet", "--force", "--detach", str(folder), commit]
        finished = subprocess.run(created, cwd=ROOT, capture_output=True, text=True, check=False)
        if finished.returncode:
            exit_with(f"git cannot check out {commit}: {finished.stderr.strip()}")
    try:
        interpreter = folder / ".local" / "ministack" / "bin" / "python"
        interpreter.parent.mkdir(parents=True)
        started = shlex.join([str(ROOT / ".local/ministack/bin/python"), "-P", str(ROOT / "local" / "emulator.py")])
        interpreter.write_text(f"#!/bin/sh\nexec {started}\n")
        interpreter.chmod(0o755)
        yield folder
    finally:
        _remove(folder)


@contextmanager
def running_stack(name: str, source: Path, folder: Path) -> Iterator[Stack]:
    """Build and start the laptop stack of a checkout with this interpreter on a free port. Stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    _run_stack(source, folder, "down")
    try:
        with step(f"building, deploying and seeding the stack of {name}"):
            started = _run_stack(source, folder, "up", "--port", str(port))
        if started.returncode:
            exit_with(f"The stack of {name} did not start.", (started.stdout + started.stderr).splitlines()[-5:])
        yield Stack(name, json.loads((folder / "stack.json").read_text()), folder)
    finally:
        _run_stack(source, folder, "down")


def _run_stack(source: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the laptop stack with the code of a checkout."""
    return subprocess.run(
        [sys.executable, "-m", "local.stack", *arguments],
        cwd=source,
        # The packages of the checkout come before those that are installed in the environment.
        env=os.environ
        | {
            "SAXAUL_STATE": str(folder),
            "PYTHONPATH": os.pathsep.join([str(source), str(source / "layers" / "saxaul")]),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def _remove(folder: Path) -> None:
    _git(ROOT, "worktree", "remove", "--force", "--force", str(folder))
    _git(ROOT, "worktree", "prune")


def _git(root: Path, *arguments: str) -> str | None:
    """Return what a git command printed, or None if it failed, printed nothing, or git is missing."""
    try:
        finished = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return finished.stdout.strip() or None if finished.returncode == 0 else None


@contextmanager
def _variables(**given: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(given)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
