"""The search index of one catalog."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from saxaul.catalog.entries import Catalog, Language
from saxaul.search.documents import Document
from saxaul.search.folding import words_of
from saxaul.search.highlights import Highlighter, Match
from saxaul.search.ladders import TYPED_SPACES
from saxaul.search.matching import Find, Matcher
from saxaul.search.postings import Postings
from saxaul.search.ranking import Ranking
from saxaul.search.terms import Space, Vocabulary


class Found(NamedTuple):
    """A document that was found, and the parts of its texts that the query matched."""

    document: Document
    matched: tuple[Match, ...]


@dataclass(frozen=True)
class Answer:
    """The documents for a query, best first.

    ``fallback`` is true if nothing matched the query. Then ``found`` is the front page: the best of the day.
    """

    found: tuple[Found, ...]
    fallback: bool


class SearchIndex:
    """Finds the documents of one catalog, in which no entry refers to a missing entry."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._vocabulary = Vocabulary(catalog)
        self._highlighter = Highlighter(self._vocabulary)
        self._ranking = Ranking(catalog)
        self._matcher = Matcher(self._spaces())

    @property
    def documents(self) -> Sequence[Document]:
        """What the index can find, by number."""
        return self._ranking.documents

    def search(self, query: str, app: str, today: date, limit: int, language: Language = "en") -> Answer:
        """Return the documents that match a query, best first.

        If the query is empty or matches nothing, return the front page: the best documents of the day ``today``.
        """
        words = words_of(query)
        best = self._ranking.best(self._matcher.grades(words), app, today, limit) if words else []
        fallback = bool(query.strip()) and not best
        if not best:
            front_page = [[Find(self._ranking.everything, ())]]
            best = self._ranking.best(front_page, app, today, limit)
        return Answer(tuple(self._found(number, find, language) for number, find in best), fallback)

    def _found(self, number: int, find: Find, language: Language) -> Found:
        document = self._ranking.documents[number]
        return Found(document, self._highlighter.matches(find.ladders, number, document, language))

    def _spaces(self) -> Mapping[Space, Postings]:
        """Return the keys of all documents, grouped by the place where a word can match (``Space``)."""
        documents: dict[Space, dict[str, list[int]]] = {space: defaultdict(list) for space in Space}
        for number, document in enumerate(self._ranking.documents):
            for space, key in self._vocabulary.terms_of(document):
                documents[space][key].append(number)
        typed: dict[str, list[int]] = {}
        for space in TYPED_SPACES:
            for key, numbers in documents[space].items():
                if key.isascii():
                    typed[key] = sorted({*typed[key], *numbers}) if key in typed else numbers
        documents[Space.TYPED] = typed
        size = len(self._ranking.documents)
        return {space: Postings(keys, size) for space, keys in documents.items()}
