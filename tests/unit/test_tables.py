"""A table can be read at 80 columns, and nothing of it is cut."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from local import tables
from local.tables import WIDTH, Cell, Column, folded, number, print_table, table_lines

LARGE = 123_456_789_012_345
"""No number of a table has more digits."""

TEXTS = st.text(st.sampled_from("ab 梭饿é👍‍[]\n\x1b"), max_size=140)
NUMBERS = st.integers(-LARGE, LARGE)


def lines_of(columns: list[Column | str], rows: list[list[Cell]], keys: int = 1, width: int = WIDTH) -> list[str]:
    return [line.plain for line in table_lines(columns, rows, keys=keys, width=width)]


@given(st.lists(st.tuples(TEXTS, TEXTS, *[NUMBERS] * 9), min_size=1, max_size=4))
def test_every_line_of_a_wide_table_fits_and_every_number_is_whole(rows: list[tuple[Cell, ...]]) -> None:
    columns: list[Column | str] = ["app", "state", *(number(f"number {at}") for at in range(9))]

    lines = lines_of(columns, [list(row) for row in rows])

    assert max(map(cell_len, lines)) <= WIDTH
    words = [word for line in lines for word in line.split()]
    for row in rows:
        for value in row[2:]:
            assert f"{value:,}" in words


@given(st.text("ab梭饿", min_size=1, max_size=300))
def test_a_long_text_goes_on_below_and_loses_nothing(text: str) -> None:
    lines = lines_of(["app", number("points")], [[text, LARGE]])[1:]

    assert "".join(lines).replace(f"{LARGE:,}", "").replace(" ", "") == text
    assert max(map(cell_len, lines)) <= WIDTH


def test_a_table_that_fits_is_one_table_with_numbers_on_the_right() -> None:
    rows: list[list[Cell]] = [["alipay", 12_345, "active"], ["饿了么", None, Text("ended", "red")]]

    assert lines_of(["app", number("calls"), "state"], rows) == [
        "app      calls  state",
        "alipay  12,345  active",
        "饿了么          ended",
    ]


def test_a_divided_table_begins_each_part_with_the_same_columns() -> None:
    columns: list[Column | str] = ["kind", "app", *(number(name) for name in ("one", "two", "three"))]

    lines = lines_of(columns, [["own", "alipay", LARGE, LARGE, LARGE]], keys=2, width=60)

    assert [line.split()[:2] for line in lines if line] == [["kind", "app"], ["own", "alipay"]] * 2
    assert lines.count("") == 1


def test_titles_break_between_words_before_a_table_is_divided() -> None:
    lines = lines_of(
        ["app", *(number(f"{name} of each of the days") for name in "abcd")], [["x", 1, 2, 3, 4]], width=50
    )

    assert "" not in lines
    assert max(map(cell_len, lines)) <= 50


def test_titles_that_are_empty_take_no_line() -> None:
    assert lines_of([Column(), number()], [["users", 3], ["  spent", 12]]) == ["users     3", "  spent  12"]


def test_a_text_controls_no_terminal_and_is_no_markup() -> None:
    assert lines_of(["text"], [["[red]x[/]\x1b[2J\n"]])[1:] == ["[red]x[/]\\x1b[2J\\n"]


@pytest.mark.parametrize(("columns", "widest"), [(40, 40), (80, 80), (200, 80)])
def test_a_table_is_as_wide_as_the_terminal_but_never_wider_than_80(
    columns: int, widest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=columns, soft_wrap=True, color_system=None)
    monkeypatch.setattr(tables, "console", terminal)

    print_table(["text", number("points")], [["a " * 200, LARGE]])

    assert isinstance(terminal.file, io.StringIO)
    assert max(map(cell_len, terminal.file.getvalue().splitlines())) == widest


def test_a_table_in_a_pipe_has_80_columns_whatever_the_shell_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    print_table(["text", number("points")], [["a" * 200, LARGE]], indent=4)

    lines = capsys.readouterr().out.splitlines()
    assert max(map(cell_len, lines)) == WIDTH
    assert all(line.startswith("    ") for line in lines)


def test_a_table_without_rows_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["text"], [])

    assert capsys.readouterr().out == ""


@given(st.lists(st.text(st.sampled_from("ab 梭"), max_size=30), max_size=12), st.integers(0, 8))
def test_a_folded_text_has_all_of_its_words_and_fits_beside_its_indent(words: list[str], indent: int) -> None:
    text = " ".join(words)
    lines = folded(text, indent)

    assert " ".join(lines).split() == text.split()
    assert all(indent + cell_len(line) <= WIDTH for line in lines)


def test_an_address_that_is_too_long_stays_in_one_piece() -> None:
    address = f"http://localhost:4566/{'a' * 90}"

    assert folded(f"in a browser: {address} or not", indent=4) == ["in a browser:", address, "or not"]
