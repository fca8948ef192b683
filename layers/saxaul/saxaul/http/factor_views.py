"""The JSON form of action types and of factors in responses of the API."""

from typing import Literal, TypedDict

from saxaul.catalog.calendar import Calendar, WindowLength
from saxaul.catalog.entries import ActionType, Cap, Category, Evidence, Language, Plausible, Reward
from saxaul.http.views import DayText, Link, NonNegative, TextView, Timestamp

Confidence = Literal["A", "B", "C", "none"]
"""A is a primary or peer-reviewed source, B the press, and C a how-to page or a copy of a source."""


class SourceView(TypedDict):
    """A number, and who says so."""

    value: float
    """The number, which is not rounded."""
    confidence: Confidence
    """How good the source is; ``none`` if the operator chose the number."""
    source: str | None
    """The source; null if none is stated."""


class RewardView(SourceView):
    """The points that an action earns."""

    per: Literal["unit", "action"]
    """Whether ``value`` is the points of one unit, or of one action."""
    at_least: float
    """The smallest quantity that earns points."""


class AvoidedView(SourceView):
    """The grams of CO2e that one unit of an action avoids."""

    region: str | None
    """Where the number holds; null if that is not stated."""
    year: int | None
    """For which year the number holds; null if that is not stated."""
    method: str | None
    """How the number was determined; null if that is not stated."""


class CapView(TypedDict):
    """A limit for one person and action type in each window, whichever apps report."""

    window: WindowLength
    """How long the limit holds before it begins anew."""
    units: float | None
    """The most units that earn points; null if the limit is in points."""
    points: NonNegative | None
    """The most points; null if the limit is in units."""


class RuleView(TypedDict):
    """What an action earns and avoids, and what limits apply."""

    action_type: str
    """The id of the action type."""
    version: NonNegative
    """The number of the version of the action type."""
    unit: str
    """The unit of a quantity."""
    avoided_g: AvoidedView
    """The grams of CO2e that one unit avoids."""
    points: RewardView | None
    """The points that an action earns; null if it earns none."""
    caps: list[CapView]
    """The limits for one person."""
    plausible_a_day: SourceView | None
    """The most of one person's quantity of one day that counts toward grams.

    If it is null, ``max_quantity`` is the most for a person. For a facility, the limit is in the facility's entry.
    """
    min_quantity: float
    """The smallest quantity of one action."""
    max_quantity: float
    """The largest quantity of one action."""


class FactorView(RuleView):
    """A version of an action type. It never changes."""

    names: TextView
    """What the action type is called."""
    changed_at: Timestamp | None
    """When an operator wrote this version; null if that is not recorded."""


class ActionTypeView(RuleView):
    """An action type that apps can report, in the version that is in effect."""

    name: str
    """What the action type is called, in the language of the response."""
    category: Category | None
    """What the action type is about; null if it has no category."""
    actor: Literal["person", "facility"]
    """Whose actions these are. Only the app of a facility can report for it."""
    retired_from: DayText | None
    """Actions that happen on this day or later are refused; null if the action type is not retired."""
    factor: Link
    """The public address of this version, which stays readable."""


class ActionTypesPage(TypedDict):
    """A page of the action types that apps can report."""

    action_types: list[ActionTypeView]
    """The action types, sorted by id."""
    cursor: str | None
    """Requests the next page; null on the last page."""


def factor_view(
    identifier: str, version: int, action_type: ActionType, changed_at: int, calendar: Calendar
) -> FactorView:
    """Return the view of a version of an action type: what a unit of the action earns and avoids, and who says so.

    ``changed_at`` is when the version was written, in seconds; 0 if that is not recorded. The amounts are not
    rounded. Who wrote the version is not public.
    """
    return {
        **_rule_view(identifier, version, action_type),
        "names": {"en": action_type.names.en, "zh": action_type.names.zh},
        "changed_at": calendar.rfc3339(changed_at) if changed_at else None,
    }


def action_type_view(
    identifier: str, version: int, action_type: ActionType, language: Language, base_url: str
) -> ActionTypeView:
    """Return the view of an action type for apps, in the version that is in effect."""
    return {
        **_rule_view(identifier, version, action_type),
        "name": action_type.names.in_language(language),
        "category": action_type.category,
        "actor": action_type.actor,
        "retired_from": action_type.retired_from.isoformat() if action_type.retired_from else None,
        "factor": f"{base_url}/factors/{identifier}/{version}",
    }


def _rule_view(identifier: str, version: int, action_type: ActionType) -> RuleView:
    reward, plausible = action_type.points, action_type.plausible_a_day
    return {
        "action_type": identifier,
        "version": version,
        "unit": action_type.unit,
        "avoided_g": _avoided_view(action_type.avoided_g),
        "points": _reward_view(reward) if reward else None,
        "caps": [_cap_view(cap) for cap in action_type.caps],
        "plausible_a_day": _source_view(plausible) if plausible else None,
        "min_quantity": float(action_type.min_quantity),
        "max_quantity": float(action_type.max_quantity),
    }


def _source_view(stated: Reward | Evidence | Plausible) -> SourceView:
    """Return an amount with its source. A JSON number holds the 15 digits of an amount exactly."""
    return {"value": float(stated.value), "confidence": stated.confidence, "source": stated.source or None}


def _reward_view(reward: Reward) -> RewardView:
    return {**_source_view(reward), "per": reward.per, "at_least": float(reward.at_least)}


def _avoided_view(evidence: Evidence) -> AvoidedView:
    return {
        **_source_view(evidence),
        "region": evidence.region or None,
        "year": evidence.year,
        "method": evidence.method or None,
    }


def _cap_view(cap: Cap) -> CapView:
    return {"window": cap.window, "units": None if cap.units is None else float(cap.units), "points": cap.points}
