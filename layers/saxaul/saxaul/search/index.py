"""The search index of one catalog."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import NamedTuple

from saxaul.catalog.entries import Catalog, Language
from saxaul.search.documents import Document
from saxaul.search.folding import words_of
from saxaul.search.highlights import Highlighter, Match
from saxaul.search.ladders import Known
from saxaul.search.matching import Find, Grade, Matcher
from saxaul.search.postings import Postings
from saxaul.search.ranking import Ranking, set_of
from saxaul.search.terms import TYPED_SPACES, Space, Vocabulary


class Found(NamedTuple):
    """A document that was found, and the parts of its texts that the query matched."""

    document: Document
    matched: tuple[Match, ...]


class Last(NamedTuple):
    """What comes after all other results: action types that pay no more today, and tree projects that are sold out."""

    exhausted: frozenset[str] = frozenset()
    sold_out: frozenset[str] = frozenset()


NOTHING_LAST = Last()


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
        vocabulary = Vocabulary(catalog)
        self._ranking = Ranking(catalog)
        groups = [vocabulary.groups_of(document) for document in self.documents]
        self._highlighter = Highlighter(self.documents, vocabulary.groups, groups)
        self._matcher = Matcher(_known(self.documents, groups, vocabulary))

    @property
    def documents(self) -> Sequence[Document]:
        """What the index can find, by number."""
        return self._ranking.documents

    def search(
        self,
        query: str,
        app: str,
        today: date,
        limit: int,
        language: Language = "en",
        last: Last = NOTHING_LAST,
    ) -> Answer:
        """Return the documents that match a query, best first, and those of ``last`` after all others.

        If the query is empty or matches nothing, return the front page: the best documents of the day ``today``.
        """
        words = words_of(query)
        best = self._best(partial(self._matcher.grades, words), app, today, limit, last) if words else []
        fallback = bool(query.strip()) and not best
        if not best:
            best = self._best(lambda: [[Find(self._ranking.everything, ())]], app, today, limit, last)
        return Answer(tuple(self._found(number, find, language) for number, find in best), fallback)

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
        document = self._ranking.documents[number]
        return Found(document, self._highlighter.matches(find, number, language))


def _known(documents: Sequence[Document], groups: Sequence[Sequence[str]], vocabulary: Vocabulary) -> Known:
    """Return the keys of all documents and groups of synonyms, by the space where a word can match (``Space``).

    The groups are numbered after the documents. ``groups`` has those of each document.
    """
    keys: dict[Space, dict[str, list[int]]] = {space: defaultdict(list) for space in Space}
    members: dict[str, list[int]] = defaultdict(list)
    for number, document in enumerate(documents):
        for space, key in vocabulary.terms_of(document):
            keys[space][key].append(number)
        for group in groups[number]:
            members[group].append(number)
    for number, group in enumerate(members, len(documents)):
        for space, key in vocabulary.terms_of_group(group):
            keys[space][key].append(number)
    typed: dict[str, list[int]] = {}
    for space in TYPED_SPACES:
        for key, numbers in keys[space].items():
            if key.isascii():
                typed[key] = sorted({*typed[key], *numbers}) if key in typed else numbers
    keys[Space.TYPED] = typed
    size = len(documents) + len(members)
    spaces = {space: Postings(numbers, size) for space, numbers in keys.items()}
    return Known(spaces, len(documents), list(map(set_of, members.values())))
