"""Accepts partners' reports on trees. The changes of one request and their log entry are written in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.log.entries import sequence_after
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.services.append_log import LogWriter
from saxaul.settings import settings
from saxaul.storage.log import LogStore
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.signing import SigningKey
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import Redemption
from saxaul.trees.report_rules import Reported
from saxaul.trees.statements import log_draft

ApplyReports = Callable[[PlantingOrder, Mapping[str, Redemption], Sequence[object], int, Calendar], Reported]
"""A function that applies the reports of one request and returns what they change.

Its arguments are the order, the redemptions of the order by redemption_id, the reports, the time and the calendar.
"""


class ReportTaking(NamedTuple):
    """Applies confirmations, failures and inspections."""

    redemptions: Redemptions
    log: LogWriter
    calendar: Calendar
    clock: Clock

    def take(self, order: PlantingOrder, reported: Sequence[object], apply: ApplyReports) -> Reported:
        """Apply the reports of one request on the trees of an order, and write what they change.

        ``apply`` is ``apply_confirmations``, ``apply_failures`` or ``apply_inspections``.
        """

        def attempt() -> Reported:
            now = self.clock.now()
            outcome = apply(order, self.redemptions.of_order(order), reported, now, self.calendar)
            if outcome.changed:
                self._write(outcome, order, now)
            return outcome

        return retry_lost_races(attempt, self.clock)

    def _write(self, outcome: Reported, order: PlantingOrder, now: int) -> None:
        """Write what a request changed, in one transaction. The log has no entries about failures.

        Raises:
            TransactionRefusedError: one of the items has changed since it was read.
        """
        if not outcome.statements:
            self.redemptions.write(outcome.changed, outcome.refunds)
            return
        head = self.log.head()
        draft = log_draft(outcome, order, self.calendar, sequence_after(head))
        self.log.append(head, order.partner, draft.leaves, self.redemptions.put_writes(draft.redemptions), now)


@cache
def report_taking() -> ReportTaking:
    """Return the report taking service of this process."""
    ledger, calendar = wiring.ledger(), settings().calendar
    log = LogWriter(LogStore(ledger), SigningKey(settings().signing_key), calendar)
    return ReportTaking(Redemptions(ledger), log, calendar, wiring.clock())
