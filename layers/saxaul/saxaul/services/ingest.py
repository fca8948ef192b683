"""Intake: checks the actions and reversals that an app reports, and queues the valid ones.

Another function reads the queue and posts them to periods.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.actions import RefusedItem, screen, screen_reversals
from saxaul.messages.bodies import pack, pack_reversals
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import MISSING_CACHED_FOR, CatalogStore
from saxaul.storage.queues import send_actions


class IntakeResult(NamedTuple):
    """The result of one request: how many actions or reversals were queued, and why each of the others was refused."""

    accepted: int
    refused: Sequence[RefusedItem]


@dataclass(frozen=True)
class Intake:
    """Checks and queues actions and reversals."""

    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock
    queue_url: str

    def actions(self, app: str, reported: Sequence[object]) -> IntakeResult:
        """Queue the valid actions, and refuse the others.

        The action type may be newer than the cached catalog. So before an unknown type is refused, the actions are
        checked against a catalog that is at most 5 seconds old.
        """
        now = self.clock.now()
        accepted, refused = screen(app, reported, self.catalog_store.catalog(), self.calendar, now)
        if any(refusal.code == "unknown_type" for refusal in refused):
            fresh = self.catalog_store.catalog(max_age=MISSING_CACHED_FOR)
            accepted, refused = screen(app, reported, fresh, self.calendar, now)
        send_actions(self.queue_url, app, pack(app, accepted))
        return IntakeResult(len(accepted), refused)

    def reversals(self, app: str, reported: Sequence[object]) -> IntakeResult:
        """Queue the valid reversals, and refuse the others. Whether their actions exist is checked later."""
        accepted, refused = screen_reversals(app, reported, self.clock.now())
        send_actions(self.queue_url, app, pack_reversals(app, accepted))
        return IntakeResult(len(accepted), refused)


@cache
def intake() -> Intake:
    """Return the intake service of this process."""
    return Intake(wiring.catalog_store(), settings().calendar, wiring.clock(), settings().action_queue_url)
