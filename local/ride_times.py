"""Reads the start of a ride from a cell, in each way in which it is published.

A date with its time is the local time of the system, and stays as it is. An offset or a `Z` behind it is left out. A
number is seconds or milliseconds since 1970 in UTC.
"""

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from local.ride_cells import BadCellError, is_missing, shortened

_TIME = re.compile(
    r"(?:(?P<Y>\d{4})[-/.](?P<M>\d\d?)[-/.](?P<D>\d\d?)"
    r"|(?P<m>\d\d?)/(?P<d>\d\d?)/(?P<y>\d{4}|\d\d)"
    r"|(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>\d{4}|\d\d))"
    r"(?:T|,?\s+)(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AP]M)?\s*(?:Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)
_SECONDS = re.compile(r"\d{9,10}(?:\.\d*)?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{12,13}(?:\.0*)?", re.ASCII)
_EARLIEST = datetime(1970, 1, 2)  # noqa: DTZ001 - as published

DAY_FIRST = "day before the month"
"""The reason why a row is bad whose date has slashes, and a first number that can only be a day."""

_MONTHS = 12

ZONES = {"starttimems": ZoneInfo("America/Toronto")}
"""The time zones of the systems that publish numbers, by the reduced name of the column. Only BIXI Montréal does."""


def start_time(cell: str, column: str, latest: datetime) -> datetime:
    """Return the local time, without a time zone, at which a ride started.

    ``column`` is the reduced name of the column, which may tell the time zone of a number. Without one, it is UTC.

    Raises:
        BadCellError: the cell has no time, or a time before 1970 or after ``latest``.
    """
    text = cell.strip()
    detail = f"start time {shortened(text)!r}"
    if is_missing(text):
        raise BadCellError("time missing", detail)
    try:
        started = _of_number(text, ZONES.get(column, UTC)) or _of_date(text)
    except (ValueError, OverflowError, OSError) as error:
        raise BadCellError("time unreadable", detail) from error
    if started is None:
        raise BadCellError("time unreadable", detail)
    if not _EARLIEST <= started <= latest:
        raise BadCellError("time out of range", detail)
    return started


def _of_number(text: str, zone: tzinfo) -> datetime | None:
    if _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text.partition(".")[0]), zone).replace(tzinfo=None)
    if _MILLISECONDS.fullmatch(text):
        return datetime.fromtimestamp(int(text.partition(".")[0]) // 1000, zone).replace(tzinfo=None)
    return None


def _of_date(text: str) -> datetime | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    written, month, day = (
        next(filter(None, (found[name] for name in names)))
        for names in (("Y", "y", "year"), ("M", "m", "month"), ("D", "d", "day"))
    )
    year, month, day = int(f"20{written}" if len(written) == 2 else written), int(month), int(day)  # noqa: PLR2004
    if found["m"] and month > _MONTHS >= day:
        raise BadCellError(DAY_FIRST, f"start time {text!r}")
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].upper() == "PM" else 0)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
