"""Makes Python environments of the project, and installs into them what local/environments.sh found missing.

    python -m local.install .venv .local/ministack

It needs only Python, because nothing is installed yet. All environments are installed at the same time. On a terminal,
one line shows how far they are; elsewhere, this is a line now and then. The output of pip is in .local/install/. If pip
fails, one sentence says why, and what to do.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from local.dependencies import locked
from local.durations import FIRST_LOG_SECONDS, LOG_SECONDS, Work, time_text
from local.pip_errors import sentence_about
from local.sam import ROOT

LOGS = ROOT / ".local" / "install"

_REDRAWN_SECONDS = 0.2

SHIPPED = "shipped.txt"
"""The file, beside the logs, with the versions of the packages that ship. The tests run with these versions."""

RECENT_PIP = ("install", "pip>=25.1")
DEVELOPMENT = ("--editable", ".[verify]", "--editable", "clients/python", "--group", "dev", "--group", "bench")
AS_SHIPPED = ("--constraint", f".local/install/{SHIPPED}")
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    ".venv": (RECENT_PIP, ("install", *AS_SHIPPED, *DEVELOPMENT)),
    ".local/ministack": (("install", "--requirement", "local/ministack-requirements.txt"),),
    ".local/lock": (("install", "--requirement", "local/lock-requirements.txt"),),
    ".local/policies": (("install", "--no-compile", "--requirement", "local/policies-requirements.txt"),),
}
"""The commands of pip that install each environment. The first release of pip that knows --group is 25.1."""


class InstallationError(Exception):
    """A program failed. The message says why, and what to do."""


@dataclass
class Installation:
    """How far one environment is. A thread fills it while pip runs."""

    name: str
    found: int = 0
    """The packages that pip has found so far."""
    work: Work | None = None
    """The packages of the environment, once pip has downloaded those that it installs."""
    trouble: str = ""
    failure: str = ""
    """The sentence about an error that ended it."""

    @property
    def folder(self) -> Path:
        return ROOT / self.name

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name.strip('.').replace('/', '-')}.log"

    @property
    def packages(self) -> int:
        """Return how many packages the environment has."""
        return sum(1 for _ in self.folder.glob("lib/*/site-packages/*.dist-info"))

    def run(self) -> None:
        """Make the environment and install everything. Keeps why that failed, for the main thread."""
        try:
            self._make()
            for command in COMMANDS[self.name]:
                self._pip(*command)
            self.work = self.work or self._installing(0)
            (self.folder / "installed").write_text(f"{sys.version_info[0]}.{sys.version_info[1]}\n")
        except InstallationError as error:
            self.failure = str(error)
        except OSError as error:  # such as a full disk, while the log is written
            self.failure = sentence_about([str(error)], ROOT)

    def _make(self) -> None:
        """Make the environment, or a new one if its Python is another one or has no pip."""
        (self.folder / "installed").unlink(missing_ok=True)
        probe = "import sys, pip; sys.exit(sys.argv[1:] != [str(sys.version_info[:2])])"
        wanted = str(sys.version_info[:2])
        if self.folder.exists() and _succeeds(self.folder / "bin" / "python", "-I", "-c", probe, wanted):
            return
        self._run(sys.executable, "-m", "venv", "--clear", str(self.folder))

    def _pip(self, *command: str) -> None:
        self.found, self.work = 0, None
        self._run(str(self.folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *command)

    def _run(self, *command: str) -> None:
        """Run a program, write its output to the log, and learn from it how far it is.

        Raises:
            InstallationError: the program failed.
        """
        lines: list[str] = []
        with (
            self.log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
            ) as process,
        ):
            for line in process.stdout or ():
                log.write(line)
                lines.append(line.strip())
                self.learn(line.strip())
        if process.returncode:
            raise InstallationError(sentence_about(lines, ROOT))

    def learn(self, line: str) -> None:
        """Take from a line of pip what it says about the progress."""
        if line.startswith(("Collecting ", "Obtaining ")):
            self.found += 1
        elif line.startswith("Installing collected packages: "):
            self.work = self._installing(line.count(",") + 1)
        elif line.startswith("WARNING: Retrying"):
            self.trouble = "the package index does not answer; trying again"

    def _installing(self, packages: int) -> Work:
        """Begin to count. What the environment has already counts as done."""
        before = self.packages
        work = Work("installing", "packages", before + packages)
        work.tell(before)
        return work


def progress_of(installations: list[Installation]) -> str:
    """Return how far the installations are, and how long the rest takes once that can be known."""
    works = [each.work for each in installations if each.work]
    if len(works) < len(installations):
        trouble = "".join({f" ({each.trouble})" for each in installations if each.trouble and not each.work})
        return f"packages found: {sum(each.found for each in installations)}{trouble}"
    for each, work in zip(installations, works, strict=True):
        work.tell(min(each.packages, work.total))
    left = [left for work in works if (left := work.left()) is not None]
    rest = f", about {time_text(max(left))} left" if left else ""
    return f"packages installed: {sum(work.done for work in works)} of {sum(work.total for work in works)}{rest}"


def _succeeds(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install(names: list[str]) -> list[Installation]:
    """Install environments at the same time, and show how far they are."""
    LOGS.mkdir(parents=True, exist_ok=True)
    if ".venv" in names:
        (LOGS / SHIPPED).write_text("".join(f"{name}=={version}\n" for name, version in locked().items()))
    installations = [Installation(name) for name in names]
    threads = [threading.Thread(target=each.run, daemon=True) for each in installations]
    for each, thread in zip(installations, threads, strict=True):
        each.log.write_text("")
        thread.start()
    first, next_ones = (_REDRAWN_SECONDS,) * 2 if sys.stdout.isatty() else (FIRST_LOG_SECONDS, LOG_SECONDS)
    seconds = first
    while _still_run(threads, seconds):
        _show(progress_of(installations))
        seconds = next_ones
    return installations


def _still_run(threads: list[threading.Thread], seconds: float) -> bool:
    """Wait for the threads, for at most so many seconds. Return whether one of them still runs."""
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return any(thread.is_alive() for thread in threads)


def _show(text: str) -> None:
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r\033[K{'  ' + text:.{width}}", end="", flush=True)
    else:
        print(f"  {text}", flush=True)


def main(names: list[str]) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # escape a character that the terminal cannot show
    doing, began = f"installing into {' and '.join(names)}", time.monotonic()
    try:
        print(f"{doing}, with Python {sys.version.split()[0]} ({sys.executable})", flush=True)
        installations = install(names)
    except KeyboardInterrupt:
        print("\n✗ Stopped. The same command goes on where it stopped.", file=sys.stderr, flush=True)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except OSError as error:
        sys.exit(f"✗ {error.filename} cannot be written: {error.strerror}.")
    if sys.stdout.isatty():
        print("\r\033[K", end="")
    failed = [each for each in installations if each.failure]
    if failed:
        sentences = "\n".join(dict.fromkeys(f"✗ {each.failure}" for each in failed))
        sys.exit(f"{sentences}\n  The whole output: {', '.join(str(each.log.relative_to(ROOT)) for each in failed)}")
    print(f"✓ {doing} {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # if nobody reads the output any more, end without a word
    main(sys.argv[1:])
