"""Searches what people can do in the app that sends the request, trees, campaigns, and what the business does."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from saxaul.catalog.entries import Language
from saxaul.http.conditions import client_has, etag_of_text
from saxaul.http.endpoint import Request, Response, endpoint, language_of, utf8_text, whole_number
from saxaul.http.suggestion_views import figures_view, result_view
from saxaul.http.views import View
from saxaul.problems import InvalidRequest
from saxaul.search.index import SearchIndex
from saxaul.services.find_client import registered_client
from saxaul.services.read_figures import figure_reading
from saxaul.services.search import live_index
from saxaul.services.wiring import today
from saxaul.settings import settings

_LONGEST_QUERY = 100
_CACHE_HEADERS = {"cache-control": "private, max-age=60", "vary": "Authorization"}
"""``vary`` is needed because responses differ by app, and the token in ``Authorization`` identifies the app."""


class _SearchRequest(NamedTuple):
    query: str
    app: str
    language: Language
    limit: int
    today: date


@lru_cache(maxsize=512)
def results_of(index: SearchIndex, search_request: _SearchRequest) -> tuple[Sequence[View], bool]:
    """Search an index. Return the views of the results, and whether they are only the front page.

    They are cached, because many people type the same text.
    """
    query, app, language, limit, today = search_request
    answer = index.search(query, app, today, limit, language)
    return [result_view(found, index.catalog, app, language, today) for found in answer.found], answer.fallback


def suggest(request: Request) -> Response:
    query = request.query.get("q", "")
    if len(query) > _LONGEST_QUERY:
        raise InvalidRequest("invalid_parameter", f"q must have at most {_LONGEST_QUERY} characters.")
    language = language_of(request)
    limit = whole_number(request, "limit", default=10, maximum=50)
    day = today()
    results, fallback = results_of(live_index().current(), _SearchRequest(query, request.app, language, limit, day))
    body = {"query": query, "fallback": fallback, "suggestions": with_figures(results, day)}
    etag = etag_of_text(utf8_text(body))
    headers = {**_CACHE_HEADERS, "etag": etag}
    if client_has(request.header("if-none-match"), etag):
        return Response("", status=304, headers=headers)
    return Response(body, headers=headers)


def with_figures(results: Sequence[View], day: date) -> list[View]:
    """Return the views of results with the figures that change during the day."""
    projects = [view["id"] for view in results if view["kind"] == "tree_project"]
    facilities = [facility["id"] for view in results if view["kind"] == "initiative" for facility in view["facilities"]]
    figures = figure_reading().figures(projects, facilities, day.year)
    return [view | figures_view(view, figures, day.year, settings().calendar) for view in results]


handler = endpoint({("GET", "/suggestions"): suggest}, registered_client)
