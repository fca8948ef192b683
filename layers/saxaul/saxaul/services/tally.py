"""Tallying: the changes of a stream's batch are added to the days that they change, each change once.

A day is one item with its sums and with how far each shard of the stream is in them, so the same write that counts a
change says that it is counted. A batch that comes again, whole or in parts, finds its marks and adds nothing.
"""

from collections.abc import Sequence
from time import time

from saxaul.impact.totals import Change, Day
from saxaul.services.retrying import attempts
from saxaul.storage.impact import DayMovedError, ImpactStore


class Tallying:
    """Keeps the impact up."""

    def __init__(self, impact: ImpactStore) -> None:
        self._impact = impact

    def tally(self, changes: Sequence[Change], shard: str) -> int:
        """Count the changes of one shard, in their order; how many days were written."""
        days = self._impact.get_many({day for change in changes for day in change.adds})
        return sum(self._count(day, changes, shard) for day in days.values())

    def _count(self, day: Day, changes: Sequence[Change], shard: str) -> bool:
        for _ in attempts():
            counted = day.counting(changes, shard, int(time()))
            if counted is day:
                return False
            try:
                self._impact.put(counted)
            except DayMovedError:
                day = self._impact.get_many([day.day])[day.day]
            else:
                return True
        raise AssertionError("attempts() ends by raising")
