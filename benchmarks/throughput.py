"""Measure how fast the laptop stack posts actions, beside the commit before periods were written in batches.

    python -m benchmarks.throughput [--actions 10000] [--beside <commit>]

The benchmark starts two laptop stacks on free ports: one of this checkout, and one of the older commit, which it checks
out with `git worktree`. Both get the same loads, by turns and in alternating order. It measures:

- *draining*: the queue is filled while `AccruePoints` does not read it; then the time until all actions are posted;
- *end to end*: the time from the first call until all actions are posted, while `AccruePoints` reads the queue;
- *one report*: the time from a call with a single action until its period is in the ledger, on an idle stack.

After each load, every period of every person must have exactly the actions that were sent, each of them once, and the
wallets must have their points. Otherwise the exit code is 1. A missed budget is only shown, because durations vary. If
the repository does not have the older commit, the benchmark measures this checkout alone.
"""

import argparse
import math
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from statistics import mean, quantiles
from typing import Any

from rich.text import Text

from benchmarks.checkouts import EMULATOR, Stack, checkout, commit_before, commit_of, running_stack
from benchmarks.engine import stop_if_terminated
from benchmarks.throughput_driver import Driver, Took
from benchmarks.throughput_load import MOST_A_PERSON, REPEATED, make_load
from local.calls import StoppedError
from local.command import add_json, command_parser, non_empty, run_command, whole_number
from local.console import apart_from_the_output, console, exit_with, print_json
from local.replay import ZONE
from local.sam import ROOT
from local.tables import Cell, number, print_table

BATCHED_WRITES = "layers/saxaul/saxaul/storage/batches.py"
"""The file that writes several items in one request. The older commit is the parent of the one that added it."""

BUDGETS: Mapping[str, float] = {"draining": 4.0, "end_to_end": 2.0}
"""How many times as fast as the older commit this checkout should be."""

FOLDER = ROOT / ".local" / "throughput"
OURS, BEFORE = "this checkout", "before"
WARM_UP = 20
"""The unmeasured first load has as many calls as a measured one, and a twentieth of the actions."""


@dataclass
class Figures:
    """What was measured on one stack: its loads by name, and the milliseconds of single reports."""

    loads: defaultdict[str, list[Took]] = field(default_factory=lambda: defaultdict(list))
    one_report_ms: list[float] = field(default_factory=list)

    def summary(self, actions: int) -> dict[str, Any]:
        """Return the figures as JSON. ``actions`` is the number of different actions of a load."""
        cuts = quantiles(self.one_report_ms, n=100)
        return {
            **{name: _summary(loads, actions) for name, loads in self.loads.items()},
            "one_report_ms": {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)},
        }


def _summary(loads: Sequence[Took], actions: int) -> dict[str, Any]:
    used = sum((took.processor_ms for took in loads), Counter[str]())
    return {
        "seconds": round(mean(took.seconds for took in loads), 2),
        "actions_per_second": round(actions / mean(took.seconds for took in loads)),
        "stream_read_seconds": round(mean(took.read_s for took in loads), 2),
        "cpu_ms_per_action": {name: round(ms / len(loads) / actions, 2) for name, ms in used.most_common()},
        "runs": [round(took.seconds, 2) for took in loads],
    }


