"""Draws a recording as an animated SVG: a terminal that scrolls, in which each line appears at its own time.

Style sheets move it, so it needs no script, and it fetches no font. For a reader who wants less motion, and in a viewer
that has no animations, it shows the end.
"""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from rich.cells import cell_len, chop_cells
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from local.recording import COLUMNS, RecordedLine

ROWS = 28
"""The lines of the terminal."""

PAUSE = 15.0
"""Seconds for which the end is shown before everything begins anew."""

NO_BREAK = "\N{NO-BREAK SPACE}"

_CELL, _ROW = 7.8, 18
"""The width of a character and the height of a line, in pixels. 96 characters fill the width of a README."""

_MARGIN, _BAR = 16, 36

_THEME = TerminalTheme(
    background=(24, 28, 33),
    foreground=(214, 219, 224),
    normal=[
        *((24, 28, 33), (240, 113, 120), (126, 200, 115), (230, 192, 105)),
        *((97, 175, 239), (198, 120, 221), (86, 194, 204), (214, 219, 224)),
    ],
)

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>{title}</title>
<style>
text{{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:{fore}}}
.all{{transform:translate(0,{end}px)}}
@media (prefers-reduced-motion:no-preference){{
.all,.row{{animation:{seconds:.1f}s step-end infinite}}
.all{{animation-name:scroll}}
@keyframes scroll{{{scrolling}}}
{appearing}
}}
</style>
<rect width="100%" height="100%" rx="8" fill="{back}"/>
<circle cx="20" cy="18" r="6" fill="#ff5f57"/><circle cx="40" cy="18" r="6" fill="#febc2e"/>
<circle cx="60" cy="18" r="6" fill="#28c840"/>
<text x="{middle}" y="23" text-anchor="middle" opacity=".7">{title}</text>
<svg x="{margin}" y="{bar}" width="{inside}" height="{view}">
<g class="all">
{rows}
</g>
</svg>
</svg>
"""


def draw(command: str, lines: Sequence[RecordedLine], speed: int) -> str:
    """Return an animated SVG of a command that prints these lines, ``speed`` times as fast as it did."""
    prompt = RecordedLine(0, f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m")
    rows = [(line.at, row) for line in (prompt, *lines) for row in _rows_of(line.text)]
    seconds = rows[-1][0] / speed + PAUSE
    shares = [100 * at / speed / seconds for at, _ in rows]
    inside = COLUMNS * _CELL
    return _SVG.format(
        width=round(inside + 2 * _MARGIN),
        height=_BAR + ROWS * _ROW + _MARGIN,
        title=escape(f"{command}: {rows[-1][0]:.0f} seconds, shown {speed} times as fast"),
        fore=_THEME.foreground_color.hex,
        back=_THEME.background_color.hex,
        end=_offset(len(rows)),
        seconds=seconds,
        scrolling="".join(
            f"{share:.2f}%{{transform:translate(0,{_offset(n)}px)}}" for n, share in enumerate(shares, 1)
        ),
        appearing="\n".join(
            f"@keyframes r{n}{{0%{{opacity:0}}{share:.2f}%{{opacity:1}}}}" for n, share in enumerate(shares)
        ),
        middle=round(inside / 2 + _MARGIN),
        margin=_MARGIN,
        bar=_BAR,
        inside=round(inside),
        view=ROWS * _ROW,
        rows="\n".join(_drawn(n, row) for n, (_, row) in enumerate(rows)),
    )


def _offset(shown: int) -> int:
    """Return how far the text is scrolled, in pixels, when this number of rows is shown."""
    return min(0, ROWS - shown) * _ROW


def _rows_of(line: str) -> Iterator[Text]:
    """Yield the rows that a line takes on the terminal. Each is full but the last one."""
    text = Text.from_ansi(line)
    ends, end = [], 0
    for part in chop_cells(text.plain, COLUMNS)[:-1]:
        end += len(part)
        ends.append(end)
    yield from text.divide(ends)


def _drawn(number: int, row: Text) -> str:
    parts, column = [], 0
    for segment in row.render(Console(width=COLUMNS, color_system="truecolor"), end=""):
        text = segment.text.strip(" ")
        if text:
            before = len(segment.text) - len(segment.text.lstrip(" "))
            x, y, width = (column + before) * _CELL, number * _ROW + 14, cell_len(text) * _CELL
            shown = escape(text).replace(" ", NO_BREAK)  # a viewer would show several spaces as one
            look = _look(segment.style or Style())
            parts.append(f'<text x="{x:.1f}" y="{y}" textLength="{width:.1f}"{look}>{shown}</text>')
        column += cell_len(segment.text)
    return f'<g class="row" style="animation-name:r{number}">{"".join(parts)}</g>'


def _look(style: Style) -> str:
    """Return the attribute of a text with its colour, and whether it is bold or dim."""
    colour = (style.color or Color.default()).get_truecolor(_THEME)
    looks = (
        "" if colour == _THEME.foreground_color else f"fill:{colour.hex}",
        "font-weight:bold" if style.bold else "",
        "opacity:.6" if style.dim else "",
    )
    written = ";".join(filter(None, looks))
    return f' style="{written}"' if written else ""
