"""A clock that stands still until a test moves it."""

from itertools import count

from saxaul.clock import Clock


class StoppedClock(Clock):
    """Always shows ``instant``, in seconds since 1970. Its ``sleep`` does not wait."""

    def __init__(self, instant: int) -> None:
        self.instant = instant
        self._ticks = count()

    def now(self) -> int:
        return self.instant

    def now_ns(self) -> int:
        return self.instant * 1_000_000_000

    def elapsed(self) -> float:
        """Return a slightly larger value each time, so that a value that was just cached is older than 0 seconds."""
        return self.instant + next(self._ticks) / 1_000_000

    def sleep(self, seconds: float) -> None:
        """Return at once."""
