"""Parses lists of published bike rides, line by line.

A row that is not a valid ride is returned as a bad row, with its line number and the reason. A list begins with a
header, whose columns `local/ride_columns.py` knows, in any order and case. If another header follows, for example in a
file that joins two months, it applies to the lines after it. A cell cannot contain a line break, so a quoted cell must
end on the line on which it begins.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

from local.ride_cells import BadCellError, Place, empty_behind, fitted, is_missing, place, row_of, shortened
from local.ride_columns import plain
from local.ride_files import Line, NotRidesError, Source, lines
from local.ride_headers import ENDS, Header, header_of, is_like_a_header
from local.ride_stations import FIRST_LINES, Atlas
from local.ride_times import start_time
from saxaul.catalog.areas import distance_km

LONGEST_ID = 128
"""The most characters that the API accepts in a user's id."""

_USERS = {"user": "", "bike": "bike", "start_station_id": "station", "start_station_name": "station"}
"""The columns that may identify the user, and how the user's id then begins: with this word, or the column's name."""


class Ride(NamedTuple):
    """A published ride. ``key`` is a hash of its row. ``started`` has no time zone, as published.

    The distance is rounded to a metre. ``line`` is the number of its line in its list.
    """

    key: str
    user: str
    started: datetime
    distance_km: float
    line: int = 0


class BadRow(NamedTuple):
    """A line that is not a valid ride. ``reason`` is one of a fixed set; ``detail`` has the wrong values, if any."""

    source: Source
    line: int
    reason: str
    detail: str
    text: str


class RideList(NamedTuple):
    """A list of rides, and how it is read.

    Attributes:
        columns: the names of columns that are not the known ones, by meaning.
        atlas: where stations are.
        latest: no ride can have started later, in local time without a time zone.
    """

    source: Source
    encoding: str
    columns: Mapping[str, str]
    atlas: Atlas
    latest: datetime


def rides_in(
    rides: RideList, tell: Callable[[int], None] = lambda _: None, on_header: Callable[[Header], None] = lambda _: None
) -> Iterator[Ride | BadRow]:
    """Yield each row of a list of rides, as a ride or as a bad row.

    ``tell`` is called with the number of bytes read, and ``on_header`` with each header.

    Raises:
        NotRidesError: the list does not begin with a header that has all needed columns.
        UnreadableFileError: the file is damaged.
    """
    numbered = lines(rides.source, rides.encoding, tell)
    first, above = _first_header(rides, numbered)
    on_header(first)
    yield from (BadRow(rides.source, line.number, "above the header", "", line.text) for line in above)
    header: Header | None = first
    is_first = True
    for line in numbered:
        try:
            header, cells = _cells_of(line, header, is_first=is_first)
            is_first = False
            yield _ride(cells, header, rides)._replace(line=line.number)
        except BadCellError as bad:
            reason, detail = bad.reason, bad.detail
            if is_like_a_header(line.text):
                reason, detail, header = _read_second_header(line.text, rides)
                is_first = True
                if header:
                    on_header(header)
            yield BadRow(rides.source, line.number, reason, detail, line.text)


def user_id(column: str, cell: str) -> str:
    """Return a user id that the API accepts, made of a column's name and a cell. Different cells give different ids.

    Letters, digits and ``_.-~`` are kept. Every other byte of the UTF-8 text becomes ``=`` and two hexadecimal digits.
    An id of more than 128 characters is cut, and then ends in ``==`` and a hash.
    """
    full = "-".join(quote(text, safe="").replace("%", "=") for text in (column, cell))
    if len(full) <= LONGEST_ID:
        return full
    mark = "==" + hashlib.sha256(full.encode()).hexdigest()[:40]
    return full[: LONGEST_ID - len(mark)] + mark


