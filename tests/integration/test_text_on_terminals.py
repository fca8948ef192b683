"""A text that somebody sent is shown by the commands, and never controls the terminal."""

import ast
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len
from rich.console import Console

from local import console as local_console
from local import replay, seed, telling
from local.console import exit_with, shown
from local.replay_report import Sent, Survey, bad_row_line
from local.results import show_results
from local.ride_files import Source
from local.rides import BadRow
from local.sam import ROOT
from local.seeding import Outcome as SeedOutcome
from operations import dead_letters
from operations.app_lines import AppLine
from operations.rehearsal import Outcome
from operations.shown_batches import print_waiting
from operations.shown_outcomes import print_outcomes
from operations.shown_reconcile import Found
from operations.shown_status import rows_of_stocks, show
from operations.status_facts import StockFacts
from saxaul.audit import Finding
from saxaul.ledger.actions import Owner
from saxaul.ledger.batches import WaitingBatch
from saxaul.log.verdicts import RefusedError, printable
from tests.hostile_texts import HOSTILE
from tests.integration.each_text import for_each

STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""A colour or weight that our own markup sets."""


def drawn_on_terminal(markup: str) -> str:
    written = io.StringIO()
    Console(file=written, force_terminal=True, highlight=False, soft_wrap=True, emoji=False).print(markup)
    return written.getvalue()


UTC = ZoneInfo("UTC")


@for_each(HOSTILE)
def test_a_text_on_a_terminal_is_one_line_without_commands_and_without_markup(text: str) -> None:
    drawn = drawn_on_terminal(f"[green]✓[/] {shown(text)}: [bold]{shown(text)}[/]")

    assert STYLE.findall(drawn) == STYLE.findall(drawn_on_terminal("[green]✓[/] x: [bold]x[/]"))
    assert STYLE.sub("", drawn)[:-1].isprintable()
    bare = STYLE.sub("", drawn).replace("\\", "")
    assert bare == f"✓ {printable(text)}: {printable(text)}\n".replace("\\", "")


def bad_row_with(text: str) -> BadRow:
    return BadRow(Source(text, text, lambda: nullcontext(io.BytesIO())), 1, "bad", text, text)


def outputs() -> Mapping[str, Callable[[str], object]]:
    """Return what a command prints about something that others wrote, by the name of the command."""

    def survey_of(text: str) -> Survey:
        survey = Survey(notes=[text], columns=Counter([(("bike", text),)]), stations={text: 1})
        survey.bad.add(bad_row_with(text))
        return survey

    def tell(text: str) -> None:
        telling.heading(text)
        telling.line(text)
        telling.request(text, text)

    def result_of(text: str) -> dict[str, Any]:
        return {"kind": "action", "title": text, "text": text, "points": 1, "unit": text, "avoided_g": 0}

    def seeding(text: str) -> SeedOutcome:
        outcome = SeedOutcome()
        outcome.counts["written"] = 1
        for lines in (outcome.replaced, outcome.differing, outcome.deleted, outcome.changed_meanwhile):
            lines.append(text)
        return outcome

    def taken_back(text: str) -> None:
        mei = Owner("user", text)
        line = AppLine(mei, text, text, 0, Decimal(1), 0, 0, 80, Decimal(212), "counts")
        print_outcomes([line], [Outcome(mei, 80, -80, 1)], [])

    return {
        "take_back": taken_back,
        "exit_with": lambda text: exit_with(text, [text]),
        "reconcile": lambda text: Found(text, 0).add(Finding(text, text)),
        "shown_batches": lambda text: print_waiting([WaitingBatch(text, text, 0, "late", 1)], now=100),
        "dead_letters": lambda text: dead_letters._print_message(  # noqa: SLF001
            dead_letters._described(  # noqa: SLF001
                {
                    "MessageId": text,
                    "Body": text,
                    "Attributes": {"SentTimestamp": "0", "ApproximateReceiveCount": "3"},
                },
                "actions",
            )
        ),
        "replay": lambda text: replay.show(survey_of(text), Sent(), None, Path(text[:50])),
        "replay before": lambda text: replay._show_survey(survey_of(text)),  # noqa: SLF001
        "story": tell,
        "status": lambda text: show(
            text,
            {"stock": list(rows_of_stocks([StockFacts(text, 1, closed=False, next_at=None, next_saplings=None)], UTC))},
        ),
        "results": lambda text: show_results([result_of(text)]),
        "seed": lambda text: seed._report({}, seeding(text)),  # noqa: SLF001
    }


def in_the_shape_of(text: str) -> str:
    """Return harmless characters that take as many columns as a text does where it is shown, with the same spaces."""
    as_wide = {0: "", 1: "x", 2: "梭"}
    return "".join(" " if char == " " else as_wide[cell_len(char)] for char in printable(text))


@pytest.mark.parametrize("command", outputs())
@for_each(HOSTILE)
def test_a_command_prints_a_text_without_controlling_the_terminal(
    command: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(found: str) -> str:
        with suppress(SystemExit):
            outputs()[command](found)
        captured = capsys.readouterr()
        return captured.out + captured.err

    plain, hostile, harmless = printed("plain"), printed(text), printed(in_the_shape_of(text))

    assert all(line.isprintable() for line in hostile.split("\n"))
    assert hostile.count("✓") == plain.count("✓") + printable(text).count("✓") * plain.count("plain")
    if len(text) < 40:
        assert hostile.count("\n") == harmless.count("\n")


@for_each(HOSTILE)
def test_a_bad_row_is_one_line_of_the_report(text: str) -> None:
    line = bad_row_line(bad_row_with(text))

    assert line.endswith("\n")
    assert line[:-1].isprintable()


@for_each(HOSTILE)
def test_the_verifier_gives_a_reason_on_one_line(text: str) -> None:
    assert str(RefusedError(text)).isprintable()


def test_only_the_console_escapes_markup_and_every_command_prints_through_it() -> None:
    """A placeholder in markup must be ``shown(…)``, or a number with a format."""
    found = []
    for file in [*(ROOT / "local").glob("*.py"), *(ROOT / "operations").glob("*.py")]:
        if file == Path(local_console.__file__) or file.name == "install.py":  # it runs before rich is installed
            continue
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            match node:
                case ast.ImportFrom(module=str(module)) if module.startswith("rich.markup"):
                    found.append(f"{file.name} imports {module}")
                case ast.Call(func=ast.Name(id="print")):
                    found.append(f"{file.name}:{node.lineno} prints without the console")
                case (
                    ast.Call(func=ast.Attribute(value=ast.Name(id="console"), attr="print" | "status"))
                    | ast.Call(func=ast.Name(id="step" | "progress" | "watching"))
                ):
                    found += [
                        f"{file.name}:{node.lineno} {ast.unparse(value)}"
                        for argument in node.args
                        for value in unsafe_parts(argument)
                        if (file.name, ast.unparse(value)) not in OWN_MARKUP
                    ]
    assert found == []


OWN_MARKUP = {
    ("action_queue.py", "most"),
    ("function_check.py", "len(asked)"),
    ("invoke.py", "len(names)"),
    ("seed.py", "len(places)"),
    ("smoke.py", "len(steps)"),
    ("destroy.py", "len(wanted)"),
    ("shown_invocations.py", "answered"),
    ("shown_invocations.py", "style"),
    ("app_actions.py", "total"),
    ("recount.py", "line"),
    ("recount.py", "items"),
    ("recount.py", "COUNTED_WITHIN"),
    ("reconcile.py", "about_items(table)"),
    ("reconcile_receipts.py", "about_items(table)"),
    ("replay.py", "file.kilobytes"),
    ("clock.py", "len(due)"),
    ("dead_letters.py", "about"),
    ("clock.py", "most"),
    ("replay.py", "len(users)"),
    ("replay.py", "total"),
    ("shown_reconcile.py", "mark"),
    ("stack.py", "len(found)"),
    ("status.py", "len(readers)"),
    ("tables.py", "Text(' ' * indent) + line"),
    ("tables.py", "line"),
    ("take_back.py", "total"),
    ("take_back_calls.py", "total"),
}
"""What is printed as it is: tables and lines that the command makes of its own words and numbers, by file."""


def unsafe_parts(argument: ast.expr) -> Iterator[ast.expr]:
    match argument:
        case ast.Constant() | ast.Call(func=ast.Name(id="shown")):
            return
        case ast.JoinedStr(values=values):
            for value in values:
                if isinstance(value, ast.FormattedValue) and value.format_spec is None:
                    yield from unsafe_parts(value.value)
        case _:
            yield argument
