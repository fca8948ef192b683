"""Warnings for an operator: what a change of the catalog says that is allowed and unlikely."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType, Campaign, Catalog, Entity, Facility, Initiative, TreeProject
from saxaul.catalog.sentences import counted
from saxaul.catalog.versions import VersionedEntry
from saxaul.impact.campaigns import run_after, run_at, runs_in
from saxaul.trees.stock import Stock

_HIGH_MULTIPLIER = 5
_FAR = 10
"""A price or a factor is far from the previous one if it is more than this many times as high, or as low."""


class Warned(NamedTuple):
    """A warning: a stable code, the field of the entry, and a sentence for people."""

    code: str
    field: str
    detail: str


class EntryChange(NamedTuple):
    """A change of a catalog entry.

    Attributes:
        identifier: the id of the entry.
        entity: the new version.
        stored: the latest version before the change.
        effective_at: when the change takes effect, an instant in seconds.
        planned: the stock of a tree project after the change.
        catalog: for a facility or an initiative, the catalog that is in effect at ``effective_at`` without the change.
        calendar: the programme's calendar.
        now: when the change is written, an instant in seconds.
    """

    identifier: str
    entity: Entity
    stored: VersionedEntry
    effective_at: int
    planned: Stock
    catalog: Catalog
    calendar: Calendar
    now: int


def warnings_of(change: EntryChange) -> list[Warned]:
    """Return the warnings for a change."""
    found: list[Warned] = []
    match change.entity:
        case ActionType() as action_type:
            found += _of_action_type(action_type, change)
        case Facility() as facility:
            found += _of_facility(facility, change)
        case Campaign() as campaign:
            found += _of_campaign(campaign, change)
        case TreeProject() as project:
            found += _of_tree_project(project, change)
        case Initiative() as initiative:
            found += _of_initiative(initiative, change)
    return [*found, *_of_pending(change)]


def ends_already(last: date) -> Warned:
    """Return the warning for a request to end a run on a day on which it ends anyway."""
    return Warned("ends_already", "ends", f"The run ends on {last} already, so nothing was changed.")


def _of_action_type(entity: ActionType, change: EntryChange) -> Iterator[Warned]:
    previous = change.stored.entity
    if isinstance(previous, ActionType):
        new, old = (version.points.value if version.points else Decimal(0) for version in (entity, previous))
        if new > old * _HIGH_MULTIPLIER > 0:
            detail = f"The points are {new}, more than {_HIGH_MULTIPLIER} times the previous {old}."
            yield Warned("points_far_above", "points.value", detail)
        new, old = entity.avoided_g.value, previous.avoided_g.value
        if _is_far(new, old):
            detail = f"The avoided grams are {new}, and were {old}: they differ by more than a factor of {_FAR}."
            yield Warned("factor_far_off", "avoided_g.value", detail)
    for place, cap in enumerate(entity.caps):
        if not (cap.points or cap.units):
            field = f"caps.{place}.{'units' if cap.points is None else 'points'}"
            yield Warned("cap_of_zero", field, f"Nothing earns points in a {cap.window}, because this cap is zero.")
    if entity.is_retired_on(change.calendar.day_of(change.effective_at) - timedelta(days=1)):
        detail = "Actions that occurred before this version takes effect are refused too."
        yield Warned("retired_in_the_past", "retired_from", detail)


def _of_facility(facility: Facility, change: EntryChange) -> Iterator[Warned]:
    previous = change.stored.entity
    if not isinstance(previous, Facility):
        return
    removed = previous.plausible_a_day.keys() - facility.plausible_a_day.keys()
    for identifier, initiative in change.catalog.initiatives.items():
        if change.identifier in initiative.facilities:
            for action_type in initiative.action_types:
                if action_type in removed:
                    detail = f"The initiative {identifier} counts {action_type}, which this facility no longer reports."
                    yield Warned("no_longer_counted", "plausible_a_day", detail)


def _of_campaign(campaign: Campaign, change: EntryChange) -> Iterator[Warned]:
    today = change.calendar.day_of(change.now)
    if run_at(campaign, today) is None and run_after(campaign, today) is None:
        yield Warned("never_runs_again", "recurs", "The last run of the campaign is over.")
    elif _runs_every_day_of(campaign, today.year + 1):
        detail = f"The campaign runs on every day of {today.year + 1}."
        yield Warned("runs_every_day", "recurs" if campaign.days == 1 else "days", detail)
    for action_type, times in campaign.multipliers.items():
        if times > _HIGH_MULTIPLIER:
            detail = f"The points of {action_type} are multiplied by {times}, which is more than {_HIGH_MULTIPLIER}."
            yield Warned("high_multiplier", f"multipliers.{action_type}", detail)


def _runs_every_day_of(campaign: Campaign, year: int) -> bool:
    days = {
        run.first + timedelta(days=number)
        for begins_in in (year - 1, year)
        for run in runs_in(campaign, begins_in)
        for number in range((run.last - run.first).days + 1)
    }
    return len({day for day in days if day.year == year}) >= 365  # noqa: PLR2004 - the days of a year


def _of_tree_project(project: TreeProject, change: EntryChange) -> Iterator[Warned]:
    previous = change.stored.entity
    if isinstance(previous, TreeProject) and _is_far(Decimal(project.price_points), Decimal(previous.price_points)):
        detail = (
            f"The price is {counted(project.price_points, 'point')}, and was {previous.price_points}: they differ by "
            f"more than a factor of {_FAR}."
        )
        yield Warned("price_far_off", "price_points", detail)
    if project.schedule is None or project.closed:
        return
    release = change.planned.next_release(change.now)
    first_day = project.schedule.first_day
    known = previous.schedule.first_day if isinstance(previous, TreeProject) and previous.schedule else None
    if release is None:
        detail = "The schedule releases no more saplings: its last day or total is reached."
        yield Warned("releases_nothing", "schedule", detail)
    elif first_day != known and change.calendar.day_of(release.at) > first_day:
        detail = (
            f"On {first_day} the schedule releases nothing, because release times that have passed are skipped; "
            f"the first release is at {change.calendar.rfc3339(release.at)}."
        )
        yield Warned("first_day_passed", "schedule.first_day", detail)


def _of_initiative(initiative: Initiative, change: EntryChange) -> Iterator[Warned]:
    facilities = (change.catalog.facilities.get(identifier) for identifier in initiative.facilities)
    reported = {action_type for facility in facilities if facility for action_type in facility.plausible_a_day}
    for action_type in initiative.action_types:
        if action_type not in reported:
            detail = f"No facility of the initiative reports {action_type}, so nothing of it is counted."
            yield Warned("counts_nothing", "action_types", detail)


def _of_pending(change: EntryChange) -> Iterator[Warned]:
    dropped = [
        str(version.version)
        for version in change.stored.chain
        if version.effective_at > change.now and version.effective_at >= change.effective_at
    ]
    if dropped and change.stored.entity != change.entity:
        detail = f"Not yet in effect, and never will be, because this version takes effect first: {', '.join(dropped)}."
        yield Warned("supersedes_pending", "effective_at", detail)


def _is_far(new: Decimal, old: Decimal) -> bool:
    """Return whether one of two numbers is more than 10 times the other. From zero, every number is a new one."""
    return bool(old) and (new > old * _FAR or new * _FAR < old)
