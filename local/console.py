"""The output of the commands: steps with their duration, progress, and failures in one sentence."""

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
        stream.reconfigure(errors="backslashreplace")  # escape a character that the terminal cannot show, and go on

console = Console(highlight=False, soft_wrap=True)

LOG_SECONDS = 10
"""Seconds between two lines of progress in a log."""


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Show that a step is running, and how long it took when it is done."""
    began = perf_counter()
    with console.status(doing):
        yield
    console.print(f"[green]✓[/] {doing} [dim]{perf_counter() - began:.1f} s[/]")


@contextmanager
def progress(doing: str, things: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how many of ``total`` are done: as a bar on a terminal, or as a line every ten seconds in a log.

    Yields a function that takes the number done so far.
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


def give_up(sentence: str) -> NoReturn:
    """End the program with one sentence and exit code 1."""
    sys.stdout.flush()  # so that a log has the earlier output first
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]✗[/] {escape(sentence)}")
    sys.exit(1)


def _logged(doing: str, things: str, total: int) -> Callable[[int], None]:
    told = monotonic()

    def tell(done: int) -> None:
        nonlocal told
        if monotonic() - told >= LOG_SECONDS:
            told = monotonic()
            console.print(f"  {doing}: {done:,} of {total:,} {things}")
            sys.stdout.flush()

    return tell
