"""Reads without which a response is still useful: they are tried once, so that a failure delays it little."""

from collections.abc import Iterator
from contextlib import contextmanager

from saxaul.deadline import DEADLINE
from saxaul.storage.clients import ONE_ATTEMPT


@contextmanager
def one_attempt() -> Iterator[None]:
    """Allow one attempt of each AWS call that this thread makes in the context, if it begins at once.

    Raises:
        OutOfTimeError: a further attempt was refused.
    """
    with DEADLINE.within(ONE_ATTEMPT):
        yield
