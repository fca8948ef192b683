"""Reads a file of rides twice: first to count its rows and find the day of its last ride, then to replay its rides."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TextIO

from local.deployment import ACCEPTANCE_DAYS
from local.replay_report import MOST_LISTED, Survey, bad_row_file, bad_row_line
from local.ride_archives import SHEET_SUFFIXES, sources
from local.ride_files import MIXED, NotRidesError, Source, UnreadableFileError, encoding_of
from local.ride_headers import Header
from local.ride_stations import Atlas, Stations, nearest_first, stations_in
from local.ride_times import DAY_FIRST
from local.rides import BadRow, Ride, RideList, rides_in


class RideFile:
    """The rides of a file. A zip or a folder may have several lists of rides, and lists of stations.

    Args:
        columns: the names of columns that are not the known ones, by meaning.
        stations: a file with a list of stations, which is asked before those beside the rides.
        today: the present, in the programme's time zone.

    Raises:
        UnreadableFileError: a file does not exist, or cannot be unpacked, or does not have what it should have.
    """

    def __init__(self, file: Path, columns: Mapping[str, str], stations: Path | None, today: datetime) -> None:
        self._notes: list[str] = []
        self._sheets: list[str] = []
        given = self._given(stations, columns)
        rides, beside = self._sorted(sources(file), columns)
        if not rides:
            has_stations = f"{file} has stations and no rides. Give the rides as FILE=, and the stations as STATIONS=."
            has_nothing = f"{file} has no list of rides. It must be a CSV file, or a zip or a folder with CSV files."
            raise UnreadableFileError(has_stations if beside else has_nothing)
        latest = today.replace(tzinfo=None) + timedelta(days=1)
        self._lists = [
            RideList(source, encoding, columns, Atlas([*given, *nearest_first(source, beside)]), latest)
            for source, encoding in rides
        ]
        self._stations = [*given, *beside]

    @property
    def kilobytes(self) -> int:
        """The size of all lists of rides when they are unpacked."""
        return max(1, sum(rides.source.size for rides in self._lists) // 1000)

    def survey(self, bad_rows: Path, tell: Callable[[int], None] = lambda _: None) -> Survey:
        """Read all rows, count them, and write the first ``MOST_LISTED`` bad rows to the file ``bad_rows``.

        ``tell`` is called with the number of kilobytes read so far.

        Raises:
            UnreadableFileError: the file is damaged, or no list in it has a valid header.
        """
        found = Survey(notes=list(self._notes), stations={one.source.name: one.stations for one in self._stations})
        done, errors = 0, list[NotRidesError]()
        with bad_row_file(bad_rows) as target:
            for rides in list(self._lists):
                try:
                    _read(rides, found, target, partial(_tell_kilobytes, tell, done))
                except NotRidesError as error:
                    self._lists.remove(rides)
                    errors.append(error)
                done += rides.source.size
        if not self._lists:
            raise self._telling(errors)
        found.notes += [f"Not replayed: {error.why}" for error in errors]
        found.notes += _notes_on(found, self._lists)
        return found

    def rides(self) -> Iterator[Ride]:
        """Yield all valid rides in the order of the file."""
        return (row for row in chain.from_iterable(map(rides_in, self._lists)) if isinstance(row, Ride))

    def _given(self, file: Path | None, columns: Mapping[str, str]) -> list[Stations]:
        """Return the lists of stations in the file that a person named. Rides that are in it too are left alone."""
        if file is None:
            return []
        _, stations = self._sorted(sources(file), columns)
        if not any(one.stations for one in stations):
            raise UnreadableFileError(
                f"{file} is not a list of stations. It must be a CSV file with columns such as id, name, latitude and "
                "longitude, or the file station_information.json of a GBFS feed. If its columns have other names, say "
                "which: COLUMNS='station_id=…,station_lat=…,station_lng=…'."
            )
        return stations

    def _sorted(
        self, found: list[Source], columns: Mapping[str, str]
    ) -> tuple[list[tuple[Source, str]], list[Stations]]:
        """Return the lists of rides with their encodings, and the lists of stations."""
        rides: list[tuple[Source, str]] = []
        stations: list[Stations] = []
        for source in found:
            if source.name.lower().endswith(SHEET_SUFFIXES):
                self._sheets.append(f"{source.name} is a spreadsheet. Save it as CSV to use it.")
                self._notes.append(f"Not read: {self._sheets[-1]}")
                continue
            encoding = encoding_of(source)
            try:
                listed = stations_in(source, encoding, columns)
            except NotRidesError as error:
                self._notes.append(f"Not read: {error.why}")
                continue
            if listed is None:
                rides.append((source, encoding))
                continue
            stations.append(listed)
            if listed.left_out:
                self._notes.append(f"{source.name}: {_left_out(listed.left_out)}")
        return rides, stations

    def _telling(self, errors: Iterable[NotRidesError]) -> UnreadableFileError:
        """Return the error about all lists of rides: that of one with columns of rides, and what may be missing."""
        first = max(errors, key=lambda error: error.has_columns)
        return UnreadableFileError(" ".join([str(first), *self._sheets])) if first.has_columns else first


def _read(rides: RideList, found: Survey, target: TextIO, on_bytes: Callable[[int], None]) -> None:
    """Count the rows of a list in ``found``, and write its bad rows to ``target``."""

    def on_header(header: Header) -> None:
        found.columns[header.mapping] += 1

    for row in rides_in(rides, on_bytes, on_header):
        if isinstance(row, BadRow):
            found.bad.add(row)
            if found.bad.count.total() <= MOST_LISTED:
                target.write(bad_row_line(row))
        else:
            found.add(row, rides.source.part)


def _tell_kilobytes(tell: Callable[[int], None], before: int, read: int) -> None:
    tell((before + read) // 1000)


def _notes_on(found: Survey, lists: Iterable[RideList]) -> Iterator[str]:
    for rides in lists:
        if rides.encoding == MIXED:
            yield (
                f"{rides.source.name} is not UTF-8 throughout. The rest was read as Windows-1252, so names may look "
                "wrong."
            )
    if note := _note_on_the_last_day(found):
        yield note
    if day_first := found.bad.count[DAY_FIRST]:
        yield (
            f"{day_first:,} rows have a date such as 31/08/2016. With slashes, the month is read first, so other dates "
            "may be wrong too. If the day is first, write the dates as 2016-08-31 or 31.08.2016."
        )


def _note_on_the_last_day(found: Survey) -> str | None:
    """Return a note if few rides are near the last day, to which all dates are moved: its date may be wrong."""
    near = sum(count for day, count in found.days.items() if (found.last_day - day).days <= ACCEPTANCE_DAYS)
    if near * 10 >= found.rides:
        return None
    return (
        f"Only {near:,} of {found.rides:,} rides are of the last {ACCEPTANCE_DAYS} days up to {found.last_day}, and "
        f"much older rides are refused as too old. That day is in line {found.last_line}. If its date is wrong, "
        "correct it or delete the line, and replay the file again."
    )


def _left_out(stations: int) -> str:
    if stations == 1:
        return "1 of the stations has no place, and is left out."
    return f"{stations:,} of the stations have no place, and are left out."