def _first_header(rides: RideList, numbered: Iterator[Line]) -> tuple[Header, list[Line]]:
    """Return the first header of a list, and the lines above it that are not blank."""
    above: list[Line] = []
    first: NotRidesError | None = None
    for line in numbered:
        if not line.text.strip():
            continue
        try:
            return _header(line.text, rides), above
        except NotRidesError as error:
            first = first or error
            above.append(line)
            if len(above) == FIRST_LINES or is_like_a_header(line.text):
                raise (error if is_like_a_header(line.text) else first) from None
    raise first or NotRidesError(f"{rides.source.name} is empty.")


def _header(text: str, rides: RideList) -> Header:
    """Return a header. Raises NotRidesError if the list has no coordinates, and there is no list of stations."""
    name = rides.source.name
    header = header_of(text, name, rides.columns)
    if header.needs_stations and not rides.atlas.lists:
        raise NotRidesError(
            f"{name} has stations without coordinates, and there is no list of stations beside it.",
            "Give one: STATIONS=stations.csv, with the columns id, name, latitude and longitude, or the file "
            "station_information.json of the system's GBFS feed.",
            has_columns=True,
        )
    return header


def _cells_of(line: Line, header: Header | None, *, is_first: bool) -> tuple[Header, list[str]]:
    """Return the cells of a row, and the header that holds from this row on.

    Each row may have as many empty cells behind the last column as the first row below the header has.
    """
    if header is None:
        raise BadCellError("below a header that cannot be read" if line.text.strip() else "blank line")
    cells = row_of(line, header.separator)
    if is_first:
        header = header._replace(surplus=empty_behind(cells, len(header.names)))
    return header, fitted(cells, len(header.names), header.surplus, ended=line.ended)


def _ride(cells: list[str], header: Header, rides: RideList) -> Ride:
    start, end = (_place(cells, header, end, rides.atlas) for end in ENDS)
    column = header.columns["start_time"]
    started = start_time(cells[column], plain(header.names[column]), rides.latest)
    key = hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:20]
    return Ride(key, _user(cells, header, start), started, round(distance_km(*start, *end), 3))


def _place(cells: list[str], header: Header, end: str, atlas: Atlas) -> Place:
    """Return the place of an end of a ride: its coordinates, or else the place of its station.

    Raises:
        BadCellError: neither is known.
    """

    def cell(what: str) -> str:
        column = header.columns.get(f"{end}_{what}")
        return "" if column is None or is_missing(cells[column]) else cells[column].strip()

    station, name = cell("station_id"), cell("station_name")
    if header.has(end, "lat", "lng"):
        try:
            return place(
                cells[header.columns[f"{end}_lat"]], cells[header.columns[f"{end}_lng"]], header.separator, end
            )
        except BadCellError as bad:
            if bad.reason != "coordinate missing":
                raise
            if found := atlas.place_of(station, name):
                return found
            raise
    if found := atlas.place_of(station, name):
        return found
    if station or name:
        raise BadCellError("station unknown", f"{end} station {shortened(' '.join(filter(None, (station, name))))!r}")
    raise BadCellError("station missing", f"{end} station")


def _user(cells: list[str], header: Header, start: Place) -> str:
    """Return the user id of a ride: the column that COLUMNS= names, or the bike, or the station where it began.

    If the row has none of them, the id is the ride's start, rounded to a kilometre.
    """
    wanted = ["user"] if "user" in header.columns else list(_USERS)
    for meaning in wanted:
        column = header.columns.get(meaning)
        if column is not None and not is_missing(cells[column]):
            return user_id(_USERS[meaning] or plain(header.names[column]), cells[column])
    latitude, longitude = (round(degrees, 2) + 0.0 for degrees in start)
    return f"at~{latitude:.2f}~{longitude:.2f}"


def _read_second_header(text: str, rides: RideList) -> tuple[str, str, Header | None]:
    try:
        return "header again", "", _header(text, rides)
    except NotRidesError as error:
        return "header that cannot be read", error.why, None
