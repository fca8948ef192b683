"""How domain objects look in answers of the API."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from saxaul.calendar import Calendar
from saxaul.catalog import Catalogue, Language, TreeProject
from saxaul.ledger import Line, Total, state_of
from saxaul.pages import ZERO
from saxaul.planting import PlantingOrder
from saxaul.redemptions import Redemption, State, Tree
from saxaul.search.index import Found

View = dict[str, Any]

_GRAMS = Decimal("0.001")


def line_view(line: Line, catalogue: Catalogue, calendar: Calendar, now: int) -> View:
    """An entry of the ledger: what it was, what it earned by which rule, and where its grams come from."""
    app, _, action_id = line.name.partition(":")
    entry = line.entry
    action_type = catalogue.action_types.get(entry.type)
    return {
        "action_id": action_id,
        "app": app,
        "type": entry.type,
        "quantity": float(entry.quantity),
        "unit": action_type.unit if action_type else None,
        "points": entry.points,
        "avoided_g": grams(entry.avoided_g),
        "avoided_g_source": (action_type.avoided_g.source or None) if action_type else None,
        "occurred_at": calendar.rfc3339(entry.occurred_at),
        "recorded_at": calendar.rfc3339(entry.recorded_at),
        "state": state_of(entry, calendar, now),
        "reason": entry.reversal or entry.reason or None,
        "rule": f"{entry.type}@{entry.rule}",
        "campaign": entry.campaign or None,
        "conflicted": entry.conflicted,
    }


def statement_view(month: str, totals: Sequence[Total]) -> View:
    return {
        "month": month,
        "points": sum(total.points for total in totals),
        "avoided_g": grams(sum((total.avoided_g for total in totals), ZERO)),
        "types": [
            {**total._asdict(), "quantity": float(total.quantity), "avoided_g": grams(total.avoided_g)}
            for total in totals
        ],
    }


def grams(value: Decimal) -> float:
    """Grams as an answer shows them: rounded once, to a thousandth."""
    return float(value.quantize(_GRAMS))


def redemption_view(redemption: Redemption, calendar: Calendar) -> View:
    return {
        "redemption_id": redemption.redemption_id,
        "user_id": redemption.user_id,
        "state": redemption.state,
        "reason": redemption.reason or None,
        "project_id": redemption.project_id,
        "trees": len(redemption.trees),
        "points": redemption.points,
        "dedication": redemption.dedication,
        "certificates": [tree.number for tree in redemption.trees],
        "applied_at": calendar.rfc3339(redemption.requested_at),
    }


def certificate_view(
    redemption: Redemption, tree: Tree, project: TreeProject | None, calendar: Calendar, language: Language
) -> View:
    """A certificate as anyone may see it: nothing in it says whose tree it is."""
    planting = tree.planting
    return {
        "number": tree.number,
        "state": redemption.tree_state(tree),
        "project_id": redemption.project_id,
        "species": project.species.in_language(language) if project else None,
        "place": project.place.names.in_language(language) if project else None,
        "partner": project.partner if project else None,
        "dedication": redemption.dedication,
        "applied_at": calendar.rfc3339(redemption.requested_at),
        "planted_at": calendar.rfc3339(planting.planted_at) if planting else None,
        "tree": {"tag": planting.tag, "lat": planting.lat, "lon": planting.lon, "photo_url": planting.photo_url or None}
        if planting
        else None,
    }


def order_view(order: PlantingOrder, redemptions: Mapping[str, Redemption], calendar: Calendar) -> View:
    """A planting order as its partner sees it. It is planted when the last of its trees is."""
    trees = []
    for number, redemption in ((tree.number, redemptions[tree.redemption_id]) for tree in order.trees):
        state = redemption.tree_state(redemption.tree(number))
        trees.append({"certificate": number, "redemption_id": redemption.redemption_id, "state": state})
    done = all(tree["state"] == State.PLANTED for tree in trees)
    return order_summary(order, calendar) | {"state": State.PLANTED if done else State.ORDERED, "trees": trees}


def order_summary(order: PlantingOrder, calendar: Calendar) -> View:
    return {
        "order_id": order.order_id,
        "project_id": order.project_id,
        "partner": order.partner,
        "ordered_at": calendar.rfc3339(order.ordered_at),
    }


def suggestion_view(found: Found, catalogue: Catalogue, app: str, language: Language, today: date) -> View:
    """A suggestion and why it is there. Points are what one unit earns today; grams are never multiplied."""
    suggestion = found.suggestion
    action_type = catalogue.action_types[suggestion.action_type]
    campaign = catalogue.campaigns.get(suggestion.campaign or "")
    multiplier, multiplied_by = catalogue.offer(suggestion.action_type, today)
    base = action_type.points.value if action_type.points else ZERO
    return {
        "id": found.identifier,
        "title": suggestion.titles.in_language(language),
        "text": suggestion.texts.in_language(language),
        "action_type": suggestion.action_type,
        "unit": action_type.unit,
        "points": float(base * multiplier),
        "base_points": float(base),
        "campaign_points": float(base * (multiplier - 1)),
        "multiplied_by": multiplied_by or None,
        "avoided_g": grams(action_type.avoided_g.value),
        "avoided_g_source": action_type.avoided_g.source or None,
        "campaign": suggestion.campaign,
        "campaign_runs": bool(campaign and campaign.runs_on(today)),
        "link": suggestion.links.get(app),
        "matched": [match._asdict() for match in found.matched],
    }
