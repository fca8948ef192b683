"""Suggests what to do: answers a search with actions that users of the requesting app can do."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from saxaul.catalog.entries import Language
from saxaul.http.conditions import is_held, tag_of
from saxaul.http.endpoint import Request, Response, endpoint, language_of, sendable, whole_number
from saxaul.http.suggestion_views import suggestion_view
from saxaul.problems import InvalidRequest
from saxaul.search.index import SuggestionIndex
from saxaul.services.search import live_index
from saxaul.services.wiring import today

_LONGEST_QUERY = 100
_CACHING = {"cache-control": "private, max-age=60", "vary": "Authorization"}
"""Responses differ by app, and the token identifies the app."""


class _Question(NamedTuple):
    query: str
    app: str
    language: Language
    limit: int
    today: date


class _Answered(NamedTuple):
    body: Mapping[str, Any]
    etag: str


@lru_cache(maxsize=512)
def answer_to(index: SuggestionIndex, question: _Question) -> _Answered:
    """Return the response of an index to a question. Responses are cached, because many people type the same text."""
    query, app, language, limit, today = question
    answer = index.search(query, app, today, limit, language)
    shown = [suggestion_view(found, index.catalog, app, language, today) for found in answer.found]
    body = {"query": query, "fallback": answer.fallback, "suggestions": shown}
    return _Answered(body, tag_of(sendable(body)))


def suggest(request: Request) -> Response:
    query = request.query.get("q", "")
    if len(query) > _LONGEST_QUERY:
        raise InvalidRequest("invalid_parameter", f"q must have at most {_LONGEST_QUERY} characters.")
    language = language_of(request)
    limit = whole_number(request, "limit", default=10, most=50)
    body, etag = answer_to(live_index().current(), _Question(query, request.app, language, limit, today()))
    headers = {**_CACHING, "etag": etag}
    if is_held(request.header("if-none-match"), etag):
        return Response("", status=304, headers=headers)
    return Response(body, headers=headers)


handler = endpoint({("GET", "/suggestions"): suggest})
