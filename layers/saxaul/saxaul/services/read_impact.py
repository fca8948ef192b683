"""Reading the impact: the public totals, and the campaigns with their shared goals."""

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
from saxaul.storage.catalog import RECENT, CatalogStore
from saxaul.storage.impact import ImpactStore
from saxaul.storage.log import LogStore


class ShownRun(NamedTuple):
    """A campaign at one of its runs. ``reached`` of its goal, where it has one and the run has begun."""

    identifier: str
    campaign: Campaign
    run: Run
    reached: int | None


class Totals(NamedTuple):
    """The days on which anything was done, the trees as the log counts them, and the catalog that names the types."""

    days: Sequence[Day]
    trees: Counts
    catalog: Catalog


@dataclass(frozen=True)
class ImpactReading:
    """Shows what was done together."""

    impact: ImpactStore
    log: LogStore
    catalog_store: CatalogStore

    def campaigns(self, today: date) -> Mapping[str, list[ShownRun]]:
        """What is ``running``, what comes ``next`` and what is ``past``: each campaign once in each with such a run."""
        return {
            "running": self._runs(run_at, today),
            "next": self._runs(run_after, today),
            "past": self._runs(run_before, today)[::-1],
        }

    def campaign(self, identifier: str, today: date) -> ShownRun:
        """A campaign at the run of a day, or else at its next run, or at its last.

        Raises:
            NotFound: there is no such campaign.
        """
        campaign = self.catalog_store.catalog().campaigns.get(identifier)
        campaign = campaign or self.catalog_store.catalog(max_age=RECENT).campaigns.get(identifier)
        if campaign is None:
            raise NotFound("unknown_campaign", f"There is no campaign {identifier!r}.")
        run = run_at(campaign, today) or run_after(campaign, today) or run_before(campaign, today)
        if run is None:
            raise AssertionError(f"{identifier} recurs on no day at all, which the catalog refuses")
        return self._shown(identifier, campaign, run, today)

    def totals(self, first: date, last: date) -> Totals:
        """What was done from the first to the last of these days; the trees are those of all time."""
        newest = self.log.head()
        trees = newest.counts if newest else Counts()
        return Totals(self.impact.between(first, last), trees, self.catalog_store.catalog())

    def _runs(self, run_of: Callable[[Campaign, date], Run | None], today: date) -> list[ShownRun]:
        campaigns = self.catalog_store.catalog().campaigns
        runs = [(run, identifier) for identifier, campaign in campaigns.items() if (run := run_of(campaign, today))]
        return [self._shown(identifier, campaigns[identifier], run, today) for run, identifier in sorted(runs)]

    def _shown(self, identifier: str, campaign: Campaign, run: Run, today: date) -> ShownRun:
        reached = None
        if campaign.goal and run.state_on(today) != "next":
            reached = progress(campaign, [total(day.impact for day in self.impact.between(*run))])
        return ShownRun(identifier, campaign, run, reached)


@cache
def impact_reading() -> ImpactReading:
    """The impact reading of this process."""
    ledger = wiring.ledger()
    return ImpactReading(ImpactStore(ledger), LogStore(ledger), wiring.catalog_store())
