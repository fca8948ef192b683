"""Shows campaigns with their progress, what apps can report, the public totals, and the factors behind the numbers."""

from collections.abc import Sequence
from datetime import timedelta

from saxaul.startup import prepare
from saxaul.catalog.entries import Identifier
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul.catalog.versions import HIGHEST_VERSION
from saxaul.http.access import PUBLIC, TO_SEARCH
from saxaul.http.campaign_views import (
    CampaignsView,
    CampaignView,
    CampaignWithEditionsView,
    campaign_view,
    campaign_with_editions_view,
)
from saxaul.http.conditional_requests import cacheable
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import endpoint, utf8_text
from saxaul.http.factor_views import ActionTypesPage, FactorView, action_type_view, factor_view
from saxaul.http.impact_views import (
    ImpactByAppView,
    ImpactByFacilityView,
    ImpactByTypeView,
    impact_by_app_view,
    impact_by_facility_view,
    impact_by_type_view,
)
from saxaul.http.operations import ETAG, IF_NONE_MATCH, NOT_MODIFIED, Answer, operation
from saxaul.http.query import CURSOR, Choice, Day, WholeNumber, checked_number
from saxaul.http.request import LANG, Request, Response, language_of
from saxaul.http.sizes import page_of
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.find_factor import factors
from saxaul.services.meter_calls import take_call
from saxaul.services.read_impact import ShownRun, impact_reading
from saxaul.services.wiring import today
from saxaul.settings import settings

_DEFAULT_DAYS = 30
_MAX_DAYS = 366
_KEPT_FOR_A_MINUTE = {"cache-control": "private, max-age=60"}
_CACHE_FOR_A_MINUTE = {"cache-control": "public, max-age=60"}
_CACHE_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_ACTION_TYPES = Cursors("action-types", _IDENTIFIER)
_LIMIT = WholeNumber("limit", "The most action types of the page.", default=100, maximum=200)
_ON = Day("on", "The day as of which the campaigns are shown. Without it, today.")
_FROM = Day("from", "The first day. Without it, the 30 days until the last day.")
_TO = Day("to", "The last day. Without it, today.")
_BY = Choice(
    *("by", "Whether the totals are by action type, by app, or by facility and month."),
    *(("type", "app", "facility"), "type"),
)


@operation(
    "GET", "/campaigns", TO_SEARCH, query=(LANG, _ON), answers={200: CampaignsView}, problems=("response_too_large",)
)
def list_campaigns(request: Request) -> Response:
    """For each campaign, list the run that includes a day, the next run, and the latest run that is over.

    The day is today, or the one in the query parameter ``on``.
    """
    language, on = language_of(request), _ON.of(request)
    day, found = on or today(), impact_reading().campaigns(on)

    def views(runs: Sequence[ShownRun]) -> list[CampaignView]:
        return [
            campaign_view(shown.identifier, shown.campaign, shown.run, day, shown.reached, language) for shown in runs
        ]

    shown: CampaignsView = {
        "day": day.isoformat(),
        "running": views(found.running),
        "next": views(found.next),
        "past": views(found.past),
    }
    return Response(shown, language=language)


@operation(
    *("GET", "/campaigns/{id}", TO_SEARCH),
    query=(LANG, _ON),
    answers={200: CampaignWithEditionsView},
    problems=("unknown_campaign",),
)
def view_campaign(request: Request) -> Response:
    """Show a campaign with the run that includes a day, or else its next run, or else its last run.

    The day is today, or the one in the query parameter ``on``. On a later day, the campaign is shown as it will be at
    the end of that day. The progress is always that of now.
    """
    language, on = language_of(request), _ON.of(request)
    day = on or today()
    shown = impact_reading().campaign(request.path("id"), on)
    view = campaign_with_editions_view(shown.identifier, shown.campaign, shown.run, day, shown.reached, language)
    return Response(view, language=language)


@operation(
    *("GET", "/action-types", TO_SEARCH),
    query=(LANG, _LIMIT, CURSOR),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(ActionTypesPage, headers=(ETAG,)), 304: NOT_MODIFIED},
)
def list_action_types(request: Request) -> Response:
    """List the action types that apps can report, in the versions that are in effect, sorted by id.

    An action of a facility can only be reported by the app that the facility's entry names. An action type that is
    retired is listed as long as actions from before can be reported.
    """
    language, limit = language_of(request), _LIMIT.of(request)
    found = factors().reportable(_ACTION_TYPES.place_in(request) or "", limit + 1)
    shown = page_of(action_type_view(*in_effect, language, request.base_url) for in_effect in found[:limit])
    cursor = _ACTION_TYPES.cursor_for(shown[-1]["action_type"]) if len(found) > len(shown) else None
    page: ActionTypesPage = {"action_types": shown, "cursor": cursor}
    return cacheable(request, utf8_text(page), _KEPT_FOR_A_MINUTE, {}, language)


@operation(
    "GET",
    "/impact",
    PUBLIC,
    query=(_FROM, _TO, _BY),
    answers={200: ImpactByTypeView | ImpactByAppView | ImpactByFacilityView},
    problems=("response_too_large",),
)
def view_impact(request: Request) -> Response:
    """Return the public totals by day, and by action type or by app; or those of facilities by month and type."""
    last = _TO.of(request) or today()
    first = _FROM.of(request) or last - timedelta(days=_DEFAULT_DAYS - 1)
    if not 0 <= (last - first).days < _MAX_DAYS:
        raise InvalidRequest(
            "invalid_parameter", f"'from' must not be after 'to', and the range may have at most {_MAX_DAYS} days."
        )
    by = _BY.of(request) or "type"
    totals = impact_reading().totals(first, last, with_facilities=by == "facility")
    view: ImpactByTypeView | ImpactByAppView | ImpactByFacilityView
    match by:
        case "facility":
            view = impact_by_facility_view(first, last, totals.facilities, totals.days, totals.trees, totals.catalog)
        case "app":
            view = impact_by_app_view(first, last, totals.days, totals.trees)
        case _:
            view = impact_by_type_view(first, last, totals.days, totals.trees, totals.catalog)
    return Response(view, headers=_CACHE_FOR_A_MINUTE)


@operation(
    *("GET", "/factors/{action_type}/{version}", PUBLIC),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(FactorView, headers=(ETAG,)), 304: NOT_MODIFIED},
    problems=("unknown_factor",),
)
def view_factor(request: Request) -> Response:
    """Return a version of an action type. A version never changes, so clients may cache it for a long time."""
    try:
        action_type = _IDENTIFIER.validate_python(request.path("action_type"))
    except ValidationError:
        raise InvalidRequest(
            "invalid_parameter", "action_type must be an id of the catalog, such as bus_ride."
        ) from None
    version = checked_number("version", request.path("version"), HIGHEST_VERSION)
    found = factors().find(action_type, version)
    view = factor_view(action_type, version, found.action_type, found.changed_at, settings().calendar)
    return cacheable(request, utf8_text(view), _CACHE_FOREVER, {})


handler = endpoint(
    *(list_campaigns, view_campaign, list_action_types, view_impact, view_factor),
    find_client=registered_client,
    take_call=take_call,
    read_again=wiring.read_catalog_again,
)
prepare(wiring.connect, _IDENTIFIER.prepare, reading=wiring.read_catalog)
