"""The time of a process. It is passed to whatever needs it, so that a test can let it stand still or move it on."""

import time


class Clock:
    """The clock of this machine."""

    def now(self) -> int:
        """The current instant: whole seconds since 1970 (UTC)."""
        return int(time.time())

    def elapsed(self) -> float:
        """Seconds since a fixed moment. They never go back, so an age that is measured with them is never negative."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


SYSTEM_CLOCK = Clock()
"""The clock that functions and commands go by."""
