"""Shows campaigns with the progress toward their goals, and the public totals."""

from datetime import date, timedelta

from saxaul.http.endpoint import Request, Response, endpoint, language_of
from saxaul.http.impact_views import campaign_view, editions_view, impact_view
from saxaul.problems import InvalidRequest
from saxaul.services.read_impact import impact_reading
from saxaul.services.wiring import today

_DEFAULT_DAYS = 30
_MAX_DAYS = 366
_CACHE_FOR_A_MINUTE = {"cache-control": "public, max-age=60"}


def list_campaigns(request: Request) -> Response:
    """For each campaign, list the run that includes today, the next run, and the latest run that is over."""
    language, day = language_of(request), today()
    shown = {
        name: [campaign_view(run.identifier, run.campaign, run.run, day, run.reached, language) for run in runs]
        for name, runs in impact_reading().campaigns(day).items()
    }
    return Response({"day": day.isoformat(), **shown})


def view_campaign(request: Request) -> Response:
    language, day = language_of(request), today()
    shown = impact_reading().campaign(request.path("id"), day)
    view = campaign_view(shown.identifier, shown.campaign, shown.run, day, shown.reached, language)
    return Response(view | {"editions": editions_view(shown.campaign, language)})


def view_impact(request: Request) -> Response:
    """Return the public totals by day, and by action type or by app."""
    last = _day(request, "to") or today()
    first = _day(request, "from") or last - timedelta(days=_DEFAULT_DAYS - 1)
    if not 0 <= (last - first).days < _MAX_DAYS:
        raise InvalidRequest(
            "invalid_parameter", f"'from' must not be after 'to', and the range may have at most {_MAX_DAYS} days."
        )
    by = request.query.get("by", "type")
    if by not in ("type", "app"):
        raise InvalidRequest("invalid_parameter", "by must be 'type' or 'app'.")
    totals = impact_reading().totals(first, last)
    return Response(
        impact_view(first, last, by, totals.days, totals.trees, totals.catalog), headers=_CACHE_FOR_A_MINUTE
    )


def _day(request: Request, name: str) -> date | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.isoformat() != text or not 2000 <= day.year < 2100:  # noqa: PLR2004 - no programme runs outside these years
        raise InvalidRequest("invalid_parameter", f"{name} must be a date such as 2026-06-05, from 2000 to 2099.")
    return day


handler = endpoint(
    {
        ("GET", "/campaigns"): list_campaigns,
        ("GET", "/campaigns/{id}"): view_campaign,
        ("GET", "/impact"): view_impact,
    }
)
