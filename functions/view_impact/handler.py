"""Shows what was done together: campaigns with their shared goals, and the public totals."""

from datetime import date, timedelta
from functools import cache
from time import time

from saxaul.catalog.entries import Campaign, Language
from saxaul.http.endpoint import Request, Response, endpoint, language_of
from saxaul.http.impact_views import campaign_view, editions_view, impact_view
from saxaul.http.views import View
from saxaul.impact.campaigns import Run, progress, run_after, run_at, run_before
from saxaul.impact.totals import total
from saxaul.log.entries import Counts
from saxaul.problems import InvalidRequest, NotFound
from saxaul.settings import settings
from saxaul.storage.catalog import RECENT, CatalogStore
from saxaul.storage.impact import ImpactStore
from saxaul.storage.log import LogStore
from saxaul.storage.table import Table

_USUAL_DAYS = 30
_MOST_DAYS = 366
_FOR_A_MINUTE = {"cache-control": "public, max-age=60"}


@cache
def _catalog_store() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


@cache
def _impact() -> ImpactStore:
    return ImpactStore(Table(settings().ledger_table))


@cache
def _entries() -> LogStore:
    return LogStore(Table(settings().ledger_table))


def list_campaigns(request: Request) -> Response:
    """What runs today, what comes next, and what was last; each campaign once in each, where it has such a run."""
    language, today = language_of(request), _today()
    campaigns = _catalog_store().catalog().campaigns.items()
    shown: dict[str, list[View]] = {}
    for name, run_of, newest_first in (
        ("running", run_at, False),
        ("next", run_after, False),
        ("past", run_before, True),
    ):
        runs = [(run, identifier, it) for identifier, it in campaigns if (run := run_of(it, today))]
        ordered = sorted(runs, key=lambda found: found[:2], reverse=newest_first)
        shown[name] = [_view(identifier, it, run, language) for run, identifier, it in ordered]
    return Response({"day": today.isoformat(), **shown})


def view_campaign(request: Request) -> Response:
    language, today = language_of(request), _today()
    identifier = request.path["id"]
    campaign = _catalog_store().catalog().campaigns.get(identifier)
    campaign = campaign or _catalog_store().catalog(max_age=RECENT).campaigns.get(identifier)
    if campaign is None:
        raise NotFound("unknown_campaign", f"There is no campaign {identifier!r}.")
    run = run_at(campaign, today) or run_after(campaign, today) or run_before(campaign, today)
    if run is None:
        raise AssertionError(f"{identifier} recurs on no day at all, which the catalog refuses")
    return Response(_view(identifier, campaign, run, language) | {"editions": editions_view(campaign, language)})


def view_impact(request: Request) -> Response:
    """Totals by day, and by action type or by app; anyone may see them."""
    last = _day(request, "to") or _today()
    first = _day(request, "from") or last - timedelta(days=_USUAL_DAYS - 1)
    if not 0 <= (last - first).days < _MOST_DAYS:
        raise InvalidRequest("invalid_parameter", f"from and to must be 1 to {_MOST_DAYS} days, in their order.")
    by = request.query.get("by", "type")
    if by not in ("type", "app"):
        raise InvalidRequest("invalid_parameter", "by must be type or app.")
    days = _impact().between(first, last)
    newest = _entries().head()
    standing = newest.counts if newest else Counts()
    return Response(impact_view(first, last, by, days, standing, _catalog_store().catalog()), headers=_FOR_A_MINUTE)


def _view(identifier: str, campaign: Campaign, run: Run, language: Language) -> View:
    reached = None
    if campaign.goal and run.state_on(_today()) != "next":
        reached = progress(campaign, [total(day.impact for day in _impact().between(*run))])
    return campaign_view(identifier, campaign, run, _today(), reached, language)


def _today() -> date:
    return settings().calendar.day_of(int(time()))


def _day(request: Request, name: str) -> date | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.isoformat() != text or not 2000 <= day.year < 2100:  # noqa: PLR2004 - further than any programme
        raise InvalidRequest("invalid_parameter", f"{name} must be a day such as 2026-06-05.")
    return day


handler = endpoint(
    {
        ("GET", "/campaigns"): list_campaigns,
        ("GET", "/campaigns/{id}"): view_campaign,
        ("GET", "/impact"): view_impact,
    }
)
