"""Splits the lines of lists into cells, and reads coordinates from cells."""

import csv
import re

from local.ride_files import LONGEST_LINE, Line

SEPARATORS = (",", ";", "\t", "|")
"""The separators of cells, by falling preference."""

_MISSING = {"", "null", "na", "n/a", "nan", "none", "nil", "\\n", "-"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_LIMITS = {"latitude": 90, "longitude": 180}

Place = tuple[float, float]
"""A latitude and a longitude, in degrees."""


class BadCellError(Exception):
    """A line is not a valid row. ``reason`` is one of a fixed set; ``detail`` has the wrong values, if any."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def is_missing(cell: str) -> bool:
    """Return whether a cell is empty, or has one of the words that programs write for no value."""
    return cell.strip().lower() in _MISSING


def shortened(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


def split(text: str, separator: str) -> list[str]:
    """Return the cells of a line.

    Raises:
        BadCellError: a quote is not closed, or is followed by more than a separator.
    """
    try:
        (cells,) = csv.reader([text], delimiter=separator, strict=True)
    except csv.Error as error:
        unclosed = "unexpected end" in str(error)
        raise BadCellError("quote not closed" if unclosed else "text behind a quote") from error
    return cells


def row_of(line: Line, separator: str) -> list[str]:
    """Return the cells of a line that may be a row.

    Raises:
        BadCellError: the line is blank, too long, has a NUL character, or a wrong quote.
    """
    if not line.text.strip():
        raise BadCellError("blank line")
    if len(line.text) > LONGEST_LINE:
        raise BadCellError("line too long", f"more than {LONGEST_LINE:,} characters")
    if "\0" in line.text:
        raise BadCellError("NUL character")
    return split(line.text, separator)


def empty_behind(cells: list[str], columns: int) -> int:
    """Return how many cells a row has behind its last column, or 0 if one of them has a text."""
    return 0 if any(cells[columns:]) else max(0, len(cells) - columns)


def fitted(cells: list[str], columns: int, surplus: int, *, ended: bool) -> list[str]:
    """Return the cells of a row, one for each column. Up to ``surplus`` empty cells behind them are left out.

    ``ended`` is whether the line of the row had a line ending.

    Raises:
        BadCellError: the row does not have the right number of cells.
    """
    counts = f"{len(cells)} columns where the header has {columns}"
    if len(cells) < columns:
        raise BadCellError("too few columns" if ended else "last line cut short", counts)
    if any(cells[columns:]):
        raise BadCellError("too many columns", counts)
    if len(cells) > columns + surplus:
        raise BadCellError("trailing separator", counts)
    return cells[:columns]


def degrees(cell: str, axis: str, separator: str) -> float:
    """Return a coordinate in degrees. ``axis`` is its name, which ends in ``latitude`` or ``longitude``.

    The decimal sign may be a comma if the separator of the cells is another one.

    Raises:
        BadCellError: the cell is no number, or the number is out of range.
    """
    text = cell.strip()
    detail = f"{axis} {shortened(text)!r}"
    if separator != "," and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if is_missing(text):
        raise BadCellError("coordinate missing", detail)
    if _INFINITE.fullmatch(text):
        raise BadCellError("coordinate out of range", detail)
    if not _NUMBER.fullmatch(text):
        raise BadCellError("coordinate not a number", detail)
    found = float(text)
    limit = _LIMITS[axis.rpartition(" ")[2]]
    if not -limit <= found <= limit:
        raise BadCellError("coordinate out of range", detail)
    return found


def place(latitude: str, longitude: str, separator: str, whose: str) -> Place:
    """Return the place of two coordinates. ``whose`` begins the names of the coordinates in details.

    Raises:
        BadCellError: a coordinate is missing or not valid. A place at 0, 0 is missing: published files have it so.
    """
    found = degrees(latitude, f"{whose} latitude", separator), degrees(longitude, f"{whose} longitude", separator)
    if found == (0, 0):
        raise BadCellError("coordinate missing", f"{whose} latitude and longitude are 0")
    return found
