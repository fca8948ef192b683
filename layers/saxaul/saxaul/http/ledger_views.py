"""Views of a person's entries, monthly totals and points."""

from collections.abc import Sequence
from typing import Literal, TypedDict

from saxaul.catalog.calendar import Calendar, WindowLength
from saxaul.catalog.entries import ActionType, campaign_of
from saxaul.http.views import Grams, Link, MonthText, NonNegative, Timestamp, grams
from saxaul.ledger.cap_uses import CapUse
from saxaul.ledger.entries import ZERO, Entry
from saxaul.ledger.history import Line, LineState, Total, state_of
from saxaul.ledger.wallets import Position


class WalletView(TypedDict):
    """The points of a person. ``earned`` is always ``ripening`` + ``spendable`` + ``spent``."""

    user_id: str
    """The person."""
    earned: NonNegative
    """All points that the person has earned."""
    ripening: int
    """The points that are not harvested yet, ripe or not. It is below zero if harvested points were reversed; the next
    harvest takes them from ``spendable``."""
    harvestable: int
    """The part of ``ripening`` that is ripe, so that a harvest would make it spendable. It can be below zero too."""
    spendable: int
    """The harvested points that are not spent yet. It is below zero if actions were reversed whose points are spent."""
    spent: NonNegative
    """The points spent on trees, without refunds."""
    avoided_g: Grams
    """Grams of CO2e avoided."""


class CapUseView(TypedDict):
    """A cap of the action type, in the version that applied, and how much of it the person has used until now."""

    window: WindowLength
    """How long the cap holds before it begins anew."""
    period: str
    """The day, the month or the year of the entry, such as ``2026-06-05``, ``2026-06`` or ``2026``."""
    units: float | None
    """The most units that earn points in the period; null if the cap is in points."""
    points: NonNegative | None
    """The most points in the period; null if the cap is in units."""
    used: float
    """How many units or points the entries of the action type use in the period, this one included."""
    left: float
    """How many units or points are left in the period."""
    cut: bool
    """Whether this cap cut the points of the entry. Then nothing is left."""
    resets_at: Timestamp
    """When the period ends, and the next one begins with the whole cap."""


class LedgerLineView(TypedDict):
    """An entry of a ledger: an action, or a sum of actions of one app."""

    action_id: str | None
    """The id that the app chose; null if the line is a sum."""
    summed: NonNegative | None
    """How many actions the line adds up, if it is a sum; else null."""
    app_id: str
    """The app that reported the action."""
    action_type: str
    """The id of the action type."""
    quantity: float
    """What the app reported, in ``unit``."""
    mode: Literal["single", "total"]
    """``total`` if the quantity is a running total of the day."""
    evidence_id: str | None
    """What proves the action, as the app reported it; null if nothing does."""
    unit: str | None
    """The unit of the action type, in the version that applied; null if the version is unknown."""
    points: NonNegative
    """What the line adds to the points of its day."""
    avoided_g: Grams
    """Grams of CO2e avoided."""
    avoided_g_reason: str | None
    """Why the grams do not count the whole quantity; null if they do."""
    avoided_g_source: str | None
    """The source of the grams per unit, in the version that applied; null if none is stated."""
    occurred_at: Timestamp
    """When the action happened; for a sum, when its first action happened."""
    recorded_at: Timestamp
    """When the action was posted; for a sum, when its first action was posted."""
    state: LineState
    """``withheld`` counts but earns no points, ``void`` does not count, and ``reversed`` was taken back."""
    reason: str | None
    """Why the line earns fewer points than its quantity is worth, or none; null if it earns all of them.

    If ``state`` is ``reversed``, it is the text with which the app or an operator reversed it, or ``reversed`` if the
    app's share of the period had no room for the text. Otherwise it is one of these codes, and more may come:
    """
    caps: list[CapUseView]
    """If the points were cut or withheld: every cap of the action type. Else the list is empty."""
    at_least: float | None
    """The least quantity that earns points, if the line is too small to earn any; else null."""
    rule: str
    """The action type and its version that applied, such as ``bus_ride@1``."""
    factor: Link | None
    """The public address of this version; null if the version is unknown."""
    campaign_id: str | None
    """The campaign that multiplied the points; null if none did."""
    conflicted: bool
    """Whether the app sent the same ``action_id`` again with other content, which was not posted."""


