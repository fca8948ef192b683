"""Counts what each client uses of its limits, and refuses what is over them.

A limit protects other clients. If the table that counts fails, nobody is refused.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.clients import RegisteredClient
from saxaul.clock import Clock
from saxaul.limits import SECOND, CallMeter, DayMeter
from saxaul.observability import logger
from saxaul.problems import TooManyRequests
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.usage import UsageStore, UsageUnansweredError, UsageUnknownError

CLIENTS_METERED = 1024
"""The clients of which a worker keeps what it knows. It forgets the one that it has known for longest."""

_KEPT_SECONDS = 2 * 86_400
"""How many seconds the count of a day is kept after the day, so that an operator can still look it up."""

_ATTEMPTS = 6
"""How often one call asks the table for a block. If other workers took the calls first each time, it is let through."""

_UNCOUNTED = SECOND
"""For how many nanoseconds the table is not asked again after it failed, so that its failures do not delay each call.

If it answered with an error, this is for the calls or the actions of that client; if it did not answer, for all."""

_RETRY_CALL_AFTER = 1
"""A refused client is let through again after a second at most: then the bucket has room for a call."""

Meter = TypeVar("Meter", CallMeter, DayMeter)


class Metering:
    """The limits as this worker enforces them."""

    def __init__(self, usage: UsageStore, calendar: Calendar, clock: Clock) -> None:
        self._usage = usage
        self._calendar = calendar
        self._clock = clock
        self._calls: dict[str, CallMeter] = {}
        self._days: dict[str, DayMeter] = {}
        self._unanswered_at = -_UNCOUNTED

    def take_call(self, client: RegisteredClient) -> None:
        """Count a call.

        Raises:
            TooManyRequests: the client has made the calls of this second.
        """
        rate = client.calls_per_second
        if rate is None:
            return
        now, meter = self._clock.now_ns(), _meter_of(self._calls, client.name, CallMeter)
        if meter.spend(now) or self._is_uncounted(meter, now):
            return
        if not self._take_calls(client.name, meter, now, rate):
            raise TooManyRequests(
                "too_many_calls",
                f"{client.name} may make {rate:,} calls a second; repeat the call after the seconds in Retry-After.",
                _RETRY_CALL_AFTER,
            )

    def take_actions(self, app: str, limit: int | None, number: int) -> None:
        """Count actions or reversals that a call reports. Either all of them are counted, or none.

        Raises:
            TooManyRequests: the app has too few actions left of today.
        """
        if limit is None or not number:
            return
        today = self._calendar.day_of(self._clock.now())
        day = today.isoformat()
        meter = _meter_of(self._days, app, lambda: DayMeter(day))
        if meter.day != day:
            meter = self._days[app] = DayMeter(day)
        midnight = self._calendar.end_of(today) + 1
        if not self._take_actions(app, meter, number, limit, midnight + _KEPT_SECONDS):
            raise TooManyRequests(
                "daily_limit_reached",
                f"The limit of {app} is {limit:,} a day, for actions and reversals together, and {meter.left(limit):,} "
                f"are left. This call has {number:,}, so nothing of it was accepted; send no more than are left.",
                max(1, midnight - self._clock.now()),
            )

    def _take_calls(self, client: str, meter: CallMeter, now: int, rate: int) -> bool:
        """Take a block of calls. Return False if there is no room. If nobody can say it, return True."""
        for attempt in range(_ATTEMPTS):
            block = meter.block(now, rate)
            if block is None:
                if attempt:
                    meter.pause(now, rate)
                return False
            try:
                taken = self._usage.take_calls(client, block)
            except UsageUnknownError as error:
                self._note_failure(client, meter, now, error)
                return True
            if taken.is_given:
                meter.took(block, taken.state)
                return True
            meter.saw(taken.state)
        return True

    def _take_actions(self, app: str, meter: DayMeter, number: int, limit: int, expires_at: int) -> bool:
        """Take the actions from those in hand, or from a new block. Return False if the day has no room for them."""
        while not meter.spend(number, limit):
            block, now = meter.block(number, limit), self._clock.now_ns()
            if block is None:
                return False
            if self._is_uncounted(meter, now):
                return True
            try:
                taken = self._usage.take_actions(app, meter.day, block, expires_at)
            except UsageUnknownError as error:
                self._note_failure(app, meter, now, error)
                return True
            if taken.is_given:
                meter.took(block, taken.state)
            else:
                meter.saw(taken.state)
        return True

    def _is_uncounted(self, meter: CallMeter | DayMeter, now: int) -> bool:
        """Return whether the table failed just now, for this meter or for all. The clock may have been set back."""
        return any(0 <= now - failed_at < _UNCOUNTED for failed_at in (meter.failed_at, self._unanswered_at))

    def _note_failure(self, client: str, meter: CallMeter | DayMeter, now: int, error: UsageUnknownError) -> None:
        meter.failed_at = now
        if isinstance(error, UsageUnansweredError):
            self._unanswered_at = now
        logger.warning("a limit cannot be checked", extra={"client": client, "error": str(error)})


def _meter_of(meters: dict[str, Meter], client: str, new: Callable[[], Meter]) -> Meter:
    known = meters.get(client)
    if known is None:
        if len(meters) >= CLIENTS_METERED:
            del meters[next(iter(meters))]
        known = meters[client] = new()
    return known


@cache
def metering() -> Metering:
    """Return the limits of this process."""
    return Metering(UsageStore(wiring.activity()), settings().calendar, wiring.clock())


def take_call(client: RegisteredClient) -> None:
    """Count a call of a client.

    Raises:
        TooManyRequests: the client has made the calls of this second.
    """
    metering().take_call(client)
