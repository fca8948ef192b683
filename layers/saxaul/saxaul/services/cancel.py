"""Cancels redemptions whose trees are not ordered yet, and gives back their points and saplings."""

from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.problems import Conflict, Forbidden
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.services.redeem import unknown_redemption
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State


class Cancelling(NamedTuple):
    """Cancels redemptions."""

    redemptions: Redemptions
    clock: Clock

    def cancel(self, app: str, user_id: str, redemption_id: str) -> Redemption:
        """Cancel a redemption, and return it. If it was reserved, give back its points and saplings.

        A pending redemption has not taken any points or saplings. If the redemption is already cancelled, change
        nothing.

        Raises:
            NotFound: the user has no such redemption.
            Forbidden: another app requested the redemption.
            Conflict: the redemption is ordered (``already_ordered``) or rejected (``already_rejected``).
        """

        def attempt() -> Redemption:
            stored = self.redemptions.get(user_id, redemption_id)
            if stored is None:
                raise unknown_redemption()
            if stored.app != app:
                raise Forbidden("not_yours", "Another app requested this redemption, and only that app can cancel it.")
            if stored.state is State.CANCELLED:
                return stored
            if stored.state is State.REJECTED:
                raise Conflict(
                    "already_rejected",
                    "This redemption was rejected and took no points, so there is nothing to cancel.",
                )
            if not stored.can_be_cancelled:
                raise Conflict(
                    "already_ordered",
                    "The trees were already ordered; a redemption can be cancelled only before its trees are ordered.",
                )
            cancelled = stored.cancelled()
            self.redemptions.write_cancellation(cancelled, refunded=stored.state is State.RESERVED)
            return cancelled

        return retry_lost_races(attempt, self.clock)


@cache
def cancelling() -> Cancelling:
    """Return the cancelling service of this process."""
    return Cancelling(Redemptions(wiring.ledger()), wiring.clock())
