"""A recording has what a command left on its terminal, and its drawing shows each line at its time."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from local.recording import COLUMNS, RecordedLine, left_of, record
from local.recording_svg import NO_BREAK, PAUSE, ROWS, draw

SVG = "{http://www.w3.org/2000/svg}"


def lines(*texts: str) -> list[RecordedLine]:
    return [RecordedLine(float(second), text) for second, text in enumerate(texts, 1)]


def rows_in(drawing: str) -> list[str]:
    """Return the text of each row of the drawing, without the spaces around its parts."""
    return ["".join(row.itertext()).replace(NO_BREAK, " ") for row in ET.fromstring(drawing).iter(f"{SVG}g")][1:]  # noqa: S314 - ours


def times_in(drawing: str, speed: int) -> list[float]:
    """Return when each row appears, in seconds since the command was started."""
    [seconds] = re.findall(r"animation:([\d.]+)s step-end infinite", drawing)
    shares = re.findall(r"@keyframes r\d+\{0%\{opacity:0\}([\d.]+)%\{opacity:1\}\}", drawing)
    return [float(share) / 100 * float(seconds) * speed for share in shares]


def offsets_in(drawing: str) -> list[int]:
    [scrolling] = re.findall(r"@keyframes scroll\{(.*)\}", drawing)
    return [int(offset) for offset in re.findall(r"translate\(0,(-?\d+)px\)", scrolling)]


# --- Recording --------------------------------------------------------------------------------------------------------


def test_a_recording_has_the_lines_with_their_colours_and_times(tmp_path: Path) -> None:
    script = 'echo one; sleep 0.3; printf \'\\033[32mtwo\\033[0m of %s in %s\\n\' "$NAME" "$PWD" >&2'

    first, second = record(["sh", "-c", script], tmp_path, {"NAME": "the variables"})

    assert (first.text, second.text) == ("one", f"\x1b[32mtwo\x1b[0m of the variables in {tmp_path}")
    assert 0 < first.at < second.at - 0.2


def test_a_command_that_fails_is_not_recorded() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        record(["sh", "-c", "echo said; exit 3"], Path(), {})

    assert (failed.value.returncode, failed.value.output) == (3, "said")


def test_what_a_command_erased_is_not_in_the_recording() -> None:
    printed = lines("working\n", "\x1b[1A\x1b[2K✓ done\n", "1 of 2\r2 of 2\n", "\x1b[?25lhidden\x1b[?25h\n", "\n")

    assert [line.text for line in left_of(printed)] == ["✓ done", "2 of 2", "hidden", ""]
    assert [line.at for line in left_of(printed)] == [2, 3, 4, 5]


def test_a_step_and_a_progress_leave_one_line_in_a_recording(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"import sys, time; sys.path[:0] = {sys.path!r}\n"
        "from local.console import progress, step\n"
        "with step('building'): time.sleep(0.2)\n"
        "with progress('writing', 'files', 3) as tell:\n"
        "    for done in range(4): tell(done); time.sleep(0.1)\n"
    )

    left = record([sys.executable, str(program)], tmp_path, {})

    plain = [re.sub(r"\x1b\[\d+m", "", line.text) for line in left]
    assert [re.sub(r"[\d.]+ s$", "", text) for text in plain] == ["✓ building ", "✓ writing "]


# --- Drawing ----------------------------------------------------------------------------------------------------------


def test_each_line_appears_at_its_time_after_the_command() -> None:
    printed = [RecordedLine(0.5, "first"), RecordedLine(20, "second"), RecordedLine(21, ""), RecordedLine(40, "last")]

    drawing = draw("make run", printed, 4)

    assert rows_in(drawing) == ["$make run", "first", "second", "", "last"]
    assert times_in(drawing, 4) == pytest.approx([0, 0.5, 20, 21, 40], abs=0.02)
    assert f"animation:{40 / 4 + PAUSE:.1f}s" in drawing
    assert "<title>make run: 40 seconds, shown 4 times as fast</title>" in drawing


def test_the_terminal_scrolls_by_a_row_for_each_line_that_has_no_room() -> None:
    drawing = draw("make run", lines(*(f"line {number}" for number in range(ROWS + 4))), 1)

    offsets = offsets_in(drawing)
    assert offsets[:ROWS] == [0] * ROWS
    assert {above - below for above, below in pairwise(offsets[ROWS - 1 :])} == {18}
    assert f".all{{transform:translate(0,{offsets[-1]}px)}}" in drawing, "without motion, the end is shown"


def test_without_motion_everything_is_shown() -> None:
    drawing = draw("make run", lines("a line"), 1)
    still, moving = drawing.split("@media (prefers-reduced-motion:no-preference){")

    assert "animation" not in still
    assert "opacity:0" not in still
    assert "animation:" in moving


def test_the_drawing_needs_nothing_from_elsewhere_and_runs_no_script() -> None:
    drawing = draw("make run", lines("see http://localhost:4566/docs", "<script>alert(1)</script> & more"), 1)

    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(drawing).iter()}  # noqa: S314 - ours
    assert tags == {"svg", "title", "style", "rect", "circle", "text", "g"}
    assert not re.search(r"url\(|@import|@font-face|href|\son\w+=", drawing)
    assert rows_in(drawing)[2] == "<script>alert(1)</script> & more"


def test_a_line_that_is_too_long_goes_on_in_the_next_row_at_the_same_time() -> None:
    long = "/" * (COLUMNS - 1) + "树" + "end"

    drawing = draw("make run", lines(long, "next"), 1)

    assert rows_in(drawing)[1:] == ["/" * (COLUMNS - 1), "树end", "next"]
    assert times_in(drawing, 1)[1:] == pytest.approx([1, 1, 2], abs=0.01)


def test_each_text_has_its_column_its_width_and_its_look() -> None:
    drawing = draw("x", lines("  \x1b[32m树 ok\x1b[0m  \x1b[1;2mbold\x1b[0m"), 1)

    _, drawn = drawing.split('"animation-name:r1"')
    found = re.findall(r'<text x="([\d.]+)" y="32" textLength="([\d.]+)"(.*?)>(.*?)</text>', drawn)
    assert [(round(float(x) / 7.8), round(float(width) / 7.8), text) for x, width, _, text in found] == [
        (2, 5, f"树{NO_BREAK}ok"),
        (9, 4, "bold"),
    ]
    assert [look for _, _, look, _ in found] == [' style="fill:#7ec873"', ' style="font-weight:bold;opacity:.6"']


def test_a_long_recording_stays_small_and_as_wide_as_a_readme() -> None:
    drawing = draw("make run", lines(*(f"  \x1b[36mGET\x1b[0m /suggestions?q=green&limit={n}" for n in range(300))), 3)

    assert len(drawing.encode()) < 150_000
    assert float(ET.fromstring(drawing).attrib["width"]) <= 800  # noqa: S314 - ours
