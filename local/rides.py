"""Parses lists of published bike rides, line by line.

A row that is not a valid ride is returned as a bad row, with its line number and the reason. A list begins with a
header: Citi Bike's old columns (`starttime`, `start station latitude`, `bikeid` …) or the new ones (`started_at`,
`start_lat`, `start_station_id` …), in any order and case. If another header follows, for example in a file that joins
two months, it applies to the lines after it. A cell cannot contain a line break, so a quoted cell must end on the line
on which it begins.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote

from local.ride_files import LONGEST_LINE, Line, NotRidesError, Source, lines
from local.ride_headers import AXES, Header, header_of, is_like_a_header, shortened
from saxaul.trees.reach import distance_km

LONGEST_ID = 128
"""The most characters that the API accepts in a user's id."""

_LIMITS = (90, 180, 90, 180)
"""The largest absolute value of each coordinate in ``AXES``, in degrees."""
_MISSING = {"", "null", "na", "n/a", "nan", "none", "nil", "\\n", "-"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_TIME = re.compile(
    r"(?:(?P<Y>\d{4})[-/](?P<M>\d\d?)[-/](?P<D>\d\d?)|(?P<m>\d\d?)/(?P<d>\d\d?)/(?P<y>\d{4}|\d\d))"
    r"(?:T|\s+)(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AP]M)?\s*(?:Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)
_EARLIEST = datetime(1970, 1, 2)  # noqa: DTZ001 - as published


class Ride(NamedTuple):
    """A published ride. ``key`` is a hash of its row. ``started`` has no time zone, as published.

    The distance is rounded to a metre.
    """

    key: str
    user: str
    started: datetime
    distance_km: float


class BadRow(NamedTuple):
    """A line that is not a valid ride. ``reason`` is one of a fixed set; ``detail`` has the wrong values, if any."""

    source: Source
    line: int
    reason: str
    detail: str
    text: str


class _BadRowError(Exception):
    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail


def rides_in(source: Source, encoding: str, user_column: str | None, today: datetime) -> Iterator[Ride | BadRow]:
    """Yield each row of a list of rides, as a ride or as a bad row.

    Raises:
        NotRidesError: the list does not begin with a header that has all needed columns.
        UnreadableFileError: the file is damaged.
    """
    header: Header | None = None
    begun = False
    latest = today.replace(tzinfo=None) + timedelta(days=1)
    for line in lines(source, encoding):
        try:
            if not begun and line.text.strip():
                header, begun = header_of(line.text, source.name, user_column), True
                continue
            yield _ride(line, header, latest)
        except _BadRowError as bad:
            reason, detail = bad.reason, bad.detail
            if is_like_a_header(line.text):
                reason, detail, header = _read_second_header(line.text, source.name, user_column)
            yield BadRow(source, line.number, reason, detail, line.text)
    if not begun:
        raise NotRidesError(f"{source.name} is empty.")


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


def _ride(line: Line, header: Header | None, latest: datetime) -> Ride:
    if not line.text.strip():
        raise _BadRowError("blank line")
    if header is None:
        raise _BadRowError("below a header that cannot be read")
    cells = _cells(line, header)
    places = [
        _degrees(cells[column], axis, limit) for column, axis, limit in zip(header.places, AXES, _LIMITS, strict=True)
    ]
    key = hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:20]
    started = _time(cells[header.started], latest)
    return Ride(key, _user(cells, header, places), started, round(distance_km(*places), 3))


def _cells(line: Line, header: Header) -> list[str]:
    if len(line.text) > LONGEST_LINE:
        raise _BadRowError("line too long", f"more than {LONGEST_LINE:,} characters")
    if "\0" in line.text:
        raise _BadRowError("NUL character")
    try:
        (cells,) = csv.reader([line.text], delimiter=header.separator, strict=True)
    except csv.Error as error:
        unclosed = "unexpected end" in str(error)
        raise _BadRowError("quote not closed" if unclosed else "text behind a quote") from error
    surplus = len(cells) - len(header.names)
    counts = f"{len(cells)} columns where the header has {len(header.names)}"
    if surplus < 0:
        raise _BadRowError("too few columns" if line.ended else "last line cut short", counts)
    if surplus > 0:
        raise _BadRowError("too many columns" if any(cells[-surplus:]) else "trailing separator", counts)
    return cells


def _degrees(cell: str, axis: str, limit: int) -> float:
    text = cell.strip()
    detail = f"{axis} {shortened(text)!r}"
    if text.lower() in _MISSING:
        raise _BadRowError("coordinate missing", detail)
    if _INFINITE.fullmatch(text):
        raise _BadRowError("coordinate out of range", detail)
    if not _NUMBER.fullmatch(text):
        raise _BadRowError("coordinate not a number", detail)
    degrees = float(text)
    if not -limit <= degrees <= limit:
        raise _BadRowError("coordinate out of range", detail)
    return degrees


def _time(cell: str, latest: datetime) -> datetime:
    text = cell.strip()
    found = _TIME.fullmatch(text)
    if text.lower() in _MISSING:
        raise _BadRowError("time missing", f"start time {text!r}")
    if found is None:
        raise _BadRowError("time unreadable", f"start time {shortened(text)!r}")
    year, month, day = (int(found[long] or found[short]) for long, short in ("Yy", "Mm", "Dd"))
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].upper() == "PM" else 0)
    try:
        started = datetime(year + 2000 * (year < 100), month, day, hour, minute, second)  # noqa: DTZ001, PLR2004
    except ValueError as error:
        raise _BadRowError("time unreadable", f"start time {text!r}") from error
    if not _EARLIEST <= started <= latest:
        raise _BadRowError("time out of range", f"start time {text!r}")
    return started


def _user(cells: list[str], header: Header, places: list[float]) -> str:
    """Return the user id of a ride. If the row has no user, the id is the ride's start, rounded to a kilometre."""
    if header.user is not None and cells[header.user].strip().lower() not in _MISSING:
        return user_id(header.names[header.user], cells[header.user])
    latitude, longitude = (round(degrees, 2) + 0.0 for degrees in places[:2])
    return f"at~{latitude:.2f}~{longitude:.2f}"


def _read_second_header(text: str, name: str, user_column: str | None) -> tuple[str, str, Header | None]:
    try:
        return "header again", "", header_of(text, name, user_column)
    except NotRidesError as error:
        return "header that cannot be read", str(error), None
