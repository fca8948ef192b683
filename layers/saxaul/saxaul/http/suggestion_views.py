"""The JSON form of search results in responses of the API."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple, TypedDict
from urllib.parse import quote

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.clients import PLACE_OF_ID
from saxaul.catalog.entries import (
    Campaign,
    Catalog,
    Category,
    Initiative,
    Language,
    Suggestion,
    TreeProject,
    campaign_of,
)
from saxaul.http.campaign_views import RunView, run_view
from saxaul.http.project_views import ReleaseView, saplings_view
from saxaul.http.views import Grams, Link, NonNegative, grams
from saxaul.impact.campaigns import run_after, run_at
from saxaul.impact.figures import Figures
from saxaul.impact.totals import ZERO_SUM
from saxaul.ledger.entries import ZERO
from saxaul.search.documents import Document
from saxaul.search.highlights import Match
from saxaul.search.index import Found


class PartView(TypedDict):
    """A part of a text."""

    text: str
    """The part, exactly as it was written."""
    match: bool
    """Whether the query matched the part. Show it in bold then."""


class MatchView(TypedDict):
    """A text that the query matched."""

    field: str
    """Where the text is, such as ``title``, ``keyword``, ``synonym`` or ``place``."""
    text: str
    """The whole text."""
    words: list[str]
    """The folded words of the query that matched it."""
    parts: list[PartView]
    """The text in parts. All parts joined are the text."""


class _FoundView(TypedDict):
    """What every result has."""

    id: str
    """The id of the entry in the catalog."""
    title: str
    """What the entry is called, in the language of the response."""
    text: str
    """What the entry is about, in the language of the response."""
    matched: list[MatchView]
    """The texts that the query matched; empty in the front page."""


class ActionResultView(_FoundView):
    """A thing to do."""

    kind: Literal["action"]
    """What the result is."""
    action_type: str
    """The id of the action type."""
    category: Category | None
    """What the action type is about; null if it has no category."""
    unit: str
    """The unit of the action type."""
    points: float
    """The points with the multiplier of a campaign that runs today: per unit or per action, as ``points.per`` of the
    action type in `GET /action-types` says."""
    base_points: float
    """The points without a campaign."""
    campaign_points: float
    """What the campaign adds: ``points`` is ``base_points`` + ``campaign_points``."""
    multiplied_by: str | None
    """The id of the campaign that multiplies the points today; null if none does."""
    avoided_g: Grams
    """Grams of CO2e that one unit avoids. No campaign multiplies them."""
    avoided_g_source: str | None
    """The source of ``avoided_g``; null if none is stated."""
    campaign_id: str | None
    """The campaign to which the thing to do belongs; null if it belongs to none."""
    campaign_runs: bool
    """Whether that campaign runs today."""
    link: Link | None
    """A link into the calling app: the one that the operator entered for this app, or else the one by the pattern with
    which the app is registered; null if there is neither."""


class TreeProjectResultView(_FoundView):
    """Trees to plant."""

    kind: Literal["tree_project"]
    """What the result is."""
    species: str
    """The species, in the language of the response."""
    latin: str | None
    """The Latin name of the species; null if it is not stated."""
    place: str
    """Where the trees are planted, in the language of the response."""
    partner: str
    """The partner that plants them."""
    price_points: NonNegative
    """The price of one tree."""
    available: NonNegative | None
    """How many saplings are unreserved; null if that could not be read."""
    next_release: ReleaseView | None
    """The next release of saplings; null if there is none, or if it could not be read."""


class CampaignResultView(_FoundView, RunView):
    """A campaign that runs, or will run again, with the run that includes today, or else the next one."""

    kind: Literal["campaign"]
    """What the result is."""
    state: Literal["running", "next"]
    """Whether the run includes today."""
    multipliers: dict[str, float]
    """How many times its points each of these action types earns while the campaign runs."""


class FacilityView(TypedDict):
    """A facility of an initiative."""

    facility_id: str
    """The id of the facility."""
    name: str
    """What it is called, in the language of the response."""
    place: str
    """Where it is, in the language of the response."""


class CountedTypeView(TypedDict):
    """An action type that an initiative counts."""

    action_type: str
    """The id of the action type."""
    unit: str
    """The unit of the action type."""


class YearTotalView(CountedTypeView):
    """What the facilities of an initiative did this year, of one action type."""

    actions: NonNegative
    """How many actions they reported."""
    quantity: float
    """The quantity that counts, in ``unit``."""
    avoided_g: Grams
    """Grams of CO2e avoided."""


class YearView(TypedDict):
    """What the facilities of an initiative did in a year."""

    year: int
    """The year, in the programme's time zone."""
    totals: list[YearTotalView]
    """The totals of each action type of the initiative."""


class InitiativeResultView(_FoundView):
    """What the business itself does."""

    kind: Literal["initiative"]
    """What the result is."""
    facilities: list[FacilityView]
    """Where it happens."""
    action_types: list[CountedTypeView]
    """What it counts."""
    link: Link | None
    """A page about it; null if there is none."""
    this_year: YearView | None
    """What the facilities did this year; null if that could not be read."""


ResultView = ActionResultView | TreeProjectResultView | CampaignResultView | InitiativeResultView
"""A search result. Its ``kind`` says which."""


