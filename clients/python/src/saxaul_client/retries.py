"""Repeats a request while the API is too busy or does not answer.

Every call of Saxaul is safe to repeat: an action is recognised by its id, and a redemption by its Idempotency-Key.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from saxaul_client.clock import Clock
from saxaul_client.errors import UnreachableError

REPEATED = frozenset({429, 500, 502, 503, 504})
"""The statuses after which a request is repeated."""

_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a call is repeated. The requests for its token count too.

    Attributes:
        attempts: the most requests of one call.
        seconds: no request begins later than this after the first.
        first_pause: the longest pause before the first repetition, in seconds; it doubles with each repetition.
        longest_pause: where the doubling ends. A ``Retry-After`` may ask for more.
    """

    attempts: int = 6
    seconds: float = 60
    first_pause: float = 0.25
    longest_pause: float = 10

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.seconds, self.first_pause, self.longest_pause) < 0:
            raise ValueError("a call has at least one attempt, and no time is negative")


class Budget:
    """What is left of the retries of one call."""

    def __init__(self, retries: Retries, clock: Clock) -> None:
        self._retries = retries
        self._clock = clock
        self._repeated = 0
        self._ends_at = clock.monotonic() + retries.seconds

    def wait(self, retry_after: float | None) -> bool:
        """Wait before the next request. Returns False at once if no further request is allowed.

        The pause is random, from 0 to a limit that doubles. It comes on top of what ``Retry-After`` asks for, so that
        clients that were refused together do not come back together.
        """
        if self._repeated >= self._retries.attempts - 1:
            return False
        limit = min(self._retries.first_pause * 2.0 ** min(self._repeated, 60), self._retries.longest_pause)
        pause = (retry_after or 0) + self._clock.jitter(limit)
        if self._clock.monotonic() + pause > self._ends_at:
            return False
        self._repeated += 1
        self._clock.sleep(pause)
        return True


def exchange(send: Callable[[], httpx.Response], budget: Budget, clock: Clock) -> httpx.Response:
    """Send a request until the response is not a call to repeat it, or the budget is used up; return the last response.

    Raises:
        UnreachableError: the last attempt got no response.
    """
    while True:
        outcome = _attempt(send)
        if isinstance(outcome, httpx.Response):
            if outcome.status_code not in REPEATED or not budget.wait(retry_after(outcome, clock.now())):
                return outcome
        elif not budget.wait(None):
            raise UnreachableError(f"no response ({outcome})")


def _attempt(send: Callable[[], httpx.Response]) -> httpx.Response | str:
    """Return the response, or why there is none. The error of httpx is not passed on: it holds the whole request."""
    try:
        return send()
    except httpx.RequestError as error:
        return f"{type(error).__name__}: {error}"


def retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Return the seconds that ``Retry-After`` asks for (RFC 9110, section 10.2.3), or None without a valid one."""
    value = response.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())
