"""Prints the output of the commands: steps with their duration, progress, and failures in one sentence."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter
from typing import NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # escape a character that the terminal cannot show

console = Console(highlight=False, soft_wrap=True)

LOG_SECONDS = 10
"""Seconds between two lines of progress, if the output is not a terminal."""


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Show that a step is running and, when it has ended without an error, how long it took."""
    began = perf_counter()
    with console.status(doing):
        yield
    console.print(f"[green]✓[/] {doing} [dim]{perf_counter() - began:.1f} s[/]")


@contextmanager
def progress(doing: str, things: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of ``total`` are done: as a bar on a terminal, or else as a line every ten seconds.

    Yields a function to call with the number done so far.
    """
    began = perf_counter()
    if console.is_terminal:
        columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn(things), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=total)
            yield lambda done: bar.update(task, completed=done)
    else:
        yield _logged(doing, things, total)
    console.print(f"[green]✓[/] {doing} [dim]{perf_counter() - began:.1f} s[/]")


def exit_with(sentence: str) -> NoReturn:
    """Print one sentence to standard error, and end the program with exit code 1."""
    sys.stdout.flush()  # so that a log has the earlier output first
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]✗[/] {escape(sentence)}")
    sys.exit(1)


def _logged(doing: str, things: str, total: int) -> Callable[[int], None]:
    last_printed = monotonic()

    def tell(done: int) -> None:
        nonlocal last_printed
        if monotonic() - last_printed >= LOG_SECONDS:
            last_printed = monotonic()
            console.print(f"  {doing}: {done:,} of {total:,} {things}")
            sys.stdout.flush()

    return tell
