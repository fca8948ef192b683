"""Sends loads to a laptop stack, watches its queue, and checks its ledger."""

import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3

from benchmarks.checkouts import Stack
from benchmarks.throughput_load import APP, POINTS, Load, Reported, faults
from local.calls import in_parallel, stop_on_failure
from local.client import client_arguments_of_stack
from local.console import exit_with, progress, step
from local.versions import LATEST, point_to
from saxaul.ledger.periods import PeriodKey
from saxaul.storage import periods
from saxaul.storage.table import BATCH_GET, python

SENDERS = 4

WALLETS = 40
"""How many wallets are read through the API after each load. The periods of all persons are read from the table."""

PAUSE = 0.1
"""Seconds between two looks at the queue."""

LONG_TIMEOUT = 170
"""The seconds that a worker of AccruePoints has. The queue redelivers its messages after 181 seconds."""

_QUIET_MS, _QUIET_LOOKS = 50, 4
"""A stack is idle if it uses less than 50 ms of processor time in each of four looks, half a second apart."""

PATIENCE = 300
"""Seconds without progress after which a load counts as stuck: longer than the queue takes to redeliver a message."""

_TIMED_OUT = re.compile(r"Lambda \S+ timed out after")
"""What the emulator's log says of a worker that reached its timeout."""


@dataclass(frozen=True)
class Took:
    """What one load took.

    Attributes:
        seconds: until all of its actions were posted.
        read_s: until the readers of the ledger's stream had nothing to do any more either.
        processor_ms: the milliseconds of processor time that the emulator and each function's workers used until then.
        timed_out: how many workers reached their timeout.
    """

    seconds: float
    read_s: float
    processor_ms: Counter[str]
    timed_out: int


