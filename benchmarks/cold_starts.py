"""Time each function from its cold start to its first response.

    make bench ONLY=cold_starts
    python -m benchmarks.cold_starts [--times 7]

Every start is a fresh interpreter that sees only the built layers and the built function, as on Lambda. The clock
starts before the function is imported, and stops when the function has handled its event from ``events/`` with the
emulator. The start of the interpreter itself is the same in all cases and is not counted. Each function is compared
with two others:

- *bare*: a function that makes the same AWS clients and a logger, and logs one line, from the same layers;
- *no bytecode*: the same function without compiled bytecode, as `sam build` alone produces it.

A laptop has another processor than Lambda, so only the ratios matter. The starts of all functions alternate, and the
report shows the fastest start of each, because other work on the machine can only add time. A missed budget is shown in
red, but the exit code is still 0, because timings vary.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.progress import Progress
from rich.table import Table as Grid

from benchmarks.engine import engine
from local.build import BUILT, THIS_MACHINE, build
from local.console import console, exit_with, step
from local.sam import ROOT, SamError
from local.template import resources

FIRST_ANSWER = Path(__file__).with_name("first_answer.py")
LAYERS = ("DependenciesLayer", "SaxaulLayer")
BARE_BUDGET = 1.3
BYTECODE_BUDGET = 0.5
"""The largest allowed ratios to the bare function, and to the same function without bytecode."""


class Start(NamedTuple):
    """A cold start: milliseconds until the first response, and the AWS clients that the function made."""

    ms: float
    clients: tuple[str, ...]


def start(built: Path, function: str, event: Path, clients: tuple[str, ...] = ()) -> Start:
    """Start a built function in a fresh interpreter. ``clients`` are the AWS clients that ``bare`` makes."""
    paths = [str(built / layer / "python") for layer in LAYERS] + [str(built / function)]
    command = [sys.executable, "-I", "-S", "-B", str(FIRST_ANSWER), function, str(event), ",".join(clients), *paths]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{function} did not start: {done.stderr}")
    result = json.loads(done.stdout.splitlines()[-1])
    return Start(result["ms"], tuple(result["clients"]))


def measure(functions: Mapping[str, Path], without_bytecode: Path, times: int) -> dict[str, dict[str, float]]:
    """Return the fastest start of each function in milliseconds: as built, bare, and without bytecode."""
    found: dict[str, dict[str, list[float]]] = {name: {"ms": [], "bare": [], "plain": []} for name in functions}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("starting functions", total=times * len(functions))
        for _ in range(times):
            for name, event in functions.items():
                ours = start(BUILT, name, event)
                found[name]["ms"].append(ours.ms)
                found[name]["bare"].append(start(BUILT, "bare", event, ours.clients).ms)
                found[name]["plain"].append(start(without_bytecode, name, event).ms)
                progress.advance(task)
    return {name: {key: round(min(values), 1) for key, values in timings.items()} for name, timings in found.items()}


def copied_without_bytecode(target: Path) -> Path:
    shutil.copytree(BUILT, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def functions() -> dict[str, Path]:
    """Map the logical id of each function of the template to its event file."""
    declared = resources("AWS::Serverless::Function")
    return {name: ROOT / "events" / f"{Path(function['CodeUri']).name}.json" for name, function in declared.items()}


def report(found: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    result: dict[str, Any] = {"benchmark": "cold_starts", "functions": {}}
    for name, timings in found.items():
        result["functions"][name] = {
            "first_answer_ms": timings["ms"],
            "bare_ms": timings["bare"],
            "no_bytecode_ms": timings["plain"],
            "times_bare": round(timings["ms"] / timings["bare"], 2),
            "times_no_bytecode": round(timings["ms"] / timings["plain"], 2),
        }
    return result


def show(result: Mapping[str, Any]) -> None:
    grid = Grid(title="Cold start until the first response: fastest run, in ms", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "ms", "bare", "ratio", "no bytecode", "ratio"):
        grid.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, figures in result["functions"].items():
        over, slow = figures["times_bare"] > BARE_BUDGET, figures["times_no_bytecode"] > BYTECODE_BUDGET
        grid.add_row(
            name,
            f"{figures['first_answer_ms']:.0f}",
            f"{figures['bare_ms']:.0f}",
            f"[{'red' if over else 'green'}]{figures['times_bare']:.2f}[/]",
            f"{figures['no_bytecode_ms']:.0f}",
            f"[{'red' if slow else 'green'}]{figures['times_no_bytecode']:.2f}[/]",
        )
    console.print(grid)
    console.print(
        f"Budgets: at most {BARE_BUDGET} times a bare function, and {BYTECODE_BUDGET} times the start without bytecode."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cold_starts", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--times", type=int, default=7, help="how often to start each function")
    chosen = parser.parse_args()
    try:
        with step("building the functions and layers"):
            build(THIS_MACHINE)
    except SamError as error:
        exit_with(str(error))
    with TemporaryDirectory() as scratch, engine():
        found = measure(functions(), copied_without_bytecode(Path(scratch) / "plain"), chosen.times)
    result = report(found)
    show(result)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