class SearchView(TypedDict):
    """The results of a search, best first."""

    query: str
    """The query, as it was sent."""
    fallback: bool
    """Whether nothing matched the query, so that the results are the front page."""
    suggestions: list[ResultView]
    """The results."""


class Caller(NamedTuple):
    """The app that searches, and the pattern of its links to suggestions, if it has one."""

    app: str
    link_pattern: str | None = None

    def link_to(self, suggestion_id: str, links: Mapping[str, str]) -> str | None:
        """Return the app's link to a suggestion that has these links by app."""
        if link := links.get(self.app):
            return link
        return self.link_pattern and self.link_pattern.replace(PLACE_OF_ID, quote(suggestion_id, safe=""))


def result_view(found: Found, catalog: Catalog, caller: Caller, language: Language, today: date) -> ResultView:
    """Return the view of a search result, with the fields of its kind.

    ``matched`` says which texts of the entry match the query. What changes during the day is null.
    """
    document = found.document
    shared = _found_view(document, found.matched, language)
    match document.entry:
        case Suggestion() as suggestion:
            return _action_view(shared, suggestion, catalog, caller, today)
        case TreeProject() as project:
            return _tree_project_view(shared, project, language)
        case Campaign() as campaign:
            return _campaign_view(shared, campaign, language, today)
        case Initiative() as initiative:
            return _initiative_view(shared, initiative, catalog, language)


def with_figures(view: ResultView, figures: Figures, year: int, calendar: Calendar) -> ResultView:
    """Return a result with the fields that change during the day. They are null if they are not known.

    What an initiative came to this year is the sum of its action types over its facilities.
    """
    if view["kind"] == "tree_project" and (stock := figures.stocks.get(view["id"])):
        saplings = saplings_view(stock, calendar, figures.now)
        return {**view, "available": saplings["available"], "next_release": saplings["next_release"]}
    if view["kind"] == "initiative":
        return {**view, "this_year": _this_year(view, figures, year)}
    return view


def _this_year(initiative: InitiativeResultView, figures: Figures, year: int) -> YearView | None:
    names = [facility["facility_id"] for facility in initiative["facilities"]]
    if not figures.facilities.keys() >= set(names):
        return None
    totals: list[YearTotalView] = []
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


def _found_view(document: Document, matched: Sequence[Match], language: Language) -> _FoundView:
    return {
        "id": document.identifier,
        "title": document.titles.in_language(language),
        "text": document.texts.in_language(language),
        "matched": [
            {
                "field": match.field,
                "text": match.text,
                "words": list(match.words),
                "parts": [{"text": part.text, "match": part.match} for part in match.parts],
            }
            for match in matched
        ],
    }


def _action_view(
    shared: _FoundView, suggestion: Suggestion, catalog: Catalog, caller: Caller, today: date
) -> ActionResultView:
    """Return the view of an action. A campaign may multiply the points; it never multiplies the grams."""
    action_type = catalog.action_types[suggestion.action_type]
    campaign = catalog.campaigns.get(suggestion.campaign or "")
    multiplier, run = catalog.best_multiplier(suggestion.action_type, today)
    base = action_type.points.value if action_type.points else ZERO
    return {
        "kind": "action",
        **shared,
        "action_type": suggestion.action_type,
        "category": action_type.category,
        "unit": action_type.unit,
        "points": float(base * multiplier),
        "base_points": float(base),
        "campaign_points": float(base * (multiplier - 1)),
        "multiplied_by": campaign_of(run) or None,
        "avoided_g": grams(action_type.avoided_g.value),
        "avoided_g_source": action_type.avoided_g.source or None,
        "campaign_id": suggestion.campaign,
        "campaign_runs": bool(campaign and campaign.runs_on(today)),
        "link": caller.link_to(shared["id"], suggestion.links),
    }


def _tree_project_view(shared: _FoundView, project: TreeProject, language: Language) -> TreeProjectResultView:
    return {
        "kind": "tree_project",
        **shared,
        "species": project.species.in_language(language),
        "latin": project.latin or None,
        "place": project.place.names.in_language(language),
        "partner": project.partner,
        "price_points": project.price_points,
        "available": None,
        "next_release": None,
    }


def _campaign_view(shared: _FoundView, campaign: Campaign, language: Language, today: date) -> CampaignResultView:
    """Return the view of a campaign and its run: the one that includes today, or else the next one."""
    run = run_at(campaign, today) or run_after(campaign, today)
    if run is None:
        raise AssertionError("a campaign that is over was found")
    return {
        "kind": "campaign",
        **shared,
        "state": "running" if run.first <= today else "next",
        **run_view(campaign, run, language),
        "multipliers": {action_type: float(times) for action_type, times in campaign.multipliers.items()},
    }


def _initiative_view(
    shared: _FoundView, initiative: Initiative, catalog: Catalog, language: Language
) -> InitiativeResultView:
    facilities = {name: catalog.facilities[name] for name in initiative.facilities}
    return {
        "kind": "initiative",
        **shared,
        "facilities": [
            {
                "facility_id": name,
                "name": facility.names.in_language(language),
                "place": facility.place.names.in_language(language),
            }
            for name, facility in facilities.items()
        ],
        "action_types": [
            {"action_type": name, "unit": catalog.action_types[name].unit} for name in initiative.action_types
        ],
        "link": initiative.link,
        "this_year": None,
    }
