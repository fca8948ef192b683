"""Takes back what an app reported in a span of time: shows first what this changes, and with --yes does it.

    python -m operations.take_back --app citybike --from 2026-06-01 --to 2026-06-08 --reason "invented rides"

The span is about when actions were posted. A time without an offset is in the programme's zone. Without --yes, nothing
is changed: the command computes what goes, and how many wallets end below zero because their points are spent already.

With --yes, it reverses the actions and sums through the API, in calls of 100, and waits until they are posted. Then it
looks again, until nothing of the app in the span is left. It keeps a journal, so that a run that was stopped goes on
when it is started again. It is safe to start it as often as you like, and while the app is suspended or ended.

The reason is written to the stack's log, and becomes the reason of the reversals, which persons see in their ledgers.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from local.client import exit_on_failure, open_client, stack_clock
from local.command import command_parser, path, run_command
from local.console import console, exit_with, progress, shown
from operations.app_actions import find, print_unreadable
from operations.app_lines import AppLine
from operations.json_lines import opened
from operations.reconcile import terms_of
from operations.rehearsal import Outcome, Rehearsal
from operations.selection import Selection, add_arguments, exit_if_unreachable, select, warn_of_active
from operations.shown_outcomes import print_outcomes, write_outcomes
from operations.take_back_calls import StuckError, follow, send
from operations.take_back_journal import Journal, OtherTableError
from saxaul.catalog.clients import OPERATOR
from saxaul.ledger.screening import REVERSAL_DAYS
from saxaul.races import ContendedError
from saxaul_client import OperatorClient

if TYPE_CHECKING:
    from saxaul.ledger.actions import Owner

MOST_ROUNDS = 10
"""How often the command looks for more before it gives up, because the app goes on reporting in the span."""

_LONGEST_REASON = 64
"""The most characters of the reason of a reversal."""


def _look(selection: Selection) -> tuple[list[AppLine], list[AppLine]]:
    """Scan for what is not reversed. Return what can be taken back, and what is too old for that."""
    with opened(selection.file("app-actions")) as file:
        found = find(selection, file)
        file.delete()
    print_unreadable(found)
    oldest = stack_clock().now() - REVERSAL_DAYS * 86_400
    open_ = [line for line in found.lines if line.state != "reversed"]
    return [line for line in open_ if line.occurred_at >= oldest], [line for line in open_ if line.occurred_at < oldest]


def rehearse(selection: Selection, lines: Sequence[AppLine], *, is_done: bool) -> list[Outcome]:
    """Return what becomes of each owner of the lines if they are taken back; or, if it is done, what became of it."""
    terms = terms_of(selection.known["tables"]["catalog"], ZoneInfo(selection.known["time_zone"]))
    rehearsal = Rehearsal(selection.table, terms)
    by_owner: dict[Owner, list[AppLine]] = {}
    for line in lines:
        by_owner.setdefault(line.owner, []).append(line)
    outcomes: list[Outcome] = []
    total = len(by_owner)
    with progress("computing what becomes of the wallets", "persons", total) as tell:
        for owner, mine in by_owner.items():
            try:
                outcomes.append(rehearsal.outcome(owner, () if is_done else mine, selection.sought.app))
            except ContendedError:
                exit_with(f"What {owner.id} has changes too fast to be read; run the command again.")
            tell(len(outcomes))
    return outcomes


def show(selection: Selection, chosen: argparse.Namespace) -> None:
    """Show what would be taken back."""
    lines, too_old = _look(selection)
    outcomes = rehearse(selection, lines, is_done=False)
    print_outcomes(lines, outcomes, too_old)
    if chosen.out:
        write_outcomes(chosen.out, selection, lines, outcomes)
        console.print(f"all of it: {shown(chosen.out)}")
    if lines:
        console.print("[yellow]·[/] nothing was changed; to take it back, run the same command with YES=1")
    else:
        console.print(f"[green]✓[/] nothing of {shown(selection.sought.app)} in the span can be taken back")


def take_back(selection: Selection, chosen: argparse.Namespace) -> None:
    """Take everything back, until nothing is left. Ends the program with exit code 1 if something is."""
    app_id = selection.sought.app
    file_path = selection.file("take-back")
    with opened(file_path) as file:
        try:
            journal = Journal(file, selection.about)
        except OtherTableError:
            exit_with(f"{file_path} is the journal of another stack. Move it away, and run the command again.")
        if journal.is_resumed:
            console.print("[yellow]·[/] going on with a run that was stopped")
        while journal.is_resumed or _begin(selection, journal):
            with exit_on_failure(), open_client(OperatorClient, OPERATOR) as operator:
                send(operator, journal, app_id, selection.reason)
                follow(operator, journal, stack_clock())
            journal.end_round()
            if journal.rounds >= MOST_ROUNDS and _look(selection)[0]:
                exit_with(f"{app_id} goes on reporting in this span. Suspend it, and run the command again.")
        _conclude(selection, journal, chosen)
        file.delete()


def _begin(selection: Selection, journal: Journal) -> bool:
    """Look at the ledger, and begin a round if anything is left."""
    lines, too_old = _look(selection)
    if too_old:
        number = sum(line.actions for line in too_old)
        console.print(f"[yellow]·[/] {number:,} actions occurred more than {REVERSAL_DAYS:,} days ago, and stay")
    if lines:
        journal.begin_round(lines)
    return bool(lines)


def _conclude(selection: Selection, journal: Journal, chosen: argparse.Namespace) -> None:
    lines = list({(line.owner, line.action_id, line.occurred_at): line for line in journal.lines()}.values())
    outcomes = rehearse(selection, lines, is_done=True)
    print_outcomes(lines, outcomes, (), is_done=True)
    if chosen.out:
        write_outcomes(chosen.out, selection, lines, outcomes)
        console.print(f"all of it: {shown(chosen.out)}")
    for fate, number in sorted(journal.fates().items()):
        console.print(f"  {number:,} {shown(fate)}")
    console.print(f"[green]✓[/] nothing of {shown(selection.sought.app)} in the span is left")


def main() -> None:
    parser = command_parser("operations.take_back", __doc__)
    add_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="take it back; without this, only show what it changes")
    parser.add_argument("--out", type=path, help="a file to which everything is written as JSON")
    chosen = parser.parse_args()
    selection = select(chosen, "take-back", _LONGEST_REASON)
    warn_of_active(selection.app)
    with exit_if_unreachable(selection.known):
        try:
            take_back(selection, chosen) if chosen.yes else show(selection, chosen)
        except StuckError as error:
            exit_with(f"{error}; see: make reconcile. Run the command again to go on.")
    sys.exit(0)


if __name__ == "__main__":
    run_command(main)
