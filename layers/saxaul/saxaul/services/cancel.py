"""Cancelling: a redemption that is not ordered yet is taken back, and gives back what it took."""

from dataclasses import dataclass
from functools import cache

from saxaul.clock import Clock
from saxaul.problems import Conflict, Forbidden, NotFound
from saxaul.races import until_won
from saxaul.services import wiring
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.redemptions import TRANSITIONS, Redemption, State


@dataclass(frozen=True)
class Cancelling:
    """Takes redemptions back."""

    redemptions: Redemptions
    clock: Clock

    def cancel(self, app: str, user_id: str, redemption_id: str) -> Redemption:
        """Take a redemption back before it is ordered; what it took is given back. Doing it again changes nothing.

        Raises:
            NotFound: the user has no such redemption.
            Forbidden: another app asked for it.
            Conflict: ``already_ordered`` or ``already_rejected``.
        """

        def attempt() -> Redemption:
            known = self.redemptions.get(user_id, redemption_id)
            if known is None:
                raise NotFound("unknown_redemption", "This user has no such redemption.")
            if known.app != app:
                raise Forbidden("not_yours", "An app cancels only what it asked for.")
            if known.state is State.CANCELLED:
                return known
            if known.state is State.REJECTED:
                raise Conflict("already_rejected", "It was rejected, and took nothing.")
            if State.CANCELLED not in TRANSITIONS[known.state]:
                raise Conflict("already_ordered", "Its trees are ordered, so it can no longer be cancelled.")
            cancelled = known.cancelled()
            self.redemptions.write_cancellation(cancelled, refunded=known.state is State.RESERVED)
            return cancelled

        return until_won(attempt, self.clock)


@cache
def cancelling() -> Cancelling:
    """The cancelling of this process."""
    return Cancelling(Redemptions(wiring.ledger()), wiring.clock())
