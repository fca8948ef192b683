"""Intake: the actions and reversals that an app reports are checked, and those that can be posted are queued."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.actions import Refusal, screen, screen_reversals
from saxaul.messages.bodies import pack, pack_reversals
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import RECENT, CatalogStore
from saxaul.storage.queues import send_actions


class TakenIn(NamedTuple):
    """The result of a request: how many of its actions or reversals were queued, and why the others were refused."""

    accepted: int
    refused: Sequence[Refusal]


@dataclass(frozen=True)
class Intake:
    """Takes in actions and reversals from apps."""

    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock
    queue_url: str

    def actions(self, app: str, reported: Sequence[object]) -> TakenIn:
        """Queue the actions that can be posted, and refuse the others."""
        now = self.clock.now()
        accepted, refused = screen(app, reported, self.catalog_store.catalog(), self.calendar, now)
        if any(refusal.code == "unknown_type" for refusal in refused):
            fresh = self.catalog_store.catalog(max_age=RECENT)
            accepted, refused = screen(app, reported, fresh, self.calendar, now)
        send_actions(self.queue_url, app, pack(app, accepted))
        return TakenIn(len(accepted), refused)

    def reversals(self, app: str, reported: Sequence[object]) -> TakenIn:
        """Queue the reversals that can be posted. Whether their actions exist is checked only when they are posted."""
        accepted, refused = screen_reversals(app, reported, self.clock.now())
        send_actions(self.queue_url, app, pack_reversals(app, accepted))
        return TakenIn(len(accepted), refused)


@cache
def intake() -> Intake:
    """Return the intake service of this process."""
    return Intake(wiring.catalog_store(), settings().calendar, wiring.clock(), settings().action_queue_url)
