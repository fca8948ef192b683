"""The size of each worker fits what a full batch of it was measured to take, as docs/benchmarks.md has it."""

import re
from typing import NamedTuple

import pytest

from benchmarks.engine import function_memory
from benchmarks.prices import FULL_PROCESSOR_MB, ROUND_TRIP
from benchmarks.workers import MOST_OF_TIMEOUT
from local.sam import ROOT
from tests.template.reading import events, functions, sources

SECTION = re.compile(r"^## Sizes of the workers\n(.+?)^## ", re.MULTILINE | re.DOTALL)


class Row(NamedTuple):
    """A row of the table: what a full batch took here, and what that is at the size of the function."""

    memory_mb: int
    timeout_s: int
    processor_s: float
    requests: int
    added_mb: int
    seconds: float
    splits: bool


def section() -> str:
    [found] = SECTION.findall((ROOT / "docs/benchmarks.md").read_text("utf-8"))
    return str(found)


def table() -> dict[str, Row]:
    rows = {}
    for name, cells in re.findall(r"^\| `(\w+)` \|(.+)\|$", section(), re.MULTILINE):
        *_, memory, timeout, processor, requests, added, seconds, share = cells.split("|")
        numbers = (int(cell.replace(",", "")) for cell in (memory, timeout, requests, added))
        memory_mb, timeout_s, made, added_mb = numbers
        rows[name] = Row(
            memory_mb, timeout_s, float(processor), made, added_mb, float(seconds), share.strip() == "splits"
        )
    return rows


def test_each_worker_is_in_the_table_or_is_said_not_to_be_measured() -> None:
    workers = {name for name, _ in [*sources("Queue.Arn"), *sources("StreamArn"), *events("ScheduleV2")]}
    not_measured = re.findall(r"`(\w+)`", section().partition("**Not measured.**")[2])

    assert workers <= table().keys() | set(not_measured)
    assert sorted(not_measured) == ["CosignCheckpoints", "EndOverlaps", "ScheduleOrders"]


@pytest.mark.parametrize("name", table())
def test_a_row_has_the_size_of_the_template(name: str) -> None:
    row = table()[name]

    assert (row.memory_mb, row.timeout_s) == (function_memory(name), functions()[name]["Timeout"])


@pytest.mark.parametrize("name", table())
def test_a_full_batch_takes_at_most_half_of_the_timeout_and_of_the_memory(name: str) -> None:
    row = table()[name]
    seconds = row.processor_s / min(1.0, row.memory_mb / FULL_PROCESSOR_MB) + row.requests * ROUND_TRIP

    assert row.seconds == pytest.approx(seconds, abs=0.1)
    assert row.splits == (name == "ErasePersons"), "only it looks at the time of the invocation"
    assert row.splits or seconds <= MOST_OF_TIMEOUT * row.timeout_s
    assert row.added_mb <= row.memory_mb / 2


def test_the_full_batch_of_a_queue_or_a_stream_is_that_of_the_template() -> None:
    sizes = dict(re.findall(r"^\| `(\w+)` \| ([\d,]+) (?:messages|changes|redemptions)", section(), re.MULTILINE))
    declared = {name: source["BatchSize"] for name, source in [*sources("Queue.Arn"), *sources("StreamArn")]}

    assert {name: int(size.replace(",", "")) for name, size in sizes.items() if name in declared} == {
        name: declared[name] for name in ("AccruePoints", "FindRepeats", "TallyImpact", "SettleRedemptions")
    }


def test_operations_md_says_how_many_workers_a_shard_of_each_stream_may_have() -> None:
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    factors = {name: source.get("ParallelizationFactor", 1) for name, source in sources("StreamArn")}

    assert "(`FindRepeats` 10, `TallyImpact` 1)" in page
    assert factors == {"FindRepeats": 10, "TallyImpact": 1, "PublishCatalog": 1}
