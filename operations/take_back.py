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
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from local.client import exit_on_failure, open_client, stack_clock
from local.command import add_json, command_parser, path, run_command
from local.console import apart_from_the_output, console, exit_with, print_json, progress, shown
from operations.app_actions import find, print_unreadable
from operations.app_lines import AppLine
from operations.app_scan import Found
from operations.json_lines import opened
from operations.reconcile import terms_of
from operations.rehearsal import Outcome, Rehearsal
from operations.selection import Selection, add_arguments, exit_on_trouble, select
from operations.shown_actions import write_document
from operations.shown_outcomes import document_of_outcomes, print_outcomes
from operations.take_back_calls import StuckError, follow, send
from operations.take_back_journal import Journal, OtherTableError
from saxaul.catalog.clients import OPERATOR
from saxaul.ledger.identifiers import LONGEST_REASON
from saxaul.ledger.screening import REVERSAL_DAYS
from saxaul.races import ContendedError
from saxaul_client import OperatorClient

if TYPE_CHECKING:
    from saxaul.ledger.actions import Owner

MOST_ROUNDS = 10
"""How often the command looks for more before it gives up, because the app goes on reporting in the span."""


class Left(NamedTuple):
    """What is not reversed.

    Attributes:
        lines: what can be taken back.
        too_old: what occurred too long ago for that.
        are_all: whether every period could be read.
    """

    lines: list[AppLine]
    too_old: list[AppLine]
    are_all: bool


def _look(selection: Selection) -> Left:
    """Scan for what is not reversed.

    If nothing is left by a scan of which a part is older, scan once more: the app may have reported since.
    """
    with opened(selection.file("app-actions")) as file:
        found = find(selection, file)
        if found.is_resumed and not _unreversed(found):
            file.restart([])
            found = find(selection, file)
        file.delete()
    print_unreadable(found)
    oldest = stack_clock().now() - REVERSAL_DAYS * 86_400
    open_ = _unreversed(found)
    return Left(
        [line for line in open_ if line.occurred_at >= oldest],
        [line for line in open_ if line.occurred_at < oldest],
        not found.unreadable,
    )


def _unreversed(found: Found) -> list[AppLine]:
    return [line for line in found.lines if line.standing != "reversed"]


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
    left = _look(selection)
    outcomes = rehearse(selection, left.lines, is_done=False)
    if not chosen.json:
        print_outcomes(left.lines, outcomes, left.too_old)
    _hand_out(chosen, {**document_of_outcomes(selection, left.lines, outcomes), **_stays(left), "is_done": False})
    if left.lines:
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
            _end_round(selection, journal)
        rounds = 0
        while (left := _look(selection)).lines:
            if rounds == MOST_ROUNDS:
                exit_with(f"{app_id} goes on reporting in this span. Suspend it, and run the command again.")
            rounds += 1
            journal.begin_round(left.lines)
            _end_round(selection, journal)
        _conclude(selection, journal, left, chosen)
        file.delete()


def _end_round(selection: Selection, journal: Journal) -> None:
    """Send what the round has not sent, and wait until it is posted. Ends the program if all of it was refused."""
    with exit_on_failure(), open_client(OperatorClient, OPERATOR) as operator:
        send(operator, journal, selection.sought.app, selection.reason)
        follow(operator, journal, stack_clock())
    is_refused = all(not call.receipt_id for call in journal.sent().values())
    journal.end_round()
    if is_refused:
        exit_with("The API refuses to reverse what is left. So far, this became of all reversals:", _fates(journal))


def _fates(journal: Journal) -> list[str]:
    return [f"  {number:,} {fate}" for fate, number in sorted(journal.fates().items())]


def _conclude(selection: Selection, journal: Journal, left: Left, chosen: argparse.Namespace) -> None:
    """Show what was taken back, and what stays. ``left`` is what the last look has found."""
    lines = list({(line.owner, line.action_id, line.occurred_at): line for line in journal.lines()}.values())
    outcomes = rehearse(selection, lines, is_done=True)
    if not chosen.json:
        print_outcomes(lines, outcomes, left.too_old, is_done=True)
    document = document_of_outcomes(selection, lines, outcomes, is_done=True)
    _hand_out(chosen, {**document, **_stays(left), "is_done": True, "fates": journal.fates()})
    for fate in _fates(journal):
        console.print(shown(fate))
    app_id = selection.sought.app
    if left.are_all and not left.too_old:
        console.print(f"[green]✓[/] nothing of {shown(app_id)} in the span is left")
    else:
        console.print(f"[yellow]·[/] nothing of {shown(app_id)} in the span can be taken back any more")


def _stays(left: Left) -> dict[str, Any]:
    return {"too_old_actions": sum(line.actions for line in left.too_old), "are_all_readable": left.are_all}


def _hand_out(chosen: argparse.Namespace, document: dict[str, Any]) -> None:
    """Print everything as JSON, or write it to a file, if the user wants that."""
    if chosen.json:
        print_json(document)
    if chosen.out:
        write_document(chosen.out, document)


def _require_choice(app_id: str, chosen: argparse.Namespace) -> None:
    """End the program if the actions of an active app would be taken back, and nobody said that they should be."""
    if chosen.yes and not chosen.active:
        exit_with(
            f"{app_id} is active, and a reversal cannot be undone. Check that it is the right app, suspend it, and run "
            "the command again; or add ACTIVE=1."
        )
    console.print(f"[yellow]·[/] {shown(app_id)} is active, and can go on reporting; see docs/operators.md")


def main() -> None:
    parser = command_parser("operations.take_back", __doc__)
    add_arguments(parser)
    parser.add_argument("--yes", action="store_true", help="take it back; without this, only show what it changes")
    parser.add_argument("--active", action="store_true", help="also if the app is active, and can go on reporting")
    parser.add_argument("--out", type=path, help="a file to which everything is written as JSON")
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        _run(chosen)


def _run(chosen: argparse.Namespace) -> None:
    selection = select(chosen, "take-back", LONGEST_REASON)
    if selection.app.state == "active":
        _require_choice(selection.app.app_id, chosen)
    with exit_on_trouble(selection.known):
        try:
            if chosen.yes:
                take_back(selection, chosen)
            else:
                show(selection, chosen)
        except StuckError as error:
            exit_with(f"{error}; see: make reconcile. Run the command again to go on.")


if __name__ == "__main__":
    run_command(main)
