"""How the stories print what they do: headings, requests and what came of them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from local.client import stack_clock
from local.console import console, exit_with, shown, watching
from local.tables import folded

Found = TypeVar("Found")

PATIENCE = 60.0
"""Seconds to wait for queued work."""


def now() -> datetime:
    """Return the time of the stack, in whole seconds."""
    return datetime.fromtimestamp(stack_clock().now(), UTC)


def heading(title: str) -> None:
    console.print()
    for part in folded(title):
        console.print(f"[bold]{shown(part)}[/]")


def request(method: str, target: str) -> None:
    console.print(f"  [cyan]{shown(method)}[/] {shown(target)}")


def line(text: str) -> None:
    for part in folded(text, indent=4):
        console.print(f"    {shown(part)}")


def poll(ask: Callable[[], Found], good: Callable[[Found], bool]) -> Found:
    """Call ``ask`` until ``good`` accepts the answer, and return the answer. End the program after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    if good(answer := ask()):
        return answer
    with watching("waiting for the stack", "", 0):
        while not good(answer := ask()):
            if time.monotonic() > deadline:
                exit_with(f"This did not happen within {PATIENCE:g} seconds. The last answer was {str(answer)[:300]}")
            time.sleep(0.2)
    return answer
