"""The clock, which a test can replace."""

import random
import time
from datetime import UTC, datetime


class Clock:
    """Tells the time, waits, and chooses the random part of a pause."""

    def monotonic(self) -> float:
        """Return seconds since some moment. They never go back."""
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self, most: float) -> float:
        """Return random seconds from 0 to ``most``."""
        return random.uniform(0, most)  # noqa: S311 - it spreads the load, and protects no secret
