"""Shows what taking actions back changes, for a terminal with 80 columns, and as JSON with every line and person."""

from collections.abc import Iterator, Sequence
from typing import Any

from local.console import console
from local.tables import Cell, Column, number, print_table
from operations.app_lines import AppLine
from operations.outliers import Total
from operations.rehearsal import Outcome
from operations.selection import Selection
from operations.shown_actions import document_of, print_totals
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
    below = sorted((outcome for outcome in outcomes if outcome.left < 0), key=lambda outcome: outcome.left)
    rows = [*_losses(lines, outcomes, is_done=is_done), *_debts(below)]
    if too_old:
        kept = sum(line.actions for line in too_old)
        rows.append(("actions that stay", kept, f"more than {REVERSAL_DAYS} days old"))
    print_table([Column(), number(), Column()], rows)
    _print_wallets(below)


def _losses(lines: Sequence[AppLine], outcomes: Sequence[Outcome], *, is_done: bool) -> Iterator[tuple[Cell, ...]]:
    total = Total.of(lines)
    yield "actions", total.actions, f"{sum(line.summed for line in lines):,} of them in sums"
    yield "persons and facilities", total.owners, ""
    yield "points that they had earned", total.points, ""
    if not is_done:
        net = sum(outcome.points for outcome in outcomes)
        others = "others of their actions earn instead" if net < total.points else ""
        yield "points that persons lose", net, others
    yield "kg CO2e that they had avoided", f"{total.avoided_g / 1000:,.1f}", ""


def _debts(below: Sequence[Outcome]) -> Iterator[tuple[Cell, ...]]:
    yield "wallets below zero", len(below), f"{sum(outcome.left for outcome in below):,} points together"
    yield "trees of these persons", sum(outcome.trees for outcome in below), ""


def _print_wallets(below: Sequence[Outcome]) -> None:
    print_table(
        ["wallet below zero", number("points in the end"), number("trees")],
        [(outcome.owner.id, outcome.left, outcome.trees) for outcome in below[:MOST_WALLETS]],
    )
    if len(below) > MOST_WALLETS:
        console.print(f"and {len(below) - MOST_WALLETS:,} more")


def document_of_outcomes(
    selection: Selection, lines: Sequence[AppLine], outcomes: Sequence[Outcome], *, is_done: bool = False
) -> dict[str, Any]:
    """Return everything as a JSON object. What persons lose is only known before it is done."""
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
    return {**document_of(selection, lines, calendar), "wallets": wallets}
