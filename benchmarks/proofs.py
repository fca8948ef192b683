"""Measure what it takes to check a certificate and to follow the log, at two sizes of the log.

    make bench ONLY=proofs
    python -m benchmarks.proofs [--leaves 1000000]

The benchmark writes a log of 1,000 leaves and one of 1,000,000 to a folder, and serves each on this machine. It runs
the commands that people run, each in a process of its own, and counts what the server sends. It shows

- *offline*: a certificate with three statements, without the log;
- *new*: the same with ``--log``, when its newest statement is in the last 100 leaves;
- *old*: with ``--log``, the certificate of a tree about which nothing was stated since the beginning of the log, so
  that all leaves are read;
- *state*: the same tree with the state of a monitor instead of the log;
- *from nothing*: a monitor that reads the whole log for the first time;
- *100 more*: a monitor that has stopped 100 leaves ago.

The bytes are those of the certificate and of the bodies of all answers, compressed as they are sent. The time includes
the start of Python. It is the median of three runs; a monitor from nothing runs once. The second table has the cost of
a million such checks if a CDN serves the log.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.log_files import BATCH, Counted, LogOnDisk, serving
from benchmarks.prices import CDN_REQUEST, CDN_SENT_GB
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, exit_with, print_json, shown, step
from local.sam import ROOT
from local.tables import number, print_table
from tests.proof.tampering import text_of
from tests.vectors.trees import Tree, certificate

SMALL = 1000
RUNS = 3
MOST_OFFLINE = 20_000
"""The most bytes of a certificate with three statements, at any size of the log."""

MOST_GROWTH = 3.0
"""How many times as many bytes a check takes in the larger log, if it need not read all of it."""

_PROGRAM = """
import sys
from pathlib import Path
from saxaul.log.__main__ import main
code = main(sys.argv[1:])
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
print(next((line.split()[1] for line in lines if line.startswith("VmHWM:")), 0))
sys.exit(code)
"""
"""Runs the command, and prints the most memory that the process had, in kilobytes; 0 if the system does not say it."""

_MILLION = 1_000_000
_GB = 1e9


class Check(NamedTuple):
    """What a check took: bytes and requests from the log, milliseconds of the process, and its memory in megabytes."""

    bytes: int
    requests: int
    ms: float
    mb: float

    @property
    def dollars(self) -> float:
        """What a million such checks cost from a CDN."""
        return _MILLION * (self.requests * CDN_REQUEST + self.bytes / _GB * CDN_SENT_GB)


def _run(counted: Counted, arguments: Sequence[str], own_bytes: int = 0) -> Check:
    """Run the command once. Ends the program if the check fails. ``own_bytes`` are those of the certificate."""
    counted.take()
    began = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    ms = (time.perf_counter() - began) * 1000
    if ran.returncode:
        exit_with(f"A check failed: {ran.stdout.strip()}{ran.stderr.strip()}")
    requests, received = counted.take()
    return Check(own_bytes + received, requests, ms, int(ran.stdout.split()[-1]) / 1024)


def _median(checks: Sequence[Check]) -> Check:
    return Check(*(median(values) for values in zip(*checks, strict=True)))


class Measured:
    """A log of one size that grows in a folder, and the checks that are made of it on the way."""

    def __init__(self, folder: Path, leaves: int) -> None:
        self._folder = folder
        self._leaves = leaves
        self._log = LogOnDisk(folder / "log")
        self._trees = {"new": Tree(1), "old": Tree(2)}

    def checks(self) -> Iterator[tuple[str, Check]]:
        """Yield each check with its name."""
        log, (new, old) = self._log, self._trees.values()
        for tree in (new, old):
            tree.say(log, "planted", 0)
        log.grow(self._leaves // 2)
        new.say(log, "alive", 1)
        log.grow(self._leaves - BATCH)
        log.publish()
        with serving(self._folder / "log") as (url, counted):
            vkey, state = ["--vkey", log.key.vkey], ["--state", str(self._folder / "state")]
            from_nothing = _run(counted, ["monitor", url, *vkey, *state])
            new.say(log, "alive", 2)
            log.grow(self._leaves)
            checkpoint = log.publish()
            files = {name: self._certificate(name, checkpoint) for name in self._trees}
            kept = (self._folder / "state").read_bytes()
            monitored = []
            for _ in range(RUNS):
                (self._folder / "state").write_bytes(kept)
                monitored.append(_run(counted, ["monitor", url, *vkey, *state]))
            for name, file, options in (
                ("offline", files["new"], []),
                ("new", files["new"], ["--log", url]),
                ("old", files["old"], ["--log", url]),
                ("state", files["old"], state),
            ):
                arguments = ["verify", str(file), *vkey, *options]
                own = file.stat().st_size
                yield name, _median([_run(counted, arguments, own) for _ in range(RUNS)])
            yield "from nothing", from_nothing
            yield "100 more", _median(monitored)

    def _certificate(self, name: str, checkpoint: str) -> Path:
        file = self._folder / f"{name}.json"
        file.write_bytes(text_of(certificate(self._trees[name], self._log, checkpoint)))
        return file


def measure(leaves: int) -> dict[str, Check]:
    with TemporaryDirectory() as folder, step(f"checking a log of {shown(f'{leaves:,d}')} leaves"):
        return dict(Measured(Path(folder), leaves).checks())


def faults(small: Mapping[str, Check], large: Mapping[str, Check]) -> list[str]:
    """Return the budgets that are missed."""
    found = [
        f"offline takes {check.bytes:,d} bytes, more than {MOST_OFFLINE:,d}"
        for check in (small["offline"], large["offline"])
        if check.bytes > MOST_OFFLINE or check.requests
    ]
    for name in ("offline", "new", "state", "100 more"):
        growth = large[name].bytes / small[name].bytes
        if growth > MOST_GROWTH:
            found.append(f"{name} takes {growth:.1f} times as many bytes in the larger log, more than {MOST_GROWTH}")
    return found


def show(results: Mapping[int, Mapping[str, Check]]) -> None:
    (small, of_small), (large, of_large) = results.items()
    print_table(
        ["check", *map(number, ("leaves", "bytes", "requests", "ms", "MB of memory"))],
        [
            (name, f"{leaves:,d}", f"{check.bytes:,d}", f"{check.requests:,d}", f"{check.ms:,.0f}", f"{check.mb:,.0f}")
            for name in of_small
            for leaves, check in ((small, of_small[name]), (large, of_large[name]))
        ],
        title="A check of a certificate, and a run of a monitor",
        keys=2,
    )
    print_table(
        ["check", *map(number, ("bytes", "ms", f"$ at {small:,d}", f"$ at {large:,d}"))],
        [
            (
                name,
                f"x {of_large[name].bytes / of_small[name].bytes:,.1f}",
                f"x {of_large[name].ms / of_small[name].ms:,.1f}",
                f"{of_small[name].dollars:,.2f}",
                f"{of_large[name].dollars:,.2f}",
            )
            for name in of_small
        ],
        title="What the larger log takes, and dollars for a million checks from a CDN",
    )


def main() -> None:
    parser = command_parser("benchmarks.proofs", __doc__)
    parser.add_argument(
        "--leaves", type=whole_number(SMALL * 2), default=1_000_000, help="the leaves of the larger log"
    )
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        _measure_and_show(chosen)


def _measure_and_show(chosen: argparse.Namespace) -> None:
    results = {leaves: measure(leaves) for leaves in (SMALL, chosen.leaves)}
    if chosen.json:
        print_json(
            {
                "benchmark": "proofs",
                "checks": {
                    leaves: {
                        name: {**check._asdict(), "dollars_per_million": check.dollars} for name, check in of.items()
                    }
                    for leaves, of in results.items()
                },
            }
        )
    else:
        show(results)
    if missed := faults(*results.values()):
        exit_with("The budgets are missed:", missed)


if __name__ == "__main__":
    run_command(main)