def measure(stacks: Sequence[Stack], chosen: argparse.Namespace) -> dict[str, Figures]:
    """Put the loads on the stacks by turns, and return the figures of each stack by its name."""
    today, run = datetime.now(ZONE), f"{time.time():.0f}"
    figures = {stack.name: Figures() for stack in stacks}
    with ExitStack() as opened:
        drivers = [opened.enter_context(closing(Driver(stack))) for stack in stacks]
        for driver in drivers:
            few = max(1, chosen.in_a_call // WARM_UP)
            calls = math.ceil(chosen.actions / chosen.in_a_call)
            load = make_load(f"warm-{run}", calls * few, min(chosen.persons, calls * few), few, today)
            driver.drain(load, f"{driver.stack.name}, unmeasured")
        for number in range(chosen.rounds):
            for driver in drivers if number % 2 == 0 else reversed(drivers):
                name, found = driver.stack.name, figures[driver.stack.name]
                for kind, put in {"draining": driver.drain, "end_to_end": driver.end_to_end}.items():
                    load = make_load(f"{kind}-{number}-{run}", chosen.actions, chosen.persons, chosen.in_a_call, today)
                    found.loads[kind].append(put(load, f"{name}, round {number + 1}"))
                found.one_report_ms += driver.one_by_one(
                    f"one-{number}-{run}", chosen.reports // chosen.rounds, today, f"{name}: single reports"
                )
    return figures


def ratios(ours: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, float]:
    """Return how many times as fast this checkout posted each load as the older commit."""
    return {kind: round(before[kind]["seconds"] / ours[kind]["seconds"], 2) for kind in BUDGETS}


def show(result: Mapping[str, Any]) -> None:
    """Print the figures as a table."""
    columns = {"this checkout": result["ours"]} | ({"before": result["before"]} if result.get("before") else {})
    rows: list[tuple[Cell, ...]] = []
    for kind, budget in BUDGETS.items():
        name, ratio = kind.replace("_", " "), result.get("ratios", {}).get(kind)
        judged = "" if ratio is None else Text(f"{ratio:.2f}", "green" if ratio >= budget else "red")
        of_kind = [column[kind] for column in columns.values()]
        rows.append((f"{name}, s", *(f"{c['seconds']:,.1f}" for c in of_kind), judged, f"≥ {budget:g}"))
        rows.append(("  actions a second", *(c["actions_per_second"] for c in of_kind), "", ""))
        rows.append(("  stream read after, s", *(f"{c['stream_read_seconds']:,.1f}" for c in of_kind), "", ""))
        for user in (EMULATOR, "AccruePoints", "FindRepeats", "TallyImpact", "IngestActions"):
            used = (f"{c['cpu_ms_per_action'].get(user, 0):.2f}" for c in of_kind)
            rows.append((f"  CPU ms an action: {user}", *used, "", ""))
    for cut in ("p50", "p99"):
        found = (f"{c['one_report_ms'][cut]:,.1f}" for c in columns.values())
        rows.append((f"one report, {cut} ms", *found, "", ""))
    title = f"{result['actions']:,} actions of {result['persons']:,} persons"
    print_table(["", *map(number, (*columns, "ratio", "budget"))], rows, title=title)


def main() -> None:
    chosen = _arguments()
    stop_if_terminated()
    with apart_from_the_output(needed=chosen.json):
        result = _result(chosen)
        if chosen.json:
            print_json(result)
        else:
            show(result)


def _result(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure, and return all figures by their names in the JSON."""
    beside = commit_of(chosen.beside) if chosen.beside else commit_before(BATCHED_WRITES)
    if chosen.beside and not beside:
        exit_with(f"The repository has no commit {chosen.beside}.")
    if not beside:
        console.print(
            f"[yellow]![/] The history does not have the commit before {BATCHED_WRITES} was added, so there is nothing "
            "to compare with. Fetch the complete history, or name a commit with --beside."
        )
    with ExitStack() as opened:
        stacks = [opened.enter_context(running_stack(OURS, ROOT, FOLDER / "ours"))]
        if beside:
            source = opened.enter_context(checkout(beside, FOLDER / "checkout"))
            stacks.append(opened.enter_context(running_stack(BEFORE, source, FOLDER / "before")))
        try:
            figures = measure(stacks, chosen)
        except StoppedError as error:
            exit_with(str(error))
    result: dict[str, Any] = {
        "benchmark": "throughput",
        "actions": chosen.actions,
        "persons": chosen.persons,
        "actions_per_call": chosen.in_a_call,
        "ours": figures[OURS].summary(chosen.actions),
    }
    if beside:
        result |= {"beside": beside, "before": figures[BEFORE].summary(chosen.actions)}
        result["ratios"] = ratios(result["ours"], result["before"])
        result["meets_budgets"] = all(result["ratios"][kind] >= budget for kind, budget in BUDGETS.items())
    return result


def _arguments() -> argparse.Namespace:
    parser = command_parser("benchmarks.throughput", __doc__)
    parser.add_argument(
        "--actions", type=whole_number(REPEATED), default=10_000, help="the different actions of each load"
    )
    parser.add_argument("--persons", type=whole_number(1), default=2_000, help="who did them")
    parser.add_argument("--in-a-call", type=whole_number(1, 500), default=100, help="actions in an API call")
    parser.add_argument("--reports", type=whole_number(2), default=200, help="how many single reports are measured")
    parser.add_argument(
        "--rounds", type=whole_number(1), default=1, help="how often each load is measured on each stack"
    )
    parser.add_argument("--beside", type=non_empty, help="compare with this commit instead")
    add_json(parser)
    chosen = parser.parse_args()
    if not chosen.persons <= chosen.actions <= MOST_A_PERSON * chosen.persons:
        parser.error(f"each person needs 1 to {MOST_A_PERSON} actions")
    if chosen.reports < 2 * chosen.rounds:
        parser.error("each round needs two single reports")
    return chosen


if __name__ == "__main__":
    run_command(main)
