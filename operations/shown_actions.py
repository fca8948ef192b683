"""Shows what an app reported, in tables for a terminal with 80 columns, and as JSON with every line."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.console import console, shown
from local.tables import number, print_table
from operations.app_lines import AppLine
from operations.outliers import OwnerTotal, Total, by_owner, by_type
from operations.selection import Selection
from saxaul.catalog.calendar import Calendar
from saxaul.ledger.actions import Owner

MOST_OWNERS = 20
"""The most persons that the terminal shows. The JSON has all of them."""


def print_totals(lines: Sequence[AppLine]) -> None:
    """Print what the lines add up to by type and by person, the most unusual persons first."""
    _print("action type", by_type(lines))
    console.print()
    rows = by_owner(lines)
    shown_rows = {_named(row.owner): row.total for row in rows[:MOST_OWNERS]}
    _print("person, outliers first", shown_rows, [row.distance for row in rows[:MOST_OWNERS]])
    if len(rows) > MOST_OWNERS:
        console.print(f"and {len(rows) - MOST_OWNERS:,} more")


def _print(first: str, totals: Mapping[str, Total], distances: Sequence[float] = ()) -> None:
    last = "MADs above" if distances else "persons"
    ends = [f"{distance:,.1f}" for distance in distances] or [f"{total.owners:,}" for total in totals.values()]
    print_table(
        [first, *map(number, ("actions", "counting", "points", "kg", last))],
        [
            (name, total.actions, total.counting, total.points, f"{total.avoided_g / 1000:,.1f}", end)
            for (name, total), end in zip(totals.items(), ends, strict=True)
        ],
    )


def _named(owner: Owner) -> str:
    return owner.id if owner.kind == "user" else f"facility {owner.id}"


def document_of(selection: Selection, lines: Sequence[AppLine], calendar: Calendar) -> dict[str, Any]:
    """Return everything that was found as a JSON object."""
    first, end = selection.span
    return {
        "app_id": selection.sought.app,
        "from": first,
        "to": end,
        "types": {name: _total_of(total) for name, total in by_type(lines).items()},
        "persons": [_owner_total_of(row) for row in by_owner(lines)],
        "actions": [_line_of(line, calendar) for line in lines],
    }


def _total_of(total: Total) -> dict[str, Any]:
    counted = {name: getattr(total, name) for name in ("actions", "counting", "points")}
    return {**counted, "avoided_g": float(total.avoided_g)}


def _owner_total_of(row: OwnerTotal) -> dict[str, Any]:
    return {**_owner_of(row.owner), **_total_of(row.total), "mads_above_median": round(row.distance, 2)}


def _line_of(line: AppLine, calendar: Calendar) -> dict[str, Any]:
    return {
        **_owner_of(line.owner),
        "action_id": line.action_id,
        "action_type": line.type,
        "summed": line.summed or None,
        "quantity": float(line.quantity),
        "occurred_at": calendar.rfc3339(line.occurred_at),
        "recorded_at": calendar.rfc3339(line.recorded_at),
        "points": line.points,
        "avoided_g": float(line.avoided_g),
        "standing": line.standing,
    }


def _owner_of(owner: Owner) -> dict[str, Any]:
    return {f"{owner.kind}_id": owner.id}


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write a document to a file that only its owner may read, and name the file. One that is there is replaced.

    Raises:
        OSError: it could not be written. A file that was there is as it was.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=True, indent=1)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    console.print(f"all of it: {shown(path)}")
