"""What partners report of their orders' trees. A call is written whole or not at all, together with the log's entry."""

from collections.abc import Callable, Mapping, Sequence
from time import time

from saxaul.catalog.calendar import Calendar
from saxaul.services.append_log import Log
from saxaul.services.retrying import attempts
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import TransactionRefusedError
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import Redemption
from saxaul.trees.statements import statements_of
from saxaul.trees.tree_reports import Reported

Take = Callable[[PlantingOrder, Mapping[str, Redemption], Sequence[object], int], Reported]


class TreeReports:
    """Takes confirmations, failures and inspections."""

    def __init__(self, redemptions: Redemptions, log: Log, calendar: Calendar) -> None:
        self._redemptions = redemptions
        self._log = log
        self._calendar = calendar

    def take(self, order: PlantingOrder, reported: Sequence[object], take: Take) -> Reported:
        """Take a call's reports on an order, as ``confirm``, ``fail`` or ``inspect`` judges them."""
        for _ in attempts():
            now = int(time())
            outcome = take(order, self.redemptions_of(order), reported, now)
            if not outcome.changed:
                return outcome
            try:
                self._write(outcome, order, now)
            except TransactionRefusedError:
                continue
            return outcome
        raise AssertionError("attempts() ends by raising")

    def _write(self, outcome: Reported, order: PlantingOrder, now: int) -> None:
        if not outcome.news:
            self._redemptions.write(outcome.changed, outcome.refunds)
            return
        told = statements_of(outcome, order, self._calendar)
        self._log.append(
            order.partner,
            told.leaves,
            lambda sequence: self._redemptions.put_writes([it.logged(sequence) for it in told.redemptions]),
            now,
        )

    def redemptions_of(self, order: PlantingOrder) -> dict[str, Redemption]:
        """The redemptions of an order, by redemption_id."""
        keys = dict.fromkeys((tree.user_id, tree.redemption_id) for tree in order.trees)
        return {it.redemption_id: it for it in self._redemptions.get_many(keys)}
