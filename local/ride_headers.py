"""Finds the columns of a list of rides or stations from its header line.

The columns may be in any order, their names in upper or lower case, with spaces or underscores, and the separator a
comma, a semicolon, a tab or a bar.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from local.ride_cells import SEPARATORS, BadCellError, shortened, split
from local.ride_columns import KNOWN, RIDE_COLUMNS, STATION_COLUMNS, column_of, plain
from local.ride_files import LONGEST_LINE, NotRidesError

ENDS = ("start", "end")
"""The two ends of a ride, as their names begin in the meanings of columns."""

_KNOWN_NAMES = {name for names in KNOWN.values() for name in names}
_HEADER_COLUMNS = 3
"""A line with at least this many known column names counts as a header."""


class Header(NamedTuple):
    """The separator and the column numbers of a list of rides.

    Attributes:
        names: the names of all columns, as they are in the file.
        columns: the number of the column for each meaning that the list has.
        surplus: how many empty cells each row may have behind the last column.
    """

    separator: str
    names: list[str]
    columns: dict[str, int]
    surplus: int = 0

    def has(self, end: str, *whats: str) -> bool:
        return all(f"{end}_{what}" in self.columns for what in whats)

    @property
    def needs_stations(self) -> bool:
        """Whether the place of an end is known only by its station."""
        return not all(self.has(end, "lat", "lng") for end in ENDS)

    @property
    def mapping(self) -> tuple[tuple[str, str], ...]:
        """The meanings that the list has, each with the name of its column."""
        return tuple((meaning, self.names[column].strip()) for meaning, column in self.columns.items())


class StationHeader(NamedTuple):
    """The separator and the column numbers of a list of stations. ``ids`` and ``names`` may be empty, but not both."""

    separator: str
    width: int
    latitude: int
    longitude: int
    ids: list[int]
    names: list[int]


def header_of(text: str, name: str, given: Mapping[str, str]) -> Header:
    """Return the columns and the separator of a list of rides from its header.

    ``name`` is the list's name for error messages. ``given`` has the names of columns that are not the known ones, by
    meaning.

    Raises:
        NotRidesError: the line is not a header, or a needed column is missing.
    """
    if "\0" in text or len(text) > LONGEST_LINE:
        raise NotRidesError(
            f"{name} is not a CSV file: its first line has a NUL character or more than {LONGEST_LINE:,} characters."
        )
    separator, names = _read(text, _KNOWN_NAMES | {plain(column) for column in given.values()})
    reduced = [plain(column) for column in names]
    columns: dict[str, int] = {}
    for meaning in RIDE_COLUMNS:
        found = column_of(reduced, [plain(given[meaning])] if meaning in given else KNOWN[meaning])
        if found is None and meaning in given:
            raise NotRidesError(f"{name} has no column {given[meaning]!r}; it has {_listed(names)}.")
        if found is not None:
            columns[meaning] = found
    header = Header(separator, names, columns)
    if not columns:
        raise _no_header(text, name)
    missing = _missing(header)
    if missing:
        what, advice = missing
        why = f"{name} has no known column for {what}; it has {_listed(names)}."
        raise NotRidesError(why, advice, has_columns=True)
    return header


def station_header_of(text: str, given: Mapping[str, str]) -> StationHeader | None:
    """Return the columns and the separator of a list of stations from its header, or None if the line is none.

    ``given`` has the names of columns that are not the known ones, by meaning.
    """
    if "\0" in text or len(text) > LONGEST_LINE:
        return None
    wanted = {
        meaning: [plain(name) for name in ([given[meaning]] if meaning in given else names)]
        for meaning, names in STATION_COLUMNS.items()
    }
    separator, names = _read(text, {name for names in wanted.values() for name in names})
    reduced = [plain(name) for name in names]
    latitude, longitude = (column_of(reduced, wanted[f"station_{axis}"]) for axis in ("lat", "lng"))
    ids, called = (
        [reduced.index(name) for name in wanted[meaning] if name in reduced]
        for meaning in ("station_id", "station_name")
    )
    has_rides = column_of(reduced, KNOWN["start_time"]) is not None
    if latitude is None or longitude is None or not (ids or called) or has_rides:
        return None
    return StationHeader(separator, len(names), latitude, longitude, ids, called)


def is_like_a_header(text: str) -> bool:
    """Return whether a line has at least three names of columns that published files use."""
    beginning = text[: LONGEST_LINE + 1]
    return any(
        len(_KNOWN_NAMES & {plain(cell) for cell in beginning.split(separator)}) >= _HEADER_COLUMNS
        for separator in SEPARATORS
    )


def _read(text: str, known: set[str]) -> tuple[str, list[str]]:
    """Return the separator with which a line has the most known names, and the cells of the line."""
    read = [(separator, _cells(text, separator)) for separator in SEPARATORS]
    return max(read, key=lambda one: (len(known & {plain(cell) for cell in one[1]}), len(one[1])))


def _cells(text: str, separator: str) -> list[str]:
    try:
        return split(text, separator)
    except BadCellError:
        return text.split(separator)


def _missing(header: Header) -> tuple[str, str] | None:
    """Return the first thing that a list of rides lacks, and what a person can do, or None if it has everything."""
    if "start_time" not in header.columns:
        return "the start time", "Name it: COLUMNS='start_time=…'"
    for end in ENDS:
        if not (header.has(end, "lat", "lng") or header.has(end, "station_id") or header.has(end, "station_name")):
            coordinates, station = f"{end}_lat=…,{end}_lng=…", f"{end}_station_id=…"
            advice = f"Name the columns of its coordinates, COLUMNS='{coordinates}', or of its station, "
            return f"the place where a ride {end}s", f"{advice}COLUMNS='{station}'."
    return None


def _no_header(text: str, name: str) -> NotRidesError:
    if text.lstrip().startswith("<"):
        return NotRidesError(
            f"{name} is a web page or XML and not a list of rides.", "Download the file of the rides again."
        )
    return NotRidesError(
        f"{name} has no header with known columns; its first line is {shortened(text)!r}.",
        "If that is a header, name its columns: "
        "COLUMNS='start_time=…,start_lat=…,start_lng=…,end_lat=…,end_lng=…'. docs/replay.md lists all meanings.",
    )


def _listed(names: Sequence[str]) -> str:
    return shortened(", ".join(name.strip() for name in names), 1000)
