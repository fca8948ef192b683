"""Find the parts of a document that the words of a query matched, so that an app can show them in bold."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from itertools import accumulate
from typing import NamedTuple

from saxaul.catalog.entries import Language
from saxaul.search.documents import Document
from saxaul.search.folding import Word, places_of, words_of
from saxaul.search.hanzi import readings
from saxaul.search.ladders import Ladder
from saxaul.search.pinyin import as_pinyin
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
    Space.TITLE: (_TITLE,),
    Space.KEYWORD: (_KEYWORD,),
    Space.RELATED: (_RELATED,),
    Space.TEXT: (_TEXT,),
}
"""The fields in which a match is looked for, by the space (`terms.py`) of its key. For other spaces: ``_ANY_FIELD``."""
_ANY_FIELD = (_TITLE, _KEYWORD, _RELATED)


class _Passage(NamedTuple):
    """Texts of a document or of a group of synonyms, each with its field.

    ``lines`` has all texts in folded form, one on each line, so that one search covers all of them. ``starts`` has the
    position at which each line starts.
    """

    fields: Sequence[str]
    texts: Sequence[str]
    lines: str
    starts: Sequence[int]


_Spot = tuple[int, tuple[int, int]]
"""A part of a passage: the index of the text, and the start and end of the part in that text."""

_Locate = Callable[[Word, _Passage], _Spot | None]


_Found = tuple[str, str, tuple[int, int]]
"""What a word matched: the field, the text, and the start and end of the part in the text."""


class Highlighter:
    """Finds the parts of documents that queries matched, for one catalog.

    What it found is kept, because people type a query letter by letter, and most of its words stay the same.
    """

    def __init__(
        self, documents: Sequence[Document], synonyms: Mapping[str, Sequence[str]], groups: Sequence[Sequence[str]]
    ) -> None:
        """Find parts of documents and of their synonyms.

        Args:
            documents: the documents by number.
            synonyms: the words of each group of synonyms.
            groups: the groups of each document, by number.
        """
        passages = _Passages(documents, synonyms, groups)
        self._found = lru_cache(maxsize=32_768)(partial(_find, passages))

    def matches(self, ladders: Sequence[Ladder], number: int, language: Language) -> tuple[Match, ...]:
        """Return the texts that the words of a query matched: one text for each word.

        Texts in the requested language are searched first.
        """
        found: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
        for ladder in ladders:
            if ladder.has_found(number) and (spot := self._found(ladder, number, language)):
                field, text, part = spot
                found.setdefault((field, text), {}).setdefault(ladder.word.text, part)
        return tuple(
            Match(field, text, tuple(spans), _parts_of(text, tuple(spans.values())))
            for (field, text), spans in found.items()
        )


class _Passages:
    """The texts of documents and of their synonyms."""

    def __init__(
        self, documents: Sequence[Document], synonyms: Mapping[str, Sequence[str]], groups: Sequence[Sequence[str]]
    ) -> None:
        self.groups = groups
        self.synonyms = {name: _passage([_SYNONYM] * len(words), words) for name, words in synonyms.items()}
        self.of = lru_cache(maxsize=16_384)(partial(_passage_in, documents))
        self.in_synonyms = lru_cache(maxsize=16_384)(partial(_in_synonyms, self.synonyms))


def _find(passages: _Passages, ladder: Ladder, number: int, language: Language) -> _Found | None:
    """Find what a word matched in a document that it has found."""
    space, words = ladder.space_of(number), ladder.written_in(number)
    for locate in _LOCATORS.get(space, (_find_written,)):
        for field in _FIELDS.get(space, _ANY_FIELD):
            passage = passages.of(number, field, language)
            for word in words:
                if spot := locate(word, passage):
                    return _in(passage, spot)
            if field == _RELATED and (found := _find_in_groups(passages, passages.groups[number], locate, words)):
                return found
    return None


def _find_in_groups(
    passages: _Passages, groups: Sequence[str], locate: _Locate, words: Sequence[Word]
) -> _Found | None:
    for group in groups:
        for word in words:
            if spot := passages.in_synonyms(group, locate, word):
                return _in(passages.synonyms[group], spot)
    return None


def _in_synonyms(synonyms: Mapping[str, _Passage], group: str, locate: _Locate, word: Word) -> _Spot | None:
    return locate(word, synonyms[group])


def _in(passage: _Passage, spot: _Spot) -> _Found:
    number, part = spot
    return passage.fields[number], passage.texts[number], part


def _passage_in(documents: Sequence[Document], number: int, field: str, language: Language) -> _Passage:
    document = documents[number]
    if field == _RELATED:
        return _passage([source for source, _ in document.related], [word for _, word in document.related])
    if field == _KEYWORD:
        texts: Sequence[str] = document.keywords
    elif field == _TITLE:
        texts = document.titles_first_in(language)
    else:
        texts = document.texts_first_in(language)
    return _passage([field] * len(texts), texts)


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


def _passage(fields: Sequence[str], texts: Sequence[str]) -> _Passage:
    lines = ["".join(word.text for word in words_of(text)) + "\n" for text in texts]
    return _Passage(fields, texts, "".join(lines), list(accumulate(map(len, lines), initial=0)))


def _find_written(word: Word, passage: _Passage) -> _Spot | None:
    """Find a word in the folded texts of a passage."""
    place = passage.lines.find(word.text)
    while place >= 0:
        number = bisect_right(passage.starts, place) - 1
        if part := _written_span(word.text, passage.texts[number]):
            return number, part
        place = passage.lines.find(word.text, passage.starts[number + 1])
    return None


def _find_pinyin(word: Word, passage: _Passage) -> _Spot | None:
    """Find the hanzi in a passage that a word spells in pinyin."""
    if word.hanzi:
        return None
    pinyin = as_pinyin(word.apart or word.text)
    for number, text in enumerate(passage.texts):
        if pinyin[0] in _first_letters(text) and (part := _pinyin_span(pinyin, text)):
            return number, part
    return None


class _Folded(NamedTuple):
    """The words of a text as one string.

    Attributes:
        text: the string.
        parts: for each character of the string, the start and end of the original characters that became it.
        starts: the positions in the string where a match may start.
    """

    text: str
    parts: Sequence[tuple[int, int]]
    starts: Collection[int]


@lru_cache(maxsize=4096)
def _folded(text: str) -> _Folded:
    letters: list[str] = []
    parts: list[tuple[int, int]] = []
    starts: set[int] = set()
    for word in words_of(text):
        letters.append(word.text)
        starts.update(range(len(parts), len(parts) + len(word.text)) if word.hanzi else [len(parts)])
        parts += places_of(text, word)[: len(word.text)]
    return _Folded("".join(letters), parts, starts)


@lru_cache(maxsize=16_384)
def _written_span(word: str, text: str) -> tuple[int, int] | None:
    folded = _folded(text)
    place = folded.text.find(word)
    while place >= 0:
        if place in folded.starts:
            return folded.parts[place][0], folded.parts[place + len(word) - 1][1]
        place = folded.text.find(word, place + 1)
    return None


@lru_cache(maxsize=16_384)
def _pinyin_span(word: str, text: str) -> tuple[int, int] | None:
    """Return the start and end of the hanzi in a text that a word spells in pinyin.

    Full syllables are tried first, then the first letters of the syllables.
    """
    for first_letters in (False, True):
        for run, letters in _spelled_runs(text):
            for start, possible in enumerate(letters):
                if word[0] in possible and (end := _match_pinyin(word, run.text, start, first_letters)):
                    places = places_of(text, run)
                    return places[start][0], places[end - 1][1]
    return None


@lru_cache(maxsize=16_384)
def _first_letters(text: str) -> frozenset[str]:
    """Return the letters with which the pinyin of any character of a text may begin."""
    return frozenset(letter for _, letters in _spelled_runs(text) for possible in letters for letter in possible)


@lru_cache(maxsize=8192)
def _spelled_runs(text: str) -> Sequence[tuple[Word, Sequence[str]]]:
    """Return the runs of hanzi in a text, each with the letters with which the pinyin of each character may begin."""
    return [
        (run, ["".join(reading[0] for reading in readings(character)) for character in run.text])
        for run in words_of(text)
        if run.hanzi
    ]


def _match_pinyin(typed: str, run: str, place: int, first_letters: bool) -> int:
    """Compare typed pinyin with the characters of a run of hanzi from a position on.

    Return the position in the run after the last matching character, or 0 if the pinyin does not match.
    """
    rests = {typed}
    while place < len(run):
        expected = {reading[0] if first_letters else reading for reading in readings(run[place])}
        place += 1
        if any(syllable.startswith(rest) for rest in rests for syllable in expected):
            return place
        # Several readings may match. All that is left of the typed pinyin after any of them is compared together,
        # because to follow each of them separately could take very long.
        rests = {
            rest[len(syllable) :].lstrip("'") for rest in rests for syllable in expected if rest.startswith(syllable)
        }
    return 0


_LOCATORS = {
    Space.TYPED: (_find_written, _find_pinyin),
    **dict.fromkeys((Space.SPELLED, Space.SPELLED_PART, Space.INITIALS, Space.INITIALS_PART), (_find_pinyin,)),
}
"""The functions that locate a match, by the space in which the search found it. Other spaces use ``_find_written``."""
