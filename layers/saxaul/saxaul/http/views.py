"""Views: the JSON form of domain objects in responses of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType, Cap, Language, TreeProject
from saxaul.catalog.versions import EntryVersion, VersionedEntry
from saxaul.certificate.certificate import Certificate
from saxaul.ledger.entries import ZERO, Entry
from saxaul.ledger.grants import Grant
from saxaul.ledger.history import Line, Total, state_of
from saxaul.ledger.wallets import Position
from saxaul.trees.manifests import ManifestLinks
from saxaul.trees.orders import PlantingOrder, is_done
from saxaul.trees.redemptions import Redemption, State, Step, Tree
from saxaul.trees.report_rules import Reported
from saxaul.trees.statements import shown_planting
from saxaul.trees.stock import Stock

View = dict[str, Any]

_GRAMS = Decimal("0.001")


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


def grams(value: Decimal) -> float:
    """Round grams to three decimals for a response."""
    return float(value.quantize(_GRAMS))


def position_view(position: Position) -> View:
    """Return the view of the points of a user, and of the avoided grams.

    ``spendable`` is the balance of the wallet. ``ripening`` counts all points that were earned and not harvested yet;
    ``harvestable`` is the part of them that is ripe, so that a harvest would move it to the balance.
    """
    return {**position._asdict(), "avoided_g": grams(position.avoided_g)}


def grant_view(grant: Grant, calendar: Calendar) -> View:
    return {
        "app_id": grant.app,
        "covers": list(grant.covers),
        "granted_at": calendar.rfc3339(grant.granted_at),
        "granted_by": grant.granted_by,
    }


def project_view(
    identifier: str, project: TreeProject, stock: Stock, calendar: Calendar, language: Language, now: int
) -> View:
    """Return the view of a tree project, with its unreserved saplings and the next release of saplings."""
    return {
        "id": identifier,
        "species": project.species.in_language(language),
        "place": project.place.names.in_language(language),
        "partner": project.partner,
        "price_points": project.price_points,
        "closed": stock.closed,
        **saplings_view(stock, calendar, now),
    }


def saplings_view(stock: Stock, calendar: Calendar, now: int) -> View:
    """Return how many saplings of a project are unreserved, and the next release of saplings."""
    release = stock.next_release(now)
    return {
        "available": 0 if stock.closed else max(0, stock.available(now)),
        "next_release": {"at": calendar.rfc3339(release.at), "saplings": release.saplings} if release else None,
    }


def redemption_view(redemption: Redemption, calendar: Calendar) -> View:
    return {
        "redemption_id": redemption.redemption_id,
        "user_id": redemption.user_id,
        "state": redemption.state,
        "reason": redemption.reason or None,
        "project_id": redemption.project_id,
        "trees": len(redemption.trees),
        "points": redemption.points,
        "refunded_points": redemption.refunded_points,
        "dedication": redemption.dedication,
        "certificates": [tree.number for tree in redemption.trees],
        "lives": [
            {
                "certificate": tree.number,
                "state": redemption.tree_state(tree),
                "history": [step_view(step, calendar) for step in tree.history],
            }
            for tree in redemption.trees
        ],
        "applied_at": calendar.rfc3339(redemption.requested_at),
    }


def step_view(step: Step, calendar: Calendar) -> View:
    """Return the view of a step in the history of a tree, for the owner of the tree."""
    return {
        "state": step.state,
        "at": calendar.rfc3339(step.at),
        "recorded_at": calendar.rfc3339(step.recorded_at),
        "order_id": step.order_id or None,
        "reason": step.reason or None,
        "inspector": step.inspector or None,
        "evidence_url": step.evidence or None,
        "tree": asdict(shown_planting(step.planting)) if step.planting else None,
    }


def forest_tree_view(
    certificate: Certificate, redemption: Redemption, tree: Tree, calendar: Calendar, language: Language
) -> View:
    """Return the view of a certificate for its owner: without a proof, but with the redemption and all stored steps."""
    view = certificate.document(language)
    del view["proof"], view["history"]
    history = [step_view(step, calendar) for step in tree.history]
    return view | {"redemption_id": redemption.redemption_id, "history": history}


def order_view(
    order: PlantingOrder, redemptions: Mapping[str, Redemption], links: ManifestLinks | None, calendar: Calendar
) -> View:
    """Return the view of a planting order for its partner.

    The state of the order is ``ordered`` until each tree is confirmed or reported as failed, and then ``planted``.
    """
    return order_summary(order, calendar) | {
        "state": State.PLANTED if is_done(order, redemptions) else State.ORDERED,
        "trees": [
            {
                "certificate": tree.number,
                "redemption_id": tree.redemption_id,
                "state": order.state_in_order(redemptions[tree.redemption_id], tree.number),
            }
            for tree in order.trees
        ],
        "manifest": links._asdict() | {"expires_at": calendar.rfc3339(links.expires_at)} if links else None,
    }


def order_summary(order: PlantingOrder, calendar: Calendar) -> View:
    return {
        "order_id": order.order_id,
        "project_id": order.project_id,
        "partner": order.partner,
        "ordered_at": calendar.rfc3339(order.ordered_at),
    }


def reports_view(name: str, reported: Reported) -> View:
    """Return the view of a request's result. ``name`` is the name of the field for the number of accepted reports."""
    return {name: reported.accepted, "refused": [asdict(refusal) for refusal in reported.refused]}


def entry_view(identifier: str, entry: VersionedEntry, calendar: Calendar, now: int) -> View:
    """Return the view of a catalog entry: its latest version, and the fields that an operator set.

    ``in_effect`` is the version in effect if it is another one, or None if that is a deletion.
    """
    current = entry.at(now)
    in_effect = {"in_effect": None if current.is_deletion else current.version}
    return {
        "id": identifier,
        "version": entry.version,
        **_change(entry, calendar),
        **(in_effect if current.version != entry.version else {}),
        **_document(entry),
    }


def preview_view(
    identifier: str, entry: VersionedEntry, calendar: Calendar, day: date, preview: Mapping[str, Any]
) -> View:
    """Return the view of a catalog entry as it is in effect at the end of a day, with what else holds on the day."""
    own = {"id": identifier, "version": entry.version, **_change(entry, calendar), **_document(entry)}
    return own | {"preview": {"on": day.isoformat(), **preview}}


def version_view(version: EntryVersion, calendar: Calendar) -> View:
    superseded = {"superseded": version.is_superseded}
    return {"version": version.number, **_change(version, calendar), **superseded, "entry": version.document}


def _document(entry: VersionedEntry) -> View:
    if entry.entity:
        return entry.entity.model_dump(mode="json", exclude_defaults=True)
    return {"broken": True} if entry.is_broken else {"deleted": True}


def _change(change: VersionedEntry | EntryVersion, calendar: Calendar) -> View:
    """Return who made a change, when, and when it takes effect. A value is None if the stored item does not have it."""
    times = {"changed_at": change.changed_at, "effective_at": change.effective_at}
    shown = {name: calendar.rfc3339(instant) if instant else None for name, instant in times.items()}
    return {**shown, "changed_by": change.changed_by or None}
