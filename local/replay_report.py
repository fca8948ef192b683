"""The report on a replayed file: totals that are printed, and a file that lists every bad row."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from local.calls import StoppedError
from local.rides import BadRow, Ride
from local.tables import Cell
from saxaul.log.verdicts import printable
from saxaul_client import Reported

FIRST_LINES = 5
"""How many line numbers the totals show for each reason why rows are bad. The bad-row file lists every bad row."""

ColumnsRead = tuple[tuple[str, str], ...]
"""The meanings that a list of rides has, each with the name of its column."""

MOST_COMPARED = 2_000_000
"""Rides of which a survey remembers the row, to count the rows that are there again. It needs about 90 bytes each."""

MOST_LISTED = 100_000
"""The most bad rows that the bad-row file lists. A small archive may unpack to a file of millions of bad lines."""

_LONGEST_TEXT = 200
"""The most characters of a bad row that the bad-row file shows."""


@dataclass
class BadRows:
    """The bad rows of a file by reason: how many there are, and the line numbers of the first few."""

    count: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[str]] = field(default_factory=dict)

    def add(self, row: BadRow) -> None:
        self.count[row.reason] += 1
        first = self.first.setdefault(row.reason, [])
        if len(first) < FIRST_LINES:
            first.append(f"{row.source.part}:{row.line}" if row.source.part else str(row.line))


@dataclass
class Survey:
    """What the first reading of a file found, before any ride is sent.

    Attributes:
        rides: the number of valid rides.
        again: how many of them have the same row as an earlier one. The API counts such rides once.
        last_day: the day of the last ride.
        last_line: the line of the first ride of that day.
        days: the number of rides of each day.
        notes: sentences for the person who runs the replay.
        columns: which meaning was read from which column, and in how many lists.
        stations: the lists of stations, and how many stations each has.
    """

    bad: BadRows = field(default_factory=BadRows)
    rides: int = 0
    again: int = 0
    last_day: date = date.min
    last_line: str = ""
    days: Counter[date] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    columns: Counter[ColumnsRead] = field(default_factory=Counter)
    stations: dict[str, int] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set, repr=False)

    def add(self, ride: Ride, part: str = "") -> None:
        """Count a ride. ``part`` is the name of its list in a zip or a folder."""
        self.rides += 1
        day = ride.started.date()
        self.days[day] += 1
        if day > self.last_day:
            self.last_day, self.last_line = day, f"{part}:{ride.line}" if part else str(ride.line)
        row = int(ride.key[:15], 16)
        if row in self._seen:
            self.again += 1
        elif len(self._seen) < MOST_COMPARED:
            self._seen.add(row)


@dataclass
class Sent:
    """How the API responded to the rides of a file.

    Attributes:
        refused: the number of rides by problem code.
        users: the users of the rides.
        seconds: the time until all accepted rides were posted.
        too_old: the last day, in the dates of the file, of which the API refused a ride because it was too old.
    """

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)
    seconds: float = 0
    too_old: date = date.min

    def add(self, batch: Sequence[Ride], reported: Reported) -> None:
        """Count what the API said about the rides of a call."""
        self.accepted += reported.accepted
        self.refused.update(refusal.code for refusal in reported.refused)
        self.users.update(ride.user for ride in batch)
        for refusal in reported.refused:
            if refusal.code == "too_old":
                self.too_old = max(self.too_old, batch[refusal.index].started.date())

    @property
    def rides(self) -> int:
        return self.accepted + self.refused.total()

    @property
    def rate(self) -> float:
        """Rides a second."""
        return self.rides / self.seconds


@dataclass(frozen=True)
class Wallets:
    """The sums of the wallets of all users of a file: points, and grams of CO2e.

    ``ripening`` points were earned and are not harvested yet.
    """

    spendable: int
    ripening: int
    spent: int
    avoided_g: Decimal

    @property
    def points(self) -> int:
        return self.spendable + self.ripening + self.spent


@contextmanager
def bad_row_file(file: Path) -> Iterator[TextIO]:
    """Open the file that lists the bad rows. It replaces a file of that name, and is deleted if it stays empty.

    Raises:
        StoppedError: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="\n") as target:
            yield target
        if not file.stat().st_size:
            file.unlink()
    except BrokenPipeError:  # the reader of the command's output has closed it
        raise
    except OSError as error:
        raise StoppedError(
            f"{file} cannot be written: {error.strerror or error}. It lists the bad rows: make room for it, and allow "
            "writing there."
        ) from error


