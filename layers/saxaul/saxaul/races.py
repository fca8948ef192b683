"""Retries of conditional writes that lost a race, and of batches that DynamoDB processed only in part.

A conditional write loses its race if a concurrent write changes the item first, so that DynamoDB refuses the
conditional write. The errors:

    LostRaceError                 nothing was written; the worker reads the data again and retries
    ├── ItemMovedError            the item has changed since it was read (storage/table.py)
    └── TransactionRefusedError   DynamoDB refused a transaction, so none of its writes were made (storage/table.py)
    ThrottledError                DynamoDB throttled one write of a batch; nothing was written
    ContendedError                every attempt lost its race
    OverloadedError               no attempt made progress with the rest of a batch
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
"""Upper bounds of the first and the longest pause, in seconds. The pauses of 12 attempts add up to less than 2 s."""


class LostRaceError(Exception):
    """A concurrent write won. Nothing was written."""


class ThrottledError(Exception):
    """DynamoDB throttled one write of a batch, so it was not made. It can be tried again as it is."""


class ContendedError(Exception):
    """Every attempt lost its race. Nothing was written; it is safe to try again later."""

    def __init__(self) -> None:
        super().__init__("concurrent writes won against every attempt")


class OverloadedError(Exception):
    """DynamoDB left the rest of a batch unprocessed in every attempt. It is safe to try again."""

    def __init__(self) -> None:
        super().__init__(f"DynamoDB left the rest of a batch unprocessed in {ATTEMPTS} attempts")


def attempts(clock: Clock, first: int = 0, most: int = ATTEMPTS) -> Iterator[int]:
    """Yield the number of each of ``most`` attempts, starting with ``first``. Before each except number 0, wait.

    The pause is random. Its upper bound is 0.02 seconds before attempt 1 and doubles each time, up to 0.2 seconds.
    """
    for attempt in range(first, first + most):
        pause_before(attempt, clock)
        yield attempt


def pause_before(attempt: int, clock: Clock) -> None:
    """Wait before an attempt, as :func:`attempts` does."""
    if attempt:
        bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
        clock.sleep(random.uniform(0, bound))  # noqa: S311 - spreads concurrent writers


def retry_lost_races(attempt: Callable[[], Result], clock: Clock) -> Result:
    """Call ``attempt`` until it does not raise LostRaceError, and return its result.

    Each call of ``attempt`` must base its writes on current data.

    Raises:
        ContendedError: every attempt lost its race.
    """
    for _ in attempts(clock):
        try:
            return attempt()
        except LostRaceError:
            continue
    raise ContendedError
