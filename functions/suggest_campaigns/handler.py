"""Searches the suggestions: green actions that people can do and report in the app that sends the request.

The search is the same for every person, unless the request names one.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from saxaul.catalog.entries import Language
from saxaul.http.conditions import client_has, etag_of_text
from saxaul.http.endpoint import Request, Response, endpoint, language_of, utf8_text, whole_number
from saxaul.http.personal_views import impersonal_view, personal_view
from saxaul.http.suggestion_views import suggestion_view
from saxaul.problems import InvalidRequest
from saxaul.search.index import SuggestionIndex
from saxaul.services.find_client import registered_client
from saxaul.services.personal import personal_reading
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
    limit = whole_number(request, "limit", default=10, maximum=_MOST_RESULTS)
    index, search_request = live_index().current(), _SearchRequest(query, request.app, language, limit, today())
    if request.person is not None:
        body = _body_for(request.person, index, search_request)
        return Response(body, headers=_PERSONAL_HEADERS, language=language)
    body, etag = response_to(index, search_request)
    headers = {**_CACHE_HEADERS, "etag": etag}
    if client_has(request.header("if-none-match"), etag):
        return Response("", status=304, headers=headers, language=language)
    return Response(body, headers=headers, language=language)


def _body_for(person: str, index: SuggestionIndex, search_request: _SearchRequest) -> Mapping[str, Any]:
    """Return the response for a person: what pays no more today comes last, and a tree that is near is named.

    So that all of the best results can come first, the search looks for the most results and cuts the list afterwards.
    If the state of the person cannot be read, the response has the results that are the same for every person.
    """
    most, _ = response_to(index, search_request._replace(limit=_MOST_RESULTS))
    action_types = {result["action_type"] for result in most["suggestions"] if result.get("action_type")}
    found = personal_reading().find(person, action_types, index.catalog)
    if found is None:
        return impersonal_view(response_to(index, search_request).body)
    limit, language, calendar = search_request.limit, search_request.language, settings().calendar
    return personal_view(most, found.exhausted, found.next_tree, limit, calendar, language)


handler = endpoint({("GET", "/suggestions"): suggest}, registered_client, covers_of)
