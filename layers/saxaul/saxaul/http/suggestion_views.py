"""The JSON form of a suggestion in responses of the API."""

from datetime import date

from saxaul.catalog.entries import Catalog, Language
from saxaul.http.views import View, grams
from saxaul.ledger.entries import ZERO
from saxaul.search.index import Found


def suggestion_view(found: Found, catalog: Catalog, app: str, language: Language, today: date) -> View:
    """Return the view of a suggestion. ``matched`` says which parts of the suggestion match the query.

    A campaign that runs today may multiply the points; it never multiplies the grams.
    """
    suggestion = found.suggestion
    action_type = catalog.action_types[suggestion.action_type]
    campaign = catalog.campaigns.get(suggestion.campaign or "")
    multiplier, multiplied_by = catalog.best_multiplier(suggestion.action_type, today)
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