def bad_row_line(row: BadRow) -> str:
    """Return one line about a bad row, in the format of a compiler error: file, line, reason, start of the row."""
    reason = f"{row.reason} ({row.detail})" if row.detail else row.reason
    shown = row.text if len(row.text) <= _LONGEST_TEXT else row.text[:_LONGEST_TEXT] + "…"
    return printable(f"{row.source.name}:{row.line}: {reason}: ") + f"{shown!r}\n"


def totals(survey: Survey, sent: Sent, wallets: Wallets | None) -> list[list[Cell]]:
    """Return the rows of the totals: a label, a number, and the lines of the file that it is about.

    ``wallets`` is None if they could not be read.
    """
    bad = survey.bad.count.total()
    rows: list[list[Cell]] = [["rows read", survey.rides + bad, None], ["rides", survey.rides, None]]
    if survey.again:
        rows.append(["  the same row again", survey.again, "counted once"])
    rows.append(["  accepted", sent.accepted, None])
    rows += [[f"  refused: {code}", count, None] for code, count in sent.refused.most_common()]
    rows.append(["bad rows", bad, None])
    rows += [
        [f"  {reason}", count, _line_labels(survey.bad.first[reason], count)]
        for reason, count in survey.bad.count.most_common()
    ]
    rows.append(["users", len(sent.users), None])
    if wallets:
        rows.append(["points in their wallets", wallets.points, None])
        rows.append(["  spendable", wallets.spendable, None])
        rows.append(["  ripening (not harvested)", wallets.ripening, None])
        rows.append(["grams avoided", f"{wallets.avoided_g:,.1f}", None])
    if sent.seconds:
        rows.append(["rides a second", f"{sent.rate:,.0f}", None])
    return rows


def columns_read(survey: Survey) -> list[str]:
    """Return a sentence for each kind of header, which says what was read from which column, as COLUMNS= takes it."""
    return [
        f"Columns{f' of {lists:,} lists' if lists > 1 else ''}: "
        + ", ".join(f"{meaning}={name}" for meaning, name in mapping)
        for mapping, lists in survey.columns.most_common()
    ]


def document(survey: Survey, sent: Sent, wallets: Wallets | None) -> dict[str, Any]:
    """Return the totals for a program. docs/replay.md describes them."""
    return {
        "rows": survey.rides + survey.bad.count.total(),
        "rides": survey.rides,
        "same_row_again": survey.again,
        "accepted": sent.accepted,
        "refused": dict(sent.refused),
        "bad_rows": {
            reason: {"count": count, "first_lines": survey.bad.first[reason]}
            for reason, count in survey.bad.count.most_common()
        },
        "users": len(sent.users),
        "wallets": wallets
        and {
            "points": wallets.points,
            "spendable": wallets.spendable,
            "ripening": wallets.ripening,
            "spent": wallets.spent,
            "avoided_g": wallets.avoided_g,
        },
        "duration_s": round(sent.seconds, 1),
        "columns": [{"lists": lists, "columns": dict(mapping)} for mapping, lists in survey.columns.most_common()],
        "stations": survey.stations,
        "notes": survey.notes,
    }


def why_no_ride(file: Path, survey: Survey, bad_rows: Path) -> str:
    """Return a sentence about a file without a valid ride, and what to do."""
    if not survey.bad.count:
        return f"{file} has a header and no rides. Download it again, or replay another file."
    (reason, count), *_ = survey.bad.count.most_common()
    advice = {
        "station unknown": "Give a list of the stations of that time: STATIONS=stations.csv.",
        "coordinate missing": "If it names stations, give a list of them: STATIONS=stations.csv.",
    }.get(reason, f"{bad_rows} shows each row and what is wrong with it.")
    return f"{file} has no valid ride. The most frequent reason is: {reason} ({count:,} rows). {advice}"


def why_refused(sent: Sent) -> str:
    """Return a sentence about a file of which the API accepted no ride, and what to do."""
    (code, _), *_ = sent.refused.most_common()
    if code == "quantity_out_of_range":
        return "The API refused every ride: each ends where it began, or is too long. Replay another file."
    return f"The API refused every ride, most of them as {code}. docs/problems.md says what to do about it."


def _line_labels(first: list[str], count: int) -> str:
    """Return the first lines of a reason. The name of a list is left out if it is that of the line before."""
    lists = [label.rpartition(":")[0] for label in first]
    numbers = [
        label.rpartition(":")[2] if at and lists[at] == lists[at - 1] else label for at, label in enumerate(first)
    ]
    return f"line{'s' * (len(first) > 1)} {', '.join(numbers)}{'' if count == len(first) else ' and more'}"
