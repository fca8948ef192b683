"""Why a suggestion was found: the part of it that a word of the query matched, for an app to show in bold."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from saxaul.catalog import Language, Suggestion
from saxaul.search.folding import Word, words_of
from saxaul.search.hanzi import readings
from saxaul.search.matching import Ladder
from saxaul.search.terms import Space, Vocabulary


class Match(NamedTuple):
    """A part of a suggestion that a word of the query found.

    Attributes:
        word: the word, as it was understood.
        field: ``title``, ``keyword`` or ``text``; ``action_type``, ``campaign`` or ``synonym`` where these lent it.
        text: the whole text of which it is a part.
        start, end: the part, in characters of the text.
    """

    word: str
    field: str
    text: str
    start: int
    end: int


_TITLE, _KEYWORD, _TEXT, _LENT = "title", "keyword", "text", "lent"
_FIELDS = {
    Space.TITLE: (_TITLE,),
    Space.KEYWORD: (_KEYWORD,),
    Space.RELATED: (_LENT,),
    Space.TEXT: (_TEXT,),
}
_ANY_FIELD = (_TITLE, _KEYWORD, _LENT)


class Highlighter:
    """Finds the matches of suggestions of one catalogue."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def matches(
        self, ladders: Sequence[Ladder], document: int, suggestion: Suggestion, language: Language
    ) -> tuple[Match, ...]:
        """The part that each word of a query matched, in the asked language's title where it is there."""
        found = (self._match(ladder, ladder.space_of(document), suggestion, language) for ladder in ladders)
        return tuple(dict.fromkeys(match for match in found if match))

    def _match(self, ladder: Ladder, space: Space, suggestion: Suggestion, language: Language) -> Match | None:
        word = ladder.word
        meant = [Word(it, 0, 0, hanzi=False) for it in ladder.meant] if space is Space.TYPED else [word]
        for locate in _LOCATED.get(space, (_written,)):
            for field, text in self._fields(_FIELDS.get(space, _ANY_FIELD), suggestion, language):
                for it in meant:
                    if part := locate(it, text):
                        return Match(word.text, field, text, *part)
        return None

    def _fields(self, fields: Sequence[str], suggestion: Suggestion, language: Language) -> Iterator[tuple[str, str]]:
        for field in fields:
            if field == _KEYWORD:
                yield from ((field, keyword) for keyword in suggestion.keywords)
            elif field == _LENT:
                yield from self._vocabulary.related_to(suggestion)
            else:
                texts = suggestion.titles if field == _TITLE else suggestion.texts
                yield field, texts.in_language(language)
                yield field, texts.zh if language == "en" else texts.en


class _Folded(NamedTuple):
    """A text's words as one, with the part of the text that each character of them stands for."""

    text: str
    parts: Sequence[tuple[int, int]]
    starts: Sequence[int]


@lru_cache(maxsize=4096)
def _folded(text: str) -> _Folded:
    letters: list[str] = []
    parts: list[tuple[int, int]] = []
    starts: list[int] = []
    for word in words_of(text):
        letters.append(word.text)
        starts += range(len(parts), len(parts) + len(word.text)) if word.hanzi else [len(parts)]
        alike = len(word.text) == word.end - word.start
        parts += [
            (word.start + place, word.start + place + 1) if alike else (word.start, word.end)
            for place in range(len(word.text))
        ]
    return _Folded("".join(letters), parts, starts)


@lru_cache(maxsize=16_384)
def _written(word: Word, text: str) -> tuple[int, int] | None:
    folded = _folded(text)
    place = folded.text.find(word.text)
    while place >= 0:
        if place in folded.starts:
            return folded.parts[place][0], folded.parts[place + len(word.text) - 1][1]
        place = folded.text.find(word.text, place + 1)
    return None


@lru_cache(maxsize=16_384)
def _spelled(word: Word, text: str) -> tuple[int, int] | None:
    """Where hanzi are read as the word says, in whole syllables or, all of them, by their first letters."""
    if word.hanzi:
        return None
    for first_letters in (False, True):
        for run in (it for it in words_of(text) if it.hanzi):
            for start in range(len(run.text)):
                if end := _read(word.text, run.text, start, first_letters):
                    return run.start + start, run.start + end
    return None


def _read(typed: str, run: str, place: int, first_letters: bool) -> int:
    """Where the reading of a run from a place on ends, when all that was typed is read; 0 where it reads otherwise."""
    if not typed:
        return place
    if place == len(run):
        return 0
    for reading in readings(run[place]):
        said = reading[0] if first_letters else reading
        if typed.startswith(said) and (end := _read(typed[len(said) :], run, place + 1, first_letters)):
            return end
        if said.startswith(typed):
            return place + 1
    return 0


_LOCATED = {
    Space.TYPED: (_written, _spelled),
    **dict.fromkeys((Space.SPELLED, Space.SPELLED_PART, Space.INITIALS, Space.INITIALS_PART), (_spelled,)),
}
"""How the part is located that was found in a space; elsewhere as it is written."""
