"""Tallying: each change in a batch of the ledger's stream is added to the totals of its days exactly once.

A day is one item. It has the sums and, for each shard of the stream, a mark: the last change of the shard that the sums
include. One write updates both. If a batch is delivered again, completely or in part, the marks show that its changes
are already counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.impact.totals import Change, Day, added_by
from saxaul.messages.events import StreamRecord
from saxaul.races import LostRaceError, until_won
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.impact import ImpactStore
from saxaul.storage.streams import changes_in


class Tallied(NamedTuple):
    """How many changes of a batch affect the totals, and how many days were written."""

    changes: int
    days: int


@dataclass(frozen=True)
class Tallying:
    """Keeps the public totals up to date."""

    impact: ImpactStore
    calendar: Calendar
    clock: Clock

    def tally(self, records: Iterable[StreamRecord], shard: str) -> Tallied:
        """Count the changes of one shard, in order."""
        changes = self._changes_of(records)
        days = self.impact.get_many({day for change in changes for day in change.adds})
        return Tallied(len(changes), sum(self._count(day, changes, shard) for day in days.values()))

    def _changes_of(self, records: Iterable[StreamRecord]) -> list[Change]:
        changes = [
            Change(change.sequence, added_by(change.before, change.after, self.calendar))
            for change in changes_in(records)
        ]
        return [change for change in changes if change.adds]

    def _count(self, day: Day, changes: Sequence[Change], shard: str) -> bool:
        """Add the changes to a day, and return whether the day was written."""
        current = day

        def attempt() -> bool:
            nonlocal current
            counted = current.counting(changes, shard, self.clock.now())
            if counted is current:
                return False
            try:
                self.impact.put(counted)
            except LostRaceError:
                current = self.impact.get_many([day.day])[day.day]
                raise
            return True

        return until_won(attempt, self.clock)


@cache
def tallying() -> Tallying:
    """Return the tallying service of this process."""
    return Tallying(ImpactStore(wiring.ledger()), settings().calendar, wiring.clock())
