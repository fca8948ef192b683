"""Shows campaigns with their progress, what apps can report, the public totals, and the factors behind the numbers."""

from collections.abc import Sequence
from datetime import timedelta

from saxaul.startup import prepare
from saxaul.catalog.entries import Identifier
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul.catalog.versions import HIGHEST_VERSION
from saxaul.http.campaign_views import CampaignsView, CampaignView, campaign_view, campaign_with_editions_view
from saxaul.http.conditional_requests import cacheable
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import (
    Request,
    Response,
    checked_number,
    day_in,
    endpoint,
    language_of,
    utf8_text,
    whole_number,
)
from saxaul.http.factor_views import ActionTypesPage, action_type_view, factor_view
from saxaul.http.impact_views import (
    ImpactByAppView,
    ImpactByFacilityView,
    ImpactByTypeView,
    impact_by_app_view,
    impact_by_facility_view,
    impact_by_type_view,
)
from saxaul.http.sizes import page_of
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.find_factor import factors
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


def list_campaigns(request: Request) -> Response:
    """For each campaign, list the run that includes a day, the next run, and the latest run that is over.

    The day is today, or the one in the query parameter ``on``.
    """
    language, on = language_of(request), day_in(request, "on")
    day, found = on or today(), impact_reading().campaigns(on)

    def views(runs: Sequence[ShownRun]) -> list[CampaignView]:
        return [campaign_view(run.identifier, run.campaign, run.run, day, run.reached, language) for run in runs]

    shown: CampaignsView = {
        "day": day.isoformat(),
        "running": views(found.running),
        "next": views(found.next),
        "past": views(found.past),
    }
    return Response(shown, language=language)


def view_campaign(request: Request) -> Response:
    language, on = language_of(request), day_in(request, "on")
    day = on or today()
    shown = impact_reading().campaign(request.path("id"), on)
    view = campaign_with_editions_view(shown.identifier, shown.campaign, shown.run, day, shown.reached, language)
    return Response(view, language=language)


def list_action_types(request: Request) -> Response:
    """List the action types that apps can report, in the versions that are in effect, sorted by id."""
    language, limit = language_of(request), whole_number(request, "limit", default=100, maximum=200)
    found = factors().reportable(_ACTION_TYPES.place_in(request) or "", limit + 1)
    shown = page_of(action_type_view(*in_effect, language, request.base_url) for in_effect in found[:limit])
    cursor = _ACTION_TYPES.cursor_for(shown[-1]["action_type"]) if len(found) > len(shown) else None
    page: ActionTypesPage = {"action_types": shown, "cursor": cursor}
    return cacheable(request, utf8_text(page), _KEPT_FOR_A_MINUTE, {}, language)


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
    view: ImpactByTypeView | ImpactByAppView | ImpactByFacilityView
    match by:
        case "facility":
            view = impact_by_facility_view(first, last, totals.facilities, totals.days, totals.trees, totals.catalog)
        case "app":
            view = impact_by_app_view(first, last, totals.days, totals.trees)
        case _:
            view = impact_by_type_view(first, last, totals.days, totals.trees, totals.catalog)
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
        ("GET", "/action-types"): list_action_types,
        ("GET", "/impact"): view_impact,
        ("GET", "/factors/{action_type}/{version}"): view_factor,
    },
    registered_client,
)
prepare(wiring.connect, _IDENTIFIER.prepare, reading=wiring.read_catalog)
