"""The deadline of an invocation, before which the function must return.

Lambda ends a function that runs longer than its timeout, and the client then gets an error of API Gateway. So a
function of the API stops earlier, and returns an error of its own. Only the functions of the API set a deadline. Those
that process queue messages do not, because a queue delivers their messages again. The preparation of a worker
(``startup.py``) has one as well.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class OutOfTimeError(Exception):
    """The invocation has too little time left to begin an AWS call. The request is safe to repeat."""


class NoTimeToRepeatError(OutOfTimeError):
    """AWS did not answer an attempt of a call in time, and the invocation has too little time left for another one."""


class UnansweredError(Exception):
    """AWS did not answer any attempt of a call in time. The call may have had its effect; it is safe to repeat."""


class Deadline:
    """The deadline of the current invocation. A worker handles one invocation at a time, with one or more threads."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._of_thread = threading.local()

    def set(self, seconds: float) -> None:
        """Set the deadline to a number of seconds from now."""
        self._at = time.monotonic() + seconds

    def clear(self) -> None:
        """Remove the deadline, because the invocation is over."""
        self._at = None

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give the AWS calls that this thread makes an earlier deadline, a number of seconds from now."""
        outer = getattr(self._of_thread, "at", None)
        soon = time.monotonic() + seconds
        self._of_thread.at = soon if outer is None else min(outer, soon)
        try:
            yield
        finally:
            self._of_thread.at = outer

    def require(self, seconds: float) -> None:
        """Check that at least this many seconds are left. Without a deadline, there is always enough time.

        Raises:
            OutOfTimeError: fewer seconds are left.
        """
        deadlines = [at for at in (self._at, getattr(self._of_thread, "at", None)) if at is not None]
        if deadlines and min(deadlines) - time.monotonic() < seconds:
            raise OutOfTimeError


DEADLINE = Deadline()
"""The deadline of this process."""
