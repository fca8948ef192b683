"""Views of a person's entries, monthly totals and points."""

from collections.abc import Mapping, Sequence

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType, Cap
from saxaul.http.views import View, grams
from saxaul.ledger.entries import ZERO, Entry
from saxaul.ledger.history import Line, Total, state_of
from saxaul.ledger.wallets import Position


def line_view(
    line: Line, rules: Mapping[tuple[str, int], ActionType], base_url: str, calendar: Calendar, now: int
) -> View:
    """Return the view of an entry: the action, its points and its avoided grams.

    ``rules`` has the versions of action types by which the points and the grams were computed. The unit and the source
    come from the version of the entry, not from the current one. ``rule`` and ``factor`` name this version: ``factor``
    is the address at which it is published, or None if the version is unknown. A line with ``summed`` is the sum of
    this many actions of an app that had used up its share of the period; it has no ``action_id``. If a cap cut the
    points, ``caps`` has the caps of that kind, of the version of the entry.
    """
    app, _, action_id = line.name.partition(":")
    entry = line.entry
    rule = rules.get(line.rule)
    return {
        "action_id": None if entry.summed else action_id,
        "summed": entry.summed or None,
        "app": app,
        "type": entry.type,
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
        "caps": [_cap_view(cap, entry, calendar) for cap in rule.caps if _cuts(cap, entry)] if rule else [],
        "rule": f"{entry.type}@{entry.rule}",
        "factor": f"{base_url}/factors/{entry.type}/{entry.rule}" if rule and entry.rule else None,
        "campaign": entry.campaign or None,
        "conflicted": entry.conflicted,
    }


def _cuts(cap: Cap, entry: Entry) -> bool:
    """Return whether a cap is of the kind that cut the points of an entry: one in points, or one in units."""
    return entry.counts and entry.reason == ("over_points_cap" if cap.units is None else "over_units_cap")


def _cap_view(cap: Cap, entry: Entry, calendar: Calendar) -> View:
    """Return the view of a cap, with the instant at which the window of the entry ends and the cap begins anew."""
    view: View = {"window": cap.window}
    view |= {"points": cap.points} if cap.units is None else {"units": float(cap.units)}
    return view | {"resets_at": calendar.rfc3339(calendar.ends_at(calendar.window_of(entry.occurred_at, cap.window)))}


def month_view(month: str, totals: Sequence[Total], full_apps: Sequence[str]) -> View:
    """Return the view of the totals of a month.

    ``full_apps`` are the apps whose share of a period is full: the period of the month, of one of its days or of its
    year. Further actions of these apps in that period were not recorded.
    """
    return {
        "month": month,
        "full_apps": full_apps,
        "points": sum(total.points for total in totals),
        "avoided_g": grams(sum((total.avoided_g for total in totals), ZERO)),
        "types": [
            {**total._asdict(), "quantity": float(total.quantity), "avoided_g": grams(total.avoided_g)}
            for total in totals
        ],
    }


def position_view(position: Position) -> View:
    """Return the view of the points of a user, and of the avoided grams.

    ``spendable`` is the balance of the wallet. ``ripening`` counts all points that were earned and not harvested yet;
    ``harvestable`` is the part of them that is ripe, so that a harvest would move it to the balance.
    """
    return {**position._asdict(), "avoided_g": grams(position.avoided_g)}
