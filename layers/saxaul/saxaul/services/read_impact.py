"""Reads the public totals, and the campaigns with the progress toward their goals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import NamedTuple

from saxaul.catalog.entries import Campaign, Catalog
from saxaul.impact.campaigns import Run, progress, run_after, run_at, run_before
from saxaul.impact.totals import Day, total
from saxaul.log.entries import Counts
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.storage.catalog import MISSING_CACHED_FOR, CatalogStore
from saxaul.storage.impact import ImpactStore
from saxaul.storage.log import LogStore


class ShownRun(NamedTuple):
    """A campaign and one of its runs. A run is one occurrence of the campaign.

    ``reached`` is the progress toward the campaign's goal; None if the campaign has no goal or the run has not begun.
    """

    identifier: str
    campaign: Campaign
    run: Run
    reached: int | None


class Totals(NamedTuple):
    """The public totals.

    Attributes:
        days: the days that have totals.
        trees: the counts of the newest log entry.
        catalog: describes the action types.
    """

    days: Sequence[Day]
    trees: Counts
    catalog: Catalog


@dataclass(frozen=True)
class ImpactReading:
    """Reads the public totals and the campaigns."""

    impact: ImpactStore
    log: LogStore
    catalog_store: CatalogStore

    def campaigns(self, today: date) -> Mapping[str, list[ShownRun]]:
        """Return the lists ``running``, ``next`` and ``past``. Each list has at most one run of each campaign.

        The runs are sorted by their first day: earliest first in ``running`` and ``next``, latest first in ``past``.
        """
        return {
            "running": self._runs(run_at, today),
            "next": self._runs(run_after, today),
            "past": self._runs(run_before, today)[::-1],
        }

    def campaign(self, identifier: str, today: date) -> ShownRun:
        """Return a campaign with the run that includes ``today``, or else its next run, or else its last run.

        Raises:
            NotFound: the campaign does not exist.
        """
        campaign = self.catalog_store.catalog().campaigns.get(identifier)
        campaign = campaign or self.catalog_store.catalog(max_age=MISSING_CACHED_FOR).campaigns.get(identifier)
        if campaign is None:
            raise NotFound(
                "unknown_campaign", f"There is no campaign {identifier!r}; GET /campaigns lists all campaigns."
            )
        run = run_at(campaign, today) or run_after(campaign, today) or run_before(campaign, today)
        if run is None:
            raise AssertionError(f"the campaign {identifier} never runs, although the catalog refuses such campaigns")
        return self._shown_run(identifier, campaign, run, today)

    def totals(self, first: date, last: date) -> Totals:
        """Return the totals of the days from ``first`` to ``last``. The counts of trees cover all time."""
        newest = self.log.head()
        trees = newest.counts if newest else Counts()
        return Totals(self.impact.between(first, last), trees, self.catalog_store.catalog())

    def _runs(self, find_run: Callable[[Campaign, date], Run | None], today: date) -> list[ShownRun]:
        campaigns = self.catalog_store.catalog().campaigns
        runs = [(run, identifier) for identifier, campaign in campaigns.items() if (run := find_run(campaign, today))]
        return [self._shown_run(identifier, campaigns[identifier], run, today) for run, identifier in sorted(runs)]

    def _shown_run(self, identifier: str, campaign: Campaign, run: Run, today: date) -> ShownRun:
        reached = None
        if campaign.goal and run.state_on(today) != "next":
            reached = progress(campaign, [total(day.impact for day in self.impact.between(*run))])
        return ShownRun(identifier, campaign, run, reached)


@cache
def impact_reading() -> ImpactReading:
    """Return the impact reading service of this process."""
    ledger = wiring.ledger()
    return ImpactReading(ImpactStore(ledger), LogStore(ledger), wiring.catalog_store())
