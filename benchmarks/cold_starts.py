"""Time each function from its cold start to its first response.

    make bench ONLY=cold_starts
    python -m benchmarks.cold_starts [--times 7] [--largest 50000]

Every start is a fresh interpreter that sees only the built layers and the built function, as on Lambda. The clock
starts before the function is imported, and stops when the function has handled its event from ``events/`` with the
emulator. The start of the interpreter itself is the same in all cases and is not counted. Each function is compared
with three others:

- *bare*: a function that makes the same AWS clients and the same logger in the same way as the function, and logs one
  line. It validates nothing and calls nothing, and looks for garbage as often as Python does by default. The budget
  compares with this one;
- *ordinary*: the same, with the clients of boto3 and the logger of Powertools, as functions usually make them;
- *no bytecode*: the same function without compiled bytecode, as `sam build` alone produces it.

The search is started with published catalogs of several sizes. The suggestions that are added to the default catalog
consist of its words.

The second part shows what the preparation of a worker (``saxaul/startup.py``) is worth. On Lambda, a function is
imported at full speed, but at 512 MB the first request has 0.29 of a processor. So each function is imported at full
speed, with and without the preparation, and `cpulimit` then limits its processor for the first request. Without
`cpulimit` on the machine, this part is left out.

A laptop has another processor than Lambda, so only the ratios matter. The starts of all functions alternate, and the
report shows the fastest start of each, because other work on the machine can only add time. A missed budget is shown in
red, but the exit code is still 0, because timings vary.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rich.text import Text

from benchmarks.engine import engine, publish_catalog
from local.build import BUILT, THIS_MACHINE, build
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, console, exit_with, print_json, progress, step
from local.sam import ROOT, SamError
from local.seed import load
from local.tables import number, print_table
from local.template import resources

FIRST_ANSWER = Path(__file__).with_name("first_answer.py")
LAYERS = ("DependenciesLayer", "SaxaulLayer")
BARE_BUDGET = 1.3
BYTECODE_BUDGET = 0.5
SIZE_BUDGET = 1.5
"""The largest allowed ratios to the bare function, to the same function without bytecode, and of a cold search with
5,000 suggestions to one with the default catalog."""

SEARCH = "SuggestCampaigns"
SIZES = (5_000, 50_000)
"""The numbers of suggestions with which the search is started besides the default catalog."""

SHARE_PERCENT = 29
"""The share of a processor that a function of 512 MB has: Lambda gives a whole one at 1,769 MB
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""


class Start(NamedTuple):
    """A cold start: milliseconds until the first response, by the clock and of the processor, and the AWS clients."""

    ms: float
    cpu_ms: float
    clients: tuple[str, ...]


def _command(built: Path, function: str, event: Path, clients: tuple[str, ...] = ()) -> list[str]:
    paths = [str(built / layer / "python") for layer in LAYERS] + [str(built / function)]
    return [sys.executable, "-I", "-S", "-B", str(FIRST_ANSWER), function, str(event), ",".join(clients), *paths]


def start(built: Path, function: str, event: Path, clients: tuple[str, ...] = ()) -> Start:
    """Start a built function in a fresh interpreter. ``clients`` are the AWS clients that ``bare`` makes."""
    command = _command(built, function, event, clients)
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{function} did not start: {done.stderr}")
    result = json.loads(done.stdout.splitlines()[-1])
    return Start(result["ms"], result["cpu_ms"], tuple(result["clients"]))


