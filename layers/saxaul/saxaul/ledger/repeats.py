"""Repeated ids: an action id that an app reports again with another date is not a second action.

Within one period, posting finds such a repeat. Two periods do not know of each other, so for them this is found after
the write: of the entries that have the same name and count, the one that was recorded first stays, and the others are
withdrawn. If the app reverses the one that stayed, the next one in recorded order counts again, as if the reversed
action had never been reported.

Only dates that are at most the acceptance days and one more apart are compared. This suffices: an app that sends an
action again does so while it may still report it, so both dates are within these days. An app that wants to be paid
twice would choose a new id.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from saxaul.catalog.calendar import Calendar
from saxaul.ledger.actions import Withdrawal
from saxaul.ledger.entries import Entry
from saxaul.ledger.periods import Period


@dataclass
class Sought:
    """The names of entries that an owner's other periods may hold too, and the first and last day of these periods.

    ``ended`` has the days of the entries that ended, by name: entries of the same name may count again.
    """

    first: date = date.max
    last: date = date.min
    names: set[str] = field(default_factory=set)
    ended: defaultdict[str, set[date]] = field(default_factory=lambda: defaultdict(set))

    def add(self, entries: Mapping[str, Entry], calendar: Calendar) -> None:
        """Add entries that count. Those of the same name within the reach are sought."""
        for name, entry in entries.items():
            self._add(name, calendar.day_of(entry.occurred_at), reach(calendar))

    def add_ended(self, entries: Mapping[str, Entry], calendar: Calendar) -> None:
        """Add entries that ended. Those that may count again are sought, and whatever is within the reach of these."""
        for name, entry in entries.items():
            day = calendar.day_of(entry.occurred_at)
            self._add(name, day, 2 * reach(calendar))
            self.ended[name].add(day)

    def _add(self, name: str, day: date, around: timedelta) -> None:
        self.names.add(name)
        self.first = min(self.first, day - around)
        self.last = max(self.last, day + around)


def reach(calendar: Calendar) -> timedelta:
    """Return how far apart the dates of one action id may be and still be compared."""
    return timedelta(days=calendar.acceptance_days + 1)


def newly_counting(before: Period | None, after: Period) -> dict[str, Entry]:
    """Return the entries that count after a write and did not before: new ones, and those that count again.

    Sums are left out, because their actions have no names any more. The periods may lack unchanged entries.
    """
    counted = {name for name, entry in before.entries.items() if entry.counts} if before else set[str]()
    return {
        name: entry
        for name, entry in after.entries.items()
        if entry.counts and not entry.summed and name not in counted
    }


def newly_ended(before: Period | None, after: Period) -> dict[str, Entry]:
    """Return the entries that a write reversed or withdrew. The periods may lack unchanged entries.

    Withdrawn entries are among them, because the action for whose sake they were withdrawn may have been reversed
    meanwhile. Sums are left out, because their actions have no names any more.
    """
    known = before.entries if before else {}
    return {
        name: entry
        for name, entry in after.entries.items()
        if name in known and not entry.summed and _end_of(entry) not in ("", _end_of(known[name]))
    }


def _end_of(entry: Entry) -> str:
    return "reversed" if entry.reversal else "withdrawn" if entry.void == "repeated_id" else ""


def repeats(periods: Iterable[Period], names: Collection[str], calendar: Calendar) -> Iterator[Withdrawal]:
    """Yield a withdrawal for each entry whose name counts in another period too and was recorded there first.

    An entry is also withdrawn if another period added the name to a sum, because a sum cannot be changed. ``periods``
    are those of one owner.
    """
    found = list(periods)
    for name in sorted(names):
        kept: list[date] = []
        for period, entry in _holders(found, name):
            if not entry.counts:
                continue
            day = calendar.day_of(entry.occurred_at)
            if _is_summed(name, found, period) or _is_near(day, kept, calendar):
                yield _withdrawal(name, period)
            else:
                kept.append(day)


def lifted(
    periods: Iterable[Period], ended: Mapping[str, Collection[date]], calendar: Calendar
) -> Iterator[Withdrawal]:
    """Yield the end of a withdrawal for each entry that counts again, because no entry recorded before it stands.

    An entry stands if it is neither reversed nor withdrawn. So an entry stands too while another claim to its evidence
    counts: its act is paid already. If another period added the name to a sum, the entry does not count again.
    ``periods`` are those of one owner; ``ended`` has the days of the entries that ended, by name.
    """
    found = list(periods)
    for name in sorted(ended):
        standing: list[date] = []
        for period, entry in _holders(found, name):
            if entry.reversal:
                continue
            day = calendar.day_of(entry.occurred_at)
            if entry.void == "repeated_id":
                is_repeat = _is_summed(name, found, period) or _is_near(day, standing, calendar)
                if is_repeat or not _is_near(day, ended[name], calendar):
                    continue
                yield _withdrawal(name, period, is_lifted=True)
            standing.append(day)


def _holders(periods: Sequence[Period], name: str) -> list[tuple[Period, Entry]]:
    """Return the periods that hold a name, with the entry, the first recorded one first."""
    holders = [(period, period.entries[name]) for period in periods if name in period.entries]
    return sorted(holders, key=lambda held: (held[1].recorded_at, held[0].key.window))


def _is_near(day: date, others: Iterable[date], calendar: Calendar) -> bool:
    return any(abs(day - other) <= reach(calendar) for other in others)


def _is_summed(name: str, periods: Iterable[Period], holder: Period) -> bool:
    return any(other.sums_up(name) for other in periods if other is not holder)


def _withdrawal(name: str, period: Period, *, is_lifted: bool = False) -> Withdrawal:
    app, _, action_id = name.partition(":")
    return Withdrawal(app, period.key.owner, action_id, period.key.window, is_lifted)
