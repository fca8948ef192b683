"""Measure whether each worker can handle a full batch in time, at the size that template.yaml gives it.

    make bench ONLY=workers
    python -m benchmarks.workers

The benchmark prepares the largest batch of each function that reads a queue or a stream, or that a schedule starts, and
the largest calls of three functions of the API. It handles each in this process, against the emulator, and counts the
processor time of this process, the requests to AWS and the memory that the batch adds.

A function with less than 1,769 MB has only a share of a processor. The benchmark divides the processor time by this
share, and adds 5 ms for each request, as if all were sent one after another. A worker that is near to its timeout is
marked: a batch may take at most half of it. The exit code is 1 then. ``ErasePersons`` never is, because it looks at the
time itself, and leaves the rest of an erasure to the next message.
"""

import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CDLL
from itertools import chain, count
from pathlib import Path
from threading import Lock
from time import process_time
from typing import Any, NamedTuple
from unittest.mock import patch

import boto3
from botocore.httpsession import URLLib3Session

from benchmarks.engine import LEDGER, engine, function_memory, make_tables
from benchmarks.erasing import TransactionMeter, days_of, erase, export, write_person
from benchmarks.metering import Meter
from benchmarks.prices import FULL_PROCESSOR_MB, ROUND_TRIP
from benchmarks.scale_trees import partner_side
from benchmarks.worker_batches import Batch, batches
from local.command import add_json, command_parser, run_command
from local.console import apart_from_the_output, console, print_json, shown, step
from local.deployment import REGION
from local.tables import number, print_table
from local.template import on_aws, resources, template
from saxaul.clock import SYSTEM_CLOCK
from saxaul.observability import logger
from saxaul.settings import settings
from saxaul.storage import clients
from saxaul.storage.table import Table

MOST_OF_TIMEOUT = 0.5
"""The share of its timeout that a full batch may take. The rest is for a slow answer, and for a busy processor."""

YEARS = 5
_BUCKETS = {"UPLOAD_BUCKET": "uploads", "FILES_BUCKET": "files"}


class Measured(NamedTuple):
    """What a full batch of a function took here, and what that is at the size of the function.

    Attributes:
        processor_s: seconds of one processor.
        requests: to AWS.
        added_mb: how much memory this process used more at most than before; None if the system does not tell it.
        seconds: how long the batch takes at the function's share of a processor.
        splits: whether the function looks at the time, and stops before its timeout.
    """

    function: str
    about: str
    memory_mb: int
    timeout_s: int
    most_at_once: str
    processor_s: float
    requests: int
    added_mb: float | None
    seconds: float
    splits: bool = False

    @property
    def is_late(self) -> bool:
        return not self.splits and self.seconds > MOST_OF_TIMEOUT * self.timeout_s


@contextmanager
def _counted_requests() -> Iterator[list[int]]:
    """Yield a list that gets how many requests to AWS the block sent, of all clients and of our own ones to S3."""
    made, lock, send = count(), Lock(), URLLib3Session.send

    def counting(session: URLLib3Session, request: Any) -> Any:  # noqa: ANN401 - types of botocore
        with lock:
            next(made)
        return send(session, request)

    found: list[int] = []
    with patch.object(URLLib3Session, "send", counting):
        yield found
    found.append(next(made))


def measured(batch: Batch, *, splits: bool = False) -> Measured:
    declared: dict[str, Any] = template()["Globals"]["Function"]
    function = {**declared, **resources("AWS::Serverless::Function")[batch.function]}
    memory = function_memory(batch.function)
    with _counted_requests() as requests, _added_memory() as added:
        began = process_time()
        batch.handle()
        spent = process_time() - began
    batch.check()
    made = requests[0]
    share = min(1.0, memory / FULL_PROCESSOR_MB)
    return Measured(
        function=batch.function,
        about=batch.about,
        memory_mb=memory,
        timeout_s=int(function["Timeout"]),
        most_at_once=_most_at_once(batch.function),
        processor_s=spent,
        requests=made,
        added_mb=added[0] if added else None,
        seconds=spent / share + made * ROUND_TRIP,
        splits=splits,
    )


