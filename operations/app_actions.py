"""Shows what an app reported in a span of time, by action type and by person, with the most unusual persons first.

    python -m operations.app_actions --app citybike --from 2026-06-01 --to 2026-06-08 --reason "complaint 17"

The span is about when actions were posted. A time without an offset is in the programme's zone. The command reads the
ledger's table, or an export of it in a folder (--export). A run that was stopped goes on when it is started again.

The reason is written to the stack's log before anything is read, with who reads. If that fails, nothing is read.
"""

import argparse

from local.client import stack_clock
from local.command import add_json, command_parser, path, run_command
from local.console import apart_from_the_output, console, exit_with, print_json, progress, shown
from operations.app_scan import Found, Scanning
from operations.exported import UnfitExportError, files_of
from operations.json_lines import JsonLines, opened
from operations.selection import Selection, add_arguments, exit_on_trouble, select
from operations.shown_actions import document_of, print_totals, write_document
from saxaul.catalog.calendar import Calendar


def find(selection: Selection, file: JsonLines) -> Found:
    """Scan the ledger's table for the reports of the app, with progress. A scan that was stopped goes on."""
    scanning = Scanning(file, selection.about, selection.sought, stack_clock().now())
    _say_if_resumed(scanning)
    total = selection.items
    with progress("reading the ledger", "items", total) as tell:
        return scanning.of_table(selection.table, tell)


def _find_in_export(selection: Selection, file: JsonLines, chosen: argparse.Namespace) -> Found:
    try:
        files = files_of(chosen.export, selection.table.name)
        about = {**selection.about, "export": str(chosen.export.resolve())}
        scanning = Scanning(file, about, selection.sought, stack_clock().now())
        _say_if_resumed(scanning)
        total = len(files)
        with progress("reading the export", "files", total) as tell:
            return scanning.of_export(files, tell)
    except UnfitExportError as error:
        exit_with(str(error))


def _say_if_resumed(scanning: Scanning) -> None:
    if scanning.is_resumed:
        console.print("[yellow]·[/] going on with a scan that was stopped")


def print_unreadable(found: Found) -> None:
    for key in found.unreadable:
        console.print(f"[red]✗[/] the period {shown(key)} cannot be read; see: make reconcile")


def _show(selection: Selection, found: Found, chosen: argparse.Namespace) -> None:
    calendar = Calendar(selection.zone, acceptance_days=0, harvest_time=None)
    document = document_of(selection, found.lines, calendar)
    if chosen.json:
        print_json(document)
    else:
        _print(selection, found)
    if chosen.out:
        write_document(chosen.out, document)


def _print(selection: Selection, found: Found) -> None:
    first, end = selection.span
    if found.lines:
        print_totals(found.lines)
    reported = f"{selection.sought.app} reported {sum(line.actions for line in found.lines):,} actions"
    console.print(f"[green]✓[/] {shown(reported)}, posted from {shown(first)} to {shown(end)}")


def main() -> None:
    parser = command_parser("operations.app_actions", __doc__)
    add_arguments(parser)
    parser.add_argument("--export", type=path, help="a folder with an export of the ledger's table, in DYNAMODB_JSON")
    parser.add_argument("--out", type=path, help="a file to which everything is written as JSON")
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        _list(chosen)


def _list(chosen: argparse.Namespace) -> None:
    selection = select(chosen, "app-actions")
    with exit_on_trouble(selection.known), opened(selection.file("app-actions")) as file:
        found = _find_in_export(selection, file, chosen) if chosen.export else find(selection, file)
        print_unreadable(found)
        _show(selection, found, chosen)
        file.delete()


if __name__ == "__main__":
    run_command(main)
