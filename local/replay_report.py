"""The report on a replayed file: totals for a person to read, and a file that lists every bad row."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TextIO

from local.rides import BadRow

FIRST_LINES = 5
"""How many line numbers of bad rows the totals show for each reason. The bad-row file lists all of them."""

WIDTH = 80
"""The most columns of a line of the totals, so that it fits a narrow terminal and a log."""

_LONGEST_TEXT = 200


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
    """The content of a file, known before any ride is sent.

    ``last_day`` is the day of the last ride. Each note is a sentence for the person who runs the replay.
    """

    bad: BadRows = field(default_factory=BadRows)
    rides: int = 0
    last_day: date = date.min
    notes: list[str] = field(default_factory=list)


@dataclass
class Sent:
    """How the API responded to the rides of a file. ``refused`` counts rides by problem code."""

    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    users: set[str] = field(default_factory=set)
    seconds: float = 0


@dataclass(frozen=True)
class Wallets:
    """The sums over the wallets of the users of a file: points, and grams of CO2e."""

    spendable: int
    ripening: int
    spent: int
    avoided_g: float

    @property
    def points(self) -> int:
        return self.spendable + self.ripening + self.spent


@contextmanager
def bad_row_file(file: Path) -> Iterator[TextIO]:
    """Open the file that lists every bad row. It replaces an earlier one, and is deleted again if it stays empty."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="\n") as target:
        yield target
    if not file.stat().st_size:
        file.unlink()


def bad_row_line(row: BadRow) -> str:
    """Return one line about a bad row, in the format of a compiler error: file, line, reason, start of the row."""
    said = f"{row.reason} ({row.detail})" if row.detail else row.reason
    shown = row.text if len(row.text) <= _LONGEST_TEXT else row.text[:_LONGEST_TEXT] + "…"
    return f"{row.source.name}:{row.line}: {said}: {shown!r}\n"


def totals(survey: Survey, sent: Sent, wallets: Wallets | None) -> list[str]:
    """Return the lines of the totals, at most 80 columns wide. ``wallets`` is None if they could not be read."""
    bad = survey.bad.count.total()
    rows: list[tuple[str, str, list[str]]] = [("rows read", f"{survey.rides + bad:,}", [])]
    rows.append(("rides", f"{survey.rides:,}", []))
    rows.append(("  accepted", f"{sent.accepted:,}", []))
    rows += [(f"  refused: {code}", f"{count:,}", []) for code, count in sent.refused.most_common()]
    rows.append(("bad rows", f"{bad:,}", []))
    rows += [
        (f"  {reason}", f"{count:,}", _named(survey.bad.first[reason], count))
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
    return _laid_out(rows)


def _named(first: list[str], count: int) -> list[str]:
    return [name + "," for name in first[:-1]] + [first[-1] + ("" if count == len(first) else " …")]


def _laid_out(rows: list[tuple[str, str, list[str]]]) -> list[str]:
    label_width = max(len(label) for label, _, _ in rows)
    number_width = max(len(number) for _, number, _ in rows)
    laid_out = []
    for label, number, named in rows:
        line = f" {label:<{label_width}}  {number:>{number_width}}"
        longest = max(map(len, named), default=0)
        indent = " " * max(0, min(len(line) + 2, WIDTH - longest))
        if named:
            line += "  line" + "s" * (len(named) > 1)
        for name in named:
            if len(line) + 1 + len(name) > WIDTH:
                laid_out.append(line)
                line = indent + name
            else:
                line += f" {name}"
        laid_out.append(line)
    return laid_out
