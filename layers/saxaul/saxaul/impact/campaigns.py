"""Campaigns: when a campaign runs, its edition in a year, and the progress toward its goal."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from saxaul.catalog.entries import Campaign, CampaignEdition
from saxaul.catalog.recurrences import first_days, latest_by
from saxaul.trees.states import STANDING_STATES, State

if TYPE_CHECKING:
    from saxaul.impact.totals import Impact

GOAL_STATES = frozenset({State.RESERVED, State.ORDERED, *STANDING_STATES})
"""The states of trees that count toward a goal: reserved, ordered, or standing (planted and not known to be dead)."""


class Run(NamedTuple):
    """One occurrence of a campaign: its first and its last day, in the programme's time zone."""

    first: date
    last: date

    def state_on(self, day: date) -> Literal["next", "running", "past"]:
        if day < self.first:
            return "next"
        return "running" if day <= self.last else "past"


def run_at(campaign: Campaign, day: date) -> Run | None:
    """Return the run that includes a day, or None. If there are several, return the one that begins last."""
    begun = _run(campaign, latest_by(campaign.recurs, day))
    return begun if begun and day <= begun.last else None


def run_after(campaign: Campaign, day: date) -> Run | None:
    """Return the next run that begins after a day, or None."""
    return _run(campaign, campaign.next_after(day))


def run_before(campaign: Campaign, day: date) -> Run | None:
    """Return the latest run that ended before a day, or None."""
    return _run(campaign, latest_by(campaign.recurs, day - timedelta(days=campaign.days)))


def runs_in(campaign: Campaign, year: int) -> list[Run]:
    """Return the runs that begin in a year."""
    last = timedelta(days=campaign.days - 1)
    return [Run(first, first + last) for first in first_days(campaign.recurs, year)]


_NO_DETAILS = CampaignEdition.model_construct()


def edition_of(campaign: Campaign, run: Run) -> CampaignEdition:
    """Return the edition (host and theme) of the year in which a run begins."""
    return campaign.editions.get(run.first.year, _NO_DETAILS)


def progress(campaign: Campaign, impacts: Iterable["Impact"]) -> int:
    """Return the progress toward the campaign's goal during a run. A goal counts people's actions or reserved trees.

    ``impacts`` are the totals of the days of the run. If the campaign multiplies the points of action types, only
    actions of these types count. Otherwise, all actions count.
    """
    if campaign.goal is None:
        return 0
    if campaign.goal.counts == "trees":
        return sum(number for impact in impacts for state, number in impact.trees.items() if state in GOAL_STATES)
    return sum(
        found.actions
        for impact in impacts
        for act, found in impact.acts.items()
        if act.owner == "user" and (not campaign.multipliers or act.type in campaign.multipliers)
    )


def _run(campaign: Campaign, first: date | None) -> Run | None:
    return Run(first, first + timedelta(days=campaign.days - 1)) if first else None
