"""What the laptop stack says to a person: steps with their times, and failures in one sentence."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import NoReturn

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Show that something is under way, and how long it took once it is done."""
    began = perf_counter()
    with console.status(doing):
        yield
    console.print(f"[green]✓[/] {doing} [dim]{perf_counter() - began:.1f} s[/]")


def give_up(sentence: str) -> NoReturn:
    """End with one clear sentence."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]✗[/] {sentence}")
    sys.exit(1)
