"""Intake: what an app reports is screened against the catalog, and what can be posted is queued."""

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
    """What became of a call: how many of its actions, or reversals, were queued, and why the others were not."""

    accepted: int
    refused: Sequence[Refusal]


@dataclass(frozen=True)
class Intake:
    """Takes in what apps report."""

    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock
    queue_url: str

    def actions(self, app: str, reported: Sequence[object]) -> TakenIn:
        """Queue the actions that can be posted."""
        now = self.clock.now()
        accepted, refused = screen(app, reported, self.catalog_store.catalog(), self.calendar, now)
        if any(refusal.code == "unknown_type" for refusal in refused):
            fresh = self.catalog_store.catalog(max_age=RECENT)
            accepted, refused = screen(app, reported, fresh, self.calendar, now)
        send_actions(self.queue_url, app, pack(app, accepted))
        return TakenIn(len(accepted), refused)

    def reversals(self, app: str, reported: Sequence[object]) -> TakenIn:
        """Queue the reversals that can be posted. Whether there is such an action shows when they are."""
        accepted, refused = screen_reversals(app, reported, self.clock.now())
        send_actions(self.queue_url, app, pack_reversals(app, accepted))
        return TakenIn(len(accepted), refused)


@cache
def intake() -> Intake:
    """The intake of this process."""
    return Intake(wiring.catalog_store(), settings().calendar, wiring.clock(), settings().action_queue_url)
