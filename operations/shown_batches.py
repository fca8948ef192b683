"""Prints the batches that wait, as a table for a terminal with 80 columns, and the sums over all receipts.

The sums are no proof: each item of a receipt is in one of the places. What is checked are the batches and receipts.
"""

from collections.abc import Sequence

from rich.table import Table as Grid

from local.console import console, shown
from operations.ages import age_text
from operations.reconcile_receipts import BatchReport
from saxaul.ledger.batches import BatchSums, WaitingBatch

MAX_BATCHES = 20
"""The most batches that are named one by one."""

_APP_COLUMNS = 32
"""A longer id of an app is cut. The receipt identifies the batch."""


def print_waiting(batches: Sequence[WaitingBatch], now: int) -> None:
    """Print the oldest batches, and the number of the others. It prints nothing if there are none."""
    if not batches:
        return
    grid = Grid("receipt", "app", "items", "age", "state", box=None, pad_edge=False)
    grid.columns[1].max_width = _APP_COLUMNS
    grid.columns[2].justify = grid.columns[3].justify = "right"
    for column in grid.columns:
        column.no_wrap = True
    for batch in batches[:MAX_BATCHES]:
        state = f"[red]{batch.state}[/]" if batch.is_fault else batch.state
        age = age_text(now - batch.accepted_at)
        grid.add_row(shown(batch.receipt_id), shown(batch.app), f"{batch.items:,}", age, state)
    console.print(grid)
    if len(batches) > MAX_BATCHES:
        console.print(f"and {len(batches) - MAX_BATCHES:,} more batches")


def rows_of(sums: BatchSums) -> list[tuple[str, str]]:
    """Return the rows of the sums."""
    places = (("posted", sums.posted), ("waiting", sums.waiting), ("dead", sums.dead), ("dropped", sums.dropped))
    return [
        ("actions and reversals accepted", f"{sums.accepted:,}"),
        *((f"  {name}", f"{items:,}") for name, items in places),
    ]


def print_verdict(report: BatchReport) -> None:
    if report.faults:
        console.print(f"[red]✗[/] {report.faults:,} faults: a batch is late, dead or lost, or a receipt is damaged")
    else:
        console.print("[green]✓[/] no known batch is late, dead or lost, and no receipt is damaged")
