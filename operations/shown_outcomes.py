"""Shows what taking actions back changes, for a terminal with 80 columns, and as JSON with every line and person."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table as Grid

from local.console import console, shown
from operations.app_lines import AppLine
from operations.outliers import Total
from operations.rehearsal import Outcome
from operations.selection import Selection
from operations.shown_actions import document_of, print_totals, write_document
from saxaul.catalog.calendar import Calendar
from saxaul.ledger.screening import REVERSAL_DAYS

MOST_WALLETS = 20
"""The most wallets below zero that the terminal shows. The JSON has all of them."""


def print_outcomes(
    lines: Sequence[AppLine], outcomes: Sequence[Outcome], too_old: Sequence[AppLine], *, is_done: bool = False
) -> None:
    """Print what goes, or what went. ``lines`` are what is taken back, as they were found."""
    if lines:
        print_totals(lines)
        console.print()
    total = Total.of(lines)
    below = sorted((outcome for outcome in outcomes if outcome.left < 0), key=lambda outcome: outcome.left)
    grid = Grid(show_header=False, box=None, pad_edge=False)
    grid.add_row("actions", f"{total.actions:,}", f"{sum(line.summed for line in lines):,} of them in sums")
    grid.add_row("persons and facilities", f"{total.owners:,}")
    grid.add_row("points that they had earned", f"{total.points:,}")
    if not is_done:
        net = sum(outcome.points for outcome in outcomes)
        others = "others of their actions earn instead" if net < total.points else ""
        grid.add_row("points that persons lose", f"{net:,}", others)
    grid.add_row("kg CO2e that they had avoided", f"{total.avoided_g / 1000:,.1f}")
    grid.add_row("wallets below zero", f"{len(below):,}", f"{sum(outcome.left for outcome in below):,} points together")
    grid.add_row("trees of these persons", f"{sum(outcome.trees for outcome in below):,}")
    if too_old:
        number = sum(line.actions for line in too_old)
        grid.add_row("actions that stay", f"{number:,}", f"more than {REVERSAL_DAYS} days old")
    grid.columns[1].justify = "right"
    console.print(grid)
    _print_wallets(below)


def _print_wallets(below: Sequence[Outcome]) -> None:
    if not below:
        return
    grid = Grid("wallet below zero", "points in the end", "trees", box=None, pad_edge=False)
    grid.columns[0].max_width = 40
    for column in grid.columns:
        column.no_wrap = True
    grid.columns[1].justify = grid.columns[2].justify = "right"
    for outcome in below[:MOST_WALLETS]:
        grid.add_row(shown(outcome.owner.id), f"{outcome.left:,}", f"{outcome.trees:,}")
    console.print(grid)
    if len(below) > MOST_WALLETS:
        console.print(f"and {len(below) - MOST_WALLETS:,} more")


def write_outcomes(
    path: Path,
    selection: Selection,
    lines: Sequence[AppLine],
    outcomes: Sequence[Outcome],
    *,
    is_done: bool = False,
) -> None:
    """Write everything to a file as JSON. What persons lose is only known before it is done.

    Raises:
        OSError: it could not be written.
    """
    calendar = Calendar(selection.zone, acceptance_days=0, harvest_time=None)
    wallets = [
        {
            "user_id": outcome.owner.id,
            **({} if is_done else {"points_lost": outcome.points}),
            "points_left": outcome.left,
            "trees": outcome.trees,
        }
        for outcome in outcomes
        if outcome.owner.kind == "user"
    ]
    write_document(path, {**document_of(selection, lines, calendar), "wallets": wallets})
