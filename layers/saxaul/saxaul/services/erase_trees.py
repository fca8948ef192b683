"""Erases the redemptions of a person: deletes those without trees, and makes nobody's those that were ordered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.people.erasures import ErasureMark
from saxaul.races import retry_lost_races
from saxaul.storage.erasures import Erasures
from saxaul.storage.nobody import move_writes
from saxaul.storage.orders import Orders
from saxaul.storage.queues import send_leaves
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import Table, transact
from saxaul.trees.nobody import MovedToNobody, moved_to_nobody
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import UNPAID

_TOGETHER = 8
"""How many redemptions without trees are deleted together. Each can have ten certificate items."""


class TreeErasing(NamedTuple):
    """Erases redemptions."""

    ledger: Table
    erasures: Erasures
    redemptions: Redemptions
    orders: Orders
    calendar: Calendar
    clock: Clock
    log_queue_url: str

    def erase_all(self, mark: ErasureMark, redemptions: Iterable[Redemption], check_time: Callable[[], None]) -> None:
        """Erase these redemptions of a person. None of them waits for its settlement or for its first order.

        ``check_time`` is called before each transaction, and may raise an error to stop.

        Raises:
            ContendedError: a transaction lost its race in every attempt.
        """
        unpaid = [redemption for redemption in redemptions if redemption.state in UNPAID]
        ordered = [redemption for redemption in redemptions if redemption.state not in UNPAID]
        for start in range(0, len(unpaid), _TOGETHER):
            check_time()
            self._delete(mark, unpaid[start : start + _TOGETHER])
        for redemption in ordered:
            check_time()
            self._move(mark, redemption)

    def _delete(self, mark: ErasureMark, part: Sequence[Redemption]) -> None:
        """Delete redemptions without trees, with their certificate items."""
        keys = [(redemption.user_id, redemption.redemption_id) for redemption in part]

        def attempt() -> None:
            found = self.redemptions.get_many(keys)
            if found:
                certificates = self.redemptions.certificates_of(found)
                numbers = {"redemption": len(found), "certificate": len(certificates)}
                count = self.erasures.count_write(mark.erasure_id, _without_zeros(numbers))
                transact([count, *self.redemptions.delete_writes(found, certificates)])

        retry_lost_races(attempt, self.clock)

    def _move(self, mark: ErasureMark, redemption: Redemption) -> None:
        """Make a redemption nobody's, and tell the sequencer if the log must say that a dedication was erased."""

        def attempt() -> None:
            stored = self.redemptions.get(redemption.user_id, redemption.redemption_id)
            if stored is None:
                return
            orders = self.orders.get_many({order_id for tree in stored.trees for order_id in tree.orders})
            moved = moved_to_nobody(stored, orders, self.clock.now(), self.calendar)
            count = self.erasures.count_write(mark.erasure_id, _without_zeros(_numbers(moved)))
            transact([count, *move_writes(self.ledger, moved)])
            if moved.statements:
                send_leaves(self.log_queue_url)

        retry_lost_races(attempt, self.clock)


def _numbers(moved: MovedToNobody) -> Mapping[str, int]:
    ordered = [tree for order in moved.orders for tree in order.trees if tree.user_id == moved.after.user_id]
    return {"redemption": 1, "certificate": len(moved.after.trees), "ordered_tree": len(ordered)}


def _without_zeros(numbers: Mapping[str, int]) -> Mapping[str, int]:
    return {kind: number for kind, number in numbers.items() if number}
