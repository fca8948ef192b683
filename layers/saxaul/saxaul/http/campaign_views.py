"""The JSON form of campaigns in responses of the API."""

from datetime import date
from typing import Literal, TypedDict

from saxaul.catalog.entries import Campaign, Language
from saxaul.http.views import DayText, NonNegative
from saxaul.impact.campaigns import Reached, Run, edition_of, runs_in
from saxaul.impact.totals import Progress


class RunView(TypedDict):
    """One occurrence of a campaign."""

    first_day: DayText
    """The first day."""
    last_day: DayText
    """The last day."""
    host: str | None
    """Who hosts it that year; null if that is not stated."""
    theme: str | None
    """Its theme that year; null if none is stated."""


class EditionView(RunView):
    """A run of a campaign in a year for which an operator wrote a host or a theme."""

    year: int
    """The year in which the run begins."""


class GoalView(TypedDict):
    """The goal that all people in a campaign share."""

    counts: Literal["actions", "trees"]
    """What is counted: actions, or reserved trees."""
    target: NonNegative
    """How many there should be."""
    reached: NonNegative | None
    """How many there are now; null if the run has not begun."""


class ProgressView(TypedDict):
    """What people did in a run whose points the campaign multiplied, without what was reversed."""

    actions: NonNegative
    """How many actions."""
    persons: NonNegative
    """How many people did at least one of them."""
    points: NonNegative
    """The points of these actions."""
    extra_points: NonNegative
    """The part of the points that the multipliers gave: with a multiplier of 2, half of them. It is what the campaign
    costs, or more if actions reach a cap in points, because without the campaign the cap would have cut less."""


class CampaignView(RunView):
    """A campaign with one of its runs."""

    campaign_id: str
    """The id of the campaign."""
    name: str
    """What the campaign is called, in the language of the response."""
    text: str
    """What the campaign is about, in the language of the response."""
    state: Literal["next", "running", "past"]
    """Whether the run includes the day of the response, or is after or before it."""
    multipliers: dict[str, float]
    """How many times its points each of these action types earns while the campaign runs."""
    goal: GoalView | None
    """The goal of the campaign; null if it has none."""
    progress: ProgressView | None
    """What people did so far, as of now; null if the run has not begun, or if the campaign multiplies no points."""


class CampaignWithEditionsView(CampaignView):
    """A campaign with one of its runs, and its history."""

    editions: list[EditionView]
    """The runs of every year for which the campaign has a host or a theme, latest year first."""


class CampaignsView(TypedDict):
    """For each campaign, the run that includes a day, the next run, and the latest run that is over."""

    day: DayText
    """The day: today, or the one in ``on``."""
    running: list[CampaignView]
    """The runs that include the day, earliest first day first."""
    next: list[CampaignView]
    """The next run of each campaign, earliest first day first."""
    past: list[CampaignView]
    """The latest run of each campaign that is over, latest first day first."""


def campaign_view(
    identifier: str, campaign: Campaign, run: Run, today: date, reached: Reached, language: Language
) -> CampaignView:
    """Return the view of a campaign and one of its runs."""
    goal, progress = campaign.goal, reached.progress
    return {
        "campaign_id": identifier,
        "name": campaign.names.in_language(language),
        "text": campaign.texts.in_language(language),
        "state": run.state_on(today),
        **run_view(campaign, run, language),
        "multipliers": {action_type: float(times) for action_type, times in campaign.multipliers.items()},
        "goal": {"counts": goal.counts, "target": goal.target, "reached": reached.toward_goal} if goal else None,
        "progress": _progress_view(progress) if progress else None,
    }


def _progress_view(progress: Progress) -> ProgressView:
    return {
        "actions": progress.actions,
        "persons": progress.persons,
        "points": progress.all_points,
        "extra_points": progress.extra_points,
    }


def campaign_with_editions_view(
    identifier: str, campaign: Campaign, run: Run, today: date, reached: Reached, language: Language
) -> CampaignWithEditionsView:
    """Return the view of a campaign, one of its runs, and all runs with a host or a theme."""
    return {
        **campaign_view(identifier, campaign, run, today, reached, language),
        "editions": editions_view(campaign, language),
    }


def editions_view(campaign: Campaign, language: Language) -> list[EditionView]:
    """Return the runs of every year for which the campaign has an edition (a host and a theme), latest year first."""
    years = sorted(campaign.editions, reverse=True)
    return [{"year": year, **run_view(campaign, run, language)} for year in years for run in runs_in(campaign, year)]


def run_view(campaign: Campaign, run: Run, language: Language) -> RunView:
    edition = edition_of(campaign, run)
    return {
        "first_day": run.first.isoformat(),
        "last_day": run.last.isoformat(),
        "host": edition.host.in_language(language) if edition.host else None,
        "theme": edition.theme.in_language(language) if edition.theme else None,
    }
