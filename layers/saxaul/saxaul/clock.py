"""The clock of a process. Code that needs the time receives a clock, so that a test can pass one that it controls."""

import time


class Clock:
    """The clock of this machine."""

    def now(self) -> int:
        """Return the current time in whole seconds since 1970 (UTC)."""
        return int(time.time())

    def now_ns(self) -> int:
        """Return the current time in nanoseconds since 1970 (UTC), for what changes within a second."""
        return time.time_ns()

    def elapsed(self) -> float:
        """Return the seconds since an arbitrary fixed moment.

        Use it to measure durations. Unlike ``now``, it never decreases, even if the system clock is set back.
        """
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        time.sleep(seconds)


SYSTEM_CLOCK = Clock()
"""The clock of Lambda functions and of command-line tools."""