class LedgerPage(TypedDict):
    """A page of a person's ledger."""

    entries: list[LedgerLineView]
    """The entries, sorted by ``occurred_at``, newest first."""
    cursor: str | None
    """Requests the next page; null on the last page."""


class TypeTotalView(TypedDict):
    """What the actions of one type add up to in a month."""

    action_type: str
    """The id of the action type."""
    actions: NonNegative
    """How many actions count."""
    quantity: float
    """The quantity that counts, in the unit of the action type: of each day at most its ``plausible_a_day``."""
    points: NonNegative
    """The points that they earn."""
    avoided_g: Grams
    """Grams of CO2e avoided."""


class StatementView(TypedDict):
    """The sums of a month of a person, without reversed and void actions."""

    user_id: str
    """The person."""
    month: MonthText
    """The year and the month, such as ``2026-06``."""
    full_apps: list[str]
    """The apps whose share of a period is full, so that further actions found no room.

    It is the period of the month, of one of its days or of its year.
    """
    points: NonNegative
    """The points of the month."""
    avoided_g: Grams
    """Grams of CO2e avoided in the month."""
    totals: list[TypeTotalView]
    """The totals by action type, those with most points first."""


def line_view(
    line: Line, rule: ActionType | None, uses: Sequence[CapUse], base_url: str, calendar: Calendar, now: int
) -> LedgerLineView:
    """Return the view of an entry: the action, its points and its avoided grams.

    ``rule`` is the version of the action type by which the points and the grams were computed; None if it is unknown.
    The unit, the source and the caps come from this version, not from the current one.
    """
    app, _, action_id = line.name.partition(":")
    entry = line.entry
    return {
        "action_id": None if entry.summed else action_id,
        "summed": entry.summed or None,
        "app_id": app,
        "action_type": entry.type,
        "quantity": float(entry.quantity),
        "mode": "total" if entry.is_total else "single",
        "evidence_id": entry.evidence_id or None,
        "unit": rule.unit if rule else None,
        "points": entry.points,
        "avoided_g": grams(entry.avoided_g),
        "avoided_g_reason": "over_plausible_quantity" if entry.is_over_plausible else None,
        "avoided_g_source": (rule.avoided_g.source or None) if rule else None,
        "occurred_at": calendar.rfc3339(entry.occurred_at),
        "recorded_at": calendar.rfc3339(entry.recorded_at),
        "state": state_of(entry, calendar, now),
        "reason": entry.reversal or entry.void or entry.reason or None,
        "caps": [_cap_view(use, calendar) for use in uses],
        "at_least": _least(entry, rule),
        "rule": f"{entry.type}@{entry.rule}",
        "factor": f"{base_url}/factors/{entry.type}/{entry.rule}" if rule and entry.rule else None,
        "campaign_id": campaign_of(entry.run) or None,
        "conflicted": entry.conflicted,
    }


def _least(entry: Entry, rule: ActionType | None) -> float | None:
    is_too_small = entry.counts and entry.reason == "too_small_to_earn"
    return float(rule.points.at_least) if is_too_small and rule and rule.points else None


def _cap_view(use: CapUse, calendar: Calendar) -> CapUseView:
    return {
        "window": use.cap.window,
        "period": use.window,
        "units": None if use.cap.units is None else float(use.cap.units),
        "points": use.cap.points,
        "used": float(use.used),
        "left": float(use.left),
        "cut": use.cut,
        "resets_at": calendar.rfc3339(calendar.ends_at(use.window)),
    }


def statement_view(user_id: str, month: str, totals: Sequence[Total], full_apps: Sequence[str]) -> StatementView:
    return {
        "user_id": user_id,
        "month": month,
        "full_apps": list(full_apps),
        "points": sum(total.points for total in totals),
        "avoided_g": grams(sum((total.avoided_g for total in totals), ZERO)),
        "totals": [
            {
                "action_type": total.type,
                "actions": total.actions,
                "quantity": float(total.quantity),
                "points": total.points,
                "avoided_g": grams(total.avoided_g),
            }
            for total in totals
        ],
    }


def wallet_view(user_id: str, position: Position) -> WalletView:
    return {
        "user_id": user_id,
        "earned": position.earned,
        "ripening": position.ripening,
        "harvestable": position.harvestable,
        "spendable": position.spendable,
        "spent": position.spent,
        "avoided_g": grams(position.avoided_g),
    }
