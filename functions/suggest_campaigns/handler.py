"""Searches what people can do in the app that sends the request, trees, campaigns, and what the business does.

The search is the same for every person, unless the request names one.
"""

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple

from saxaul.catalog.entries import Language
from saxaul.http.conditions import client_has, etag_of_text
from saxaul.http.endpoint import Request, Response, endpoint, language_of, utf8_text, whole_number
from saxaul.http.personal_views import impersonal_view, personal_view
from saxaul.http.suggestion_views import figures_view, result_view
from saxaul.http.views import View
from saxaul.problems import InvalidRequest
from saxaul.search.index import SearchIndex
from saxaul.services.find_client import registered_client
from saxaul.services.personal import personal_reading
from saxaul.services.read_figures import figure_reading
from saxaul.services.read_grants import covers_of
from saxaul.services.search import live_index
from saxaul.services.wiring import today
from saxaul.settings import settings

_LONGEST_QUERY = 100
_MOST_RESULTS = 50
_CACHE_HEADERS = {"cache-control": "private, max-age=60", "vary": "Authorization"}
"""``vary`` is needed because responses differ by app, and the token in ``Authorization`` identifies the app."""
_PERSONAL_HEADERS = {"cache-control": "private, no-store"}


class _SearchRequest(NamedTuple):
    query: str
    app: str
    language: Language
    limit: int
    today: date


class _Results(NamedTuple):
    """The views of the results without the figures of the day, and whether they are only the front page."""

    views: Sequence[View]
    fallback: bool


def results_of(index: SearchIndex, search_request: _SearchRequest) -> _Results:
    """Search an index. Results are cached, because many people type the same text."""
    return cached_search(index)(search_request)


@lru_cache(maxsize=1)
def cached_search(index: SearchIndex) -> Callable[[_SearchRequest], _Results]:
    """Return a cached search of an index. Only that of one index is kept, so that a replaced index is freed."""
    return lru_cache(maxsize=512)(partial(_search, index))


def _search(index: SearchIndex, search_request: _SearchRequest) -> _Results:
    query, app, language, limit, today = search_request
    answer = index.search(query, app, today, limit, language)
    return _Results(
        [result_view(found, index.catalog, app, language, today) for found in answer.found], answer.fallback
    )


def suggest(request: Request) -> Response:
    query = request.query.get("q", "")
    if len(query) > _LONGEST_QUERY:
        raise InvalidRequest("invalid_parameter", f"q must have at most {_LONGEST_QUERY} characters.")
    language = language_of(request)
    limit = whole_number(request, "limit", default=10, maximum=_MOST_RESULTS)
    index, search_request = live_index().current(), _SearchRequest(query, request.app, language, limit, today())
    if request.person is not None:
        body = with_figures(_body_for(request.person, index, search_request), search_request.today)
        return Response(body, headers=_PERSONAL_HEADERS, language=language)
    body = with_figures(_body(search_request, results_of(index, search_request)), search_request.today)
    etag = etag_of_text(utf8_text(body))
    headers = {**_CACHE_HEADERS, "etag": etag}
    if client_has(request.header("if-none-match"), etag):
        return Response("", status=304, headers=headers, language=language)
    return Response(body, headers=headers, language=language)


def _body(search_request: _SearchRequest, results: _Results) -> View:
    return {"query": search_request.query, "fallback": results.fallback, "suggestions": results.views}


def _body_for(person: str, index: SearchIndex, search_request: _SearchRequest) -> View:
    """Return the response for a person: what pays no more today comes last, and a tree that is near is named.

    So that all of the best results can come first, the search looks for the most results and cuts the list afterwards.
    If the state of the person cannot be read, the response has the results that are the same for every person.
    """
    most = results_of(index, search_request._replace(limit=_MOST_RESULTS))
    action_types = {result["action_type"] for result in most.views if result["kind"] == "action"}
    found = personal_reading().find(person, action_types, index.catalog)
    if found is None:
        return impersonal_view(_body(search_request, results_of(index, search_request)))
    body, limit, language = _body(search_request, most), search_request.limit, search_request.language
    return personal_view(body, found.exhausted, found.next_tree, limit, settings().calendar, language)


def with_figures(body: View, day: date) -> View:
    """Return a response with the figures that change during the day."""
    results = body["suggestions"]
    projects = [result["id"] for result in results if result["kind"] == "tree_project"]
    facilities = [
        facility["id"] for result in results if result["kind"] == "initiative" for facility in result["facilities"]
    ]
    figures = figure_reading().figures(projects, facilities, day.year)
    calendar = settings().calendar
    return body | {"suggestions": [result | figures_view(result, figures, day.year, calendar) for result in results]}


handler = endpoint({("GET", "/suggestions"): suggest}, registered_client, covers_of)
