"""Deletes the items of a person, all but the redemptions, and adds what they counted to the nameless sums."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.impact.changes import impact_of_participation, impact_of_period
from saxaul.impact.totals import ImpactAdder, Impacts, Subject, Tally
from saxaul.ledger.periods import Period
from saxaul.observability import logger
from saxaul.people.erasures import ErasureMark
from saxaul.races import retry_lost_races
from saxaul.storage.attributes import stored_bytes
from saxaul.storage.erasures import Erasures
from saxaul.storage.nameless import HeldSums, NamelessSums, to_item
from saxaul.storage.person_items import PersonItem, PersonItems
from saxaul.storage.table import TRANSACTION_WRITES, transact

MOST_BYTES = 4_000_000
"""The most bytes that the items of one transaction have together. DynamoDB allows a little more."""

_PART_BYTES = 1_000_000
"""The most bytes of items that are deleted together, unless one has more. The rest is left to the nameless sums."""

_POURED = 8
"""How many days and runs of held sums are added together. The item of each has at most 400 KB."""


class LittleTimeError(Exception):
    """There is too little time for another transaction. The rest is left to the next message."""


class ItemErasing(NamedTuple):
    """Deletes items, and keeps their sums."""

    erasures: Erasures
    items: PersonItems
    nameless: NamelessSums
    calendar: Calendar
    clock: Clock

    def erase_all(self, mark: ErasureMark, check_time: Callable[[], None]) -> None:
        """Delete every item of a person of a known kind, except redemptions, and add its sums to the nameless sums.

        ``check_time`` is called before each transaction, and may raise an error to stop.

        Raises:
            ContendedError: a transaction lost its race in every attempt.
        """
        self._pour(mark, check_time)
        found = (item for item in self.items.of(mark.user_id) if item.kind not in {"", "redemption"})
        for part in self._parts(found):
            check_time()
            self._erase(mark, part)
        self._pour(mark, check_time)

    def _erase(self, mark: ErasureMark, part: Sequence[PersonItem]) -> None:
        """Delete items other than redemptions, and add what they counted to the nameless sums."""
        read = iter([part])

        def attempt() -> None:
            items = next(read, None)
            if items is None:
                items = self.items.again(part)
            if items:
                self._erase_as_read(mark, items)

        retry_lost_races(attempt, self.clock)

    def _erase_as_read(self, mark: ErasureMark, items: Sequence[PersonItem]) -> None:
        adds = self._impact_of(items)
        if _fits(items, adds):
            sums = self.nameless.plus(adds)
            if sum(item.size for item in items) + sum(stored_bytes(to_item(each)) for each in sums) <= MOST_BYTES:
                deletes = [self.items.delete_write(item) for item in items]
                puts = map(self.nameless.put_write, sums)
                transact([self.erasures.count_write(mark.erasure_id, _numbers(items)), *deletes, *puts])
                return
        if len(items) == 1:
            self._hold(mark, items[0], adds)
            return
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            self._erase(mark, half)

    def _hold(self, mark: ErasureMark, period: PersonItem, adds: Impacts) -> None:
        """Delete a period that counts on too many days for one transaction, and hold what it counted."""
        sums = [Tally(subject, found) for subject, found in adds.items()]
        held = HeldSums(mark.erasure_id, period.key.sk, sums)
        count = self.erasures.count_write(mark.erasure_id, _numbers([period]))
        transact([count, self.items.delete_write(period), self.nameless.hold_write(held)])

    def _pour(self, mark: ErasureMark, check_time: Callable[[], None]) -> None:
        """Add the sums that the erasure holds to the nameless sums, some at a time."""

        def attempt() -> None:
            held = next(iter(self.nameless.held(mark.erasure_id)), None)
            if held:
                poured, rest = held.sums[:_POURED], held.sums[_POURED:]
                sums = self.nameless.plus({found.subject: found.impact for found in poured})
                kept = held._replace(sums=rest)
                write = self.nameless.hold_write(kept) if rest else self.nameless.release_write(held)
                transact([write, *map(self.nameless.put_write, sums)])

        while self.nameless.held(mark.erasure_id):
            check_time()
            retry_lost_races(attempt, self.clock)

    def _parts(self, items: Iterable[PersonItem]) -> Iterator[list[PersonItem]]:
        """Yield the items in parts that fit one transaction together with the nameless sums, or that have one item."""
        part: list[PersonItem] = []
        adds: set[Subject] = set()
        size = 0
        for item in items:
            more = adds | self._impact_of([item]).keys()
            if part and (not _fits([*part, item], more) or size + item.size > _PART_BYTES):
                yield part
                part, more, size = [], {*self._impact_of([item])}, 0
            part.append(item)
            adds, size = more, size + item.size
        if part:
            yield part

    def _impact_of(self, items: Iterable[PersonItem]) -> Impacts:
        """Return what items count in the totals, by day and run."""
        adders: defaultdict[Subject, ImpactAdder] = defaultdict(ImpactAdder)
        for item in items:
            for subject, adds in self._impact_of_item(item).items():
                adders[subject].add(adds)
        return {subject: adder.total() for subject, adder in adders.items()}

    def _impact_of_item(self, item: PersonItem) -> Impacts:
        try:
            found = self.items.read(item)
        except ValueError:
            logger.error("an item that cannot be read is erased without its sums", extra={"kind": item.kind})
            return {}
        return impact_of_period(found, self.calendar) if isinstance(found, Period) else impact_of_participation(found)


def _fits(items: Sequence[PersonItem], subjects: Iterable[Subject]) -> bool:
    """Return whether a transaction has room for these items, the sums of these subjects, and the receipt."""
    return len(items) + len({*subjects}) + 1 <= TRANSACTION_WRITES


def _numbers(items: Iterable[PersonItem]) -> Counter[str]:
    return Counter(item.kind for item in items)
