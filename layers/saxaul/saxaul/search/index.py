"""The search index of one catalog."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

from saxaul.catalog.entries import Catalog, Language
from saxaul.search.building import Built, build
from saxaul.search.documents import Document
from saxaul.search.folding import words_of
from saxaul.search.highlights import Highlighter, Match
from saxaul.search.ladders import Known
from saxaul.search.matching import Find, Grade, Matcher
from saxaul.search.ranking import Ranking


class Found(NamedTuple):
    """A document that was found, and the parts of its texts that the query matched."""

    document: Document
    matched: tuple[Match, ...]


class Last(NamedTuple):
    """What comes after all other results: action types that pay no more today, and tree projects that are sold out."""

    exhausted: frozenset[str] = frozenset()
    sold_out: frozenset[str] = frozenset()


NOTHING_LAST = Last()


class SearchAnswer(NamedTuple):
    """The documents for a query, best first.

    ``fallback`` is true if nothing matched the query. Then ``found`` is the front page: the best of the day.
    """

    found: tuple[Found, ...]
    fallback: bool


class SearchIndex:
    """Finds the documents of one catalog, in which no entry refers to a missing entry."""

    def __init__(self, catalog: Catalog, built: Built | None = None) -> None:
        """Build the index of a catalog, unless its data is given, which was built before."""
        self.catalog = catalog
        self.built = built = built or build(catalog)
        members = list(built.members.all().values())
        self._ranking = Ranking(catalog, built.order)
        self._highlighter = Highlighter(built.documents, catalog.synonyms, built.groups.of)
        self._matcher = Matcher(Known(built.spaces, len(built.documents), members, built.remains, built.forms))

    @property
    def documents(self) -> Sequence[Document]:
        """What the index can find, by number."""
        return self.built.documents

    def search(
        self,
        query: str,
        app: str,
        today: date,
        limit: int,
        language: Language = "en",
        last: Last = NOTHING_LAST,
    ) -> SearchAnswer:
        """Return the documents that match a query, best first, and those of ``last`` after all others.

        If the query is empty or matches nothing, return the front page: the best documents of the day ``today``.
        """
        words = words_of(query)
        best = self._best(partial(self._matcher.grades, words), app, today, limit, last) if words else []
        fallback = bool(query.strip()) and not best
        if not best:
            best = self._best(lambda: [[Find(self._ranking.everything, ())]], app, today, limit, last)
        return SearchAnswer(tuple(self._found(number, find, language) for number, find in best), fallback)

    def _best(
        self, grades: Callable[[], Iterable[Grade]], app: str, today: date, limit: int, last: Last
    ) -> list[tuple[int, Find]]:
        ranking = self._ranking
        of_last = ranking.documents_last(*last)
        best = ranking.best(grades(), app, today, limit, ranking.everything & ~of_last)
        if of_last and len(best) < limit:
            best += ranking.best(grades(), app, today, limit - len(best), of_last)
        return best

    def _found(self, number: int, find: Find, language: Language) -> Found:
        document = self.documents[number]
        return Found(document, self._highlighter.matches(find, number, language))
