"""Takes back what an app reported: checks the reversals that an operator sends, and queues the valid ones."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.ledger.screening import OperatorsReversal, accepted_places, screen_reversals
from saxaul.messages.bodies import Call, pack_reversals
from saxaul.services import wiring
from saxaul.services.find_app import find_app
from saxaul.services.ingest import IntakeResult
from saxaul.services.queue_calls import Outbox, new_receipt_id, outbox
from saxaul.settings import settings
from saxaul.storage.apps import Apps
from saxaul.storage.table import Table


class TakingBack(NamedTuple):
    """Checks and queues the reversals of an app's actions for an operator."""

    apps: Apps
    clock: Clock
    outbox: Outbox

    def take(self, app_id: str, reported: Sequence[object]) -> IntakeResult:
        """Queue the valid reversals of the actions of an app in any state, and refuse the others.

        They count toward no limit and need no grant. A reversal may name a sum. Whether the actions and sums exist is
        checked later. An operator may reverse the actions of a facility that meanwhile belongs to another app.

        Raises:
            NotFound: ``unknown_app``: no app of this id was ever registered.
        """
        find_app(self.apps, app_id)
        now = self.clock.now()
        accepted, refused = screen_reversals(app_id, reported, now, model=OperatorsReversal)
        call = Call(app_id, now, new_receipt_id(), len(reported))
        receipt_id = self.outbox.send(pack_reversals(call, accepted, accepted_places(len(reported), refused)))
        return IntakeResult(receipt_id, len(accepted), refused)


@cache
def taking_back() -> TakingBack:
    """Return the service of this process that takes back what apps reported."""
    return TakingBack(Apps(Table(settings().catalog_table, wiring.clock())), wiring.clock(), outbox())
