"""Searches the suggestions: green actions that people can do and report in the app that sends the request."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from saxaul.catalog.entries import Language
from saxaul.http.conditions import client_has, etag_of_text
from saxaul.http.endpoint import Request, Response, endpoint, language_of, utf8_text, whole_number
from saxaul.http.suggestion_views import suggestion_view
from saxaul.problems import InvalidRequest
from saxaul.search.index import SuggestionIndex
from saxaul.services.find_client import registered_client
from saxaul.services.search import live_index
from saxaul.services.wiring import today

_LONGEST_QUERY = 100
_CACHE_HEADERS = {"cache-control": "private, max-age=60", "vary": "Authorization"}
"""``vary`` is needed because responses differ by app, and the token in ``Authorization`` identifies the app."""


class _SearchRequest(NamedTuple):
    query: str
    app: str
    language: Language
    limit: int
    today: date


class _SearchResponse(NamedTuple):
    body: Mapping[str, Any]
    etag: str


@lru_cache(maxsize=512)
def response_to(index: SuggestionIndex, search_request: _SearchRequest) -> _SearchResponse:
    """Search an index and return the response. Responses are cached, because many people type the same text."""
    query, app, language, limit, today = search_request
    answer = index.search(query, app, today, limit, language)
    shown = [suggestion_view(found, index.catalog, app, language, today) for found in answer.found]
    body = {"query": query, "fallback": answer.fallback, "suggestions": shown}
    return _SearchResponse(body, etag_of_text(utf8_text(body)))


def suggest(request: Request) -> Response:
    query = request.query.get("q", "")
    if len(query) > _LONGEST_QUERY:
        raise InvalidRequest("invalid_parameter", f"q must have at most {_LONGEST_QUERY} characters.")
    language = language_of(request)
    limit = whole_number(request, "limit", default=10, maximum=50)
    body, etag = response_to(live_index().current(), _SearchRequest(query, request.app, language, limit, today()))
    headers = {**_CACHE_HEADERS, "etag": etag}
    if client_has(request.header("if-none-match"), etag):
        return Response("", status=304, headers=headers, language=language)
    return Response(body, headers=headers, language=language)


handler = endpoint({("GET", "/suggestions"): suggest}, registered_client)
