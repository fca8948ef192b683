"""Cancelling: a redemption that is not ordered yet is cancelled, and its points and saplings are given back."""

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
    """Cancels redemptions."""

    redemptions: Redemptions
    clock: Clock

    def cancel(self, app: str, user_id: str, redemption_id: str) -> Redemption:
        """Cancel a redemption before it is ordered, and give back its points and saplings. A repeat changes nothing.

        Raises:
            NotFound: the user has no such redemption.
            Forbidden: another app requested it.
            Conflict: ``already_ordered`` or ``already_rejected``.
        """

        def attempt() -> Redemption:
            known = self.redemptions.get(user_id, redemption_id)
            if known is None:
                raise NotFound(
                    "unknown_redemption",
                    "This user has no redemption with this id; use a redemption_id that was returned for this user.",
                )
            if known.app != app:
                raise Forbidden("not_yours", "Another app requested this redemption, and only that app can cancel it.")
            if known.state is State.CANCELLED:
                return known
            if known.state is State.REJECTED:
                raise Conflict(
                    "already_rejected",
                    "This redemption was rejected and took no points, so there is nothing to cancel.",
                )
            if State.CANCELLED not in TRANSITIONS[known.state]:
                raise Conflict(
                    "already_ordered",
                    "The trees are already ordered; a redemption can be cancelled only before its trees are ordered.",
                )
            cancelled = known.cancelled()
            self.redemptions.write_cancellation(cancelled, refunded=known.state is State.RESERVED)
            return cancelled

        return until_won(attempt, self.clock)


@cache
def cancelling() -> Cancelling:
    """Return the cancelling service of this process."""
    return Cancelling(Redemptions(wiring.ledger()), wiring.clock())
