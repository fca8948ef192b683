"""Locate the part of a text that a word matched, as it is written or as the pinyin of hanzi."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from saxaul.search.folding import Word, places_of, words_of
from saxaul.search.hanzi import readings
from saxaul.search.pinyin import as_pinyin
from saxaul.search.terms import Space


class Passage(NamedTuple):
    """Texts of a document or of a group of synonyms, each with its field.

    ``lines`` has all texts in folded form, one on each line, so that one search covers all of them. ``starts`` has the
    position at which each line starts.
    """

    fields: Sequence[str]
    texts: Sequence[str]
    lines: str
    starts: Sequence[int]


Spot = tuple[int, tuple[int, int]]
"""A part of a passage: the index of the text, and the start and end of the part in that text."""

Locate = Callable[[Word, Passage], Spot | None]


def passage_of(fields: Sequence[str], texts: Sequence[str]) -> Passage:
    lines = ["".join(word.text for word in words_of(text)) + "\n" for text in texts]
    return Passage(fields, texts, "".join(lines), list(accumulate(map(len, lines), initial=0)))


def find_written(word: Word, passage: Passage) -> Spot | None:
    """Find a word in the folded texts of a passage."""
    place = passage.lines.find(word.text)
    while place >= 0:
        number = bisect_right(passage.starts, place) - 1
        if part := _written_span(word.text, passage.texts[number]):
            return number, part
        place = passage.lines.find(word.text, passage.starts[number + 1])
    return None


def find_pinyin_in(word: Word, passage: Passage) -> Spot | None:
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


LOCATORS = {
    Space.TYPED: (find_written, find_pinyin_in),
    **dict.fromkeys((Space.SPELLED, Space.SPELLED_PART, Space.INITIALS, Space.INITIALS_PART), (find_pinyin_in,)),
}
"""The functions that locate a match, by the space in which the search found it. Other spaces use ``find_written``."""
