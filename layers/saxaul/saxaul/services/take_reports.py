"""Taking reports: the changes of one request are written completely or not at all, together with their log entry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.log.entries import sequence_after
from saxaul.races import until_won
from saxaul.services import wiring
from saxaul.services.append_log import Log
from saxaul.settings import settings
from saxaul.storage.log import LogStore
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.signing import SigningKey
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import Redemption
from saxaul.trees.report_rules import Reported
from saxaul.trees.statements import log_draft

Take = Callable[[PlantingOrder, Mapping[str, Redemption], Sequence[object], int, Calendar], Reported]


@dataclass(frozen=True)
class ReportTaking:
    """Takes confirmations, failures and inspections."""

    redemptions: Redemptions
    log: Log
    calendar: Calendar
    clock: Clock

    def take(self, order: PlantingOrder, reported: Sequence[object], take: Take) -> Reported:
        """Take the reports of one request on an order. ``take`` is one of ``confirm``, ``fail`` and ``inspect``."""

        def attempt() -> Reported:
            now = self.clock.now()
            outcome = take(order, self.redemptions.of_order(order), reported, now, self.calendar)
            if outcome.changed:
                self._write(outcome, order, now)
            return outcome

        return until_won(attempt, self.clock)

    def _write(self, outcome: Reported, order: PlantingOrder, now: int) -> None:
        """Write what a request changed, in one transaction. Failures are not recorded in the log.

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
    log = Log(LogStore(ledger), SigningKey(settings().signing_key), calendar)
    return ReportTaking(Redemptions(ledger), log, calendar, wiring.clock())
