"""Erases a person: deletes every item that names the person, in steps that may be repeated or made twice at once.

A message makes a step, or as much of it as it has time for. Each transaction deletes items on condition that they are
as they were read, adds what they counted to the nameless sums, and adds their number to the receipt of the erasure,
which must not be finished. So each item is deleted and counted once, whatever crashes, and a late worker changes
nothing of the person who begins after the erasure.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Literal, NamedTuple

from saxaul.clock import Clock
from saxaul.people.erasures import ErasureMark, ErasureStep
from saxaul.races import LostRaceError, retry_lost_races
from saxaul.services import wiring
from saxaul.services.erase_items import ItemErasing, LittleTimeError
from saxaul.services.erase_trees import TreeErasing
from saxaul.settings import settings
from saxaul.storage.erasures import Erasures
from saxaul.storage.exports import Exports
from saxaul.storage.nameless import NamelessSums
from saxaul.storage.orders import Orders
from saxaul.storage.person_items import PersonItems
from saxaul.storage.queues import send_erasure
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State

STALLED_AFTER = 480
"""Seconds after which a step that is due, and is not made, is queued again.

Actions of the person who begins after the erasure wait in their queue for its end. So the longest erasure, with one
lost message, must end before that queue gives them up.
"""

MAX_ERASURES = 100
"""The most erasures that one run of the schedule queues again. The next run queues the rest."""

Stepped = Literal["nothing", "early", "waits", "goes on", "erased"]
"""What became of a message: no erasure to go on with; not due yet; a delay; the next step at once; the end."""


class UnknownItemError(Exception):
    """The person has an item of a kind that no code here knows, so the erasure cannot be finished."""


class Erasing(NamedTuple):
    """Erases persons. ``delay`` is ErasureDelay, in seconds: a worker that has read a person ends before that."""

    erasures: Erasures
    items: ItemErasing
    trees: TreeErasing
    redemptions: Redemptions
    clock: Clock
    delay: int
    queue_url: str
    exports: Exports

    def run(self, name: str, check_time: Callable[[], None]) -> Stepped:
        """Make the next step of an erasure, and queue the one after it. ``name`` is that of its mark.

        ``check_time`` raises LittleTimeError if there is too little time left for another transaction. Then the rest is
        left to the next message.

        Raises:
            ContendedError: a transaction lost its race in every attempt.
            UnknownItemError: an item is left that nothing here can erase.
        """
        mark = self.erasures.named(name)
        if mark is None or mark.is_finished:
            return "nothing"
        if (early := mark.due_at - self.clock.now()) > 0:
            send_erasure(self.queue_url, name, early)
            return "early"
        try:
            return self._step(mark, check_time)
        except LittleTimeError:
            return self._advance(mark, mark.step)

    def sweep(self) -> int:
        """Queue the erasures whose step has been due for more than ``STALLED_AFTER`` seconds. Return their number.

        Their messages are lost, or are dead letters. Each moves to the end of the list, so that erasures that fail stop
        no others.
        """
        overdue = self.clock.now() - STALLED_AFTER
        marks = map(self.erasures.named, self.erasures.unfinished(MAX_ERASURES, due_before=overdue))
        stalled = [mark for mark in marks if mark and not mark.is_finished and mark.due_at < overdue]
        return sum(self._advance(mark, mark.step) != "nothing" for mark in stalled)

    def _step(self, mark: ErasureMark, check_time: Callable[[], None]) -> Stepped:
        redemptions = self.redemptions.of_user(mark.user_id)
        waiting = [redemption for redemption in redemptions if redemption.can_be_cancelled]
        for redemption in waiting:
            check_time()
            self._cancel(redemption)
        if mark.step == "cancelling":
            return self._advance(mark, "waiting", self.delay)
        # A worker that settles a redemption writes its certificates first, and may do so once more just now.
        is_recent = any(redemption.requested_at > mark.requested_at - self.delay for redemption in redemptions)
        if waiting or (mark.step == "waiting" and is_recent):
            return self._advance(mark, "deleting", self.delay)
        return self._delete(mark, redemptions, check_time)

    def _cancel(self, redemption: Redemption) -> None:
        """Cancel a redemption that waits, and give back its points and saplings, unless it was settled or ordered."""

        def attempt() -> None:
            stored = self.redemptions.get(redemption.user_id, redemption.redemption_id)
            if stored and stored.requested_at == redemption.requested_at and stored.can_be_cancelled:
                self.redemptions.write_cancellation(stored.cancelled(), refunded=stored.state is State.RESERVED)

        retry_lost_races(attempt, self.clock)

    def _advance(self, mark: ErasureMark, step: ErasureStep, delay: int = 0) -> Stepped:
        """Note the next step, and queue it. If another worker has done so, that one goes on, and this one ends."""
        after = mark._replace(step=step, due_at=self.clock.now() + delay)
        try:
            self.erasures.advance(after)
        except LostRaceError:
            # The AWS client repeats a write whose response was lost. Then the mark is already what was to be written.
            if self.erasures.named(mark.name) != after._replace(version=mark.version + 1):
                return "nothing"
        send_erasure(self.queue_url, mark.name, delay)
        return "waits" if delay else "goes on"

    def _delete(self, mark: ErasureMark, redemptions: Iterable[Redemption], check_time: Callable[[], None]) -> Stepped:
        self.trees.erase_all(mark, redemptions, check_time)
        self.items.erase_all(mark, check_time)
        self.exports.delete_all(mark.name)
        return self._finish(mark)

    def _finish(self, mark: ErasureMark) -> Stepped:
        left = next(self.items.items.of(mark.user_id), None)
        if left and not left.kind:
            raise UnknownItemError(f"nothing erases items whose sort key begins with {left.key.sk.partition('#')[0]}")
        if left:
            return self._advance(mark, mark.step)

        def attempt() -> Stepped:
            if self.erasures.named(mark.name) != mark:
                return "nothing"  # another worker has finished it, or goes on
            self.erasures.finish(mark, self.clock.now())
            return "erased"

        return retry_lost_races(attempt, self.clock)


@cache
def erasing() -> Erasing:
    """Return the erasing service of this process."""
    ledger, clock, calendar = wiring.ledger(), wiring.clock(), settings().calendar
    erasures, redemptions, orders = Erasures(ledger), Redemptions(ledger), Orders(ledger)
    return Erasing(
        erasures=erasures,
        items=ItemErasing(erasures, PersonItems(ledger), NamelessSums(ledger), calendar, clock),
        trees=TreeErasing(ledger, erasures, redemptions, orders, calendar, clock, settings().log_queue_url),
        redemptions=redemptions,
        clock=clock,
        delay=settings().erasure_delay,
        queue_url=settings().erase_queue_url,
        exports=Exports(settings().export_bucket),
    )
