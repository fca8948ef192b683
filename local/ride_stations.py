"""The places of stations, for ride files that name only the stations of a ride.

A list of stations is a CSV file with the coordinates and the ids or names of stations, or the `station_information` of
a system's GBFS feed. Ids and names are compared without regard to case, spaces, thousands separators, and `.0`.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from local.ride_cells import BadCellError, Place, fitted, is_missing, place, row_of
from local.ride_files import Line, NotRidesError, Source, content, lines
from local.ride_headers import StationHeader, header_of, station_header_of

FIRST_LINES = 10
"""A header is looked for in this many lines that are not blank. Some files have a title or a date above it."""

_FEED_IDS = 2
"""A feed has two ids of each station: ``station_id``, and ``short_name``, which is painted on it."""

_LARGEST_FEED = 64 << 20  # bytes; the largest feed has about 1.4 MB
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:\.0*)?", re.ASCII)
_NUMBERED = re.compile(r"(.*\S)\s*\(([^()]+)\)\s*")
_YEAR = re.compile(r"(?<!\d)(20\d\d)(?=\D|\d\d(?:\D|$)|\d{4}(?:\D|$)|$)")


class _Row(NamedTuple):
    """A station: the texts of its ids and names, and its place, or None if it has none."""

    ids: Sequence[str]
    names: Sequence[str]
    place: Place | None


class Stations(NamedTuple):
    """The places of the stations of one list.

    Attributes:
        source: the list.
        by_id: the places for each column of ids, in the order in which they are tried.
        by_name: the places by name.
        left_out: how many rows of the list have no place.
    """

    source: Source
    by_id: list[dict[str, Place]]
    by_name: dict[str, Place]
    left_out: int

    @property
    def stations(self) -> int:
        """How many stations the list has."""
        return max(len(self.by_name), *map(len, self.by_id), 0)


class Atlas:
    """Several lists of stations, of which the first that has a station counts."""

    def __init__(self, lists: Sequence[Stations]) -> None:
        self.lists = tuple(lists)
        self.place_of = lru_cache(maxsize=1 << 16)(self._place_of)

    def _place_of(self, station_id: str, name: str) -> Place | None:
        """Return the place of a station with this id or else this name, or None if no list has it.

        Early files of Capital Bikeshare have the id behind the name: `10th & U St NW (31111)`.
        """
        numbered = _NUMBERED.fullmatch(name)
        called, number = numbered.groups() if numbered else (name, "")
        for stations in self.lists:
            tried = [(by_id, text) for text in (station_id, number) for by_id in stations.by_id]
            tried += [(stations.by_name, text) for text in (name, called, station_id)]
            tried += [(by_id, name) for by_id in stations.by_id]
            for places, text in tried:
                if text and (found := places.get(_key(text))):
                    return found
        return None


def stations_in(source: Source, encoding: str, columns: Mapping[str, str]) -> Stations | None:
    """Return the stations of a list, or None if it is not a list of stations.

    ``columns`` are the names of columns that are not the known ones, by meaning.

    Raises:
        NotRidesError: it is JSON, but not the feed of a system's stations.
        UnreadableFileError: the file is damaged, or cannot be unpacked.
    """
    numbered = lines(source, encoding)
    for line in islice((line for line in numbered if line.text.strip()), FIRST_LINES):
        if line.text.lstrip().startswith(("{", "[")):
            return _collect(source, _FEED_IDS, _rows_of_feed(source))
        if _begins_rides(line.text, columns):
            return None
        if header := station_header_of(line.text, columns):
            return _collect(source, len(header.ids), _rows_of_list(header, numbered))
    return None


def nearest_first(rides: Source, lists: Sequence[Stations]) -> list[Stations]:
    """Return the lists in the order in which a list of rides looks for its stations.

    A system may give a station's id to another station in a later year. So the lists in the same folder of a zip come
    first, and among them those of the same year.
    """

    def distance(stations: Stations) -> tuple[int, int]:
        mine, theirs = rides.name.split("/")[:-1], stations.source.name.split("/")[:-1]
        common = next((at for at, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), len(mine))
        return -min(common, len(theirs)), _years_between(rides.name, stations.source.name)

    return sorted(lists, key=distance)


def _collect(source: Source, id_columns: int, rows: Iterable[_Row]) -> Stations:
    by_id: list[dict[str, Place]] = [{} for _ in range(id_columns)]
    by_name: dict[str, Place] = {}
    left_out = 0
    for row in rows:
        if row.place is None:
            left_out += 1
            continue
        for places, text in [*zip(by_id, row.ids, strict=True), *((by_name, name) for name in row.names)]:
            if not is_missing(text):
                places[_key(text)] = row.place
    return Stations(source, by_id, by_name, left_out)


def _rows_of_list(header: StationHeader, numbered: Iterable[Line]) -> Iterator[_Row]:
    for line in numbered:
        if not line.text.strip():
            continue
        try:
            cells = row_of(line, header.separator)
            cells = fitted(cells, header.width, surplus=len(cells), ended=True)
            where = place(cells[header.latitude], cells[header.longitude], header.separator, "station")
        except BadCellError:
            yield _Row([""] * len(header.ids), [], None)
            continue
        yield _Row([cells[column] for column in header.ids], [cells[column] for column in header.names], where)


def _rows_of_feed(source: Source) -> Iterator[_Row]:
    """Yield the stations of a GBFS feed of any version.

    Raises:
        NotRidesError: the file is not such a feed.
    """
    text = content(source, _LARGEST_FEED)
    try:
        feed: Any = json.loads(text)
        stations = feed["data"]["stations"]
        rows = [_row_of_feed(station) for station in stations]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise NotRidesError(f"{source.name} is JSON, and not the station_information of a GBFS feed.") from None
    yield from rows


def _row_of_feed(station: dict[str, Any]) -> _Row:
    name = station.get("name") or ""
    names = [name] if isinstance(name, str) else [str(translated["text"]) for translated in name]  # since GBFS 3.0
    try:
        where = place(str(station["lat"]), str(station["lon"]), ",", "station")
    except (BadCellError, KeyError):
        return _Row([], [], None)
    return _Row([str(station["station_id"]), str(station.get("short_name") or "")], names, where)


def _key(text: str) -> str:
    """Reduce an id or a name to what is compared."""
    reduced = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    number = _NUMBER.fullmatch(reduced)
    return number[1].replace(",", "") if number else reduced


def _begins_rides(text: str, columns: Mapping[str, str]) -> bool:
    try:
        header_of(text, "", columns)
    except NotRidesError:
        return False
    return True


def _years_between(name: str, other: str) -> int:
    years, others = _years_of(name), _years_of(other)
    if not (years and others):
        return 0
    return max(0, min(others) - max(years), min(years) - max(others))


def _years_of(name: str) -> list[int]:
    """Return the years in the last part of a path that has any."""
    for part in reversed(name.split("/")):
        if found := _YEAR.findall(part):
            return [int(year) for year in found]
    return []
