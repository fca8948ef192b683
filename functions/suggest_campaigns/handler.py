"""Searches what people can do in the app that sends the request, trees, campaigns, and what the business does.

The search is the same for every person, unless the request names one.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from saxaul.startup import prepare
from saxaul.catalog.entries import Language
from saxaul.http.access import TO_SEARCH_FOR_A_PERSON
from saxaul.http.conditional_requests import client_has, etag_of_text
from saxaul.http.endpoint import endpoint, utf8_text
from saxaul.http.operations import ETAG, IF_NONE_MATCH, NOT_MODIFIED, Answer, operation
from saxaul.http.personal_views import PersonalSearchView, impersonal_view, personal_view
from saxaul.http.query import Day, FreeText, WholeNumber
from saxaul.http.request import LANG, Request, Response, language_of
from saxaul.http.suggestion_views import Caller, ResultView, SearchView, result_view, with_figures
from saxaul.problems import InvalidRequest
from saxaul.search.index import NOTHING_LAST, Last, SearchIndex
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.meter_calls import take_call
from saxaul.services.read_figures import MOST_PROJECTS, figure_reading
from saxaul.services.read_grants import covers_of
from saxaul.services.search import live_index, load_index_again
from saxaul.services.wiring import today
from saxaul.settings import settings

if TYPE_CHECKING:
    from saxaul.services.personal import PersonalReading

_QUERY = FreeText("q", "What to search for. Without it, the front page.", longest=100)
_LIMIT = WholeNumber("limit", "The most results.", default=10, maximum=50)
_ON = Day("on", "The day of a preview, today or later: the search of that day. Only operators can send it.")
_ETAG = ETAG._replace(text=f"{ETAG.text} The response for a person (`user_id`) does not have it.", required=False)
_SEARCHES = 3
"""The most searches of a request, if tree projects among its results turn out to be sold out."""
_CACHE_HEADERS = {"cache-control": "private, max-age=60", "vary": "Authorization"}
"""``vary`` is needed because responses differ by app, and the token in ``Authorization`` identifies the app."""
_PERSONAL_HEADERS = {"cache-control": "private, no-store"}


class _SearchRequest(NamedTuple):
    query: str
    caller: Caller
    language: Language
    limit: int
    today: date
    last: Last = NOTHING_LAST


class _Results(NamedTuple):
    """The views of the results without the figures of the day, and whether they are only the front page."""

    views: Sequence[ResultView]
    fallback: bool


def results_of(index: SearchIndex, search_request: _SearchRequest) -> _Results:
    """Search an index. Results are cached, because many people type the same text."""
    return cached_search(index)(search_request)


@lru_cache(maxsize=1)
def cached_search(index: SearchIndex) -> Callable[[_SearchRequest], _Results]:
    """Return a cached search of an index. Only that of one index is kept, so that a replaced index is freed."""
    return lru_cache(maxsize=512)(partial(_search, index))


def _search(index: SearchIndex, search_request: _SearchRequest) -> _Results:
    query, caller, language, limit, today, last = search_request
    answer = index.search(query, caller.app, today, limit, language, last)
    return _Results(
        [result_view(found, index.catalog, caller, language, today) for found in answer.found], answer.fallback
    )


@operation(
    *("GET", "/suggestions", TO_SEARCH_FOR_A_PERSON),
    query=(_QUERY, LANG, _LIMIT, _ON),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(SearchView | PersonalSearchView, headers=(_ETAG,)), 304: NOT_MODIFIED},
)
def suggest(request: Request) -> Response:
    """Search what a person can do in the calling app, tree projects, campaigns, and what the business itself does.

    With ``user_id``, the search takes into account what the person did today. If nothing matches the query, the
    response is the front page. With ``on``, an operator sees what the search will find on a later day.
    """
    query = _QUERY.of(request) or ""
    language = language_of(request)
    limit = _LIMIT.of(request)
    caller = Caller(request.app, request.caller.link_pattern)
    on = _preview_day(request)
    index = live_index().at(settings().calendar.end_of(on)) if on else live_index().current()
    search_request = _SearchRequest(query, caller, language, limit, on or today())
    if request.person is not None:
        personal = _body_for(request.person, index, search_request)
        return Response(personal, headers=_PERSONAL_HEADERS, language=language)
    body = _body(index, search_request, _search if on else results_of)
    etag = etag_of_text(utf8_text(body))
    headers = {**_CACHE_HEADERS, "etag": etag}
    if client_has(request.header("if-none-match"), etag):
        return Response("", status=304, headers=headers, language=language)
    return Response(body, headers=headers, language=language)


def _preview_day(request: Request) -> date | None:
    """Return the day of which an operator requests a preview, or None.

    Raises:
        InvalidRequest: the day is not a date, or it is over, or the client is not an operator's.
    """
    on = _ON.of(request)
    if on and request.caller.role != "operator":
        raise InvalidRequest("invalid_parameter", "on shows a preview, which only operators can see.")
    if on and on < today():
        raise InvalidRequest("invalid_parameter", "on must not be before today.")
    return on


def _body_for(person: str, index: SearchIndex, search_request: _SearchRequest) -> PersonalSearchView:
    """Return the response for a person: what pays no more today comes last, and a tree that is near is named.

    If the state of the person cannot be read, the response has the results that are the same for every person.
    """
    found = _personal_reading().find(person, index.catalog, figure_reading().sold_out)
    if found is None:
        return impersonal_view(_body(index, search_request), settings().calendar)
    body = _body(index, search_request._replace(last=Last(exhausted=frozenset(found.exhausted))))
    return personal_view(body, found.exhausted, found.next_tree, settings().calendar, search_request.language)


def _personal_reading() -> "PersonalReading":
    from saxaul.services.personal import personal_reading  # noqa: PLC0415 - only searches for a person need the ledger

    return personal_reading()


def _body(
    index: SearchIndex,
    search_request: _SearchRequest,
    find: Callable[[SearchIndex, _SearchRequest], _Results] = results_of,
) -> SearchView:
    """Return the response with the figures that change during the day. Tree projects that are sold out come last.

    ``find`` searches: with a cache, or without one for a preview, whose index is not kept. Only the stocks of the
    results are read. If one of them is sold out, those of all projects that may take its place are read too.
    """
    day, calendar = search_request.today, settings().calendar
    for _ in range(_SEARCHES):
        sold_out = _sold_out(index)
        last = search_request.last._replace(sold_out=sold_out)
        results = find(index, search_request._replace(last=last))
        figures = figure_reading().figures(*_named_in(results.views), day.year)
        if _sold_out(index) <= sold_out:
            break
        figure_reading().figures(_open_projects(index)[:MOST_PROJECTS], (), day.year)
    views = [with_figures(view, figures, day.year, calendar) for view in results.views]
    return {"query": search_request.query, "fallback": results.fallback, "suggestions": views}


def _sold_out(index: SearchIndex) -> frozenset[str]:
    """Return the open tree projects that are known to be sold out; none if all are, because people look for trees."""
    open_projects = _open_projects(index)
    sold_out = figure_reading().sold_out.intersection(open_projects)
    return sold_out if len(sold_out) < len(open_projects) else frozenset()


def _open_projects(index: SearchIndex) -> list[str]:
    return [name for name, project in index.catalog.tree_projects.items() if not project.closed]


def _named_in(views: Sequence[ResultView]) -> tuple[list[str], list[str]]:
    """Return the tree projects among results, and the facilities of the initiatives among them."""
    facilities = [
        facility["facility_id"] for view in views if view["kind"] == "initiative" for facility in view["facilities"]
    ]
    return [view["id"] for view in views if view["kind"] == "tree_project"], facilities


handler = endpoint(
    suggest,
    find_client=registered_client,
    take_call=take_call,
    covers_of=covers_of,
    read_again=load_index_again,
)
prepare(wiring.connect, _personal_reading, reading=lambda: live_index().current())
