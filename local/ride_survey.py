"""A file of rides, read twice: to see what it holds and which day is its last, and to hand over its rides."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from local.replay_report import Survey, bad_row_file, bad_row_line
from local.ride_files import NotRidesError, Source, encoding_of, sources
from local.rides import BadRow, Ride, rides_in


class RideFile:
    """The rides of a file, or of all the lists in an archive.

    Raises:
        UnreadableFileError: there is no such file, or nobody can unpack it.
    """

    def __init__(self, file: Path, user_column: str | None, today: datetime) -> None:
        self._file, self._user_column, self._today = file, user_column, today
        self._lists = [(source, encoding_of(source)) for source in sources(file)]

    def survey(self, bad_rows: Path) -> Survey:
        """Read everything, and name each bad row in a file.

        Raises:
            UnreadableFileError: the file is damaged, or no list in it has a header.
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
                    self._leave_out(source, encoding, error)
                    found.notes.append(f"Left out: {error}")
        found.notes += [
            f"{source.name} is not UTF-8; it was read as Windows-1252, so names may look wrong."
            for source, encoding in self._lists
            if encoding == "cp1252"
        ]
        return found

    def rides(self) -> Iterator[Ride]:
        """Each ride, in the order of the file."""
        for source, encoding in self._lists:
            yield from (row for row in self._rows(source, encoding) if isinstance(row, Ride))

    def _rows(self, source: Source, encoding: str) -> Iterator[Ride | BadRow]:
        return rides_in(source, encoding, self._user_column, self._today)

    def _leave_out(self, source: Source, encoding: str, error: NotRidesError) -> None:
        """Go on without a list that has no rides, unless there is no other."""
        self._lists.remove((source, encoding))
        if not self._lists:
            raise error
