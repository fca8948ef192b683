"""Reads a file of rides twice: first to count its rows and find the day of its last ride, then to replay its rides."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from local.replay_report import Survey, bad_row_file, bad_row_line
from local.ride_files import NotRidesError, Source, encoding_of, sources
from local.rides import BadRow, Ride, rides_in


class RideFile:
    """The rides of a file. A zip may have several lists of rides; all of them are read.

    Raises:
        UnreadableFileError: the file does not exist, or cannot be unpacked.
    """

    def __init__(self, file: Path, user_column: str | None, today: datetime) -> None:
        self._file, self._user_column, self._today = file, user_column, today
        self._lists = [(source, encoding_of(source)) for source in sources(file)]

    def survey(self, bad_rows: Path) -> Survey:
        """Read all rows, count them, and write each bad row to the file ``bad_rows``.

        Raises:
            UnreadableFileError: the file is damaged, or no list in it has a valid header.
        """
        found = Survey()
        with bad_row_file(bad_rows) as target:
            for source, encoding in list(self._lists):
                try:
                    for row in self._rows(source, encoding):
                        if isinstance(row, BadRow):
                            found.bad.add(row)
                            target.write(bad_row_line(row))
                        else:
                            found.rides += 1
                            found.last_day = max(found.last_day, row.started.date())
                except NotRidesError as error:
                    self._skip(source, encoding, error)
                    found.notes.append(f"Not replayed: {error}")
        found.notes += [
            f"{source.name} is not UTF-8. It was read as Windows-1252, so names may look wrong."
            for source, encoding in self._lists
            if encoding == "cp1252"
        ]
        return found

    def rides(self) -> Iterator[Ride]:
        """Yield all valid rides in the order of the file."""
        for source, encoding in self._lists:
            yield from (row for row in self._rows(source, encoding) if isinstance(row, Ride))

    def _rows(self, source: Source, encoding: str) -> Iterator[Ride | BadRow]:
        return rides_in(source, encoding, self._user_column, self._today)

    def _skip(self, source: Source, encoding: str, error: NotRidesError) -> None:
        """Remove a list that has no valid header. If no other list is left, raise the error."""
        self._lists.remove((source, encoding))
        if not self._lists:
            raise error
