"""Tallies: adds each change in the stream of the ledger table to the public totals exactly once.

The totals of a day or of a campaign's run are dealt among several items, and those of a facility's year are one item.
Such an item, a tally, has sums and, for each shard of the stream that adds to it, a mark: the last change of the shard
that the sums include. A shard always adds to the same tally of a day or a run. One write updates the sums and the
marks. If Lambda delivers a batch again, completely or in part, the marks show which changes are already counted.

The persons of a run are counted in two steps. The participation of a person, which is a tally too, counts in how many
periods the person has actions that the run multiplied. If it changes from zero or to zero, its own change in the stream
adds a person to the run, or subtracts one.

The stream may deliver a change late, after its person was erased. Then it changes no participation: that would be a new
item that names the person. All else that it adds names nobody, and is counted.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.impact.changes import impact_of_change, malformed_runs_in
from saxaul.impact.totals import Change, Participation, Tally, short_name
from saxaul.ledger.periods import Period
from saxaul.messages.events import StreamRecord
from saxaul.observability import logger
from saxaul.races import LostRaceError, retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.erasures import Erasures
from saxaul.storage.impact import ImpactStore
from saxaul.storage.streams import RecordChange, changes_in

_WRITERS = 8
"""How many threads of one worker write participations at the same time. A batch may change one for each record."""


class Tallied(NamedTuple):
    """How many changes of a batch affect the totals, and how many tallies were written."""

    changes: int
    tallies: int


class Tallying(NamedTuple):
    """Keeps the public totals up to date."""

    impact: ImpactStore
    erasures: Erasures
    calendar: Calendar
    clock: Clock

    def tally(self, records: Iterable[StreamRecord], shard: str) -> Tallied:
        """Add the changes of one shard, in the order of the stream, to the totals. ``shard`` is the id of the shard."""
        changes, name = self._without_erased(self._changes_of(records)), short_name(shard)
        tallies = self.impact.of_shard({subject for change in changes for subject in change.adds}, name)
        shared = [tally for tally in tallies.values() if not isinstance(tally.subject, Participation)]
        of_persons = [tally for tally in tallies.values() if isinstance(tally.subject, Participation)]
        written = sum(self._add_to(tally, changes, name) for tally in shared)
        with ThreadPoolExecutor(_WRITERS) as threads:
            written += sum(threads.map(lambda tally: self._add_to(tally, changes, name), of_persons))
        return Tallied(len(changes), written)

    def _changes_of(self, records: Iterable[StreamRecord]) -> list[Change]:
        changes = []
        for change in changes_in(records):
            _log_malformed_runs(change)
            adds = impact_of_change(change.before, change.after, self.calendar, change.runs)
            changes.append(Change(change.sequence, change.at, adds))
        return [change for change in changes if change.adds]

    def _without_erased(self, changes: Sequence[Change]) -> list[Change]:
        """Return changes without the participations that they change of erased persons."""
        marks = self.erasures.find_many({user_id for change in changes for user_id in change.persons})
        left = [
            change.without({user_id for user_id, mark in marks.items() if mark.is_of_erased(change.at)})
            for change in changes
        ]
        return [change for change in left if change.adds]

    def _add_to(self, tally: Tally, changes: Sequence[Change], shard: str) -> bool:
        """Add the changes to a tally. Return False if they are already counted, so nothing was written."""
        current = tally

        def attempt() -> bool:
            nonlocal current
            counted = current.with_changes(changes, shard, self.clock.now())
            if counted is current:
                return False
            try:
                self.impact.put(counted)
            except LostRaceError:
                current = self.impact.of_shard([tally.subject], shard)[tally.subject]
                raise
            return True

        return retry_lost_races(attempt, self.clock)


def _log_malformed_runs(change: RecordChange) -> None:
    """Log the malformed runs of new entries. They are left out, because an error would stop all further changes."""
    for text in sorted(malformed_runs_in(change.after)) if isinstance(change.after, Period) else ():
        logger.error(
            "an entry whose run is malformed counts in no campaign", extra={"run": text, "sequence": change.sequence}
        )


@cache
def tallying() -> Tallying:
    """Return the tallying service of this process."""
    ledger = wiring.ledger()
    return Tallying(ImpactStore(ledger), Erasures(ledger), settings().calendar, wiring.clock())
