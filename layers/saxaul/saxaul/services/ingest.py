"""Intake: checks the actions that an app reports, and queues the valid ones. ``ingest_reversals.py`` does reversals.

Another function reads the queue and posts them to periods.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.actions import Owner
from saxaul.ledger.screening import (
    FlaggedItem,
    MayReport,
    RefusedItem,
    accepted_places,
    anyone,
    persons_in,
    screen,
)
from saxaul.messages.bodies import Call, pack
from saxaul.services import wiring
from saxaul.services.meter_calls import Metering, metering
from saxaul.services.queue_calls import Outbox, new_receipt_id, outbox
from saxaul.settings import settings
from saxaul.storage.catalog import MISSING_CACHED_FOR, CatalogStore
from saxaul.storage.grants import Grants

_MAY_BE_NEW = {"unknown_type", "unknown_facility", "not_your_facility", "wrong_type_for_facility"}
"""Actions that are refused for these reasons may be valid in a newer catalog than the cached one."""


class IntakeResult(NamedTuple):
    """The result of one request: how many actions or reversals were queued, and why each of the others was refused.

    ``receipt_id`` names the receipt of those that were queued; it is empty if all were refused. ``flagged`` has the
    queued actions that count only in part.
    """

    receipt_id: str
    accepted: int
    refused: Sequence[RefusedItem]
    flagged: Sequence[FlaggedItem] = ()


class Intake(NamedTuple):
    """Checks and queues actions.

    If an app needs grants, the actions of persons whose grant does not cover reporting are refused. Persons who do not
    exist have no grant, so their actions get the same refusal.
    """

    grants: Grants
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock
    outbox: Outbox
    metering: Metering

    def actions(self, app: str, reported: Sequence[object], *, needs_grants: bool, a_day: int | None) -> IntakeResult:
        """Queue the valid actions with the terms of their award, and refuse the others. ``a_day`` is the app's limit.

        The terms are those of the catalog that is in effect now. What an action earns does not depend on when it is
        posted. The action type or the facility may be newer than the cached catalog. So before an unknown one is
        refused, the actions are checked against a catalog that is at most 5 seconds old.

        Raises:
            TooManyRequests: the app has too few actions left of today, so none was queued.
        """
        now, may_report = self.clock.now(), granted_to(self.grants, app, reported) if needs_grants else anyone
        screened = screen(app, reported, self.catalog_store.catalog(), self.calendar, now, may_report)
        if any(refusal.code in _MAY_BE_NEW for refusal in screened.refused):
            fresh = self.catalog_store.catalog(max_age=MISSING_CACHED_FOR)
            screened = screen(app, reported, fresh, self.calendar, now, may_report)
        self.metering.take_actions(app, a_day, len(screened.accepted))
        call = Call(app, now, new_receipt_id(), len(reported))
        places = accepted_places(len(reported), screened.refused)
        receipt_id = self.outbox.send(pack(call, screened.accepted, places))
        return IntakeResult(receipt_id, len(screened.accepted), screened.refused, screened.flagged)


def granted_to(grants: Grants, app: str, reported: Sequence[object]) -> MayReport:
    """Read the grants of all persons in a body. Return whether the app may report for an owner."""
    found = grants.get_many(persons_in(reported), app)

    def may_report(owner: Owner) -> bool:
        grant = found.get(owner.id)
        return owner.kind != "user" or (grant is not None and "report" in grant.covers)

    return may_report


@cache
def intake() -> Intake:
    """Return the intake service of this process."""
    grants, catalog_store = Grants(wiring.ledger()), wiring.published_catalog()
    return Intake(grants, catalog_store, settings().calendar, wiring.clock(), outbox(), metering())
