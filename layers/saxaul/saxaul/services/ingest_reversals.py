"""Checks the reversals that an app reports, and queues the valid ones. Another function posts them to periods."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Facility
from saxaul.clock import Clock
from saxaul.ledger.actions import Reversal
from saxaul.ledger.entries import entry_name
from saxaul.ledger.periods import PeriodKey
from saxaul.ledger.screening import accepted_places, anyone, screen_reversals
from saxaul.messages.bodies import Call, pack_reversals
from saxaul.services import wiring
from saxaul.services.ingest import IntakeResult, granted_to
from saxaul.services.meter_calls import Metering, metering
from saxaul.services.queue_calls import Outbox, new_receipt_id, outbox
from saxaul.settings import settings
from saxaul.storage.catalog import MISSING_CACHED_FOR, CatalogStore
from saxaul.storage.grants import Grants
from saxaul.storage.periods import Periods


class ReversalIntake(NamedTuple):
    """Checks and queues reversals.

    If an app needs grants, the reversals of persons whose grant does not cover reporting are refused, because an app
    whose grant was taken back must not take points away. Persons who do not exist have no grant, so their reversals get
    the same refusal.
    """

    periods: Periods
    grants: Grants
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock
    outbox: Outbox
    metering: Metering

    def take(self, app: str, reported: Sequence[object], *, needs_grants: bool, a_day: int | None) -> IntakeResult:
        """Queue the valid reversals, and refuse the others. ``a_day`` is the app's limit.

        A reversal of an action that was added to a sum is refused. Whether the other actions exist is checked later: an
        action may still be in the queue, and may even be added to a sum; then its reversal has no effect.

        Raises:
            TooManyRequests: the app has too few actions left of today, so no reversal was queued.
        """
        now, may_report = self.clock.now(), granted_to(self.grants, app, reported) if needs_grants else anyone
        valid, _ = screen_reversals(app, reported, now, may_report=may_report)
        is_summed, facilities = self._summed_among(valid), self._facilities_for(app, valid)
        accepted, refused = screen_reversals(app, reported, now, is_summed, may_report, facilities)
        self.metering.take_actions(app, a_day, len(accepted))
        call = Call(app, now, new_receipt_id(), len(reported))
        receipt_id = self.outbox.send(pack_reversals(call, accepted, accepted_places(len(reported), refused)))
        return IntakeResult(receipt_id, len(accepted), refused)

    def _facilities_for(self, app: str, reversals: Iterable[Reversal]) -> Mapping[str, Facility]:
        """Return the facilities of the catalog, which is read again if it may lack one of the app.

        The catalog is not read if no reversal is for a facility.
        """
        named = {reversal.owner.id for reversal in reversals if reversal.owner.kind == "facility"}
        if not named:
            return {}
        facilities = self.catalog_store.catalog().facilities
        if all(name in facilities and facilities[name].app == app for name in named):
            return facilities
        return self.catalog_store.catalog(max_age=MISSING_CACHED_FOR).facilities

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
def reversal_intake() -> ReversalIntake:
    """Return the intake of reversals of this process."""
    periods, grants, catalog_store = Periods(wiring.ledger()), Grants(wiring.ledger()), wiring.published_catalog()
    return ReversalIntake(periods, grants, catalog_store, settings().calendar, wiring.clock(), outbox(), metering())
