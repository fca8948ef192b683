"""How long the work of a command takes, and how long the rest of it will take.

What takes long, and has nothing to count, is remembered in the file ``durations.json`` of the state folder. So the next
run knows how long the same work took on this machine. The installation uses this module, so it needs only Python.
"""

import json
from contextlib import suppress
from pathlib import Path
from time import monotonic

from local.sam import state, write_private

REMEMBERED_FROM = 2.0
"""Work that takes fewer seconds is not remembered."""

LOG_SECONDS = 10.0
"""Seconds between two lines of progress, if the output is not a terminal."""

FIRST_LOG_SECONDS = 2.0
"""Seconds until the first of these lines."""

_MOST_REMEMBERED = 100

_COUNTED_PARTS = 20
"""The time left is said once one of so many parts of the total is counted: the first workers may just be starting."""


class Work:
    """Work that has begun.

    Attributes:
        doing: what is done, as markup. What takes long is remembered under these words.
        detail: what it is done with, as markup. It is shown after ``doing``, and is not remembered.
        things: what is counted, as markup. Nothing is counted if it is empty.
        total: how many of them there are, or about how many.
        done: how many are done.
    """

    def __init__(self, doing: str, things: str = "", total: int = 0, detail: str = "") -> None:
        self.doing = doing
        self.detail = detail
        self.things = things
        self.total = total
        self.done = 0
        self._began = monotonic()
        self._last_time = _remembered().get(doing)
        self._first: tuple[int, float] | None = None

    def tell(self, done: int) -> None:
        """Say how many are done so far."""
        self.done = done
        if self._first is None:
            # What is done at the first word may be what an earlier run has done.
            self._first = (done, self.seconds) if done > 1 else (0, 0.0)

    @property
    def seconds(self) -> float:
        """The seconds since the work began."""
        return monotonic() - self._began

    @property
    def name(self) -> str:
        """What is done, and with what."""
        return f"{self.doing} {self.detail}".rstrip()

    def left(self) -> float | None:
        """Return about how many seconds the rest will take, or None if nothing is known."""
        counted, at = self._first or (0, 0.0)
        if self._first and self.total / _COUNTED_PARTS <= self.done - counted < self.total - counted:
            return (self.seconds - at) * (self.total - self.done) / (self.done - counted)
        if self._last_time and self._last_time > self.seconds and not self.things:
            return self._last_time - self.seconds
        return None

    def text(self) -> str:
        """Return one line of markup: what is done, how much of it, and how long the rest will take."""
        left = self.left()
        rest = "" if left is None else f", about {time_text(left)} left"
        if not self.things:
            return f"{self.name}: {time_text(self.seconds)}{rest}{self._longer()}"
        of = f" of {self.total:,}" if self.done <= self.total else ""
        return f"{self.name}: {self.done:,}{of} {self.things}{rest}"

    def _longer(self) -> str:
        if self._last_time is None or self._last_time > self.seconds:
            return ""
        return f", longer than the last time ({time_text(self._last_time)})"

    def remember(self) -> None:
        """Note how long the work took if it cannot be counted. A folder that cannot be written is no reason to fail."""
        if self.things or self.seconds < REMEMBERED_FROM:
            return
        known = {name: took for name, took in _remembered().items() if name != self.doing}
        latest = list(known.items())[1 - _MOST_REMEMBERED :]
        with suppress(OSError):
            write_private(_file(), {**dict(latest), self.doing: round(self.seconds, 1)})


def time_text(seconds: float) -> str:
    """Return a duration such as ``45 s``, ``3 min 5 s`` or ``2 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def _file() -> Path:
    return state() / "durations.json"


def _remembered() -> dict[str, float]:
    """Return the seconds that each work took the last time. A file that cannot be read knows nothing."""
    try:
        found = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: took for name, took in found.items() if isinstance(took, int | float)}
