"""The clock of a process. Code that needs the time receives a clock, so that a test can stop it or move it forward."""

import time


class Clock:
    """The clock of this machine."""

    def now(self) -> int:
        """Return the current instant: whole seconds since 1970 (UTC)."""
        return int(time.time())

    def elapsed(self) -> float:
        """Return the seconds since a fixed moment. They never decrease, so a measured age is never negative."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for a number of seconds."""
        time.sleep(seconds)


SYSTEM_CLOCK = Clock()
"""The clock that functions and commands use."""
