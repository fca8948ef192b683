"""Search for repeated ids: finds action ids that count in two periods of one owner, and withdraws the later ones.

If the action that stayed is reversed, the search ends the withdrawal of the one that was recorded next.

The stream of the ledger table delivers each write of a period after it took effect. The search then reads the owner's
neighbouring periods consistently. So the search after the later of two writes always sees the earlier one. It sends the
withdrawals to the queue of actions, and the accrual posts them. Sending a withdrawal again changes nothing.

Messages may overtake each other. So what the accrual posts is searched again: an entry that counts again, because
another one may count by then; and a withdrawn entry, because the one that stayed may be reversed by then.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.actions import Owner, Withdrawal
from saxaul.ledger.periods import Period
from saxaul.ledger.repeats import Sought, lifted, newly_counting, newly_ended, repeats
from saxaul.messages.bodies import pack_withdrawals
from saxaul.messages.events import StreamRecord
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.periods import Periods
from saxaul.storage.queues import send_actions
from saxaul.storage.streams import changes_in


class Searched(NamedTuple):
    """For how many owners the periods were read, how many entries are to be withdrawn, and how many to count again."""

    owners: int
    withdrawals: int
    lifted: int


@dataclass(frozen=True)
class RepeatSearch:
    """Finds the action ids that count in two periods, and those that count in none any more."""

    periods: Periods
    calendar: Calendar
    clock: Clock
    queue_url: str

    def search(self, records: Iterable[StreamRecord]) -> Searched:
        """Check the entries that the changes of a batch let count or end. An owner's changes are checked together."""
        sought = self._sought(records)
        by_app: defaultdict[str, list[Withdrawal]] = defaultdict(list)
        for owner, periods in self.periods.with_names(sought):
            withdrawn = repeats(periods, sought[owner].names, self.calendar)
            for withdrawal in (*withdrawn, *lifted(periods, sought[owner].ended, self.calendar)):
                by_app[withdrawal.app].append(withdrawal)
        for app, withdrawals in by_app.items():
            send_actions(self.queue_url, app, pack_withdrawals(app, self.clock.now(), withdrawals))
        ends = [withdrawal.is_lifted for withdrawals in by_app.values() for withdrawal in withdrawals]
        return Searched(len(sought), ends.count(False), ends.count(True))

    def _sought(self, records: Iterable[StreamRecord]) -> dict[Owner, Sought]:
        sought: defaultdict[Owner, Sought] = defaultdict(Sought)
        for change in changes_in(records):
            match change.before, change.after:
                case Period() | None as before, Period() as after:
                    if added := newly_counting(before, after):
                        sought[after.key.owner].add(added, self.calendar)
                    if ended := newly_ended(before, after):
                        sought[after.key.owner].add_ended(ended, self.calendar)
        return dict(sought)


@cache
def repeat_search() -> RepeatSearch:
    """Return the search service of this process."""
    return RepeatSearch(Periods(wiring.ledger()), settings().calendar, wiring.clock(), settings().action_queue_url)
