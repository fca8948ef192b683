"""A clock that stands still until a test moves it."""

from itertools import count

from saxaul.clock import Clock


class StoppedClock(Clock):
    """Stands at ``instant``, in seconds since 1970. Nobody waits by it."""

    def __init__(self, instant: int) -> None:
        self.instant = instant
        self._ticks = count()

    def now(self) -> int:
        return self.instant

    def elapsed(self) -> float:
        """A little more each time, so that what was read a moment ago is older than nothing."""
        return self.instant + next(self._ticks) / 1_000_000

    def sleep(self, seconds: float) -> None:
        """Return at once."""
