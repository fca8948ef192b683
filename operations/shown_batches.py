"""Prints the batches that wait, as a table for a terminal with 80 columns, and the sums over all receipts.

The sums are no proof: each item of a receipt is in one of the places. What is checked are the batches and receipts.
"""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from local.console import console, shown
from local.tables import number, print_table
from operations.ages import age_text
from operations.reconcile_receipts import BatchReport
from saxaul.catalog.sentences import counted
from saxaul.ledger.batches import BatchSums, WaitingBatch

MAX_BATCHES = 20
"""The most batches that are named one by one."""


def print_waiting(batches: Sequence[WaitingBatch], now: int) -> None:
    """Print the oldest batches, and the number of the others. It prints nothing if there are none."""
    if not batches:
        return
    print_table(
        ["receipt", "app", number("items"), number("age"), "state"],
        [
            (
                batch.receipt_id,
                batch.app,
                batch.items,
                age_text(now - batch.accepted_at),
                Text(batch.state, "red" if batch.is_fault else ""),
            )
            for batch in batches[:MAX_BATCHES]
        ],
    )
    if len(batches) > MAX_BATCHES:
        console.print(f"and {len(batches) - MAX_BATCHES:,} more batches")


def rows_of(sums: BatchSums) -> list[tuple[str, int]]:
    """Return the rows of the sums."""
    places = (("posted", sums.posted), ("waiting", sums.waiting), ("dead", sums.dead), ("dropped", sums.dropped))
    return [("actions and reversals accepted", sums.accepted), *((f"  {name}", items) for name, items in places)]


def document_of_batch(batch: WaitingBatch, now: int) -> dict[str, Any]:
    """Return a batch that waits as JSON. Its state is that which the table shows."""
    return {
        "receipt_id": batch.receipt_id,
        "app_id": batch.app,
        "items": batch.items,
        "age_s": now - batch.accepted_at,
        "state": batch.state,
        "is_fault": batch.is_fault,
    }


def print_verdict(report: BatchReport) -> None:
    if report.faults:
        faults = counted(report.faults, "fault")
        console.print(f"[red]✗[/] {shown(faults)}: a batch is late, dead or lost, or a receipt is damaged")
    else:
        console.print("[green]✓[/] no known batch is late, dead or lost, and no receipt is damaged")
