"""The report on a replayed file: totals that are printed, and a file that lists every bad row."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TextIO

from local.rides import BadRow
from saxaul.log.parsing import printable

FIRST_LINES = 5
"""How many line numbers the totals show for each reason why rows are bad. The bad-row file lists every bad row."""

WIDTH = 80
"""The most characters of a line of the totals, so that it fits a narrow terminal and a log."""

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

    ``rides`` is the number of valid rides, and ``last_day`` the day of the last one. Each note is a sentence for the
    person who runs the replay.
    """

    bad: BadRows = field(default_factory=BadRows)
    rides: int = 0
    last_day: date = date.min
    notes: list[str] = field(default_factory=list)


@dataclass
class Sent:
    """How the API responded to the rides of a file.

    ``refused`` counts rides by problem code, ``users`` are the users of the rides, and ``seconds`` is the time until
    all accepted rides were posted.
    """

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)
    seconds: float = 0


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
    """Open the file that lists every bad row. It replaces a file of that name, and is deleted if it stays empty."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="\n") as target:
        yield target
    if not file.stat().st_size:
        file.unlink()


def bad_row_line(row: BadRow) -> str:
    """Return one line about a bad row, in the format of a compiler error: file, line, reason, start of the row."""
    reason = f"{row.reason} ({row.detail})" if row.detail else row.reason
    shown = row.text if len(row.text) <= _LONGEST_TEXT else row.text[:_LONGEST_TEXT] + "…"
    return printable(f"{row.source.name}:{row.line}: {reason}: ") + f"{shown!r}\n"


def totals(survey: Survey, sent: Sent, wallets: Wallets | None) -> list[str]:
    """Return the lines of the totals, each at most 80 characters. ``wallets`` is None if they could not be read."""
    bad = survey.bad.count.total()
    rows: list[tuple[str, str, list[str]]] = [("rows read", f"{survey.rides + bad:,}", [])]
    rows.append(("rides", f"{survey.rides:,}", []))
    rows.append(("  accepted", f"{sent.accepted:,}", []))
    rows += [(f"  refused: {code}", f"{count:,}", []) for code, count in sent.refused.most_common()]
    rows.append(("bad rows", f"{bad:,}", []))
    rows += [
        (f"  {reason}", f"{count:,}", _line_labels(survey.bad.first[reason], count))
        for reason, count in survey.bad.count.most_common()
    ]
    rows.append(("users", f"{len(sent.users):,}", []))
    if wallets:
        rows.append(("points in their wallets", f"{wallets.points:,}", []))
        rows.append(("  spendable", f"{wallets.spendable:,}", []))
        rows.append(("  ripening", f"{wallets.ripening:,}", []))
        rows.append(("grams avoided", f"{wallets.avoided_g:,.1f}", []))
    if sent.seconds:
        rows.append(("rides a second", f"{(sent.accepted + sent.refused.total()) / sent.seconds:,.0f}", []))
    return _lay_out(rows)


def _line_labels(first: list[str], count: int) -> list[str]:
    return [name + "," for name in first[:-1]] + [first[-1] + ("" if count == len(first) else " …")]


def _lay_out(rows: list[tuple[str, str, list[str]]]) -> list[str]:
    label_width = max(len(label) for label, _, _ in rows)
    number_width = max(len(number) for _, number, _ in rows)
    lines = []
    for label, number, named in rows:
        line = f" {label:<{label_width}}  {number:>{number_width}}"
        longest = max(map(len, named), default=0)
        indent = " " * max(0, min(len(line) + 2, WIDTH - longest))
        if named:
            line += "  line" + "s" * (len(named) > 1)
        for name in named:
            if len(line) + 1 + len(name) > WIDTH:
                lines.append(line)
                line = indent + name
            else:
                line += f" {name}"
        lines.append(line)
    return lines
