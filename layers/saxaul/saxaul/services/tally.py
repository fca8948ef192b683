"""Tallies: adds each change in the stream of the ledger table to the public totals exactly once.

The totals of a day are one item. It has the sums of the day and, for each shard of the stream, a mark: the last change
of the shard that the sums include. One write updates the sums and the marks. If Lambda delivers a batch again,
completely or in part, the marks show which changes are already counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.impact.totals import Change, Day, impact_of_change
from saxaul.messages.events import StreamRecord
from saxaul.races import LostRaceError, retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.impact import ImpactStore
from saxaul.storage.streams import changes_in


class Tallied(NamedTuple):
    """How many changes of a batch affect the totals, and how many items of days were written."""

    changes: int
    days: int


@dataclass(frozen=True)
class Tallying:
    """Keeps the public totals up to date."""

    impact: ImpactStore
    calendar: Calendar
    clock: Clock

    def tally(self, records: Iterable[StreamRecord], shard: str) -> Tallied:
        """Add the changes of one shard, in the order of the stream, to the totals."""
        changes = self._changes_of(records)
        days = self.impact.get_many({day for change in changes for day in change.adds})
        return Tallied(len(changes), sum(self._add_to_day(day, changes, shard) for day in days.values()))

    def _changes_of(self, records: Iterable[StreamRecord]) -> list[Change]:
        changes = [
            Change(change.sequence, impact_of_change(change.before, change.after, self.calendar))
            for change in changes_in(records)
        ]
        return [change for change in changes if change.adds]

    def _add_to_day(self, day: Day, changes: Sequence[Change], shard: str) -> bool:
        """Add the changes to the totals of a day. Return False if they are already counted, so nothing was written."""
        current = day

        def attempt() -> bool:
            nonlocal current
            counted = current.with_changes(changes, shard, self.clock.now())
            if counted is current:
                return False
            try:
                self.impact.put(counted)
            except LostRaceError:
                current = self.impact.get_many([day.day])[day.day]
                raise
            return True

        return retry_lost_races(attempt, self.clock)


@cache
def tallying() -> Tallying:
    """Return the tallying service of this process."""
    return Tallying(ImpactStore(wiring.ledger()), settings().calendar, wiring.clock())
