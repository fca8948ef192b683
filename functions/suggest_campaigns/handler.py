"""Suggests what to do: answers a search with what the asking app's users can do today."""

from functools import cache
from time import time
from typing import Any

from saxaul.api import Request, Response, door, language_of, whole_number
from saxaul.catalog import Catalogue, Language
from saxaul.problems import InvalidRequest
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.table import Table
from saxaul.suggestions import Found, SuggestionIndex
from saxaul.views import grams

_LONGEST_QUERY = 100


@cache
def _catalog() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


class _Indexed:
    """The index of the catalogue that was read last."""

    def __init__(self) -> None:
        self._catalogue: Catalogue | None = None
        self._index = SuggestionIndex(Catalogue())

    def of(self, catalogue: Catalogue) -> SuggestionIndex:
        if catalogue is not self._catalogue:
            self._catalogue, self._index = catalogue, SuggestionIndex(catalogue)
        return self._index


_indexed = _Indexed()


def suggest(request: Request) -> Response:
    query = request.query.get("q", "")
    if len(query) > _LONGEST_QUERY:
        raise InvalidRequest("invalid_parameter", f"q has at most {_LONGEST_QUERY} characters.")
    language = language_of(request)
    limit = whole_number(request, "limit", default=10, most=50)
    catalogue = _catalog().catalogue()
    today = settings().calendar.day_of(int(time()))
    answer = _indexed.of(catalogue).search(query, request.app, today, limit)
    shown = [_view(found, catalogue, request.app, language) for found in answer.found]
    return Response({"query": query, "fallback": answer.fallback, "suggestions": shown})


def _view(found: Found, catalogue: Catalogue, app: str, language: Language) -> dict[str, Any]:
    suggestion = found.suggestion
    action_type = catalogue.action_types[suggestion.action_type]
    reward, evidence = action_type.points, action_type.avoided_g
    return {
        "id": found.identifier,
        "title": suggestion.titles.in_language(language),
        "text": suggestion.texts.in_language(language),
        "action_type": suggestion.action_type,
        "unit": action_type.unit,
        "points": float(reward.value) if reward else 0,
        "avoided_g": grams(evidence.value),
        "avoided_g_source": evidence.source or None,
        "campaign": suggestion.campaign,
        "link": suggestion.links.get(app),
    }


handler = door({("GET", "/suggestions"): suggest})
