"""Campaigns: when a campaign runs, its edition in a year, and the progress toward its goal."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from saxaul.catalog.entries import Campaign, CampaignEdition
from saxaul.catalog.recurrences import LAST_YEAR, first_days, latest_by
from saxaul.trees.states import PAID_STATES

if TYPE_CHECKING:
    from saxaul.impact.totals import Impact, Progress


class Run(NamedTuple):
    """One occurrence of a campaign: its first and its last day, in the programme's time zone.

    A run that has lost all its days ends on the day before its first day.
    """

    first: date
    last: date

    def state_on(self, day: date) -> Literal["next", "running", "past"]:
        if day < self.first:
            return "next"
        return "running" if day <= self.last else "past"


class Reached(NamedTuple):
    """What was reached in a run so far.

    Attributes:
        toward_goal: how much of the campaign's goal; None if it has no goal, or the run has not begun.
        progress: what people did whose points the campaign multiplied; None if it multiplies none, or the run has not
            begun.
    """

    toward_goal: int | None = None
    progress: "Progress | None" = None


def run_at(campaign: Campaign, day: date) -> Run | None:
    """Return the run that includes a day, or None. If there are several, return the one that begins last."""
    return _run(campaign, campaign.begun_on(day))


def run_after(campaign: Campaign, day: date) -> Run | None:
    """Return the next run that begins after a day and has days, or None."""
    return _run(campaign, campaign.next_after(day))


def run_before(campaign: Campaign, day: date) -> Run | None:
    """Return the latest run that has begun by a day and ended before it, or None."""
    ended = [first for first, last in campaign.ends.items() if first <= day and last < day]
    complete = latest_by(campaign.recurs, day - timedelta(days=campaign.days))
    return _run(campaign, max([*ended, complete] if complete else ended, default=None))


def run_to_show(campaign: Campaign, day: date) -> Run:
    """Return the run that includes a day, or else the next run, or else the last one."""
    run = run_at(campaign, day) or run_after(campaign, day) or run_before(campaign, day)
    found = run or _run(campaign, latest_by(campaign.recurs, date(LAST_YEAR, 12, 31)))  # all runs have lost their days
    if found is None:
        raise AssertionError("the campaign never runs, although the catalog refuses such campaigns")
    return found


def runs_in(campaign: Campaign, year: int) -> list[Run]:
    """Return the runs that begin in a year, also those that have lost all their days."""
    return [Run(first, campaign.last_day_of(first)) for first in first_days(campaign.recurs, year)]


class EndRefusedError(ValueError):
    """A run cannot end on a day; the message says why. ``is_over`` tells whether no run includes the current day."""

    def __init__(self, reason: str, *, is_over: bool) -> None:
        super().__init__(reason)
        self.is_over = is_over


def ended_early(campaign: Campaign, today: date, last: date) -> Campaign:
    """Return a campaign whose run that includes today ends on a day: yesterday or later, and earlier than it would.

    If the run ends on that day already, return the same object.

    Raises:
        EndRefusedError: no run includes today, or the run cannot end on this day.
    """
    first = latest_by(campaign.recurs, today)
    if first is None or today >= first + timedelta(days=campaign.days):
        raise EndRefusedError("no run of this campaign includes today", is_over=True)
    current = campaign.last_day_of(first)
    if last == current:
        return campaign
    if current < today:
        raise EndRefusedError(f"the run from {first} has ended already, on {current}", is_over=True)
    yesterday = today - timedelta(days=1)
    if not yesterday <= last < current:
        raise EndRefusedError(f"this must be from {yesterday} on and before {current}", is_over=False)
    return campaign.model_copy(update={"ends": {**campaign.ends, first: last}})


_NO_DETAILS = CampaignEdition.model_construct()


def edition_of(campaign: Campaign, run: Run) -> CampaignEdition:
    """Return the edition (host and theme) of the year in which a run begins."""
    return campaign.editions.get(run.first.year, _NO_DETAILS)


def progress_toward_goal(campaign: Campaign, impacts: Iterable["Impact"]) -> int:
    """Return the progress toward the campaign's goal during a run. A goal counts people's actions or reserved trees.

    ``impacts`` are the totals of the days of the run. If the campaign multiplies the points of action types, only
    actions of these types count. Otherwise, all actions count.
    """
    if campaign.goal is None:
        return 0
    if campaign.goal.counts == "trees":
        return sum(number for impact in impacts for state, number in impact.trees.items() if state in PAID_STATES)
    return sum(
        found.actions
        for impact in impacts
        for act, found in impact.acts.items()
        if act.owner == "user" and (not campaign.multipliers or act.type in campaign.multipliers)
    )


def _run(campaign: Campaign, first: date | None) -> Run | None:
    return Run(first, campaign.last_day_of(first)) if first else None
