"""Early reversals: reversals that arrived before their action.

An app may reverse an action whose report is still in a queue, or was never accepted. Such reversals are kept in one
item for each owner and app. They are not kept in a period, because then the actions of other apps would cost more to
write. A period only names the apps that have early reversals for its window.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

from saxaul.catalog.calendar import QUEUED_DAYS, Calendar
from saxaul.ledger.actions import Owner, Reversal

MAX_EARLY = 500
"""The most early reversals that are kept for one owner and app; further ones have no effect.

With the longest ids and reasons, 500 of them take less than 200 KB.
"""


class EarlyReversal(NamedTuple):
    """The reason of the reversal, when the action occurred, in seconds, and the mark of the reversal's receipt."""

    reason: str
    occurred_at: int
    receipt: str = ""


class EarlyReversals(NamedTuple):
    """The early reversals of one app for one owner, by action id. An unstored item has version 0."""

    owner: Owner
    app: str
    reversals: Mapping[str, EarlyReversal] = MappingProxyType({})
    version: int = 0

    def knows(self, reversal: Reversal) -> bool:
        """Return whether a reversal of this action with this date, or with a later one, is kept."""
        early = self.reversals.get(reversal.action_id)
        return early is not None and early.occurred_at >= reversal.occurred_at

    def is_of(self, reversal: Reversal) -> bool:
        """Return whether the reversal that is kept for the action came under the same receipt."""
        early = self.reversals.get(reversal.action_id)
        return early is not None and early.receipt == reversal.receipt

    def with_reversal(self, reversal: Reversal, calendar: Calendar, now: int) -> Self:
        """Return this with one more reversal, without those whose actions cannot arrive any more.

        Of several reversals of one action id, the one with the latest date is kept, in whichever order they arrive. If
        there is no room, return this same object.
        """
        kept = {
            name: early for name, early in self.reversals.items() if may_still_arrive(early.occurred_at, calendar, now)
        }
        if len(kept) >= MAX_EARLY and reversal.action_id not in kept:
            return self
        if self.knows(reversal):
            return self._replace(reversals=kept)
        early = EarlyReversal(reversal.reason, reversal.occurred_at, reversal.receipt)
        return self._replace(reversals={**kept, reversal.action_id: early})


def may_still_arrive(occurred_at: int, calendar: Calendar, now: int) -> bool:
    """Return whether an action of this time may still be in a queue, and so be posted later."""
    return occurred_at >= now - (calendar.acceptance_days + 1 + QUEUED_DAYS) * 86_400
