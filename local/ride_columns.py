"""The columns of ride files and station lists by what they mean: published names, and names that a person gives.

Names are compared by :func:`plain`, so `Start Station ID`, `start_station_id` and `startStationId` are one name. If a
file has several columns for one meaning, the first name of the table counts.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType

RIDE_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "start_time": (
            "started_at",
            "start_time",
            "start_date",
            "STARTTIMEMS",
            "01 - Rental Details Local Start Time",
            "trip_start_time",
        ),
        "start_lat": (
            "start_lat",
            "start_station_latitude",
            "start_latitude",
            "start_station_lat",
            "latitude_start",
        ),
        "start_lng": (
            "start_lng",
            "start_lon",
            "start_long",
            "start_station_longitude",
            "start_longitude",
            "start_station_lng",
            "start_station_lon",
            "longitude_start",
        ),
        "end_lat": (
            "end_lat",
            "end_station_latitude",
            "end_latitude",
            "end_station_lat",
            "latitude_end",
        ),
        "end_lng": (
            "end_lng",
            "end_lon",
            "end_long",
            "end_station_longitude",
            "end_longitude",
            "end_station_lng",
            "end_station_lon",
            "longitude_end",
        ),
        "start_station_id": (
            "start_station_id",
            "start_station_number",
            "start_station_code",
            "emplacement_pk_start",
            "from_station_id",
            "03 - Rental Start Station ID",
            "start_terminal",
            "strt_statn",
        ),
        "start_station_name": (
            "start_station_name",
            "start_station",
            "from_station_name",
            "03 - Rental Start Station Name",
        ),
        "end_station_id": (
            "end_station_id",
            "end_station_number",
            "end_station_code",
            "emplacement_pk_end",
            "to_station_id",
            "02 - Rental End Station ID",
            "end_terminal",
            "end_statn",
        ),
        "end_station_name": (
            "end_station_name",
            "end_station",
            "to_station_name",
            "02 - Rental End Station Name",
        ),
        "bike": (
            "bike_id",
            "bike_number",
            "Bike#",
            "01 - Rental Details Bike ID",
            "bike_nr",
        ),
        "user": (),
    }
)
"""The meanings of a ride file's columns, and their published names. docs/replay.md says which system has which.

``user`` is the column that identifies the user if neither the bike nor the start station should. No known column does.
"""

STATION_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "station_id": ("station_id", "terminal_number", "code", "pk", "number", "short_name", "id", "terminal"),
        "station_name": ("name", "station_name", "station", "address"),
        "station_lat": ("latitude", "lat"),
        "station_lng": ("longitude", "lng", "lon", "long"),
    }
)
"""The meanings of a station list's columns. A list may have several columns of ids and of names: all are used."""

_MEANINGS = (*RIDE_COLUMNS, *STATION_COLUMNS)
_NEXT = re.compile(r",(?=\s*\w+\s*=)")


class ColumnsError(ValueError):
    """The text of COLUMNS= cannot be used. The message is a sentence that says why."""


def plain(name: str) -> str:
    """Reduce the name of a column to its letters and digits in lower case."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum())


KNOWN = {meaning: [plain(name) for name in names] for meaning, names in RIDE_COLUMNS.items()}
"""The reduced names of a ride file's columns, by meaning."""


def parse_columns(text: str) -> dict[str, str]:
    """Return the name of the column for each meaning, from a text such as ``start_time=Abfahrt,user=Rad``.

    A name may contain commas and equals signs, unless a comma is followed by a word and an equals sign.

    Raises:
        ColumnsError: a part has no name, its meaning is unknown, or a meaning or a column is named twice.
    """
    given: dict[str, str] = {}
    for part in _NEXT.split(text):
        meaning, equals, name = (piece.strip() for piece in part.partition("="))
        if not (equals and plain(name)):
            raise ColumnsError(
                f"{part.strip()!r} names no column: write meaning=column, for example COLUMNS='start_time=Abfahrt'."
            )
        if meaning not in _MEANINGS:
            raise ColumnsError(f"COLUMNS has no meaning {meaning!r}. The meanings are {', '.join(_MEANINGS)}.")
        if meaning in given:
            raise ColumnsError(f"COLUMNS names two columns for {meaning}: {given[meaning]!r} and {name!r}.")
        same = (before for before, named in given.items() if plain(named) == plain(name))
        other = next((before for before in same if (before in RIDE_COLUMNS) == (meaning in RIDE_COLUMNS)), None)
        if other and "user" not in {meaning, other}:
            raise ColumnsError(f"COLUMNS gives the column {name!r} two meanings: {other} and {meaning}.")
        given[meaning] = name
    return given


def column_of(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Return the number of the first column that has one of these reduced names, in the order of ``wanted``."""
    return next((names.index(name) for name in wanted if name in names), None)
