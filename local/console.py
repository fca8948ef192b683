"""Prints the output of the commands: steps with their duration, progress, and failures in one sentence."""

import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from errno import EPIPE
from pathlib import Path
from time import monotonic, perf_counter
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from saxaul.log.parsing import printable

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # escape a character that the terminal cannot show


class PipedConsole(Console):
    """A console that raises an error if the reader of the output has closed the pipe. Rich would end the program."""

    def on_broken_pipe(self) -> NoReturn:
        self.quiet = True  # so that what is stopped now cannot fail because it prints
        raise BrokenPipeError(EPIPE, "the reader of the output has closed the pipe")


console = PipedConsole(highlight=False, soft_wrap=True, emoji=False)

LOG_SECONDS = 10
"""Seconds between two lines of progress, if the output is not a terminal."""


def shown(value: object) -> str:
    """Return a value as text that markup can contain: a name, a message, or anything else that others may have written.

    Each unprintable character, such as a line break or the beginning of a terminal command, becomes an escape code.
    Brackets are shown, and do not become markup.
    """
    return escape(printable(str(value)))


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Show that a step is running and, when it has ended without an error, how long it took. ``doing`` is markup."""
    began = perf_counter()
    with console.status(doing):
        yield
    console.print(f"[green]✓[/] {doing} [dim]{perf_counter() - began:.1f} s[/]")


@contextmanager
def progress(doing: str, things: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of ``total`` are done, and how long the rest will take: as a bar on a terminal, or else as a line
    every ten seconds.

    ``doing`` and ``things`` are markup.

    Yields a function to call with the number done so far.
    """
    began = perf_counter()
    if console.is_terminal:
        times = (TimeElapsedColumn(), TimeRemainingColumn())
        columns = (TextColumn(doing), BarColumn(None), MofNCompleteColumn(), TextColumn(things), *times)
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield _logged(doing, things, total)
    console.print(f"[green]✓[/] {doing} [dim]{perf_counter() - began:.1f} s[/]")


@contextmanager
def apart_from_the_output(*, needed: bool) -> Iterator[None]:
    """Print to standard error meanwhile if this is needed, so that the output is only what a program reads."""
    console.stderr = needed
    try:
        yield
    finally:
        console.stderr = False


def print_json(document: object) -> None:
    """Print a document for a program to standard output, as JSON in ASCII.

    A ``Decimal`` becomes a number, and a ``date``, ``datetime`` or ``Path`` a text. Print everything else inside of
    ``apart_from_the_output``.

    Raises:
        ValueError: a number is infinite or none, which JSON cannot say.
    """
    text = json.dumps(document, indent=2, allow_nan=False, default=_plain)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _plain(value: object) -> object:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case date():
            return value.isoformat()
        case Path():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} cannot be JSON")


def print_failure(sentence: str, details: Iterable[str] = ()) -> None:
    """Print one sentence to standard error, and each detail on a line below it."""
    with suppress(BrokenPipeError):  # standard error may still have a reader
        sys.stdout.flush()  # so that a log has the earlier output first
    errors = PipedConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    errors.print(f"[red]✗[/] {shown(sentence)}")
    for detail in details:
        errors.print(shown(detail))


def exit_with(sentence: str, details: Iterable[str] = ()) -> NoReturn:
    """Print one sentence to standard error, and each detail on a line below it. End the program with exit code 1."""
    print_failure(sentence, details)
    sys.exit(1)


def _logged(doing: str, things: str, total: int) -> Callable[[int], None]:
    began = last_printed = monotonic()

    def tell(done: int) -> None:
        nonlocal last_printed
        if monotonic() - last_printed >= LOG_SECONDS:
            last_printed = monotonic()
            left = f", about {(last_printed - began) * (total - done) / done:,.0f} s left" if 0 < done < total else ""
            console.print(f"  {doing}: {done:,} of {total:,} {things}{left}")
            sys.stdout.flush()

    return tell
