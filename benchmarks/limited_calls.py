"""Measure what the limits of a client cost a call, in this process and against the emulator's tables.

    make bench ONLY=limited_calls
    python -m benchmarks.limited_calls [--times 400]

The events of ``events/`` are answered again and again by the deployed functions' handlers, in turn for four clients,
so that other work on the machine slows all of them down alike. The event of a report has 100 new actions.

- *unlimited*: a client without limits;
- *busy*: a client under its limits whose calls keep coming, so that most of them are let through from a block;
- *seldom*: the same, but a new worker answers each call, so that each one takes a block;
- *over*: a client over its limit, whose calls are refused.

The report shows the median of each in milliseconds by the clock, its ratio to the unlimited client, and the write units
of a call that the limits use. The emulator needs about as long for each AWS call, whatever it does.

The second part starts the built functions, and shows the processor time until the first response. The third one
counts the writes of a steady load of random calls, for several limits and numbers of workers, in a simulation.
"""

import argparse
import json
import logging
import os
import random
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

from benchmarks.cold_starts import start
from benchmarks.engine import engine
from benchmarks.metering import Meter
from benchmarks.periods_way import CONTEXT
from functions.ingest_actions.handler import handler as ingest_actions
from functions.suggest_campaigns.handler import handler as suggest_campaigns
from functions.view_forest.handler import handler as view_forest
from local.build import BUILT, THIS_MACHINE, build
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, exit_with, print_json, progress, shown, step
from local.sam import ROOT, SamError
from local.tables import number, print_table
from saxaul.catalog.clients import RegisteredClient
from saxaul.limits import SECOND, CallBlock, CallMeter
from saxaul.observability import logger
from saxaul.problems import TooManyRequests
from saxaul.services import wiring
from saxaul.services.meter_calls import metering
from saxaul.storage.clients import dynamodb, sqs
from saxaul.storage.registry import to_item
from saxaul.storage.table import Table

HANDLERS: Mapping[str, Any] = {
    "view_forest": view_forest,
    "ingest_actions": ingest_actions,
    "suggest_campaigns": suggest_campaigns,
}
CALLERS = ("unlimited", "busy", "seldom", "over")
LIMITS = {"unlimited": None, "busy": 100_000, "seldom": 100_000, "over": 1}
A_DAY = 1_000_000_000
ACTIONS = 100

LOADS = ((100, 3, 2000), (100, 3, 200), (100, 3, 150), (100, 3, 100), (10, 2, 50), (1000, 50, 2000), (4000, 200, 2000))
"""Calls a second, workers, and the limit in calls a second."""

SIMULATED_SECONDS = 20


def _register() -> None:
    table = Table(os.environ["CATALOG_TABLE"], wiring.clock())
    for name, rate in LIMITS.items():
        a_day = None if rate is None else A_DAY
        client = RegisteredClient(
            name=name, role="app", trust="first_party", calls_per_second=rate, actions_per_day=a_day
        )
        table.replace(to_item(f"{name}-client", client))


def _event(function: str, caller: str) -> Any:  # noqa: ANN401 - the event of API Gateway
    event = json.loads((ROOT / "events" / f"{function}.json").read_text("utf-8"))
    if function == "ingest_actions":
        at = datetime.now(UTC).isoformat()
        action = {"user_id": "mei@example.com", "type": "bus_ride", "quantity": 1, "occurred_at": at}
        reported = [{**action, "action_id": secrets.token_hex(8)} for _ in range(ACTIONS)]
        event["body"] = json.dumps({"actions": reported})
    event["requestContext"]["authorizer"]["claims"]["client_id"] = f"{caller}-client"
    return event


def _call(function: str, caller: str) -> tuple[int, float]:
    """Answer a call. Return its status, and how long it took in milliseconds."""
    event = _event(function, caller)
    if caller == "seldom":
        for known in (metering()._calls, metering()._days):  # noqa: SLF001 - what a new worker does not know
            known.pop(caller, None)
    began = time.perf_counter()
    status = HANDLERS[function](event, cast("Any", CONTEXT))["statusCode"]
    return status, (time.perf_counter() - began) * 1000


def _answer(function: str, caller: str) -> float:
    """Answer a call as it is meant for the caller, and return how long it took in milliseconds."""
    for _ in range(3):  # a client over its limit is let through once a second
        status, took = _call(function, caller)
        if (status == TooManyRequests.status) == (caller == "over"):
            return took
    raise RuntimeError(f"{function} answered {caller} with {status}")


def measure(function: str, times: int, meter: Meter) -> dict[str, dict[str, float]]:
    """Return the median of a call in milliseconds and its write units for limits, by caller."""
    for caller in CALLERS * 3:  # the first calls fill the caches
        _answer(function, caller)
    took: dict[str, list[float]] = {caller: [] for caller in CALLERS}
    units = dict.fromkeys(CALLERS, 0.0)
    with progress(f"calling {shown(function)}", "calls", times * len(CALLERS)) as tell:
        for done in range(1, times + 1):
            for caller in CALLERS:
                with meter.measured() as used:
                    took[caller].append(_answer(function, caller))
                units[caller] += used["UpdateItem.units"]
            tell(done * len(CALLERS))
    unlimited = median(took["unlimited"])
    return {
        caller: {
            "ms": round(median(values), 2),
            "times_unlimited": round(median(values) / unlimited, 2),
            "mean_times_unlimited": round(sum(values) / sum(took["unlimited"]), 2),
            "units_a_call": round(units[caller] / times, 3),
        }
        for caller, values in took.items()
    }