class Driver:
    """Sends loads to a stack, watches its queue, and checks its ledger."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        arguments = client_arguments_of_stack(stack.known)
        self._sqs = boto3.client("sqs", **arguments)
        self._lambda = boto3.client("lambda", **arguments)
        self._dynamodb = boto3.client("dynamodb", **arguments)
        self._queue = stack.known["queues"]["actions"]
        self._ledger = stack.known["tables"]["ledger"]
        self._api = stack.client(APP)
        name = stack.known["functions"]["AccruePoints"]
        mappings = self._lambda.list_event_source_mappings(FunctionName=name)
        # A function that reached its timeout would wait for the redelivery of its messages, which takes 3 minutes.
        self._lambda.update_function_configuration(FunctionName=name, Timeout=LONG_TIMEOUT)
        if self._lambda.list_aliases(FunctionName=name)["Aliases"]:  # a checkout of an earlier commit may have none
            point_to(self._lambda, name, LATEST)
        [self._mapping] = [mapping["UUID"] for mapping in mappings["EventSourceMappings"]]

    def drain(self, load: Load, doing: str) -> Took:
        """Fill the queue while no function reads it, and measure how long it takes to be emptied."""
        self._read_queue(wanted=False)
        self._send(load, f"{doing}: filling the queue")
        clock = _Stopwatch(self.stack)
        self._read_queue(wanted=True)
        self._wait_until_empty(len(load.calls), f"{doing}: draining")
        return self._finished(load, clock)

    def end_to_end(self, load: Load, doing: str) -> Took:
        """Measure how long a load takes from its first call until all of its actions are posted."""
        clock = _Stopwatch(self.stack)
        self._send(load, f"{doing}: sending")
        self._wait_until_empty(len(load.calls), f"{doing}: waiting for the queue")
        return self._finished(load, clock)

    def one_by_one(self, name: str, times: int, today: datetime, doing: str) -> list[float]:
        """Report single actions of new persons. Return how long each took to arrive in the ledger, in milliseconds."""
        found, rng = [], random.Random(1)  # noqa: S311 - pauses, not secrets
        load = Load([[Reported(f"{name}-{number}", "act", 1)] for number in range(times)], today)
        with progress(doing, "reports", times) as tell:
            for number, [action] in enumerate(load.calls):
                at = periods.period_key(load.key(action))
                key: Any = {"pk": {"S": at.pk}, "sk": {"S": at.sk}}
                began = time.perf_counter()
                self._report(load, number)
                while "Item" not in self._dynamodb.get_item(TableName=self._ledger, Key=key, ConsistentRead=True):
                    if time.perf_counter() - began > PATIENCE:
                        exit_with(f"A report did not arrive in the ledger of {self.stack.name} in {PATIENCE} seconds.")
                    time.sleep(0.002)
                found.append((time.perf_counter() - began) * 1000)
                time.sleep(rng.uniform(0.02, 0.2))
                tell(number + 1)
        return found

    def close(self) -> None:
        self._api.close()

    def _finished(self, load: Load, clock: "_Stopwatch") -> Took:
        """Check a load that is posted, after the stack is idle, and return what it took."""
        seconds = clock.seconds()
        with step(f"waiting until {self.stack.name} is idle"):
            self._wait_until_idle()
        took = clock.took(seconds)
        self._check(load)
        return took

    def _check(self, load: Load) -> None:
        """End the program if the ledger and the wallets do not have exactly the actions of a load, each once."""
        expected = load.expected()
        wrong = list(faults(expected, self._entries(list(expected))))
        earned: defaultdict[str, int] = defaultdict(int)
        for key, names in expected.items():
            earned[key.owner.id] += POINTS * len(names)
        for user in sorted(earned)[:: max(1, len(earned) // WALLETS)]:
            wallet = self._api.wallet(user)
            if wallet.earned != earned[user]:
                wrong.append(f"the wallet of {user} has {wallet.earned} points, not {earned[user]}")
        if wrong:
            exit_with(f"The ledger of {self.stack.name} does not have what was sent; {len(wrong):,} faults.", wrong[:5])

    def _wait_until_idle(self) -> None:
        """Wait until the stack has used almost no processor time for two seconds."""
        began, quiet, before = time.perf_counter(), 0, self.stack.processor_ms().total()
        while quiet < _QUIET_LOOKS and time.perf_counter() - began < PATIENCE:
            time.sleep(0.5)
            now = self.stack.processor_ms().total()
            quiet, before = quiet + 1 if now - before < _QUIET_MS else 0, now

    def _read_queue(self, *, wanted: bool) -> None:
        """Let the function read the queue, or stop it."""
        self._lambda.update_event_source_mapping(UUID=self._mapping, Enabled=wanted)
        while self._lambda.get_event_source_mapping(UUID=self._mapping)["State"] not in ("Enabled", "Disabled"):
            time.sleep(PAUSE)

    def _send(self, load: Load, doing: str) -> None:
        accepted = 0

        def report(number: int) -> int:
            return self._report(load, number)

        with progress(doing, "calls", len(load.calls)) as tell:
            for done, more in enumerate(in_parallel(report, range(len(load.calls)), SENDERS), 1):
                accepted += more
                tell(done)
        if accepted != sum(map(len, load.calls)):
            exit_with(f"{self.stack.name} accepted {accepted:,} actions of {sum(map(len, load.calls)):,}.")

    def _report(self, load: Load, number: int) -> int:
        """Send one call of a load, and return how many actions were accepted."""
        with stop_on_failure():
            return int(self._api.call("POST", "/actions", load.body(number))["accepted"])

    def _wait_until_empty(self, most: int, doing: str) -> None:
        moved, left = time.perf_counter(), self._waiting()
        with progress(doing, "messages", most) as tell:
            while left:
                if time.perf_counter() - moved > PATIENCE:
                    exit_with(f"{left:,} messages are stuck in the queue of {self.stack.name}: {self.stack.log_file}")
                time.sleep(PAUSE)
                before, left = left, self._waiting()
                moved = time.perf_counter() if left < before else moved
                tell(max(0, most - left))

    def _waiting(self) -> int:
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def _entries(self, keys: Sequence[PeriodKey]) -> dict[PeriodKey, dict[str, int]]:
        """Return the points of each counting entry of each period."""
        raw = [{"pk": {"S": at.pk}, "sk": {"S": at.sk}} for at in map(periods.period_key, keys)]

        def read(start: int) -> list[Any]:
            wanted: Any = {self._ledger: {"Keys": raw[start : start + BATCH_GET], "ConsistentRead": True}}
            return self._dynamodb.batch_get_item(RequestItems=wanted)["Responses"][self._ledger]

        found = {}
        with step(f"checking {len(keys):,} periods of {self.stack.name}"):
            for items in in_parallel(read, range(0, len(raw), BATCH_GET), SENDERS):
                for period in (periods.from_item(python(item)) for item in items):
                    found[period.key] = {name: entry.points for name, entry in period.entries.items() if entry.counts}
        return found


class _Stopwatch:
    """Measures a load on a stack, from its creation on."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._began = time.perf_counter()
        self._used = stack.processor_ms()
        self._timed_out = self._timeouts()

    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def took(self, seconds: float) -> Took:
        """Return what the load took, whose actions were posted after ``seconds``. The stack is idle now."""
        read = max(seconds, self.seconds() - _QUIET_LOOKS / 2)
        return Took(seconds, read, self._stack.processor_ms() - self._used, self._timeouts() - self._timed_out)

    def _timeouts(self) -> int:
        return len(_TIMED_OUT.findall(self._stack.log_file.read_text(errors="replace")))
