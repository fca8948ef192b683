"""Sweeping: redemptions that nobody answered are queued again."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.queues import send_redemption
from saxaul.storage.redemptions import Redemptions

LOST_AFTER = 300
"""Seconds after which a redemption without an answer is queued again. Within them, the queue drops repeats anyway."""

MAX_SWEPT = 500
"""The most that one sweep queues again; the next goes on."""


class Swept(NamedTuple):
    """How many redemptions were queued again, and for how many seconds the oldest had waited."""

    redemptions: int
    oldest_seconds: int


@dataclass(frozen=True)
class Sweeping:
    """Queues again what was lost on the way to the queue."""

    redemptions: Redemptions
    clock: Clock
    queue_url: str

    def sweep(self) -> Swept:
        """Queue again the redemptions that nobody answered, the oldest first."""
        now = self.clock.now()
        overdue = self.redemptions.requested_before(now - LOST_AFTER, MAX_SWEPT)
        for redemption in overdue:
            send_redemption(self.queue_url, redemption)
        return Swept(len(overdue), now - overdue[0].requested_at if overdue else 0)


@cache
def sweeping() -> Sweeping:
    """The sweeping of this process."""
    return Sweeping(Redemptions(wiring.ledger()), wiring.clock(), settings().redemption_queue_url)
