"""Shows wallets, ledgers, monthly statements, forests and tree projects."""

import re
from typing import Annotated

from saxaul.startup import prepare
from saxaul.catalog.models import Field, TypeAdapter
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import Request, Response, endpoint, language_of, whole_number
from saxaul.http.ledger_views import LedgerPage, line_view, statement_view, wallet_view
from saxaul.http.project_views import project_view
from saxaul.http.sizes import page_of
from saxaul.http.tree_views import forest_tree_view
from saxaul.ledger.history import LinePlace
from saxaul.ledger.identifiers import Id, Instant
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.read_forest import PROJECTS_CACHED_FOR, ForestPlace, forest_reading
from saxaul.services.read_grants import covers_of
from saxaul.services.read_ledger import ledger_reading
from saxaul.settings import settings
from saxaul.trees.redemptions import MAX_TREES_PER_REDEMPTION

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_Name = Annotated[str, Field(pattern=r"^[!-~]+:[!-~]+$", max_length=256)]
"""The name of an entry: ``<app>:<action_id>``."""

_LINES: Cursors[tuple[int, str]] = Cursors("ledger", TypeAdapter(tuple[Instant, _Name]))
_Number = Annotated[int, Field(ge=1, le=MAX_TREES_PER_REDEMPTION)]
_TREES: Cursors[tuple[int, str, int]] = Cursors("forest", TypeAdapter(tuple[Instant, Id, _Number]))


def view_wallet(request: Request) -> Response:
    return Response(wallet_view(request.user_id, ledger_reading().position(request.user_id)))


def view_ledger(request: Request) -> Response:
    """List a user's entries, newest first, one page at a time."""
    limit = whole_number(request, "limit", default=50, maximum=200)
    place = _LINES.place_in(request)
    found = ledger_reading().lines(request.user_id, limit, LinePlace(*place) if place else None)
    entries = page_of(
        line_view(line, found.rules, request.base_url, settings().calendar, found.now) for line in found.lines
    )
    continue_after = found.continue_after if len(entries) == len(found.lines) else found.lines[len(entries) - 1].place
    page: LedgerPage = {
        "entries": entries,
        "cursor": _LINES.cursor_for(continue_after) if continue_after else None,
    }
    return Response(page)


def view_statement(request: Request) -> Response:
    month = request.query.get("month")
    if month is not None and not _MONTH.fullmatch(month):
        raise InvalidRequest("invalid_parameter", "month must be a year and a month, such as 2026-06.")
    found = ledger_reading().month(request.user_id, month)
    return Response(statement_view(request.user_id, found.month, found.totals, found.full_apps))


def view_forest(request: Request) -> Response:
    """List a user's trees, the most recently requested first, one page at a time."""
    language, limit = language_of(request), whole_number(request, "limit", default=50, maximum=100)
    place = _TREES.place_in(request)
    forest = forest_reading().trees(request.user_id, limit, ForestPlace(*place) if place else None)
    trees = page_of(
        forest_tree_view(owned.certificate, owned.redemption, owned.tree, settings().calendar, language)
        for owned in forest.trees
    )
    has_more = forest.has_more or len(trees) < len(forest.trees)
    cursor = _TREES.cursor_for(forest.trees[len(trees) - 1].place) if has_more else None
    return Response({"user_id": request.user_id, "trees": trees, "cursor": cursor}, language=language)


def list_tree_projects(request: Request) -> Response:
    """List every project with its unreserved saplings."""
    language, found = language_of(request), forest_reading().projects()
    projects = [
        project_view(identifier, project, found.stocks[identifier], settings().calendar, language, found.now)
        for identifier, project in found.projects.items()
    ]
    caching = {"cache-control": f"private, max-age={PROJECTS_CACHED_FOR:.0f}"}
    return Response({"projects": projects}, headers=caching, language=language)


handler = endpoint(
    {
        ("GET", "/users/{user_id}/wallet"): view_wallet,
        ("GET", "/users/{user_id}/ledger"): view_ledger,
        ("GET", "/users/{user_id}/statement"): view_statement,
        ("GET", "/users/{user_id}/forest"): view_forest,
        ("GET", "/tree-projects"): list_tree_projects,
    },
    registered_client,
    covers_of,
)
prepare(wiring.connect, _TREES.places.prepare, reading=wiring.read_catalog)
