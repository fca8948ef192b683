"""Reads without which a response is still useful: they are tried once, so that a failure delays it little."""

from collections.abc import Iterator
from contextlib import contextmanager

from saxaul.deadline import DEADLINE
from saxaul.storage.clients import ANSWER_SECONDS, LONGEST_ATTEMPT

_MARGIN_SECONDS = 0.1


@contextmanager
def one_attempt() -> Iterator[None]:
    """Allow one attempt of each AWS call that begins at once in the context, and no second one.

    Raises:
        OutOfTimeError: a further attempt was refused.
    """
    with DEADLINE.within(LONGEST_ATTEMPT + ANSWER_SECONDS + _MARGIN_SECONDS):
        yield
