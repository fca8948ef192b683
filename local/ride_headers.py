"""Finds the columns of a list of rides from its header line, which has Citi Bike's old or new column names.

The columns may be in any order, their names in upper or lower case, and the separator a comma, a semicolon or a tab.
"""

import csv
from collections.abc import Sequence
from typing import NamedTuple

from local.ride_files import LONGEST_LINE, NotRidesError

_SEPARATORS = (",", ";", "\t")
_STARTED = ("startedat", "starttime", "startdate")
_PLACES = tuple(
    (f"{end}{axis[:3]}", f"{end}station{axis}", f"{end}{axis}", *others)
    for end in ("start", "end")
    for axis, others in (("latitude", ()), ("longitude", (f"{end}lng", f"{end}lon")))
)
_USERS = ("bikeid", "startstationid")
_KNOWN = {name for names in (_STARTED, *_PLACES, _USERS) for name in names}
_HEADER_COLUMNS = 3
"""A line with at least this many known column names counts as a header."""

AXES = ("start latitude", "start longitude", "end latitude", "end longitude")
"""The coordinates of a ride, in the order of ``Header.places``."""


class Header(NamedTuple):
    """The separator and the column numbers of a list of rides.

    ``names`` are the names of all columns, reduced to letters and digits in lower case. ``places`` are the numbers of
    the columns with the coordinates in ``AXES``. ``user`` is None if no column identifies the user.
    """

    separator: str
    names: list[str]
    started: int
    places: list[int]
    user: int | None


def header_of(text: str, name: str, user_column: str | None) -> Header:
    """Return the columns and the separator of a list of rides from its first line.

    ``name`` is the list's name for error messages. ``user_column`` names the column that identifies the user. If it is
    None, the column of the bike is used, or else that of the start station.

    Raises:
        NotRidesError: the line is not a header, or a needed column is missing.
    """
    if "\0" in text or len(text) > LONGEST_LINE:
        raise NotRidesError(
            f"{name} is not a CSV file: its first line has a NUL character or more than {LONGEST_LINE:,} characters."
        )
    read = [(separator, _cells_of_header(text, separator)) for separator in _SEPARATORS]
    separator, cells = max(read, key=lambda one: (len(_KNOWN & {_plain(cell) for cell in one[1]}), len(one[1])))
    names = [_plain(cell) for cell in cells]
    found = [_column(names, wanted) for wanted in (_STARTED, *_PLACES)]
    missing = [what for what, column in zip(("start time", *AXES), found, strict=True) if column is None]
    if len(missing) == len(found):
        raise NotRidesError(f"{name} has no header in the Citi Bike format; its first line is {shortened(text)!r}.")
    if missing:
        raise NotRidesError(f"{name} is not in the Citi Bike format: it has no column for the {missing[0]}.")
    user = _column(names, [_plain(user_column)] if user_column else _USERS)
    if user_column and user is None:
        raise NotRidesError(f"{name} has no column {user_column!r}; it has {shortened(', '.join(cells), 1000)}.")
    started, *places = (column for column in found if column is not None)
    return Header(separator, names, started, places, user)


def is_like_a_header(text: str) -> bool:
    """Return whether a line has at least three names of columns that Citi Bike uses."""
    beginning = text[: LONGEST_LINE + 1]
    return any(
        len(_KNOWN & {_plain(cell) for cell in beginning.split(separator)}) >= _HEADER_COLUMNS
        for separator in _SEPARATORS
    )


def _cells_of_header(text: str, separator: str) -> list[str]:
    try:
        (cells,) = csv.reader([text], delimiter=separator, strict=True)
    except csv.Error:
        return text.split(separator)
    return cells


def _column(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def shortened(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else text[:longest] + "…"
