"""The JSON form of the public totals in responses of the API."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Annotated, Literal, TypedDict

from saxaul.catalog.entries import Catalog
from saxaul.catalog.models import Described
from saxaul.http.views import DayText, Grams, MonthText, NonNegative, grams
from saxaul.impact.totals import ZERO_SUM, Act, FacilityYear, Impact, Sum, month_of
from saxaul.log.counts import Counts
from saxaul.trees.states import State


class ActionsView(TypedDict):
    """A number of actions, and what they came to."""

    actions: NonNegative
    """How many actions count."""
    avoided_g: Grams
    """Grams of CO2e avoided."""


class DayOfTypeView(ActionsView):
    """The actions of a day and an action type."""

    day: DayText
    """The day of the actions."""
    action_type: str
    """The id of the action type."""
    quantity: float
    """The quantity that counts, in ``unit``."""
    unit: str | None
    """The unit of the action type; null if the type was deleted."""
    points: NonNegative
    """The points that they earned. Those of facilities earn none."""


class DayOfAppView(ActionsView):
    """The actions of a day and an app. They have no quantity, because each action type has its own unit."""

    day: DayText
    """The day of the actions."""
    app_id: str
    """The app that reported them."""
    points: NonNegative
    """The points that they earned. Those of facilities earn none."""


class MonthOfFacilityView(ActionsView):
    """The actions of a facility, a month and an action type. The actions of facilities earn no points."""

    month: MonthText
    """The year and the month, such as ``2026-06``."""
    facility_id: str
    """The facility."""
    action_type: str
    """The id of the action type."""
    quantity: float
    """The quantity that counts, in ``unit``."""
    unit: str | None
    """The unit of the action type; null if the type was deleted."""


class TreeCountsView(TypedDict):
    """The number of trees by state."""

    reserved: NonNegative
    """Trees that were reserved on the days of the response, and are not ordered yet."""
    ordered: NonNegative
    """Trees that were reserved on the days of the response, and are ordered from a partner but not planted yet."""
    planted: NonNegative
    """All trees that were ever planted."""
    alive: NonNegative
    """All trees that are planted and not known to be dead."""
    dead: NonNegative
    """All trees that are known to be dead."""


_Days = TypedDict(
    "_Days",
    {
        "from": Annotated[DayText, Described({"description": "The first day."})],
        "to": Annotated[DayText, Described({"description": "The last day."})],
    },
)


class ImpactByTypeView(_Days):
    """The public totals of the days ``from`` to ``to``, by day and action type."""

    by: Literal["type"]
    """How the actions are summed up."""
    people: list[DayOfTypeView]
    """The actions of people."""
    facilities: list[DayOfTypeView]
    """The actions of facilities."""
    tree_counts: TreeCountsView
    """The number of trees by state."""


class ImpactByAppView(_Days):
    """The public totals of the days ``from`` to ``to``, by day and app."""

    by: Literal["app"]
    """How the actions are summed up."""
    people: list[DayOfAppView]
    """The actions of people."""
    facilities: list[DayOfAppView]
    """The actions of facilities."""
    tree_counts: TreeCountsView
    """The number of trees by state."""


class ImpactByFacilityView(_Days):
    """The public totals of the whole months that have a day from ``from`` to ``to``, by facility, month and type."""

    by: Literal["facility"]
    """How the actions are summed up."""
    people: list[DayOfTypeView]
    """An empty list."""
    facilities: list[MonthOfFacilityView]
    """The actions of facilities."""
    tree_counts: TreeCountsView
    """The number of trees by state. Those of the days ``from`` to ``to``, and not of whole months."""


def impact_by_type_view(
    first: date, last: date, days: Mapping[date, Impact], counts: Counts, catalog: Catalog
) -> ImpactByTypeView:
    """Return the public totals: the actions of people, the actions of facilities, and trees by state.

    The actions are those of the days from ``first`` to ``last``. The numbers of reserved and ordered trees include only
    trees that were reserved on these days. The numbers of planted, alive and dead trees cover all time and come from
    ``counts``, the counts of the newest entry of the transparency log.
    """
    people: list[DayOfTypeView] = []
    facilities: list[DayOfTypeView] = []
    for day, owner, action_type, found in _sums_of(days, lambda act: act.type):
        rows = people if owner == "user" else facilities
        rows.append(
            {
                "day": day.isoformat(),
                "action_type": action_type,
                "actions": found.actions,
                "quantity": float(found.quantity),
                "unit": _unit_of(action_type, catalog),
                "points": found.points,
                "avoided_g": grams(found.avoided_g),
            }
        )
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "by": "type",
        "people": people,
        "facilities": facilities,
        "tree_counts": _tree_counts_view(days, counts),
    }


def impact_by_app_view(first: date, last: date, days: Mapping[date, Impact], counts: Counts) -> ImpactByAppView:
    """Return the public totals as :func:`impact_by_type_view` does, but by app."""
    people: list[DayOfAppView] = []
    facilities: list[DayOfAppView] = []
    for day, owner, app, found in _sums_of(days, lambda act: act.app):
        rows = people if owner == "user" else facilities
        rows.append(
            {
                "day": day.isoformat(),
                "app_id": app,
                "actions": found.actions,
                "points": found.points,
                "avoided_g": grams(found.avoided_g),
            }
        )
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "by": "app",
        "people": people,
        "facilities": facilities,
        "tree_counts": _tree_counts_view(days, counts),
    }


def impact_by_facility_view(
    first: date,
    last: date,
    facilities: Mapping[FacilityYear, Impact],
    days: Mapping[date, Impact],
    counts: Counts,
    catalog: Catalog,
) -> ImpactByFacilityView:
    """Return the public totals by facility: its actions by month and action type, no people, and trees by state.

    The actions are those of the whole months that have a day from ``first`` to ``last``. The trees are those that
    :func:`impact_by_type_view` shows.
    """
    months = month_of(first), month_of(last)
    found = sorted(
        (act.month, facility.facility_id, act.type, sums)
        for facility, impact in facilities.items()
        for act, sums in impact.months.items()
        if months[0] <= act.month <= months[1]
    )
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "by": "facility",
        "people": [],
        "facilities": [
            {
                "month": month,
                "facility_id": facility_id,
                "action_type": action_type,
                "actions": sums.actions,
                "quantity": float(sums.quantity),
                "unit": _unit_of(action_type, catalog),
                "avoided_g": grams(sums.avoided_g),
            }
            for month, facility_id, action_type, sums in found
        ],
        "tree_counts": _tree_counts_view(days, counts),
    }


def _sums_of(days: Mapping[date, Impact], name_of: Callable[[Act], str]) -> Iterator[tuple[date, str, str, Sum]]:
    """Yield the sums of each day by the kind of owner and by a name: the day, the kind, the name, and the sum."""
    for day, impact in days.items():
        sums: defaultdict[tuple[str, str], Sum] = defaultdict(lambda: ZERO_SUM)
        for act, found in impact.acts.items():
            key = act.owner, name_of(act)
            sums[key] = sums[key].plus(found)
        yield from ((day, owner, name, found) for (owner, name), found in sorted(sums.items()))


def _tree_counts_view(days: Mapping[date, Impact], counts: Counts) -> TreeCountsView:
    return {
        "reserved": _trees_in(State.RESERVED, days),
        "ordered": _trees_in(State.ORDERED, days),
        "planted": counts.planted,
        "alive": counts.standing,
        "dead": counts.dead,
    }


def _trees_in(state: State, days: Mapping[date, Impact]) -> int:
    return sum(impact.trees.get(state, 0) for impact in days.values())


def _unit_of(action_type: str, catalog: Catalog) -> str | None:
    rule = catalog.action_types.get(action_type)
    return rule.unit if rule else None
