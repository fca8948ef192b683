"""Retries after a concurrent write won, or after DynamoDB left a part of a batch unprocessed.

An attempt loses its race when its conditional write is refused because a concurrent write won. The errors:

    LostRaceError                 nothing was written: read again and decide again
    ├── ItemMovedError            the item has changed since it was read (storage/table.py)
    │   └── PeriodMovedError      the same for a period; carries the period as it is now (storage/periods.py)
    └── TransactionRefusedError   a transaction was refused as a whole (storage/table.py)
    ContendedError                every attempt lost its race
    OverloadedError               DynamoDB left a part of a batch unprocessed in every attempt
"""

import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from saxaul.clock import Clock

Result = TypeVar("Result")

ATTEMPTS = 12
"""How many attempts are made before ContendedError or OverloadedError is raised."""

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.2
"""Upper bounds of the first and of the longest pause, in seconds. All pauses together take less than two seconds."""


class LostRaceError(Exception):
    """A concurrent write won. Nothing was written."""


class ContendedError(Exception):
    """Every attempt lost its race. Nothing was written; it is safe to try again later."""

    def __init__(self) -> None:
        super().__init__(f"concurrent writes won against all {ATTEMPTS} attempts")


class OverloadedError(Exception):
    """DynamoDB left a part of a batch unprocessed in every attempt. It is safe to try again."""

    def __init__(self) -> None:
        super().__init__(f"DynamoDB processed nothing of the rest of a batch in {ATTEMPTS} attempts")


def attempts(clock: Clock, first: int = 0) -> Iterator[int]:
    """Yield the numbers of the attempts, from ``first`` on, with a random pause before each except attempt 0.

    The upper bound of the pause starts at 0.02 seconds and doubles up to 0.2 seconds.
    """
    for attempt in range(first, first + ATTEMPTS):
        if attempt:
            bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
            clock.sleep(random.uniform(0, bound))  # noqa: S311 - spreads concurrent writers
        yield attempt


def until_won(attempt: Callable[[], Result], clock: Clock) -> Result:
    """Call ``attempt`` until it loses no race, and return its result.

    After a lost race, ``attempt`` must decide again on current data.

    Raises:
        ContendedError: every attempt lost its race.
    """
    for _ in attempts(clock):
        try:
            return attempt()
        except LostRaceError:
            continue
    raise ContendedError
