"""Sweeps: requeues redemptions that are still pending after some minutes, because their messages may be lost.

A sweep also measures for how long the oldest batch of actions has waited to be posted.
"""

from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.queues import send_redemption
from saxaul.storage.receipts import Receipts
from saxaul.storage.redemptions import Redemptions

LOST_AFTER = 300
"""Seconds after which a pending redemption is queued again. Until then, the queue drops a duplicate message."""

MAX_SWEPT = 500
"""The most redemptions that one sweep queues again. The next sweep queues the rest."""


class Swept(NamedTuple):
    """How many redemptions were queued again, and how many seconds ago the oldest of them was requested."""

    redemptions: int
    oldest_seconds: int


class Sweeping(NamedTuple):
    """Queues pending redemptions again, and knows what else is pending."""

    redemptions: Redemptions
    receipts: Receipts
    clock: Clock
    queue_url: str

    def sweep(self) -> Swept:
        """Requeue pending redemptions that were requested more than ``LOST_AFTER`` seconds ago, the oldest first."""
        now = self.clock.now()
        overdue = self.redemptions.requested_before(now - LOST_AFTER, MAX_SWEPT)
        for redemption in overdue:
            send_redemption(self.queue_url, redemption)
        return Swept(len(overdue), now - overdue[0].requested_at if overdue else 0)

    def oldest_unposted(self) -> int:
        """Return how many seconds ago the oldest batch was accepted of which something waits; 0 if nothing does."""
        accepted_at = self.receipts.oldest_waiting()
        return 0 if accepted_at is None else max(0, self.clock.now() - accepted_at)


@cache
def sweeping() -> Sweeping:
    """Return the sweeping service of this process."""
    receipts = Receipts(wiring.activity())
    return Sweeping(Redemptions(wiring.ledger()), receipts, wiring.clock(), settings().redemption_queue_url)
