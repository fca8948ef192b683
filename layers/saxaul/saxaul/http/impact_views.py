"""The JSON form of campaigns, of the public totals and of factors in responses of the API."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType, Campaign, Catalog, Language
from saxaul.catalog.models import Model
from saxaul.http.views import View, grams
from saxaul.impact.campaigns import Run, edition_of, runs_in
from saxaul.impact.totals import ZERO_SUM, FacilityYear, Impact, Sum, month_of
from saxaul.log.counts import Counts
from saxaul.trees.states import State


def campaign_view(
    identifier: str, campaign: Campaign, run: Run, today: date, reached: int | None, language: Language
) -> View:
    """Return the view of a campaign and one of its runs.

    ``reached`` is the progress toward the campaign's goal; None if the campaign has no goal or the run has not begun.
    """
    goal = campaign.goal
    return {
        "id": identifier,
        "name": campaign.names.in_language(language),
        "text": campaign.texts.in_language(language),
        "state": run.state_on(today),
        **run_view(campaign, run, language),
        "multipliers": {action_type: float(times) for action_type, times in campaign.multipliers.items()},
        "goal": {"counts": goal.counts, "target": goal.target, "reached": reached} if goal else None,
    }


def editions_view(campaign: Campaign, language: Language) -> list[View]:
    """Return the runs of every year for which the campaign has an edition (a host and a theme), latest year first."""
    years = sorted(campaign.editions, reverse=True)
    return [{"year": year, **run_view(campaign, run, language)} for year in years for run in runs_in(campaign, year)]


def run_view(campaign: Campaign, run: Run, language: Language) -> View:
    edition = edition_of(campaign, run)
    return {
        "first_day": run.first.isoformat(),
        "last_day": run.last.isoformat(),
        "host": edition.host.in_language(language) if edition.host else None,
        "theme": edition.theme.in_language(language) if edition.theme else None,
    }


def impact_view(
    first: date, last: date, by: str, days: Mapping[date, Impact], counts: Counts, catalog: Catalog
) -> View:
    """Return the public totals: the actions of people, the actions of facilities, and trees by state.

    The actions are those of the days from ``first`` to ``last``. They are summed by day and app if ``by`` is ``app``,
    and otherwise by day and action type. The numbers of reserved and ordered trees include only trees that were
    reserved on these days. The numbers of planted, alive and dead trees cover all time and come from ``counts``, the
    counts of the newest entry of the transparency log. ``alive`` is the number of trees in the ground that are not
    known to be dead.
    """
    people: list[View] = []
    facilities: list[View] = []
    for day, impact in days.items():
        sums: defaultdict[tuple[str, str], Sum] = defaultdict(lambda: ZERO_SUM)
        for act, found in impact.acts.items():
            key = act.owner, act.app if by == "app" else act.type
            sums[key] = sums[key].plus(found)
        for (owner, name), found in sorted(sums.items()):
            rows = people if owner == "user" else facilities
            # A sum over several action types has no quantity, because each type has its own unit.
            measured = {} if by == "app" else _measured_view(name, found, catalog)
            rows.append(
                {
                    "day": day.isoformat(),
                    by: name,
                    "actions": found.actions,
                    **measured,
                    "points": found.points,
                    "avoided_g": grams(found.avoided_g),
                }
            )
    between = {"from": first.isoformat(), "to": last.isoformat(), "by": by}
    return {**between, "people": people, "facilities": facilities, "trees": _tree_view(days, counts)}


def facilities_view(
    first: date,
    last: date,
    facilities: Mapping[FacilityYear, Impact],
    days: Mapping[date, Impact],
    counts: Counts,
    catalog: Catalog,
) -> View:
    """Return the public totals by facility: its actions by month and action type, no people, and trees by state.

    The actions are those of the whole months that have a day from ``first`` to ``last``. The trees are those that
    :func:`impact_view` shows.
    """
    months = month_of(first), month_of(last)
    found = sorted(
        (act.month, facility.facility_id, act.type, sums)
        for facility, impact in facilities.items()
        for act, sums in impact.months.items()
        if months[0] <= act.month <= months[1]
    )
    rows = [
        {
            "month": month,
            "facility": facility_id,
            "type": action_type,
            "actions": sums.actions,
            **_measured_view(action_type, sums, catalog),
            "avoided_g": grams(sums.avoided_g),
        }
        for month, facility_id, action_type, sums in found
    ]
    between = {"from": first.isoformat(), "to": last.isoformat(), "by": "facility"}
    return {**between, "people": [], "facilities": rows, "trees": _tree_view(days, counts)}


def _tree_view(days: Mapping[date, Impact], counts: Counts) -> View:
    waiting = {
        state.value: sum(impact.trees.get(state, 0) for impact in days.values())
        for state in (State.RESERVED, State.ORDERED)
    }
    return waiting | {"planted": counts.planted, "alive": counts.standing, "dead": counts.dead}


def _measured_view(action_type: str, found: Sum, catalog: Catalog) -> View:
    rule = catalog.action_types.get(action_type)
    return {"quantity": float(found.quantity), "unit": rule.unit if rule else None}


def factor_view(identifier: str, version: int, action_type: ActionType, changed_at: int, calendar: Calendar) -> View:
    """Return the view of a version of an action type: what a unit of the action earns and avoids, and who says so.

    ``changed_at`` is when the version was written, in seconds; 0 if that is not recorded. The amounts are not
    rounded. Who wrote the version is not public.
    """
    return {
        "action_type": identifier,
        "version": version,
        "names": action_type.names.model_dump(),
        "unit": action_type.unit,
        "avoided_g": _fields_of(action_type.avoided_g),
        "points": _fields_of(action_type.points) if action_type.points else None,
        "caps": [_fields_of(cap) for cap in action_type.caps],
        "plausible_a_day": _fields_of(action_type.plausible_a_day) if action_type.plausible_a_day else None,
        "min_quantity": float(action_type.min_quantity),
        "max_quantity": float(action_type.max_quantity),
        "changed_at": calendar.rfc3339(changed_at) if changed_at else None,
    }


def _fields_of(model: Model) -> View:
    """Return all fields of a model. An amount becomes a JSON number, which holds its 15 digits exactly.

    An empty text becomes None.
    """
    return {
        name: float(value) if isinstance(value, Decimal) else None if value == "" else value
        for name, value in model.model_dump().items()
    }
