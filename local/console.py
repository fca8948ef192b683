"""Prints the output of the commands: steps with their duration, progress, and failures in one sentence."""

import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import date
from decimal import Decimal
from errno import EPIPE
from pathlib import Path
from threading import Event, Thread
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from local.durations import FIRST_LOG_SECONDS, LOG_SECONDS, Work
from saxaul.log.verdicts import printable

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # escape a character that the terminal cannot show


class PipedConsole(Console):
    """A console that raises an error if the reader of the output has closed the pipe. Rich would end the program."""

    def on_broken_pipe(self) -> NoReturn:
        self.quiet = True  # so that what is stopped now cannot fail because it prints
        raise BrokenPipeError(EPIPE, "the reader of the output has closed the pipe")


console = PipedConsole(highlight=False, soft_wrap=True, emoji=False)

_REDRAWN_SECONDS = 0.25

_BAR_FROM = 80
"""A terminal with fewer columns has no bar, so that the text beside it is not cut."""


def shown(value: object) -> str:
    """Return a value as text that markup can contain: a name, a message, or anything else that others may have written.

    Each unprintable character, such as a line break or the beginning of a terminal command, becomes an escape code.
    Brackets are shown, and do not become markup.
    """
    return escape(printable(str(value)))


@contextmanager
def step(doing: str, detail: str = "") -> Iterator[None]:
    """Show that a step is running, and how long the rest will take. Show in the end how long it took.

    How long a step takes is known from the last time on this machine. The first time, only the seconds since it began
    are shown. ``doing`` is markup that is the same each time, and ``detail`` markup that differs, such as a file.
    """
    with _watched(Work(doing, detail=detail)):
        yield


@contextmanager
def progress(doing: str, things: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of ``total`` are done, and how long the rest will take: as a bar on a terminal, or else as a line
    after two seconds, and then every ten.

    ``doing`` and ``things`` are markup. If more are done than the total, the total was an estimate and is not shown.

    Yields a function to call with the number done so far.
    """
    work = Work(doing, things, total)
    with _watched(work):
        yield work.tell


@contextmanager
def watching(doing: str, things: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show the same as ``progress`` while the work goes on, and leave no line behind.

    If nothing can be counted, ``things`` is empty.
    """
    work = Work(doing, things, total)
    with _watched(work, leaves_a_line=False):
        yield work.tell


@contextmanager
def _watched(work: Work, *, leaves_a_line: bool = True) -> Iterator[None]:
    ended, has_no_reader = Event(), Event()
    if console.is_terminal:
        columns = [SpinnerColumn(), TextColumn("{task.fields[text]}")]
        bars = [BarColumn(20)] * (work.total > 0 and console.width >= _BAR_FROM)
        bar = Progress(*columns, *bars, console=console, transient=True)
        task = bar.add_task("", total=work.total or None, text=work.text())

        def redraw() -> None:
            while not ended.wait(_REDRAWN_SECONDS):
                bar.update(task, completed=work.done, text=work.text())

        showing: AbstractContextManager[object] = bar
    else:

        def redraw() -> None:
            # Work that leaves no line behind is often so short that a line about it would only disturb.
            seconds = FIRST_LOG_SECONDS if leaves_a_line else LOG_SECONDS
            try:
                while not ended.wait(seconds):
                    console.print(f"  {work.text()}")
                    console.file.flush()
                    seconds = LOG_SECONDS
            except BrokenPipeError:
                has_no_reader.set()

        showing = nullcontext()
    teller = Thread(target=redraw, daemon=True)
    with showing:
        teller.start()
        try:
            yield
        finally:
            ended.set()
            teller.join()
    if has_no_reader.is_set():
        console.on_broken_pipe()
    if leaves_a_line:
        work.remember()
        console.print(f"[green]✓[/] {work.name} [dim]{work.seconds:.1f} s[/]")


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
    with suppress(OSError):  # its reader may have gone, or its disk be full: standard error may still have a reader
        sys.stdout.flush()  # so that a log has the earlier output first
    errors = PipedConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    errors.print(f"[red]✗[/] {shown(sentence)}")
    for detail in details:
        errors.print(shown(detail))


def exit_with(sentence: str, details: Iterable[str] = ()) -> NoReturn:
    """Print one sentence to standard error, and each detail on a line below it. End the program with exit code 1."""
    print_failure(sentence, details)
    sys.exit(1)
