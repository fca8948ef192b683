"""Shows wallets, ledgers, monthly statements, redemptions, forests and tree projects."""

import re
from typing import Annotated

from saxaul.startup import prepare
from saxaul.catalog.models import Field, TypeAdapter
from saxaul.http.access import TO_READ_A_PERSON, TO_SEARCH
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import endpoint
from saxaul.http.ledger_views import LedgerPage, StatementView, WalletView, line_view, statement_view, wallet_view
from saxaul.http.operations import operation
from saxaul.http.project_views import TreeProjects, project_view
from saxaul.http.query import CURSOR, FreeText, WholeNumber
from saxaul.http.redemption_views import RedemptionPage, redemption_view
from saxaul.http.request import LANG, Request, Response, language_of
from saxaul.http.sizes import page_of
from saxaul.http.tree_views import ForestPage, forest_tree_view
from saxaul.ledger.history import LinePlace
from saxaul.ledger.identifiers import Id, Instant
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.meter_calls import take_call
from saxaul.services.read_forest import PROJECTS_CACHED_FOR, ForestPlace, RedemptionPlace, forest_reading
from saxaul.services.read_grants import covers_of
from saxaul.services.read_ledger import ledger_reading
from saxaul.settings import settings
from saxaul.trees.redemptions import MAX_TREES_PER_REDEMPTION

_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_ENTRIES_LIMIT = WholeNumber("limit", "The most entries of the page.", default=50, maximum=200)
_TREES_LIMIT = WholeNumber("limit", "The most trees of the page.", default=50, maximum=100)
_REDEMPTIONS_LIMIT = WholeNumber("limit", "The most redemptions of the page.", default=50, maximum=100)
_IN_MONTH = FreeText("month", "The month, such as 2026-06. Without it, the current month.", pattern=_MONTH.pattern)
_Name = Annotated[str, Field(pattern=r"^[!-~]+:[!-~]+$", max_length=256)]
"""The name of an entry: ``<app>:<action_id>``."""

_LINES: Cursors[tuple[int, str]] = Cursors("ledger", TypeAdapter(tuple[Instant, _Name]))
_REDEMPTIONS: Cursors[tuple[int, str]] = Cursors("redemptions", TypeAdapter(tuple[Instant, Id]))
_Number = Annotated[int, Field(ge=1, le=MAX_TREES_PER_REDEMPTION)]
_TREES: Cursors[tuple[int, str, int]] = Cursors("forest", TypeAdapter(tuple[Instant, Id, _Number]))


@operation("GET", "/users/{user_id}/wallet", TO_READ_A_PERSON, answers={200: WalletView})
def view_wallet(request: Request) -> Response:
    """Show a person's points and avoided grams. A person who has done nothing yet has zero points."""
    return Response(wallet_view(request.user_id, ledger_reading().position(request.user_id)))


@operation(
    "GET", "/users/{user_id}/ledger", TO_READ_A_PERSON, query=(_ENTRIES_LIMIT, CURSOR), answers={200: LedgerPage}
)
def view_ledger(request: Request) -> Response:
    """List a person's entries, newest first, with their points, their grams, the factor that applied, and reasons.

    They are sorted by ``occurred_at``. So an action that is reported late is not on the first page.
    """
    limit = _ENTRIES_LIMIT.of(request)
    place = _LINES.place_in(request, request.user_id)
    found = ledger_reading().lines(request.user_id, limit, LinePlace(*place) if place else None)
    entries = page_of(
        line_view(
            *(line, found.rules.get(line.rule), found.cap_uses.get(line.place, ())),
            *(request.base_url, settings().calendar, found.now),
        )
        for line in found.lines
    )
    continue_after = found.continue_after if len(entries) == len(found.lines) else found.lines[len(entries) - 1].place
    page: LedgerPage = {
        "entries": entries,
        "cursor": _LINES.cursor_for(continue_after, request.user_id) if continue_after else None,
    }
    return Response(page)


