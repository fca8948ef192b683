"""Reads the points of a person, the entries that earned them, and the totals of a month."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import CLOCK_SKEW, Calendar
from saxaul.catalog.entries import ActionType
from saxaul.clock import Clock
from saxaul.ledger.actions import Owner
from saxaul.ledger.cap_uses import CapUse, cap_uses
from saxaul.ledger.history import Line, LinePlace, Total, lines_of_month, totals_by_type
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.wallets import Position, position
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.periods import Periods
from saxaul.storage.wallets import Wallets


class Lines(NamedTuple):
    """A page of a user's ledger.

    Attributes:
        lines: entries with their names, newest first.
        continue_after: the place of the last line, after which the next page begins; None if no older lines follow.
        rules: for each ``Line.rule``, the action type as it was in that version. An unknown version has no value.
        cap_uses: the caps of each line whose points were cut or withheld, by its place.
        now: the time at which the lines were read.
    """

    lines: Sequence[Line]
    continue_after: LinePlace | None
    rules: Mapping[tuple[str, int], ActionType]
    cap_uses: Mapping[LinePlace, Sequence[CapUse]]
    now: int


class MonthTotals(NamedTuple):
    """The totals of a month by action type, and the apps whose share of one of its periods is full."""

    month: str
    totals: Sequence[Total]
    full_apps: Sequence[str]


class LedgerReading(NamedTuple):
    """Reads the wallets and ledgers of users."""

    periods: Periods
    wallets: Wallets
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock

    def position(self, user_id: str) -> Position:
        """Return the points that a user has now, and the avoided grams."""
        wallet = self.wallets.get(user_id)
        return position(wallet, self.wallets.open_periods(wallet), self.calendar, self.clock.now())

    def lines(self, user_id: str, limit: int, after: LinePlace | None) -> Lines:
        """Return up to ``limit`` of a user's entries, newest first, starting after the place ``after``.

        The periods are read month by month, until there are enough entries.
        """
        owner, now = Owner("user", user_id), self.clock.now()
        month: str | None = self.calendar.window_of(after.occurred_at if after else now + CLOCK_SKEW, "month")
        found: list[Line] = []
        while month and len(found) <= limit:
            lines = lines_of_month(self._periods_of_month(owner, month), month, self.calendar)
            found += [line for line in lines if after is None or line.place < after]
            month = self._month_before(owner, month)
        shown = found[:limit]
        rules = self.catalog_store.rules({line.rule for line in shown})
        continue_after = shown[-1].place if len(found) > limit else None
        return Lines(shown, continue_after, rules, self._cap_uses(shown, rules), now)

    def _cap_uses(
        self, lines: Sequence[Line], rules: Mapping[tuple[str, int], ActionType]
    ) -> dict[LinePlace, Sequence[CapUse]]:
        """Return the caps of each line whose points were cut or withheld. Each period is gone through once."""
        found: dict[LinePlace, Sequence[CapUse]] = {}
        for period in {line.period.key: line.period for line in lines}.values():
            places = {line.name: line.place for line in lines if line.period.key == period.key}
            uses = cap_uses(period.entries, places, rules, self.calendar)
            found |= {places[name]: of_line for name, of_line in uses.items()}
        return found

    def month(self, user_id: str, month: str | None) -> MonthTotals:
        """Return the totals of a month such as ``2026-06``.

        If ``month`` is None, return those of the current month in the programme's time zone.
        """
        month = month or self.calendar.window_of(self.clock.now(), "month")
        periods = self._periods_of_month(Owner("user", user_id), month)
        totals = totals_by_type(lines_of_month(periods, month, self.calendar))
        return MonthTotals(month, totals, sorted({app for period in periods for app in period.full}))

    def _periods_of_month(self, owner: Owner, month: str) -> list[Period]:
        """Return the periods that can hold entries of a month: of its days, of the month and of its year."""
        return [*self.periods.between(owner, month, f"{month}-31"), *self._periods_of_year(owner, month[:4])]

    def _periods_of_year(self, owner: Owner, year: str) -> list[Period]:
        found = self.periods.get_many([PeriodKey(owner, year)], consistent=True)
        return [period for period in found.values() if period.version]

    def _month_before(self, owner: Owner, month: str) -> str | None:
        """Return the latest month before ``month`` that may have entries; None if there is no such month.

        A month may have entries if the month or one of its days has a period, or if the period of the year has entries
        of the month.
        """
        found: list[str] = []
        for period in self.periods.before(owner, month):
            if len(period.key.window) > len("2026"):
                found.append(period.key.window[:7])
                found += self._months_in(self._periods_of_year(owner, period.key.window[:4]))
                break
            found += self._months_in([period])
        return max((earlier for earlier in found if earlier < month), default=None)

    def _months_in(self, periods: Iterable[Period]) -> list[str]:
        return [
            self.calendar.window_of(entry.occurred_at, "month")
            for period in periods
            for entry in period.entries.values()
        ]


@cache
def ledger_reading() -> LedgerReading:
    """Return the ledger reading service of this process."""
    ledger = wiring.ledger()
    return LedgerReading(Periods(ledger), Wallets(ledger), wiring.catalog_store(), settings().calendar, wiring.clock())
