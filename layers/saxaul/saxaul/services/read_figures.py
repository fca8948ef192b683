"""Reads the figures that change during the day and that search results show.

These are the saplings of tree projects, and what the facilities of initiatives did this year.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from saxaul.clock import Clock
from saxaul.impact.figures import Figures
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.read_facilities import FacilityTotals, facility_totals
from saxaul.storage.patience import one_attempt
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import BATCH_GET
from saxaul.trees.stock import Stock

FIGURES_RETRIED_AFTER = 5.0
"""Seconds after a failed read, during which this worker does not read again."""

MOST_PROJECTS = BATCH_GET
"""The most tree projects whose stocks a request should ask for at once, because one read gives so many."""

SHOWN_LAST_FOR = 30.0
"""Seconds for which a worker remembers that a tree project is sold out, or until its schedule releases saplings.

Only the order of results, and which tree is named to a person, depend on it.
"""

_Found = TypeVar("_Found")


@dataclass
class FigureReading:
    """Reads the figures. A search answers without them if they cannot be read in time."""

    stocks: Stocks
    totals: FacilityTotals
    clock: Clock
    _failed_at: dict[str, float] = field(default_factory=dict, init=False)
    _sold_out: dict[str, tuple[Stock, float]] = field(default_factory=dict, init=False)

    @property
    def sold_out(self) -> frozenset[str]:
        """The tree projects that this worker has read in the last 30 seconds, and that have had no saplings since."""
        now, elapsed = self.clock.now(), self.clock.elapsed()
        return frozenset(
            name
            for name, (stock, read_at) in self._sold_out.items()
            if elapsed - read_at < SHOWN_LAST_FOR and stock.available(now) <= 0
        )

    def figures(self, project_ids: Collection[str], facility_ids: Collection[str], year: int) -> Figures:
        """Return the figures of these tree projects, and those of these facilities in a year.

        A worker reads a stock at most once a second, and a facility at most once a minute.
        """
        stocks = self._read("stocks", project_ids, self.stocks.get_cached)
        facilities = self._read("facilities", facility_ids, lambda names: self.totals.of_year(names, year))
        now, elapsed = self.clock.now(), self.clock.elapsed()
        for name, stock in stocks.items():
            self._sold_out.pop(name, None)
            if stock.available(now) <= 0:
                self._sold_out[name] = stock, elapsed
        return Figures(stocks, facilities, now)

    def _read(
        self, what: str, names: Collection[str], read: Callable[[Collection[str]], Mapping[str, _Found]]
    ) -> Mapping[str, _Found]:
        failed_at = self._failed_at.get(what, float("-inf"))
        if not names or self.clock.elapsed() - failed_at < FIGURES_RETRIED_AFTER:
            return {}
        try:
            with one_attempt():
                return read(names)
        except Exception as error:  # noqa: BLE001 - whatever fails, the search answers
            self._failed_at[what] = self.clock.elapsed()
            logger.warning("figures could not be read; the search answers without them", extra={"error": repr(error)})
            return {}


@cache
def figure_reading() -> FigureReading:
    """Return the figure reading service of this process."""
    return FigureReading(Stocks(wiring.ledger()), facility_totals(), wiring.clock())
