"""Prints tables and sentences that can be read at 80 columns, on a terminal, in a pipe and in a log.

No cell is ever cut. A number stays on one line, and a text that is too long for its column goes on below. A table with
more columns than fit becomes several tables, each of which begins with the same columns, by which rows are found.

``rich.table.Table`` is not used: it cuts a cell or breaks a number if a table is too wide, and cannot divide a table.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from local.console import console
from saxaul.log.verdicts import printable

WIDTH = 80
"""The most columns of a terminal that a table takes."""

_NARROWEST = 20
"""A terminal says that it is narrower if it does not know its width."""

_GAP = 2
"""Spaces between two columns."""

Cell = str | int | Text | None
"""A text as it is, which never becomes markup; a whole number, shown with commas; a text with a style; or nothing."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: the heading. A table whose titles are all empty has no headings.
        is_number: whether the column is on the right, and its cells never go on below.
        least: how narrow the column of a text may become, before the table is divided.
    """

    title: str = ""
    is_number: bool = False
    least: int = 16


def folded(text: str, indent: int = 0) -> list[str]:
    """Return a text as lines that have at most ``WIDTH`` columns with their indent, which they do not contain.

    A line ends at a space. A word with more columns, such as an address, stays in one piece, so that it can be copied.
    """
    lines = [""]
    for word in printable(text).split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and indent + cell_len(longer) > WIDTH:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def number(title: str = "") -> Column:
    """Return a column whose cells stay on one line, on the right: of numbers, durations or percentages."""
    return Column(title, is_number=True)


class _Sized(NamedTuple):
    """A column with its cells. ``narrow`` is the least width, and ``wide`` the one at which nothing goes on below."""

    column: Column
    cells: list[Text]
    narrow: int
    wide: int


def print_table(
    columns: Sequence[Column | str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str = "",
    keys: int = 1,
    indent: int = 0,
) -> None:
    """Print a table as wide as the terminal, and at most ``WIDTH``. Without rows, it prints nothing.

    Args:
        columns: a text is the title of a column of texts.
        rows: each has a cell for every column.
        title: a line above the table, with an empty line before it.
        keys: how many of the first columns tell the rows apart. If the table is divided, each part begins with them.
        indent: spaces before each line.
    """
    width = min(WIDTH, max(_NARROWEST, console.width)) if console.is_terminal else WIDTH
    if title:
        console.print()
        for line in _folded(Text(printable(title), "bold"), width):
            console.print(line)
    for line in table_lines(columns, rows, keys=keys, width=width - indent):
        console.print(Text(" " * indent) + line)


def table_lines(
    columns: Sequence[Column | str], rows: Iterable[Sequence[Cell]], *, keys: int = 1, width: int = WIDTH
) -> Iterator[Text]:
    """Yield the lines of a table. Only a number that does not fit beside the first columns makes a line longer."""
    cells = [[_text_of(cell) for cell in row] for row in rows]
    if not cells:
        return
    named = [column if isinstance(column, Column) else Column(column) for column in columns]
    sized = [_sized(column, list(found)) for column, found in zip(named, zip(*cells, strict=True), strict=True)]
    for position, part in enumerate(_parts(sized, keys, width)):
        if position:
            yield Text()
        yield from _lines_of(part, _widths(part, width))


def _text_of(cell: Cell) -> Text:
    match cell:
        case None:
            return Text()
        case Text():
            return Text(printable(cell.plain), cell.style)
        case int():
            return Text(f"{cell:,}")
        case _:
            return Text(printable(cell))


def _sized(column: Column, cells: list[Text]) -> _Sized:
    wide = max([cell.cell_len for cell in cells], default=0)
    of_words = max(map(cell_len, column.title.split()), default=0)
    narrow = wide if column.is_number else min(wide, column.least)
    return _Sized(column, cells, max(narrow, of_words), max(wide, cell_len(column.title)))


def _parts(sized: Sequence[_Sized], keys: int, width: int) -> list[list[_Sized]]:
    """Divide the columns into tables that fit."""
    first = list(sized[:keys])
    parts = [list(first)]
    for column in sized[keys:]:
        is_full = sum(other.narrow + _GAP for other in parts[-1]) + column.narrow > width
        if is_full and len(parts[-1]) > len(first):
            parts.append(list(first))
        parts[-1].append(column)
    return parts


def _widths(part: Sequence[_Sized], width: int) -> list[int]:
    """Return the width of each column. What is left of the line goes to the texts first, and then to the titles."""
    widths = [column.narrow for column in part]
    left = width - sum(widths) - _GAP * (len(part) - 1)
    by_need = sorted(range(len(part)), key=lambda at: (part[at].column.is_number, part[at].wide - part[at].narrow))
    for at in by_need:
        more = min(max(0, left), part[at].wide - widths[at])
        widths[at] += more
        left -= more
    return widths


def _lines_of(part: Sequence[_Sized], widths: Sequence[int]) -> Iterator[Text]:
    if any(column.column.title for column in part):
        titles = [_folded(Text(column.column.title, "bold"), size) for column, size in zip(part, widths, strict=True)]
        highest = max(map(len, titles))
        yield from _beside(part, widths, [[Text()] * (highest - len(title)) + title for title in titles])
    for row in zip(*(column.cells for column in part), strict=True):
        yield from _beside(part, widths, [_folded(cell, size) for cell, size in zip(row, widths, strict=True)])


def _folded(cell: Text, width: int) -> list[Text]:
    """Return the lines of a cell: broken between words, and within a word that is wider than the column."""
    if cell.cell_len <= width:
        return [cell]
    return list(cell.wrap(console, width, overflow="fold", no_wrap=False))


def _beside(part: Sequence[_Sized], widths: Sequence[int], cells: Sequence[list[Text]]) -> Iterator[Text]:
    for at in range(max(map(len, cells))):
        line = Text()
        for column, size, cell in zip(part, widths, cells, strict=True):
            found = cell[at] if at < len(cell) else Text()
            before = " " * (size - found.cell_len) if column.column.is_number else ""
            line.append_text(Text(before) + found + Text(" " * (size - found.cell_len - len(before) + _GAP)))
        line.rstrip()
        yield line