@operation("GET", "/users/{user_id}/statement", TO_READ_A_PERSON, query=(_IN_MONTH,), answers={200: StatementView})
def view_statement(request: Request) -> Response:
    """Sum a month of a person by action type: the actions, quantities, points and grams of all entries that count."""
    month = _IN_MONTH.of(request)
    if month is not None and not _MONTH.fullmatch(month):
        raise InvalidRequest("invalid_parameter", "month must be a year and a month, such as 2026-06.")
    found = ledger_reading().month(request.user_id, month)
    return Response(statement_view(request.user_id, found.month, found.totals, found.full_apps))


@operation(
    *("GET", "/users/{user_id}/redemptions", TO_READ_A_PERSON),
    query=(_REDEMPTIONS_LIMIT, CURSOR),
    answers={200: RedemptionPage},
)
def list_redemptions(request: Request) -> Response:
    """List a person's redemptions in any state, the most recently requested first, one page at a time.

    Rejected and cancelled redemptions are listed too. The list can be about a second behind: a redemption that was
    requested, rejected or cancelled a moment ago may be missing.
    """
    limit, place = _REDEMPTIONS_LIMIT.of(request), _REDEMPTIONS.place_in(request, request.user_id)
    found = forest_reading().requested(request.user_id, limit, RedemptionPlace(*place) if place else None)
    redemptions = page_of(redemption_view(redemption, settings().calendar) for redemption in found.redemptions)
    has_more = found.has_more or len(redemptions) < len(found.redemptions)
    last = found.redemptions[len(redemptions) - 1] if has_more else None
    page: RedemptionPage = {
        "user_id": request.user_id,
        "redemptions": redemptions,
        "cursor": _REDEMPTIONS.cursor_for((last.requested_at, last.redemption_id), request.user_id) if last else None,
    }
    return Response(page)


@operation(
    "GET", "/users/{user_id}/forest", TO_READ_A_PERSON, query=(LANG, _TREES_LIMIT, CURSOR), answers={200: ForestPage}
)
def view_forest(request: Request) -> Response:
    """List a person's trees, the most recently requested first, one page at a time."""
    language, limit = language_of(request), _TREES_LIMIT.of(request)
    place = _TREES.place_in(request, request.user_id)
    forest = forest_reading().trees(request.user_id, limit, ForestPlace(*place) if place else None)
    trees = page_of(
        forest_tree_view(owned.project, owned.redemption, owned.tree, settings().calendar, language)
        for owned in forest.trees
    )
    has_more = forest.has_more or len(trees) < len(forest.trees)
    cursor = _TREES.cursor_for(forest.trees[len(trees) - 1].place, request.user_id) if has_more else None
    page: ForestPage = {"user_id": request.user_id, "forest": trees, "cursor": cursor}
    return Response(page, language=language)


@operation(
    "GET", "/tree-projects", TO_SEARCH, query=(LANG,), answers={200: TreeProjects}, problems=("response_too_large",)
)
def list_tree_projects(request: Request) -> Response:
    """List every tree project with its price and its unreserved saplings.

    The response may be cached for a second, as `Cache-Control` says.
    """
    language, found = language_of(request), forest_reading().projects()
    projects: TreeProjects = {
        "projects": [
            project_view(identifier, project, found.stocks[identifier], settings().calendar, language, found.now)
            for identifier, project in found.projects.items()
        ]
    }
    caching = {"cache-control": f"private, max-age={PROJECTS_CACHED_FOR:.0f}"}
    return Response(projects, headers=caching, language=language)


handler = endpoint(
    *(view_wallet, view_ledger, view_statement, list_redemptions, view_forest, list_tree_projects),
    find_client=registered_client,
    take_call=take_call,
    covers_of=covers_of,
    read_again=wiring.read_catalog_again,
)
prepare(wiring.connect, _TREES.places.prepare, reading=wiring.read_catalog)
