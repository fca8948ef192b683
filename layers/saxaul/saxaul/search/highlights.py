"""Find the parts of a suggestion that the words of a query matched, so that an app can show them in bold."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import accumulate
from typing import NamedTuple

from saxaul.catalog.entries import Language, Suggestion
from saxaul.search.folding import Word, words_of
from saxaul.search.hanzi import readings
from saxaul.search.ladders import Ladder
from saxaul.search.terms import Space, Vocabulary


class Match(NamedTuple):
    """A part of a suggestion that a word of the query matched.

    Attributes:
        word: the word of the query, as the search folded or joined it.
        field: where the text is from: ``title``, ``keyword``, ``text``, ``action_type``, ``campaign`` or ``synonym``.
        text: the whole text that contains the part.
        start, end: where the part starts and ends, in characters of ``text``.
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


class _Passage(NamedTuple):
    """Texts of a suggestion, each with its field.

    ``lines`` holds the folded texts, one on each line, so that one search covers them all. ``starts`` says where each
    line starts.
    """

    fields: Sequence[str]
    texts: Sequence[str]
    lines: str
    starts: Sequence[int]


class Highlighter:
    """Finds the parts of one catalog's suggestions that queries matched."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._lent_to = lru_cache(maxsize=8192)(partial(_lent, vocabulary))

    def matches(
        self, ladders: Sequence[Ladder], document: int, suggestion: Suggestion, language: Language
    ) -> tuple[Match, ...]:
        """Return the part that each word of a query matched. Texts in the requested language are tried first."""
        found = (self._match(ladder, ladder.space_of(document), suggestion, language) for ladder in ladders)
        return tuple(dict.fromkeys(match for match in found if match))

    def _match(self, ladder: Ladder, space: Space, suggestion: Suggestion, language: Language) -> Match | None:
        typed = ladder.word
        words = [Word(meant, 0, 0, hanzi=False) for meant in ladder.meant] if space is Space.TYPED else [typed]
        for locate in _LOCATORS.get(space, (_written_in,)):
            for field in _FIELDS.get(space, _ANY_FIELD):
                passage = self._passage(field, suggestion, language)
                for word in words:
                    if found := locate(word, passage):
                        number, part = found
                        return Match(typed.text, passage.fields[number], passage.texts[number], *part)
        return None

    def _passage(self, field: str, suggestion: Suggestion, language: Language) -> _Passage:
        if field == _LENT:
            return self._lent_to(suggestion.action_type, suggestion.campaign, suggestion.keywords)
        if field == _KEYWORD:
            return _passage_of(_KEYWORD, suggestion.keywords)
        texts = suggestion.titles if field == _TITLE else suggestion.texts
        return _passage_of(field, (texts.en, texts.zh) if language == "en" else (texts.zh, texts.en))


def _lent(vocabulary: Vocabulary, action_type: str, campaign: str | None, keywords: Sequence[str]) -> _Passage:
    fields, texts = zip(*vocabulary.lent(action_type, campaign, keywords), strict=True)
    return _passage(fields, texts)


@lru_cache(maxsize=8192)
def _passage_of(field: str, texts: Sequence[str]) -> _Passage:
    return _passage([field] * len(texts), texts)


def _passage(fields: Sequence[str], texts: Sequence[str]) -> _Passage:
    lines = ["".join(word.text for word in words_of(text)) + "\n" for text in texts]
    return _Passage(fields, texts, "".join(lines), list(accumulate(map(len, lines), initial=0)))


_Spot = tuple[int, tuple[int, int]]
"""The index of a text in a passage, and the start and end of a part of that text."""


def _written_in(word: Word, passage: _Passage) -> _Spot | None:
    place = passage.lines.find(word.text)
    while place >= 0:
        number = bisect_right(passage.starts, place) - 1
        if part := _written(word.text, passage.texts[number]):
            return number, part
        place = passage.lines.find(word.text, passage.starts[number + 1])
    return None


def _spelled_in(word: Word, passage: _Passage) -> _Spot | None:
    if word.hanzi:
        return None
    for number, text in enumerate(passage.texts):
        if part := _spelled(word.text, text):
            return number, part
    return None


class _Folded(NamedTuple):
    """The words of a text as one string.

    Attributes:
        text: the string.
        parts: for each character of the string, the part of the original text that it stands for.
        starts: the positions in the string where a match may start.
    """

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
def _written(word: str, text: str) -> tuple[int, int] | None:
    folded = _folded(text)
    place = folded.text.find(word)
    while place >= 0:
        if place in folded.starts:
            return folded.parts[place][0], folded.parts[place + len(word) - 1][1]
        place = folded.text.find(word, place + 1)
    return None


@lru_cache(maxsize=16_384)
def _spelled(word: str, text: str) -> tuple[int, int] | None:
    """Return the start and end of the hanzi that the word spells in pinyin.

    Whole syllables are tried first, then only the first letter of each syllable.
    """
    runs = [run for run in words_of(text) if run.hanzi]
    for first_letters in (False, True):
        for run in runs:
            for start in range(len(run.text)):
                if end := _read(word, run.text, start, first_letters):
                    return run.start + start, run.start + end
    return None


def _read(typed: str, run: str, place: int, first_letters: bool) -> int:
    """Compare typed pinyin with a run of hanzi, from a position on.

    Return the position in the run where the typed part ends, or 0 if the pinyin does not match.
    """
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


_LOCATORS = {
    Space.TYPED: (_written_in, _spelled_in),
    **dict.fromkeys((Space.SPELLED, Space.SPELLED_PART, Space.INITIALS, Space.INITIALS_PART), (_spelled_in,)),
}
"""How to locate a match that was found in a space. In any other space, a match is located by its written form."""
