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

FIGURES_RETRIED_AFTER = 5.0
"""Seconds after a failed read, during which this worker does not read again."""

_Found = TypeVar("_Found")


@dataclass
class FigureReading:
    """Reads the figures. A search answers without them if they cannot be read in time."""

    stocks: Stocks
    totals: FacilityTotals
    clock: Clock
    _failed_at: float = field(default=float("-inf"), init=False)

    def figures(self, project_ids: Collection[str], facility_ids: Collection[str], year: int) -> Figures:
        """Return the figures of these tree projects, and those of these facilities in a year.

        A worker reads a stock at most once a second, and a facility at most once a minute.
        """
        stocks = self._read(project_ids, self.stocks.get_cached)
        facilities = self._read(facility_ids, lambda names: self.totals.of_year(names, year))
        return Figures(stocks, facilities, self.clock.now())

    def _read(
        self, names: Collection[str], read: Callable[[Collection[str]], Mapping[str, _Found]]
    ) -> Mapping[str, _Found]:
        if not names or self.clock.elapsed() - self._failed_at < FIGURES_RETRIED_AFTER:
            return {}
        try:
            with one_attempt():
                return read(names)
        except Exception as error:  # noqa: BLE001 - whatever fails, the search answers
            self._failed_at = self.clock.elapsed()
            logger.warning("figures could not be read; the search answers without them", extra={"error": repr(error)})
            return {}


@cache
def figure_reading() -> FigureReading:
    """Return the figure reading service of this process."""
    return FigureReading(Stocks(wiring.ledger()), facility_totals(), wiring.clock())
