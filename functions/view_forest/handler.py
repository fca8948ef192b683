"""Shows what grew: wallets, forests and tree projects."""

import re
from functools import cache
from time import time

from saxaul.catalog.calendar import CLOCK_SKEW
from saxaul.http.cursors import cursor_to, place_in_list
from saxaul.http.endpoint import Request, Response, endpoint, language_of, whole_number
from saxaul.http.views import forest_tree_view, grams, line_view, project_view, statement_view
from saxaul.ledger.actions import Owner
from saxaul.ledger.history import Line, lines_of_month, statement
from saxaul.ledger.wallets import position
from saxaul.problems import InvalidRequest
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.orders import Orders
from saxaul.storage.periods import Periods
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import KEPT_FOR, Stocks
from saxaul.storage.table import Table
from saxaul.storage.wallets import Wallets
from saxaul.trees.orders import shown_project
from saxaul.trees.redemptions import State

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_LINE = re.compile(rf"{_MONTH.pattern} [ -~]+")
"""A line's place in a ledger: its month, and its order there."""

_AFTER_ALL = "~"


@cache
def _periods() -> Periods:
    return Periods(Table(settings().ledger_table))


@cache
def _wallets() -> Wallets:
    return Wallets(Table(settings().ledger_table))


@cache
def _redemptions() -> Redemptions:
    return Redemptions(Table(settings().ledger_table))


@cache
def _orders() -> Orders:
    return Orders(Table(settings().ledger_table))


@cache
def _stocks() -> Stocks:
    return Stocks(Table(settings().ledger_table))


@cache
def _catalog_store() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


def view_wallet(request: Request) -> Response:
    wallet = _wallets().get(request.user_id)
    now = position(wallet, _wallets().open_periods(wallet), settings().calendar, int(time()))
    return Response({"user_id": request.user_id, **now._asdict(), "avoided_g": grams(now.avoided_g)})


def view_ledger(request: Request) -> Response:
    """A user's entries, newest first, a month at a time; the cursor says from where to go on."""
    owner, calendar, now = Owner("user", request.user_id), settings().calendar, int(time())
    limit = whole_number(request, "limit", default=50, most=200)
    newest = f"{calendar.window_of(now + CLOCK_SKEW, 'month')} {_AFTER_ALL}"
    month, _, after = (place_in_list(request, _LINE) or newest).partition(" ")
    lines: list[Line] = []
    more: str | None = month
    while more and len(lines) <= limit:
        month = more
        found = lines_of_month(_periods().of_month(owner, month), month, calendar)
        lines += [line for line in found if line.order < after]
        more = _periods().month_before(owner, month, calendar)
    shown = lines[:limit]
    cursor = None
    if len(lines) > limit:
        last = shown[-1]
        cursor = cursor_to(f"{calendar.window_of(last.entry.occurred_at, 'month')} {last.order}")
    catalog = _catalog_store().with_former(_catalog_store().catalog(), {line.entry.type for line in shown})
    return Response({"entries": [line_view(line, catalog, calendar, now) for line in shown], "cursor": cursor})


def view_statement(request: Request) -> Response:
    calendar = settings().calendar
    month = request.query.get("month", calendar.window_of(int(time()), "month"))
    if not _MONTH.fullmatch(month):
        raise InvalidRequest("invalid_parameter", "month must be a month such as 2026-06.")
    periods = _periods().of_month(Owner("user", request.user_id), month)
    totals = statement(lines_of_month(periods, month, calendar))
    overflowed = sum(period.overflowed for period in periods)
    return Response({"user_id": request.user_id, **statement_view(month, totals, overflowed)})


def view_forest(request: Request) -> Response:
    language, calendar = language_of(request), settings().calendar
    redemptions = [
        it for it in _redemptions().of_user(request.user_id) if it.state not in (State.REJECTED, State.CANCELLED)
    ]
    trees = [
        (redemption, tree)
        for redemption in sorted(redemptions, key=lambda it: it.requested_at, reverse=True)
        for tree in redemption.trees
    ]
    orders = _orders().get_many({tree.order_id for _, tree in trees if tree.order_id})
    projects = _catalog_store().catalog().tree_projects
    views = [
        forest_tree_view(
            redemption,
            tree,
            shown_project(orders.get(tree.order_id), projects.get(redemption.project_id)),
            calendar,
            language,
        )
        for redemption, tree in trees
    ]
    return Response({"user_id": request.user_id, "trees": views})


def list_tree_projects(request: Request) -> Response:
    """Every project with what is left of it, cheap enough for a herd: a worker reads the stocks once a second."""
    language, calendar, now = language_of(request), settings().calendar, int(time())
    projects = _catalog_store().catalog().tree_projects
    stocks = _stocks().shown(projects)
    shown = [project_view(key, it, stocks[key], calendar, language, now) for key, it in projects.items()]
    return Response({"projects": shown}, headers={"cache-control": f"private, max-age={KEPT_FOR:.0f}"})


handler = endpoint(
    {
        ("GET", "/users/{user_id}/wallet"): view_wallet,
        ("GET", "/users/{user_id}/ledger"): view_ledger,
        ("GET", "/users/{user_id}/statement"): view_statement,
        ("GET", "/users/{user_id}/forest"): view_forest,
        ("GET", "/tree-projects"): list_tree_projects,
    }
)