def _most_at_once(function: str) -> str:
    """Return how many workers of a function Lambda runs at a time: a limit of the template, or what limits it."""
    for source in resources("AWS::Lambda::EventSourceMapping").values():
        if function in str(source["FunctionName"]):
            if "ScalingConfig" in source:
                return str(on_aws(source["ScalingConfig"]["MaximumConcurrency"]))
            return f"{source.get('ParallelizationFactor', 1)} for a shard"
    events = resources("AWS::Serverless::Function")[function].get("Events", {}).values()
    return "1" if any(event["Type"] == "ScheduleV2" for event in events) else "as many as calls"


@contextmanager
def _added_memory() -> Iterator[list[float]]:
    """Yield a list that gets how many megabytes the block added at most. It stays empty where Linux is not."""
    added: list[float] = []
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        yield added
        return
    gc.collect()
    CDLL(None).malloc_trim(0)  # what is free goes back to the system, so that the batch has to ask for all that it uses
    reset.write_text("5")  # forget the greatest size
    before = _kilobytes("VmRSS")
    yield added
    added.append((_kilobytes("VmHWM") - before) / 1024)


def _kilobytes(name: str) -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1])


def person_batches(queue_url: str) -> Iterator[tuple[Batch, bool]]:
    """Prepare the export and the erasure of a person with years of daily use, and whether the function splits it."""
    make_tables(LEDGER)
    ledger, meter, transactions = Table(LEDGER, SYSTEM_CLOCK), Meter(), TransactionMeter()
    meter.attach(clients.dynamodb(), clients.sqs())
    write_person(ledger, days_of(YEARS))
    about = f"a person with {YEARS} years of daily use"
    yield Batch("ManagePersons", f"the export of {about}", lambda: export(ledger, meter)), False
    erasing: Callable[[], object] = lambda: erase(ledger, queue_url, meter, transactions)  # noqa: E731 - measured later
    yield Batch("ErasePersons", about, erasing), True


@contextmanager
def _buckets_and_key() -> Iterator[None]:
    """Make what the functions for photos and for the log need besides the side of partners."""
    for bucket in _BUCKETS.values():
        boto3.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    made = boto3.client("kms").create_key(KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    checkpoints = boto3.client("sqs").create_queue(QueueName="CheckpointQueue")["QueueUrl"]
    os.environ.update(_BUCKETS, SIGNING_KEY=made["KeyMetadata"]["Arn"], CHECKPOINT_QUEUE_URL=checkpoints)
    os.environ.update(FILES_URL="https://files.example.com")
    settings.cache_clear()
    yield


def measure() -> list[Measured]:
    found = []
    with engine() as queue_url, partner_side(), _buckets_and_key():
        for batch, splits in chain(((each, False) for each in batches()), person_batches(queue_url)):
            with step(f"{batch.function}: {batch.about}"):
                found.append(measured(batch, splits=splits))
    return found


def show(found: list[Measured]) -> None:
    titles = ("MB", "timeout, s", "processor, s", "requests", "added MB", "seconds at its size", "of the timeout")
    print_table(
        ["function", "full batch", "most at once", *map(number, titles)],
        [
            (
                *(each.function, each.about, each.most_at_once, f"{each.memory_mb:,}", str(each.timeout_s)),
                *(f"{each.processor_s:.2f}", f"{each.requests:,}"),
                *("" if each.added_mb is None else f"{each.added_mb:.0f}", f"{each.seconds:.1f}"),
                "splits" if each.splits else f"{each.seconds / each.timeout_s:.0%}",
            )
            for each in found
        ],
        title="Full batches",
        keys=2,
    )


def main() -> None:
    parser = command_parser("benchmarks.workers", __doc__)
    add_json(parser)
    chosen = parser.parse_args()
    logger.setLevel(logging.CRITICAL)
    with apart_from_the_output(needed=chosen.json):
        found = measure()
    if chosen.json:
        print_json({"benchmark": "workers", "batches": [each._asdict() for each in found]})
    else:
        show(found)
    late = [each for each in found if each.is_late]
    for each in late:
        console.print(f"[red]✗[/] {shown(f'{each.function} takes {each.seconds:.0f} s of {each.timeout_s} s')}")
    sys.exit(1 if late else 0)


if __name__ == "__main__":
    run_command(main)
