"""Intake: checks the actions and reversals that an app reports, and queues the valid ones.

Another function reads the queue and posts them to periods.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.actions import RefusedItem, Reversal, screen, screen_reversals
from saxaul.ledger.entries import entry_name
from saxaul.ledger.periods import PeriodKey
from saxaul.messages.bodies import pack, pack_reversals
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import MISSING_CACHED_FOR, CatalogStore
from saxaul.storage.periods import Periods
from saxaul.storage.queues import send_actions


class IntakeResult(NamedTuple):
    """The result of one request: how many actions or reversals were queued, and why each of the others was refused."""

    accepted: int
    refused: Sequence[RefusedItem]


@dataclass(frozen=True)
class Intake:
    """Checks and queues actions and reversals."""

    periods: Periods
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
        """Queue the valid reversals, and refuse the others.

        A reversal of an action that was added to a sum is refused. Whether the other actions exist is checked later: an
        action may still be in the queue, and may even be added to a sum; then its reversal has no effect.
        """
        now = self.clock.now()
        valid, _ = screen_reversals(app, reported, now)
        accepted, refused = screen_reversals(app, reported, now, self._summed_among(valid))
        send_actions(self.queue_url, app, pack_reversals(app, accepted))
        return IntakeResult(len(accepted), refused)

    def _summed_among(self, reversals: Iterable[Reversal]) -> Callable[[Reversal], bool]:
        """Read the periods that may hold the actions. Return whether a reversal's action was added to a sum of them."""
        possible = {
            reversal: [PeriodKey(reversal.owner, window) for window in self.calendar.windows_of(reversal.occurred_at)]
            for reversal in reversals
        }
        keys = {key for found in possible.values() for key in found}
        periods = self.periods.get_many(keys, consistent=False)

        def is_summed(reversal: Reversal) -> bool:
            name = entry_name(reversal.app, reversal.action_id)
            found = [periods[key] for key in possible[reversal]]
            return any(p.sums_up(name) for p in found) and not any(name in p.entries for p in found)

        return is_summed


@cache
def intake() -> Intake:
    """Return the intake service of this process."""
    periods, catalog_store = Periods(wiring.ledger()), wiring.catalog_store()
    return Intake(periods, catalog_store, settings().calendar, wiring.clock(), settings().action_queue_url)
