"""What partners report of their orders' trees, each call written whole or not at all."""

from collections.abc import Callable, Mapping, Sequence
from time import time

from saxaul.planting import PlantingOrder
from saxaul.redemptions import Redemption
from saxaul.services.retrying import attempts
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import TransactionRefusedError
from saxaul.tree_reports import Reported

Take = Callable[[PlantingOrder, Mapping[str, Redemption], Sequence[object], int], Reported]


class TreeReports:
    """Takes confirmations, failures and inspections."""

    def __init__(self, redemptions: Redemptions) -> None:
        self._redemptions = redemptions

    def take(self, order: PlantingOrder, reported: Sequence[object], take: Take) -> Reported:
        """Take a call's reports on an order, as ``confirm``, ``fail`` or ``inspect`` judges them."""
        for _ in attempts():
            outcome = take(order, self.redemptions_of(order), reported, int(time()))
            if not outcome.changed:
                return outcome
            try:
                self._redemptions.write_reports(outcome)
            except TransactionRefusedError:
                continue
            return outcome
        raise AssertionError("attempts() ends by raising")

    def redemptions_of(self, order: PlantingOrder) -> dict[str, Redemption]:
        """The redemptions of an order, by redemption_id."""
        keys = dict.fromkeys((tree.user_id, tree.redemption_id) for tree in order.trees)
        return {it.redemption_id: it for it in self._redemptions.get_many(keys)}
