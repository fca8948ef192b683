"""Shows campaigns with the progress toward their goals, the public totals, and the factors behind points and grams."""

from datetime import timedelta

from saxaul.startup import prepare
from saxaul.catalog.entries import Identifier
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul.catalog.versions import HIGHEST_VERSION
from saxaul.http.access import PUBLIC, TO_SEARCH
from saxaul.http.conditional_requests import cacheable
from saxaul.http.endpoint import endpoint, utf8_text
from saxaul.http.impact_views import campaign_view, editions_view, facilities_view, factor_view, impact_view
from saxaul.http.operations import ETAG, IF_NONE_MATCH, NOT_MODIFIED, Answer, operation
from saxaul.http.query import Choice, Day, checked_number
from saxaul.http.request import LANG, Request, Response, language_of
from saxaul.http.views import View
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.find_factor import factors
from saxaul.services.read_impact import impact_reading
from saxaul.services.wiring import today
from saxaul.settings import settings

_DEFAULT_DAYS = 30
_MAX_DAYS = 366
_CACHE_FOR_A_MINUTE = {"cache-control": "public, max-age=60"}
_CACHE_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_ON = Day("on", "The day as of which the campaigns are shown. Without it, today.")
_FROM = Day("from", "The first day. Without it, the 30 days until the last day.")
_TO = Day("to", "The last day. Without it, today.")
_BY = Choice(
    *("by", "Whether the totals are by action type, by app, or by facility and month."),
    *(("type", "app", "facility"), "type"),
)


@operation("GET", "/campaigns", TO_SEARCH, query=(LANG, _ON), answers={200: View})
def list_campaigns(request: Request) -> Response:
    """For each campaign, list the run that includes a day, the next run, and the latest run that is over.

    The day is today, or the one in the query parameter ``on``.
    """
    language, on = language_of(request), _ON.of(request)
    day = on or today()
    shown = {
        name: [campaign_view(run.identifier, run.campaign, run.run, day, run.reached, language) for run in runs]
        for name, runs in impact_reading().campaigns(on).items()
    }
    return Response({"day": day.isoformat(), **shown}, language=language)


@operation("GET", "/campaigns/{id}", TO_SEARCH, query=(LANG, _ON), answers={200: View}, problems=("unknown_campaign",))
def view_campaign(request: Request) -> Response:
    language, on = language_of(request), _ON.of(request)
    day = on or today()
    shown = impact_reading().campaign(request.path("id"), on)
    view = campaign_view(shown.identifier, shown.campaign, shown.run, day, shown.reached, language)
    return Response(view | {"editions": editions_view(shown.campaign, language)}, language=language)


@operation("GET", "/impact", PUBLIC, query=(_FROM, _TO, _BY), answers={200: View})
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
    view = (
        facilities_view(first, last, totals.facilities, totals.days, totals.trees, totals.catalog)
        if by == "facility"
        else impact_view(first, last, by, totals.days, totals.trees, totals.catalog)
    )
    return Response(view, headers=_CACHE_FOR_A_MINUTE)


@operation(
    *("GET", "/factors/{action_type}/{version}", PUBLIC),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(View, headers=(ETAG,)), 304: NOT_MODIFIED},
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


handler = endpoint(list_campaigns, view_campaign, view_impact, view_factor, find_client=registered_client)
prepare(wiring.connect, _IDENTIFIER.prepare, reading=wiring.read_catalog)
