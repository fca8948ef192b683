"""How often a lost race is run again."""

import random
from collections.abc import Iterator
from time import sleep

_ATTEMPTS = 12
_LONGEST_WAIT = 0.2


class ContendedError(Exception):
    """Every attempt lost its race. Nothing was written; trying again later is safe."""


def attempts() -> Iterator[int]:
    """Count attempts, each after a random wait that grows up to 0.2 seconds.

    Raises:
        ContendedError: the last attempt was not the last word.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(random.uniform(0, min(_LONGEST_WAIT, 0.01 * 2**attempt)))  # noqa: S311 - spreads rivals
        yield attempt
    raise ContendedError
