"""The figures that change during the day and that search results show."""

from collections.abc import Mapping
from typing import NamedTuple

from saxaul.impact.totals import Sum
from saxaul.trees.stock import Stock


class Figures(NamedTuple):
    """The figures of search results at an instant. What could not be read is missing.

    Attributes:
        stocks: the stock of each tree project.
        facilities: what each facility did this year: a sum for each action type.
        now: the instant, in seconds.
    """

    stocks: Mapping[str, Stock]
    facilities: Mapping[str, Mapping[str, Sum]]
    now: int
