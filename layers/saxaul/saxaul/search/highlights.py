"""Find the parts of a document that the words of a query matched, so that an app can show them in bold."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import repeat
from typing import NamedTuple

from saxaul.catalog.entries import Language, Synonyms
from saxaul.search.documents import Document
from saxaul.search.folding import Word
from saxaul.search.ladders import MAX_LOCATED, Ladder, Located
from saxaul.search.locating import LOCATORS, Locate, Passage, Spot, find_written, passage_of
from saxaul.search.matching import Find
from saxaul.search.terms import Space


class Part(NamedTuple):
    """A part of a text, and whether the query matched it."""

    text: str
    match: bool


class Match(NamedTuple):
    """A text of a document that the query matched, divided so that an app can show the matched parts in bold.

    Attributes:
        field: the source of the text: ``title``, ``keyword``, ``text``, ``synonym``, or that of a related word, such as
            ``action_type``.
        text: the whole text.
        words: the folded words of the query that matched; several words that the search joined are one word.
        parts: the text in parts. All parts joined are the text.
    """

    field: str
    text: str
    words: tuple[str, ...]
    parts: tuple[Part, ...]


_TITLE, _KEYWORD, _TEXT, _RELATED, _SYNONYM = "title", "keyword", "text", "related", "synonym"
_FIELDS = {
    Space.WHOLE_TITLE: (_TITLE,),
    Space.TITLE: (_TITLE,),
    Space.KEYWORD: (_KEYWORD,),
    Space.RELATED: (_RELATED,),
    Space.SYNONYM: (_SYNONYM,),
    Space.TEXT: (_TEXT,),
}
"""The fields in which a match is looked for, by the space (`terms.py`) of its key. For other spaces: ``_ANY_FIELD``."""
_ANY_FIELD = (_TITLE, _KEYWORD, _RELATED, _SYNONYM)


class Highlighter:
    """Finds the parts of documents that queries matched, for one catalog."""

    def __init__(
        self, documents: Sequence[Document], synonyms: Mapping[str, Synonyms], groups_of: Callable[[int], Sequence[str]]
    ) -> None:
        """Find parts of documents and of their synonyms.

        Args:
            documents: the documents by number.
            synonyms: the groups of synonyms.
            groups_of: returns the groups of a document, by its number.
        """
        self._passages = _Passages(documents, synonyms, groups_of)

    def matches(self, find: Find, number: int, language: Language) -> tuple[Match, ...]:
        """Return the texts that the words of a query matched: one text for each word.

        Texts in the requested language are searched first.
        """
        found: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
        for ladder, documents in zip(find.ladders, find.of_ladders or repeat(-1), strict=False):
            if documents >> number & 1 and (spot := self._spot(ladder, number, language)):
                field, text, part = spot
                found.setdefault((field, text), {}).setdefault(ladder.word.text, part)
        return tuple(
            Match(field, text, tuple(spans), _parts_of(text, tuple(spans.values())))
            for (field, text), spans in found.items()
        )

    def _spot(self, ladder: Ladder, number: int, language: Language) -> Located | None:
        """Find what a word matched in a document, or return what was found for an earlier query."""
        key = number, language
        if key not in ladder.located:
            if len(ladder.located) >= MAX_LOCATED:
                ladder.located.clear()
            ladder.located[key] = _locate(self._passages, ladder, number, language)
        return ladder.located[key]


class _Passages:
    """The texts of documents and of their synonyms."""

    def __init__(
        self, documents: Sequence[Document], synonyms: Mapping[str, Synonyms], groups_of: Callable[[int], Sequence[str]]
    ) -> None:
        self.groups_of = groups_of
        self.synonyms = lru_cache(maxsize=4096)(partial(_synonyms_in, synonyms))
        self.of = lru_cache(maxsize=16_384)(partial(_passage_in, documents))
        self.in_synonyms = lru_cache(maxsize=16_384)(partial(_in_synonyms, self.synonyms))


def _locate(passages: _Passages, ladder: Ladder, number: int, language: Language) -> Located | None:
    """Find what a word matched in a document that it has found."""
    space, words = ladder.space_of(number), ladder.written_in(number)
    for locate in LOCATORS.get(space, (find_written,)):
        for field in _FIELDS.get(space, _ANY_FIELD):
            if field == _SYNONYM:
                if located := _locate_in_groups(passages, passages.groups_of(number), locate, words):
                    return located
                continue
            passage = passages.of(number, field, language)
            for word in words:
                if spot := locate(word, passage):
                    return _in(passage, spot)
    return None


def _locate_in_groups(
    passages: _Passages, groups: Sequence[str], locate: Locate, words: Sequence[Word]
) -> Located | None:
    for group in groups:
        for word in words:
            if spot := passages.in_synonyms(group, locate, word):
                return _in(passages.synonyms(group), spot)
    return None


def _synonyms_in(synonyms: Mapping[str, Synonyms], group: str) -> Passage:
    words = synonyms[group].words
    return passage_of([_SYNONYM] * len(words), words)


def _in_synonyms(passage_of_group: Callable[[str], Passage], group: str, locate: Locate, word: Word) -> Spot | None:
    return locate(word, passage_of_group(group))


def _in(passage: Passage, spot: Spot) -> Located:
    number, part = spot
    return passage.fields[number], passage.texts[number], part


def _passage_in(documents: Sequence[Document], number: int, field: str, language: Language) -> Passage:
    document = documents[number]
    if field == _RELATED:
        return passage_of([source for source, _ in document.related], [word for _, word in document.related])
    if field == _KEYWORD:
        texts: Sequence[str] = document.keywords
    elif field == _TITLE:
        texts = document.titles_first_in(language)
    else:
        texts = document.texts_first_in(language)
    return passage_of([field] * len(texts), texts)


@lru_cache(maxsize=16_384)
def _parts_of(text: str, spans: Sequence[tuple[int, int]]) -> tuple[Part, ...]:
    parts: list[Part] = []
    place = 0
    for start, end in sorted(spans):
        if start > place:
            parts.append(Part(text[place:start], match=False))
        if end > place:
            parts.append(Part(text[max(start, place) : end], match=True))
            place = end
    if place < len(text):
        parts.append(Part(text[place:], match=False))
    return tuple(parts)
