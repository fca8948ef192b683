"""Says in words what the API shows of a campaign."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

CampaignView = Mapping[str, Any]
"""A campaign as ``GET /campaigns/{id}`` returns it."""


def span(view: CampaignView) -> str:
    first, last = (date.fromisoformat(view[name]) for name in ("first_day", "last_day"))
    until = "" if first == last else f" to {last.day} {last:%B %Y}"
    return f"{first.day} {first:%B %Y}{until}"


def multiplied(view: CampaignView) -> str:
    by_times: dict[float, list[str]] = {}
    for action_type, times in view["multipliers"].items():
        by_times.setdefault(float(times), []).append(action_type)
    return "; ".join(f"{times:g} times for {', '.join(names)}" for times, names in by_times.items()) or "as usual"


def stated(view: CampaignView, what: str) -> str:
    """Return the host or the theme of the run, or that it is not stated yet, and the latest one that is."""
    if view[what]:
        return str(view[what])
    year = date.fromisoformat(view["first_day"]).year
    known = [edition for edition in view["editions"] if edition[what]]
    latest = f"; that of {known[0]['year']} was {known[0][what]}" if known else ""
    return f"not stated for {year} yet{latest}"


def progress_of(view: CampaignView) -> str:
    """Return what the campaign has come to, what it cost, and how near its goal is."""
    progress, goal = view["progress"], view["goal"]
    found = []
    if progress:
        found.append(
            f"{progress['actions']:,} actions of {progress['persons']:,} persons, {progress['points']:,} points, "
            f"{amount(progress['extra_points'])} of them by the campaign"
        )
    if goal:
        found.append(f"goal: {goal['reached'] or 0:,} of {goal['target']:,} {goal['counts']}")
    return "; ".join(found) or "this campaign counts nothing"


def amount(number: float | Decimal) -> str:
    """Return a number with all of its digits, and with commas, such as ``1,234,567.5``."""
    return f"{Decimal(str(number)).normalize():,f}"
