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
from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.signing import SigningKey
from saxaul.trees.orders import PlantingOrder, open_trees
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
    orders: Orders
    log: LogWriter
    calendar: Calendar
    clock: Clock

    def take(self, order: PlantingOrder, reported: Sequence[object], apply: ApplyReports) -> Reported:
        """Apply the reports of one request on the trees of an order, and write what they change.

        ``apply`` is ``apply_confirmations``, ``apply_failures`` or ``apply_inspections``.
        """

        def attempt() -> Reported:
            now, redemptions = self.clock.now(), self.redemptions.of_order(order)
            outcome = apply(order, redemptions, reported, now, self.calendar)
            if outcome.changed:
                after = redemptions | {changed.redemption_id: changed for changed in outcome.changed}
                done = open_trees(order, redemptions) - open_trees(order, after)
                self._write(outcome, order, done, now)
            return outcome

        return retry_lost_races(attempt, self.clock)

    def _write(self, outcome: Reported, order: PlantingOrder, done: int, now: int) -> None:
        """Write what a request changed, in one transaction. The log has no entries about failures.

        If trees of the order were confirmed or reported as failed (``done`` of them), the order's progress changes too.

        Raises:
            TransactionRefusedError: one of the items has changed since it was read.
        """
        progress = [self.orders.progress_write(self.orders.progress(order.order_id).after(done))] if done else []
        if not outcome.statements:
            self.redemptions.write(outcome.changed, outcome.refunds, progress)
            return
        head = self.log.head()
        draft = log_draft(outcome, order, self.calendar, sequence_after(head))
        writes = [*self.redemptions.put_writes(draft.redemptions), *progress]
        self.log.append(head, order.partner, draft.leaves, writes, now)


@cache
def report_taking() -> ReportTaking:
    """Return the report taking service of this process."""
    ledger, calendar = wiring.ledger(), settings().calendar
    log = LogWriter(LogStore(ledger), SigningKey(settings().signing_key), calendar)
    return ReportTaking(Redemptions(ledger), Orders(ledger), log, calendar, wiring.clock())


def read_key_again() -> None:
    """Read the public key, and use nothing that this process has read before."""
    report_taking.cache_clear()
    _ = report_taking().log.key.public_key
