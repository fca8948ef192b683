"""Intake: checks the actions and reversals that an app reports, and queues the valid ones.

Another function reads the queue and posts them to periods.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Facility
from saxaul.clock import Clock
from saxaul.ledger.actions import Owner, Reversal
from saxaul.ledger.entries import entry_name
from saxaul.ledger.periods import PeriodKey
from saxaul.ledger.screening import FlaggedItem, MayReport, RefusedItem, anyone, persons_in, screen, screen_reversals
from saxaul.messages.bodies import pack, pack_reversals
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import MISSING_CACHED_FOR, CatalogStore
from saxaul.storage.grants import Grants
from saxaul.storage.periods import Periods
from saxaul.storage.queues import send_actions

_MAY_BE_NEW = {"unknown_type", "unknown_facility", "not_your_facility", "wrong_type_for_facility"}
"""Actions that are refused for these reasons may be valid in a newer catalog than the cached one."""


class IntakeResult(NamedTuple):
    """The result of one request: how many actions or reversals were queued, and why each of the others was refused.

    ``flagged`` has the queued actions that count only in part.
    """

    accepted: int
    refused: Sequence[RefusedItem]
    flagged: Sequence[FlaggedItem] = ()


class Intake(NamedTuple):
    """Checks and queues actions and reversals.

    If an app needs grants, the items of persons whose grant does not cover reporting are refused. That includes
    reversals, because an app whose grant was taken back must not take points away. Persons who do not exist have no
    grant, so their items get the same refusal.
    """

    periods: Periods
    grants: Grants
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock
    queue_url: str

    def actions(self, app: str, reported: Sequence[object], *, needs_grants: bool) -> IntakeResult:
        """Queue the valid actions with the terms of their award, and refuse the others.

        The terms are those of the catalog that is in effect now. What an action earns does not depend on when it is
        posted. The action type or the facility may be newer than the cached catalog. So before an unknown one is
        refused, the actions are checked against a catalog that is at most 5 seconds old.
        """
        now, may_report = self.clock.now(), self._granted_to(app, reported) if needs_grants else anyone
        screened = screen(app, reported, self.catalog_store.catalog(), self.calendar, now, may_report)
        if any(refusal.code in _MAY_BE_NEW for refusal in screened.refused):
            fresh = self.catalog_store.catalog(max_age=MISSING_CACHED_FOR)
            screened = screen(app, reported, fresh, self.calendar, now, may_report)
        send_actions(self.queue_url, app, pack(app, now, screened.accepted))
        return IntakeResult(len(screened.accepted), screened.refused, screened.flagged)

    def reversals(self, app: str, reported: Sequence[object], *, needs_grants: bool) -> IntakeResult:
        """Queue the valid reversals, and refuse the others.

        A reversal of an action that was added to a sum is refused. Whether the other actions exist is checked later: an
        action may still be in the queue, and may even be added to a sum; then its reversal has no effect.
        """
        now, may_report = self.clock.now(), self._granted_to(app, reported) if needs_grants else anyone
        valid, _ = screen_reversals(app, reported, now, may_report=may_report)
        is_summed, facilities = self._summed_among(valid), self._facilities_for(app, valid)
        accepted, refused = screen_reversals(app, reported, now, is_summed, may_report, facilities)
        send_actions(self.queue_url, app, pack_reversals(app, now, accepted))
        return IntakeResult(len(accepted), refused)

    def _granted_to(self, app: str, reported: Sequence[object]) -> MayReport:
        """Read the grants of all persons in a body. Return whether the app may report for an owner."""
        grants = self.grants.get_many(persons_in(reported), app)

        def may_report(owner: Owner) -> bool:
            grant = grants.get(owner.id)
            return owner.kind != "user" or (grant is not None and "report" in grant.covers)

        return may_report

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
def intake() -> Intake:
    """Return the intake service of this process."""
    periods, grants, catalog_store = Periods(wiring.ledger()), Grants(wiring.ledger()), wiring.published_catalog()
    return Intake(periods, grants, catalog_store, settings().calendar, wiring.clock(), settings().action_queue_url)
