"""The clock of the laptop stack: that of this machine, or a time ahead of it.

The file ``clock`` in the state folder has the seconds by which it is ahead. Without the file, it is not. The clock goes
on like any other, and is only ever moved forward, because what the stack has stored must not lie in its future.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from local.sam import state
from local.worker_clock import SECOND_NS, offset_in
from saxaul.clock import SYSTEM_CLOCK, Clock

_LATEST = 4_102_444_800
"""The beginning of the year 2100 in UTC. No clock is moved further."""

_LENGTHS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

_LOCAL = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?", re.ASCII)
_WITH_OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_SPAN = re.compile(r"(\d{1,9})([smhd])", re.ASCII)


class UnfitTimeError(Exception):
    """The clock cannot be moved to that time. The message is one sentence."""


class StackClock(Clock):
    """The clock whose file is in the state folder."""

    def __init__(self) -> None:
        self._file = str(clock_file())

    def now(self) -> int:
        return super().now() + offset_in(self._file)

    def now_ns(self) -> int:
        return super().now_ns() + offset_in(self._file) * SECOND_NS

    @property
    def offset(self) -> int:
        """The seconds by which it is ahead of this machine's clock."""
        return offset_in(self._file)


def clock_file() -> Path:
    """Return the file that has the seconds by which the clock of the laptop stack is ahead."""
    return (state() / "clock").absolute()


def instant_in(text: str, zone: ZoneInfo) -> int:
    """Return the instant that a text names: a local time such as ``2027-06-05T09:00``, or one with its offset.

    A date alone means its beginning. Without an offset, the time is in the zone.

    Raises:
        UnfitTimeError: the text is no time.
    """
    if _LOCAL.fullmatch(text) or _WITH_OFFSET.fullmatch(text):
        try:
            found = datetime.fromisoformat(text)
            return int((found if found.tzinfo else found.replace(tzinfo=zone)).timestamp())
        except (ValueError, OverflowError):
            pass
    raise UnfitTimeError(
        f"{text!r} is not a time: write it as 2027-06-05T09:00, which is in {zone.key}, or as 2027-06-05T09:00+08:00."
    )


def seconds_in(text: str) -> int:
    """Return the length of a span such as ``90s``, ``10m``, ``8h`` or ``1d``. A day has 24 hours.

    Raises:
        UnfitTimeError: the text is no span, or the span is empty.
    """
    found = _SPAN.fullmatch(text)
    if not found or not int(found[1]):
        raise UnfitTimeError(f"{text!r} is not a span of time: write it as 90s, 10m, 8h or 1d.")
    return int(found[1]) * _LENGTHS[found[2]]


def move_to(instant: int) -> None:
    """Move the clock forward to an instant.

    Raises:
        UnfitTimeError: the clock shows this time already, or a later one; or the instant is too far ahead.
    """
    with _alone():
        if instant <= StackClock().now():
            raise UnfitTimeError("The clock only goes forward, and it already shows that time or a later one.")
        _write(instant - SYSTEM_CLOCK.now())


def move_by(seconds: int) -> None:
    """Move the clock forward by a number of seconds.

    Raises:
        UnfitTimeError: the clock would get too far ahead.
    """
    with _alone():
        _write(StackClock().offset + seconds)


def forget() -> None:
    """Let the clock show the time of this machine again, for a stack that starts or stops.

    The file of the lock stays: another process may hold it, and would not exclude one that makes the file anew.
    """
    with _alone():
        clock_file().unlink(missing_ok=True)


def _write(offset: int) -> None:
    if SYSTEM_CLOCK.now() + offset > _LATEST:
        raise UnfitTimeError("The clock goes no further than the year 2099.")
    fresh = clock_file().with_suffix(f".{os.getpid()}.new")
    fresh.write_text(str(offset), "ascii")
    fresh.replace(clock_file())


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process moves the clock. Two that move it at once could otherwise set it back."""
    clock_file().parent.mkdir(parents=True, exist_ok=True)
    with clock_file().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
