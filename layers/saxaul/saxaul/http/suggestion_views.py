"""The JSON form of search results in responses of the API."""

from datetime import date

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Campaign, Catalog, Initiative, Language, Suggestion, TreeProject
from saxaul.http.impact_views import run_view
from saxaul.http.project_views import saplings_view
from saxaul.http.views import View, grams
from saxaul.impact.campaigns import run_after, run_at
from saxaul.impact.figures import Figures
from saxaul.impact.totals import ZERO_SUM
from saxaul.ledger.entries import ZERO
from saxaul.search.index import Found


def result_view(found: Found, catalog: Catalog, app: str, language: Language, today: date) -> View:
    """Return the view of a search result, with the fields of its kind.

    ``matched`` says which texts of the entry match the query. What changes during the day is not included.
    """
    document = found.document
    view = {
        "kind": document.kind,
        "id": document.identifier,
        "title": document.titles.in_language(language),
        "text": document.texts.in_language(language),
    }
    match document.entry:
        case Suggestion() as suggestion:
            view |= _action_view(suggestion, catalog, app, today)
        case TreeProject() as project:
            view |= _tree_project_view(project, language)
        case Campaign() as campaign:
            view |= _campaign_view(campaign, language, today)
        case Initiative() as initiative:
            view |= _initiative_view(initiative, catalog, language)
    matched = [
        {
            "field": match.field,
            "text": match.text,
            "words": list(match.words),
            "parts": [part._asdict() for part in match.parts],
        }
        for match in found.matched
    ]
    return {**view, "matched": matched}


def figures_view(view: View, figures: Figures, year: int, calendar: Calendar) -> View:
    """Return the fields of a result that change during the day. They are null if they are not known.

    What an initiative came to this year is the sum of its action types over its facilities.
    """
    match view["kind"]:
        case "tree_project":
            stock = figures.stocks.get(view["id"])
            unknown: View = {"available": None, "next_release": None}
            return {**saplings_view(stock, calendar, figures.now)} if stock else unknown
        case "initiative":
            return {"this_year": _this_year(view, figures, year)}
    return {}


def _this_year(initiative: View, figures: Figures, year: int) -> View | None:
    names = [facility["id"] for facility in initiative["facilities"]]
    if not figures.facilities.keys() >= set(names):
        return None
    totals = []
    for counted in initiative["action_types"]:
        total = ZERO_SUM
        for name in names:
            total = total.plus(figures.facilities[name].get(counted["action_type"], ZERO_SUM))
        totals.append(
            {
                **counted,
                "actions": total.actions,
                "quantity": float(total.quantity),
                "avoided_g": grams(total.avoided_g),
            }
        )
    return {"year": year, "totals": totals}


def _action_view(suggestion: Suggestion, catalog: Catalog, app: str, today: date) -> View:
    """Return the fields of an action. A campaign may multiply the points; it never multiplies the grams."""
    action_type = catalog.action_types[suggestion.action_type]
    campaign = catalog.campaigns.get(suggestion.campaign or "")
    multiplier, multiplied_by = catalog.best_multiplier(suggestion.action_type, today)
    base = action_type.points.value if action_type.points else ZERO
    return {
        "action_type": suggestion.action_type,
        "category": action_type.category,
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
    }


def _tree_project_view(project: TreeProject, language: Language) -> View:
    return {
        "species": project.species.in_language(language),
        "latin": project.latin or None,
        "place": project.place.names.in_language(language),
        "partner": project.partner,
        "price_points": project.price_points,
    }


def _campaign_view(campaign: Campaign, language: Language, today: date) -> View:
    """Return the fields of a campaign and its run: the one that includes today, or else the next one."""
    run = run_at(campaign, today) or run_after(campaign, today)
    if run is None:
        raise AssertionError("a campaign that is over was found")
    return {
        "state": run.state_on(today),
        **run_view(campaign, run, language),
        "multipliers": {action_type: float(times) for action_type, times in campaign.multipliers.items()},
    }


def _initiative_view(initiative: Initiative, catalog: Catalog, language: Language) -> View:
    facilities = {name: catalog.facilities[name] for name in initiative.facilities}
    return {
        "facilities": [
            {
                "id": name,
                "name": facility.names.in_language(language),
                "place": facility.place.names.in_language(language),
            }
            for name, facility in facilities.items()
        ],
        "action_types": [
            {"action_type": name, "unit": catalog.action_types[name].unit} for name in initiative.action_types
        ],
        "link": initiative.link,
    }