def measure_starts(times: int, folder: Path) -> dict[str, dict[str, float]]:
    """Return the least processor time until the first response of each function, without limits and with them."""
    found: dict[str, dict[str, float]] = {function: {} for function in HANDLERS}
    with progress("starting the functions", "rounds", times) as tell:
        for done in range(1, times + 1):
            for function, fastest in found.items():
                for caller in ("unlimited", "busy"):
                    event = folder / f"{function}-{caller}.json"
                    event.write_text(json.dumps(_event(function, caller)))
                    ms = start(BUILT, "".join(word.capitalize() for word in function.split("_")), event).cpu_ms
                    fastest[caller] = min(ms, fastest.get(caller, ms))
            tell(done)
    return {
        function: {
            "unlimited_cpu_ms": round(fastest["unlimited"], 1),
            "limited_cpu_ms": round(fastest["busy"], 1),
            "ratio": round(fastest["busy"] / fastest["unlimited"], 2),
        }
        for function, fastest in found.items()
    }


class Steady(NamedTuple):
    """What a steady load of random calls costs.

    Attributes:
        writes_a_call: the attempts to take a block, also those that found no room, for each call.
        passed: the share of calls that were let through.
    """

    writes_a_call: float
    passed: float


class _Bucket:
    """The item of a client's calls: it gives a block under the conditions of ``storage/usage.py``."""

    def __init__(self) -> None:
        self.full_at = 0
        self.writes = 0

    def take(self, block: CallBlock) -> bool:
        self.writes += 1
        if block.from_full:
            if self.full_at > block.now:
                return False
            self.full_at = block.now + block.cost
            return True
        if not block.now <= self.full_at <= block.latest:
            return False
        self.full_at += block.cost
        return True


def simulate(calls_a_second: int, workers: int, limit: int) -> Steady:
    """Let random calls arrive at random workers, and count what they write."""
    chance, bucket, meters = random.Random(1), _Bucket(), [CallMeter() for _ in range(workers)]  # noqa: S311 - a load
    now, made, passed = SECOND, 0, 0
    while now < (1 + SIMULATED_SECONDS) * SECOND:
        now += int(chance.expovariate(calls_a_second) * SECOND)
        made += 1
        passed += _let_through(bucket, chance.choice(meters), now, limit)
    return Steady(round(bucket.writes / made, 3), round(passed / made, 3))


def _let_through(bucket: _Bucket, meter: CallMeter, now: int, limit: int) -> bool:
    if meter.spend(now):
        return True
    asked = False
    while block := meter.block(now, limit):
        asked = True
        if bucket.take(block):
            meter.took(block, bucket.full_at)
            return True
        meter.saw(bucket.full_at)
    if asked:
        meter.pause(now, limit)
    return False


def show(
    answers: Mapping[str, Mapping[str, Mapping[str, float]]],
    starts: Mapping[str, Mapping[str, float]],
    steady: Mapping[str, Steady],
) -> None:
    print_table(
        ["function", "caller", *map(number, ("ms", "ratio", "ratio of means", "units a call"))],
        [
            (function, caller, *(f"{value:,.2f}" for value in figures.values()))
            for function, callers in answers.items()
            for caller, figures in callers.items()
        ],
        title="A call of a client with limits: median in ms, and its ratios",
        keys=2,
    )
    print_table(
        ["function", *map(number, ("without limits", "with limits", "ratio"))],
        [(function, *(f"{value:,.2f}" for value in figures.values())) for function, figures in starts.items()],
        title="Until the first response of a worker: least processor time, in ms",
    )
    print_table(
        [*map(number, ("calls/s, workers, limit", "writes a call", "let through"))],
        [(name, f"{found.writes_a_call:.2f}", f"{found.passed:.0%}") for name, found in steady.items()],
        title="Writes of a steady load",
    )


def _quietly(run: Callable[[], Any]) -> Any:  # noqa: ANN401 - any result
    """Run something without the log lines of the functions."""
    found = logger.registered_handler
    if isinstance(found, logging.StreamHandler):
        found.setStream(Path(os.devnull).open("w"))  # noqa: SIM115 - open until the process ends
    return run()


def main() -> None:
    parser = command_parser("benchmarks.limited_calls", __doc__)
    parser.add_argument("--times", type=whole_number(1), default=400, help="the calls of each client to each function")
    parser.add_argument("--starts", type=whole_number(1), default=9, help="how often to start each function")
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        _run(chosen)


def _run(chosen: argparse.Namespace) -> None:
    times, meter = chosen.times, Meter()
    try:
        with step("building the functions and layers"):
            build(THIS_MACHINE)
    except SamError as error:
        exit_with(str(error))
    with TemporaryDirectory() as scratch, engine():
        meter.attach(dynamodb(), sqs())
        _register()
        answers = _quietly(lambda: {function: measure(function, times, meter) for function in HANDLERS})
        starts = measure_starts(chosen.starts, Path(scratch))
    steady = {", ".join(f"{part:,d}" for part in load): simulate(*load) for load in LOADS}
    if not chosen.json:
        show(answers, starts, steady)
        return
    found = {name: result._asdict() for name, result in steady.items()}
    print_json({"benchmark": "limited_calls", "answers": answers, "starts": starts, "steady": found})


if __name__ == "__main__":
    run_command(main)
