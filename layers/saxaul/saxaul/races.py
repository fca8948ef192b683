"""Lost races: what is done when somebody else wrote first, or DynamoDB had no time.

The errors, drawn once:

    LostRaceError                 nothing was written: read again, and decide again
    ├── ItemMovedError            the item is no longer what was read (storage/table.py)
    │   └── PeriodMovedError      and this is the period that stands there now (storage/periods.py)
    └── TransactionRefusedError   one of the writes of a transaction did not hold (storage/table.py)
    ContendedError                every attempt lost its race
    OverloadedError               DynamoDB left a part of a batch unprocessed, however often it was asked
"""

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from saxaul.clock import Clock

Result = TypeVar("Result")

ATTEMPTS = 12
"""How often something is tried before its caller is told to come back later."""

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.2
"""Seconds that a pause may take at most. All pauses together take less than two seconds."""


class LostRaceError(Exception):
    """Somebody else wrote first. Nothing was written."""


class ContendedError(Exception):
    """Every attempt lost its race. Nothing was written; trying again later is safe."""

    def __init__(self) -> None:
        super().__init__(f"{ATTEMPTS} attempts lost their race")


class OverloadedError(Exception):
    """DynamoDB had no time for the rest of a batch, however often it was asked. Trying again is safe."""

    def __init__(self) -> None:
        super().__init__(f"{ATTEMPTS} requests for the rest of a batch did nothing")


def attempts(clock: Clock, first: int = 0) -> Iterator[int]:
    """Count the attempts from ``first`` on. Each comes after a random pause, whose bound doubles up to 0.2 seconds.

    Attempt 0 comes at once.
    """
    for attempt in range(first, first + ATTEMPTS):
        if attempt:
            bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
            clock.sleep(random.uniform(0, bound))  # noqa: S311 - spreads rivals
        yield attempt


def until_won(attempt: Callable[[], Result], clock: Clock) -> Result:
    """Run an attempt until it loses no race. It reads what it decides on, so that each run decides on what is new.

    Raises:
        ContendedError: every attempt lost its race.
    """
    for _ in attempts(clock):
        try:
            return attempt()
        except LostRaceError:
            continue
    raise ContendedError
