"""Reads the public totals, and the campaigns with their progress."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Campaign, Catalog
from saxaul.clock import Clock
from saxaul.impact.campaigns import Reached, Run, progress_toward_goal, run_after, run_at, run_before, run_to_show
from saxaul.impact.totals import FacilityYear, Impact, Progress, RunKey, total
from saxaul.log.counts import Counts
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import MISSING_CACHED_FOR, CatalogStore
from saxaul.storage.impact import ImpactStore
from saxaul.storage.sequence import SequenceStore

TOTALS_CACHED_FOR = 10.0
"""How many seconds a worker uses the totals of a day or a run that it read, also if there are none.

The stream delivers changes at most once in ten seconds, so what is shown can become twice as old.
"""


class _Known(NamedTuple):
    """The totals of a day, None if it has none, and when they were read."""

    impact: Impact | None
    read_at: float


class DayTotals:
    """Reads the totals of days. What it returns was read at most 10 seconds ago.

    Without this cache, each request for campaigns would read every tally of every day of each campaign with a goal.
    """

    def __init__(self, impact: ImpactStore, clock: Clock) -> None:
        self._impact = impact
        self._clock = clock
        self._known: dict[date, _Known] = {}

    def between(self, first: date, last: date) -> dict[date, Impact]:
        """Return the totals of the days from ``first`` to ``last`` that have totals, earliest first."""
        now = self._clock.elapsed()
        wanted = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        known = {day: found for day, found in self._known.items() if now - found.read_at < TOTALS_CACHED_FOR}
        unknown = [day for day in wanted if day not in known]
        if unknown:
            read = self._impact.between(unknown[0], unknown[-1])
            known |= {day: _Known(read.get(day), now) for day in unknown}
        self._known = known
        return {day: impact for day in wanted if (impact := known[day].impact) is not None}


class RunTotals:
    """Reads the progress of runs, which was read at most 10 seconds ago, like the totals of days."""

    def __init__(self, impact: ImpactStore, clock: Clock) -> None:
        self._impact = impact
        self._clock = clock
        self._known: dict[RunKey, tuple[Progress, float]] = {}

    def of(self, runs: Iterable[RunKey]) -> dict[RunKey, Progress]:
        """Return the progress of each of these runs. All that must be read is read together."""
        now = self._clock.elapsed()
        wanted = list(runs)
        known = {run: found for run, found in self._known.items() if now - found[1] < TOTALS_CACHED_FOR}
        if unknown := [run for run in wanted if run not in known]:
            known |= {run: (progress, now) for run, progress in self._impact.progress_of(unknown).items()}
        self._known = known
        return {run: known[run][0] for run in wanted}


class ShownRun(NamedTuple):
    """A campaign, and one of its runs with what was reached so far. A run is one occurrence of the campaign."""

    identifier: str
    campaign: Campaign
    run: Run
    reached: Reached


class ShownCampaigns(NamedTuple):
    """The campaigns of a day. Each list has at most one run of each campaign.

    The runs are sorted by their first day: earliest first in ``running`` and ``next``, latest first in ``past``.
    """

    running: list[ShownRun]
    next: list[ShownRun]
    past: list[ShownRun]


class Totals(NamedTuple):
    """The public totals.

    Attributes:
        days: the totals of each day that has totals.
        facilities: the totals of each facility and year that has totals; empty if they were not asked for.
        trees: the counts of the published log.
        catalog: describes the action types.
    """

    days: Mapping[date, Impact]
    facilities: Mapping[FacilityYear, Impact]
    trees: Counts
    catalog: Catalog


class ImpactReading(NamedTuple):
    """Reads the public totals and the campaigns."""

    impact: ImpactStore
    days: DayTotals
    runs: RunTotals
    log: SequenceStore
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock

    def campaigns(self, on: date | None = None) -> ShownCampaigns:
        """Return the campaigns of the day ``on``, or of today.

        On a later day, they follow the catalog that is in effect at the end of that day; the progress of each run is
        always that of today.
        """
        day, found = on or self._today(), self._campaigns(on)
        return ShownCampaigns(
            running=self._runs(found, run_at, day),
            next=self._runs(found, run_after, day),
            past=self._runs(found, run_before, day)[::-1],
        )

    def campaign(self, identifier: str, on: date | None = None) -> ShownRun:
        """Return a campaign with the run that includes a day, or else its next run, or else its last run.

        The day is ``on``, or today, as in :meth:`campaigns`.

        Raises:
            NotFound: the campaign does not exist.
        """
        campaign = self._campaigns(on).get(identifier) or self._campaigns(on, MISSING_CACHED_FOR).get(identifier)
        if campaign is None:
            raise NotFound(
                "unknown_campaign", f"There is no campaign {identifier!r}; GET /campaigns lists all campaigns."
            )
        day = on or self._today()
        [shown] = self._shown([(identifier, campaign, run_to_show(campaign, day))])
        return shown

    def totals(self, first: date, last: date, *, with_facilities: bool) -> Totals:
        """Return the totals of the days from ``first`` to ``last``. The counts of trees cover all time.

        With ``with_facilities``, also return those of each facility in the years of these days.
        """
        facilities = self.impact.facilities_between(first.year, last.year) if with_facilities else {}
        return Totals(
            self.days.between(first, last),
            facilities,
            self.log.published().counts,
            self.catalog_store.catalog(),
        )

    def _today(self) -> date:
        return self.calendar.day_of(self.clock.now())

    def _campaigns(self, on: date | None, max_age: float | None = None) -> Mapping[str, Campaign]:
        """Return the campaigns in effect at the end of a day. For an earlier day and for None, return those of now.

        Today and a later day are previews, which know every change that was written before the request.
        """
        if on is None or on < self._today():
            return self.catalog_store.catalog(max_age).campaigns
        return self.catalog_store.timeline(max_age=0).catalog(self.calendar.end_of(on)).campaigns

    def _runs(
        self, campaigns: Mapping[str, Campaign], find_run: Callable[[Campaign, date], Run | None], day: date
    ) -> list[ShownRun]:
        runs = [(run, identifier) for identifier, campaign in campaigns.items() if (run := find_run(campaign, day))]
        return self._shown([(identifier, campaigns[identifier], run) for run, identifier in sorted(runs)])

    def _shown(self, found: Sequence[tuple[str, Campaign, Run]]) -> list[ShownRun]:
        """Return runs with what was reached so far. No action names the run of a campaign without multipliers."""
        begun = {identifier: run for identifier, _, run in found if run.first <= self._today()}
        multiplying = [name for name, campaign, _ in found if name in begun and campaign.multipliers]
        names = {name: RunKey(name, begun[name].first) for name in multiplying}
        progress = self.runs.of(names.values())
        shown = []
        for identifier, campaign, run in found:
            toward_goal = None
            if campaign.goal and identifier in begun:
                toward_goal = progress_toward_goal(campaign, [total(self.days.between(*run).values())])
            reached = Reached(toward_goal, progress[names[identifier]] if identifier in names else None)
            shown.append(ShownRun(identifier, campaign, run, reached))
        return shown


@cache
def impact_reading() -> ImpactReading:
    """Return the impact reading service of this process."""
    ledger, clock = wiring.ledger(), wiring.clock()
    impact = ImpactStore(ledger)
    return ImpactReading(
        *(impact, DayTotals(impact, clock), RunTotals(impact, clock), SequenceStore(ledger)),
        *(wiring.published_catalog(), settings().calendar, clock),
    )