def limited_request(function: str, event: Path, *, prepared: bool) -> float:
    """Import a function at full speed, and return the milliseconds of its first request with a limited processor."""
    env = {**os.environ, "STOP_AFTER_IMPORT": "1"} | ({"AWS_LAMBDA_FUNCTION_NAME": function} if prepared else {})
    command = _command(BUILT, function, event)
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        if worker.stdin is None or worker.stdout is None:
            raise RuntimeError(f"{function} has no pipes")
        while worker.stdout.readline().strip() != "imported":
            if worker.poll() is not None:
                raise RuntimeError(f"{function} did not start")
        limit = ["cpulimit", "-p", str(worker.pid), "-l", str(SHARE_PERCENT)]
        with subprocess.Popen(limit, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as limiter:
            time.sleep(0.3)  # until cpulimit has found the process
            printed, _ = worker.communicate("\n")
            limiter.send_signal(signal.SIGTERM)
    return float(json.loads(printed.splitlines()[-1])["ms"])


def measure(functions: Mapping[str, Path], without_bytecode: Path, times: int) -> dict[str, dict[str, float]]:
    """Return the fastest start of each function in milliseconds, and of those that it is compared with."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in functions}
    done = 0
    with progress("starting functions", "starts", times * len(functions)) as tell:
        for _ in range(times):
            publish_catalog()  # the event of ManageCatalog has changed an entry
            for name, event in functions.items():
                ours = start(BUILT, name, event)
                starts = {
                    "ours": ours,
                    "bare": start(BUILT, "bare", event, ours.clients),
                    "ordinary": start(BUILT, "ordinary", event, ours.clients),
                    "plain": start(without_bytecode, name, event),
                }
                for key, found_start in starts.items():
                    found[name].setdefault(key, []).append(found_start.ms)
                    found[name].setdefault(f"{key}_cpu", []).append(found_start.cpu_ms)
                done += 1
                tell(done)
    return {name: {key: round(min(values), 1) for key, values in timings.items()} for name, timings in found.items()}


def measure_limited(functions: Mapping[str, Path], times: int) -> dict[str, dict[str, float]] | None:
    """Return the median first request of each function with a limited processor, or None without `cpulimit`."""
    if shutil.which("cpulimit") is None:
        return None
    found: dict[str, dict[str, list[float]]] = {name: {"prepared": [], "unprepared": []} for name in functions}
    done = 0
    with progress("limiting functions", "starts", times * len(functions)) as tell:
        for _ in range(times):
            publish_catalog()  # the event of ManageCatalog has changed an entry
            for name, event in functions.items():
                for key, timings in found[name].items():
                    timings.append(limited_request(name, event, prepared=key == "prepared"))
                done += 1
                tell(done)
    return {
        name: {f"{key}_ms": round(median(values), 1) for key, values in timings.items()}
        for name, timings in found.items()
    }


def measure_sizes(event: Path, sizes: tuple[int, ...], times: int) -> dict[int, float]:
    """Return the fastest cold search with the default catalog and with larger ones, by the number of suggestions."""
    publish_catalog()  # the event of ManageCatalog has changed an entry
    found = {len(load()["suggestions"]): _fastest_search(event, times)}
    for size in sizes:
        with step(f"publishing a catalog with {size:,d} suggestions"):
            publish_catalog(size)
        found[size] = _fastest_search(event, times)
    return found


def _fastest_search(event: Path, times: int) -> float:
    with step("starting the search"):
        return round(min(start(BUILT, SEARCH, event).ms for _ in range(times)), 1)


def copied_without_bytecode(target: Path) -> Path:
    shutil.copytree(BUILT, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def functions() -> dict[str, Path]:
    """Map the logical id of each function of the template to its event file."""
    declared = resources("AWS::Serverless::Function")
    return {name: ROOT / "events" / f"{Path(function['CodeUri']).name}.json" for name, function in declared.items()}


def report(
    found: Mapping[str, Mapping[str, float]],
    sizes: Mapping[int, float],
    limited: Mapping[str, Mapping[str, float]] | None,
) -> dict[str, Any]:
    result: dict[str, Any] = {"benchmark": "cold_starts", "functions": {}}
    for name, timings in found.items():
        result["functions"][name] = {
            "first_answer_ms": timings["ours"],
            "bare_ms": timings["bare"],
            "ordinary_ms": timings["ordinary"],
            "no_bytecode_ms": timings["plain"],
            "times_bare": round(timings["ours"] / timings["bare"], 2),
            "times_bare_cpu": round(timings["ours_cpu"] / timings["bare_cpu"], 2),
            "times_ordinary": round(timings["ours"] / timings["ordinary"], 2),
            "times_no_bytecode": round(timings["ours"] / timings["plain"], 2),
        }
    smallest = min(sizes)
    result["suggestions"] = {
        str(size): {"first_answer_ms": ms, "times_default": round(ms / sizes[smallest], 2)}
        for size, ms in sizes.items()
    }
    result["limited"] = limited and {"percent_of_a_processor": SHARE_PERCENT, "first_request": limited}
    return result


def show(result: Mapping[str, Any]) -> None:
    print_table(
        ["", *map(number, ("ms", "bare", "ratio", "ordinary", "ratio", "no .pyc", "ratio"))],
        [
            (
                name,
                f"{figures['first_answer_ms']:,.0f}",
                f"{figures['bare_ms']:,.0f}",
                _judged(figures["times_bare"], BARE_BUDGET),
                f"{figures['ordinary_ms']:,.0f}",
                f"{figures['times_ordinary']:.2f}",
                f"{figures['no_bytecode_ms']:,.0f}",
                _judged(figures["times_no_bytecode"], BYTECODE_BUDGET),
            )
            for name, figures in result["functions"].items()
        ],
        title="Cold start until the first response: fastest run, in ms",
    )
    console.print(
        f"Budgets: at most {BARE_BUDGET} times a bare function, and {BYTECODE_BUDGET} times the start without bytecode."
    )
    _show_sizes(result["suggestions"])
    _show_limited(result["limited"])


def _judged(ratio: float, budget: float) -> Text:
    return Text(f"{ratio:.2f}", "red" if ratio > budget else "green")


def _show_sizes(sizes: Mapping[str, Mapping[str, float]]) -> None:
    print_table(
        [*map(number, ("suggestions", "ms", "ratio"))],
        [
            (int(size), f"{figures['first_answer_ms']:,.0f}", f"{figures['times_default']:.2f}")
            for size, figures in sizes.items()
        ],
        title="The first search, by the number of suggestions",
    )
    console.print(f"Budget: at most {SIZE_BUDGET} times the default catalog with 5,000 suggestions.")


def _show_limited(limited: Mapping[str, Any] | None) -> None:
    if limited is None:
        console.print("The first request with a limited processor was not measured, because cpulimit is not installed.")
        return
    rows = [(name, each["prepared_ms"], each["unprepared_ms"]) for name, each in limited["first_request"].items()]
    print_table(
        ["", *map(number, ("prepared", "not prepared", "saved"))],
        [(name, f"{ours:,.0f}", f"{without:,.0f}", f"{without - ours:,.0f}") for name, ours, without in rows],
        title=f"The first request with {limited['percent_of_a_processor']} % of a processor: median, in ms",
    )


def main() -> None:
    parser = command_parser("benchmarks.cold_starts", __doc__)
    parser.add_argument("--times", type=whole_number(1), default=7, help="how often to start each function")
    largest = whole_number(1, max(SIZES))
    parser.add_argument("--largest", type=largest, default=max(SIZES), help="the most suggestions of a cold search")
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        result = _measured(chosen.times, chosen.largest)
        if chosen.json:
            print_json(result)
        else:
            show(result)


def _measured(times: int, largest: int) -> dict[str, Any]:
    try:
        with step("building the functions and layers"):
            build(THIS_MACHINE)
    except SamError as error:
        exit_with(str(error))
    with TemporaryDirectory() as scratch, engine():
        measured = functions()
        found = measure(measured, copied_without_bytecode(Path(scratch) / "plain"), times)
        limited = measure_limited(measured, min(times, 3))
        sizes = tuple(size for size in SIZES if size <= largest)
        searched = measure_sizes(measured[SEARCH], sizes, min(times, 3))
    return report(found, searched, limited)


if __name__ == "__main__":
    run_command(main)
