"""Reads the figures that change during the day and that search results show: the saplings of tree projects."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from saxaul.clock import Clock
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.storage.patience import one_attempt
from saxaul.storage.stocks import Stocks
from saxaul.trees.stock import Stock

FIGURES_RETRIED_AFTER = 5.0
"""Seconds after a failed read, during which this worker does not read again."""


class Figures(NamedTuple):
    """The figures of search results at an instant. What could not be read is missing.

    Attributes:
        stocks: the stock of each tree project.
        now: the instant, in seconds.
    """

    stocks: Mapping[str, Stock]
    now: int


@dataclass
class FigureReading:
    """Reads the figures. A search answers without them if they cannot be read in time."""

    stocks: Stocks
    clock: Clock
    _failed_at: float = field(default=float("-inf"), init=False)

    def figures(self, project_ids: Collection[str]) -> Figures:
        """Return the figures of these tree projects. A worker reads each at most once a second."""
        return Figures(self._read(project_ids, self.stocks.get_cached), self.clock.now())

    def _read(self, names: Collection[str], read: Callable[[Collection[str]], Mapping[str, Any]]) -> Mapping[str, Any]:
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
    return FigureReading(Stocks(wiring.ledger()), wiring.clock())
