"""Shows campaigns with the progress toward their goals, the public totals, and the factors behind points and grams."""

from datetime import timedelta

from saxaul.startup import prepare
from saxaul.catalog.entries import Identifier
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul.catalog.versions import HIGHEST_VERSION
from saxaul.http.conditional_requests import cacheable
from saxaul.http.endpoint import Request, Response, checked_number, day_in, endpoint, language_of, utf8_text
from saxaul.http.impact_views import campaign_view, editions_view, facilities_view, factor_view, impact_view
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


def list_campaigns(request: Request) -> Response:
    """For each campaign, list the run that includes a day, the next run, and the latest run that is over.

    The day is today, or the one in the query parameter ``on``.
    """
    language, on = language_of(request), day_in(request, "on")
    day = on or today()
    shown = {
        name: [campaign_view(run.identifier, run.campaign, run.run, day, run.reached, language) for run in runs]
        for name, runs in impact_reading().campaigns(on).items()
    }
    return Response({"day": day.isoformat(), **shown}, language=language)


def view_campaign(request: Request) -> Response:
    language, on = language_of(request), day_in(request, "on")
    day = on or today()
    shown = impact_reading().campaign(request.path("id"), on)
    view = campaign_view(shown.identifier, shown.campaign, shown.run, day, shown.reached, language)
    return Response(view | {"editions": editions_view(shown.campaign, language)}, language=language)


def view_impact(request: Request) -> Response:
    """Return the public totals by day, and by action type or by app; or those of facilities by month and type."""
    last = day_in(request, "to") or today()
    first = day_in(request, "from") or last - timedelta(days=_DEFAULT_DAYS - 1)
    if not 0 <= (last - first).days < _MAX_DAYS:
        raise InvalidRequest(
            "invalid_parameter", f"'from' must not be after 'to', and the range may have at most {_MAX_DAYS} days."
        )
    by = request.query.get("by", "type")
    if by not in ("type", "app", "facility"):
        raise InvalidRequest("invalid_parameter", "by must be 'type', 'app' or 'facility'.")
    totals = impact_reading().totals(first, last, with_facilities=by == "facility")
    view = (
        facilities_view(first, last, totals.facilities, totals.days, totals.trees, totals.catalog)
        if by == "facility"
        else impact_view(first, last, by, totals.days, totals.trees, totals.catalog)
    )
    return Response(view, headers=_CACHE_FOR_A_MINUTE)


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
    {
        ("GET", "/campaigns"): list_campaigns,
        ("GET", "/campaigns/{id}"): view_campaign,
        ("GET", "/impact"): view_impact,
        ("GET", "/factors/{action_type}/{version}"): view_factor,
    },
    registered_client,
)
prepare(wiring.connect, _IDENTIFIER.prepare, reading=wiring.read_catalog)
