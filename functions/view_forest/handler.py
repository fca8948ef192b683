"""Shows what grew: wallets, forests, tree projects, and certificates to anyone."""

import base64
import re
from functools import cache
from time import time

from saxaul.actions import Owner
from saxaul.api import Request, Response, door, language_of, whole_number
from saxaul.calendar import CLOCK_SKEW
from saxaul.certificates import canonical
from saxaul.ledger import Line, lines_of_month, statement
from saxaul.problems import InvalidRequest, NotFound
from saxaul.redemptions import State
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.pages import Pages
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import Table
from saxaul.storage.wallets import Wallets
from saxaul.views import certificate_view, grams, line_view, statement_view
from saxaul.wallets import position

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_AFTER_ALL = "~"


@cache
def _pages() -> Pages:
    return Pages(Table(settings().ledger_table))


@cache
def _wallets() -> Wallets:
    return Wallets(Table(settings().ledger_table))


@cache
def _redemptions() -> Redemptions:
    return Redemptions(Table(settings().ledger_table))


@cache
def _catalog() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


def view_wallet(request: Request) -> Response:
    wallet = _wallets().get(request.user_id)
    now = position(wallet, _wallets().open_pages(wallet), settings().calendar, int(time()))
    return Response({"user_id": request.user_id, **now._asdict(), "avoided_g": grams(now.avoided_g)})


def view_ledger(request: Request) -> Response:
    """A user's entries, newest first, a month at a time; the cursor says from where to go on."""
    owner, calendar, now = Owner("user", request.user_id), settings().calendar, int(time())
    limit = whole_number(request, "limit", default=50, most=200)
    month, after = _cursor(request) or (calendar.window_of(now + CLOCK_SKEW, "month"), _AFTER_ALL)
    lines: list[Line] = []
    more: str | None = month
    while more and len(lines) <= limit:
        month = more
        found = lines_of_month(_pages().of_month(owner, month), month, calendar)
        lines += [line for line in found if line.order < after]
        more = _pages().month_before(owner, month, calendar)
    shown = lines[:limit]
    cursor = None
    if len(lines) > limit:
        last = shown[-1]
        cursor = _as_cursor(calendar.window_of(last.entry.occurred_at, "month"), last.order)
    catalogue = _catalog().with_former(_catalog().catalogue(), {line.entry.type for line in shown})
    return Response({"entries": [line_view(line, catalogue, calendar, now) for line in shown], "cursor": cursor})


def view_statement(request: Request) -> Response:
    calendar = settings().calendar
    month = request.query.get("month", calendar.window_of(int(time()), "month"))
    if not _MONTH.fullmatch(month):
        raise InvalidRequest("invalid_parameter", "month must be a month such as 2026-06.")
    pages = _pages().of_month(Owner("user", request.user_id), month)
    totals = statement(lines_of_month(pages, month, calendar))
    overflowed = sum(page.overflowed for page in pages)
    return Response({"user_id": request.user_id, **statement_view(month, totals, overflowed)})


def _as_cursor(month: str, after: str) -> str:
    return base64.urlsafe_b64encode(f"{month} {after}".encode()).decode()


def _cursor(request: Request) -> tuple[str, str] | None:
    text = request.query.get("cursor")
    if not text:
        return None
    try:
        month, _, after = base64.urlsafe_b64decode(text).decode().partition(" ")
    except ValueError:
        month = after = ""
    if not _MONTH.fullmatch(month) or not after:
        raise InvalidRequest("invalid_parameter", "cursor must be one that a list has given.")
    return month, after


def view_forest(request: Request) -> Response:
    language = language_of(request)
    projects = _catalog().catalogue().tree_projects
    calendar = settings().calendar
    trees = [
        certificate_view(redemption, tree, projects.get(redemption.project_id), calendar, language)
        for redemption in sorted(_redemptions().of_user(request.user_id), key=lambda it: it.requested_at, reverse=True)
        if redemption.state is not State.REJECTED
        for tree in redemption.trees
    ]
    return Response({"user_id": request.user_id, "trees": trees})


def view_certificate(request: Request) -> Response:
    number = canonical(request.path["number"])
    redemption = _redemptions().certified(number) if number else None
    if number is None or redemption is None or redemption.state in (State.REQUESTED, State.REJECTED):
        raise NotFound("unknown_certificate", "There is no certificate with this number.")
    project = _catalog().catalogue().tree_projects.get(redemption.project_id)
    tree = redemption.tree(number)
    return Response(certificate_view(redemption, tree, project, settings().calendar, language_of(request)))


def list_tree_projects(request: Request) -> Response:
    language = language_of(request)
    projects = _catalog().catalogue().tree_projects
    stocks = _redemptions().stocks(projects)
    return Response(
        {
            "projects": [
                {
                    "id": project_id,
                    "species": project.species.in_language(language),
                    "place": project.place.names.in_language(language),
                    "partner": project.partner,
                    "price_points": project.price_points,
                    "available": stocks[project_id].available,
                }
                for project_id, project in projects.items()
            ]
        }
    )


handler = door(
    {
        ("GET", "/users/{user_id}/wallet"): view_wallet,
        ("GET", "/users/{user_id}/ledger"): view_ledger,
        ("GET", "/users/{user_id}/statement"): view_statement,
        ("GET", "/users/{user_id}/forest"): view_forest,
        ("GET", "/certificates/{number}"): view_certificate,
        ("GET", "/tree-projects"): list_tree_projects,
    }
)
