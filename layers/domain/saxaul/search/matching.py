"""Which suggestions a query means, the surest first.

A word climbs a ladder: each rung is a lookup, and what was found below stays. A query of several words stands on a rung
with those suggestions that each of its words has found up to there. Rungs of one grade are equally good answers; the
season decides among them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from itertools import groupby
from operator import or_
from typing import NamedTuple

from saxaul.search.folding import Word
from saxaul.search.hanzi import spellings
from saxaul.search.postings import Postings
from saxaul.search.terms import WINDOW, Space, glued
from saxaul.search.typos import corrections

Documents = int
"""A set of documents: bit n is document n."""

Spaces = Mapping[Space, Postings]
_Lookup = tuple[Space, Callable[[Postings, str], Documents]]

_exactly, _beginning, _containing = Postings.exactly, Postings.beginning_with, Postings.containing


class Rung(NamedTuple):
    """Where a word of letters is looked up, where a run of hanzi, and where a single one."""

    grade: int
    letters: _Lookup | None
    hanzi: _Lookup | None
    one_hanzi: _Lookup | None


RUNGS = (
    Rung(0, (Space.TITLE, _exactly), (Space.TITLE, _containing), None),
    Rung(0, (Space.KEYWORD, _exactly), (Space.KEYWORD, _exactly), (Space.KEYWORD, _exactly)),
    Rung(0, (Space.RELATED, _exactly), (Space.RELATED, _exactly), (Space.RELATED, _exactly)),
    Rung(1, (Space.PART, _exactly), (Space.PART, _containing), None),
    Rung(1, (Space.TEXT, _exactly), (Space.TEXT, _containing), None),
    Rung(2, (Space.TITLE, _beginning), None, (Space.TITLE, _beginning)),
    Rung(2, (Space.KEYWORD, _beginning), None, (Space.KEYWORD, _beginning)),
    Rung(2, (Space.RELATED, _beginning), None, (Space.RELATED, _beginning)),
    Rung(2, (Space.PART, _beginning), None, (Space.PART, _beginning)),
    Rung(3, (Space.SPELLED, _exactly), None, None),
    Rung(4, (Space.SPELLED, _beginning), None, None),
    Rung(4, (Space.INITIALS, _exactly), None, None),
    Rung(5, (Space.TEXT, _beginning), None, (Space.TEXT, _beginning)),
    Rung(6, (Space.SPELLED_PART, _beginning), None, None),
    Rung(7, (Space.INITIALS, _beginning), None, None),
    Rung(7, (Space.INITIALS_PART, _beginning), None, None),
)
_SURE = 12
"""The last rung on which a word is taken for what it says. One that got no further may have been mistyped."""

_MEANT, _MEANT_BEGINNING = len(RUNGS), len(RUNGS) + 1
_TOP = len(RUNGS) + 1
_GRADES = (*(rung.grade for rung in RUNGS), 8, 8)

_ABBREVIATED = {Space.SPELLED_PART, Space.INITIALS, Space.INITIALS_PART}
"""One letter says nothing here."""

_SPELLED = {Space.SPELLED, Space.SPELLED_PART}
_TONE = re.compile(r"(?<=[a-z])[1-5]")

_MOST_WORDS = 8
_MOST_HANZI = 40
_LONGEST_PIECE = 6


class Ladder:
    """What one word has found, up to each rung."""

    def __init__(self, word: Word, spaces: Spaces, mistyped: bool = False) -> None:
        """Climb for a word. ``mistyped`` says that it is not what it says, even where that can be found."""
        self.word = word
        self._spaces = spaces
        self._mistyped = mistyped
        self._found: list[Documents] = []

    def up_to(self, rung: int) -> Documents:
        """The documents that the word has found up to a rung."""
        found = self._found
        while len(found) <= rung:
            found.append((found[-1] if found else 0) | self._on(len(found)))
        return found[rung]

    def space_of(self, document: int) -> Space:
        """Where the word found a document; TYPED if it was mistyped."""
        rung = next((rung for rung, found in enumerate(self._found) if found >> document & 1), _MEANT)
        lookup = None if rung >= _MEANT else self._lookup(rung)
        return lookup[0] if lookup else Space.TYPED

    @property
    def is_sure(self) -> bool:
        """Whether the word finds anything taken for what it says; it climbs no further than it must to tell."""
        return any(self.up_to(rung) for rung in range(_SURE + 1))

    @cached_property
    def meant(self) -> list[str]:
        """What the word may have been meant to be, if it was mistyped; of hanzi, what is read alike."""
        if self.is_sure and not self._mistyped:
            return []
        if self.word.hanzi:
            return list(spellings(self.word.text)) if len(self.word.text) > 1 else []
        return corrections(self.word.text, self._spaces[Space.TYPED])

    def _on(self, rung: int) -> Documents:
        if rung >= _MEANT:
            return self._on_what_was_meant(_exactly if rung == _MEANT else _beginning)
        lookup, text = self._lookup(rung), self.word.text
        if lookup is None:
            return 0
        space, look_up = lookup
        if space in _ABBREVIATED and len(text) == 1:
            return 0
        return look_up(self._spaces[space], _TONE.sub("", text) if space in _SPELLED else text)

    def _lookup(self, rung: int) -> _Lookup | None:
        step = RUNGS[rung]
        if not self.word.hanzi:
            return step.letters
        return step.hanzi if len(self.word.text) > 1 else step.one_hanzi

    def _on_what_was_meant(self, look_up: Callable[[Postings, str], Documents]) -> Documents:
        keys = self._spaces[Space.SPELLED if self.word.hanzi else Space.TYPED]
        return reduce(or_, (look_up(keys, meant) for meant in self.meant), 0)


TYPED = (Space.TITLE, Space.KEYWORD, Space.RELATED, Space.PART, Space.SPELLED)
"""The spaces whose keys are typed letter by letter, and may be mistyped."""


class Find(NamedTuple):
    """Documents that were found alike, and the ladders that found them."""

    documents: Documents
    ladders: Sequence[Ladder]


Grade = list[Find]
"""Finds that are equally good answers, those in titles first."""


class Matcher:
    """Finds the documents of queries."""

    def __init__(self, spaces: Spaces) -> None:
        self._spaces = spaces

    def grades(self, words: Sequence[Word]) -> Iterator[Grade]:
        """What a query has found, the surest first.

        Each word must be found. Where that is nothing, each may have been mistyped; where even that is nothing, what
        nobody knows of the query is left out, as in a sentence around the words that matter.
        """
        words = words[:_MOST_WORDS]
        for mistyped in (False, True):
            readings = [words, *_other_readings(words)]
            ladders = {word: Ladder(word, self._spaces, mistyped) for reading in readings for word in reading}
            found = False
            for grade in _climb([[ladders[word] for word in reading] for reading in readings]):
                found = True
                yield grade
            if found:
                return
        yield from self._what_is_known(words)

    def _what_is_known(self, words: Sequence[Word]) -> Iterator[Grade]:
        """What most of a query has found, leaving out its least telling pieces one after another."""
        pieces = [piece for word in words for piece in self._pieces(word)]
        pieces.sort(key=lambda it: (it.is_keyword, len(it.ladder.word.text)), reverse=True)
        seen = 0
        for count in range(min(len(pieces), _MOST_WORDS), 0, -1):
            ladders = [piece.ladder for piece in pieces[:count]]
            documents = _found_by(ladders, _SURE) & ~seen
            if documents:
                seen |= documents
                yield [Find(documents, ladders)]

    def _pieces(self, word: Word) -> Iterator["_Piece"]:
        if not word.hanzi:
            if len(word.text) >= _SHORTEST_PIECE:
                yield from self._known(word)
            return
        for start, end in self._split(word.text[:_MOST_HANZI]):
            yield from self._known(Word(word.text[start:end], word.start + start, word.start + end, hanzi=True))

    def _known(self, word: Word) -> Iterator["_Piece"]:
        ladder = Ladder(word, self._spaces)
        if ladder.is_sure:
            yield _Piece(ladder, self._is_keyword(word.text))

    def _is_keyword(self, text: str) -> bool:
        return self._spaces[Space.KEYWORD].has(text) or self._spaces[Space.RELATED].has(text)

    def _split(self, run: str) -> list[tuple[int, int]]:
        """The pieces of a run of hanzi that are known, so that as much as can be is, and keywords count twice."""
        best: list[tuple[int, list[tuple[int, int]]]] = [(0, [])]
        for end in range(1, len(run) + 1):
            choices = [best[end - 1]]
            for start in range(max(0, end - _LONGEST_PIECE), end - 1):
                if worth := self._worth(run[start:end]):
                    before, pieces = best[start]
                    choices.append((before + worth, [*pieces, (start, end)]))
            best.append(max(choices, key=lambda it: it[0]))
        return best[-1][1]

    def _worth(self, piece: str) -> int:
        if self._is_keyword(piece):
            return 2 * len(piece)
        inside = piece[:WINDOW]
        known = any(self._spaces[space].knows(inside) for space in (Space.TITLE, Space.PART))
        return len(piece) if known and Ladder(Word(piece, 0, 0, hanzi=True), self._spaces).is_sure else 0


_SHORTEST_PIECE = 3


class _Piece(NamedTuple):
    ladder: Ladder
    is_keyword: bool


def _climb(readings: Sequence[Sequence[Ladder]]) -> Iterator[Grade]:
    seen = 0
    for _, rungs in groupby(range(_TOP + 1), key=_GRADES.__getitem__):
        grade = []
        for rung in rungs:
            for ladders in readings:
                if documents := _found_by(ladders, rung) & ~seen:
                    seen |= documents
                    grade.append(Find(documents, ladders))
        if grade:
            yield grade


def _found_by(ladders: Sequence[Ladder], rung: int) -> Documents:
    documents = ladders[0].up_to(rung)
    for ladder in ladders[1:]:
        if not documents:
            break
        documents &= ladder.up_to(rung)
    return documents


def _other_readings(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The query with words as one, as in tooth brush and lv se, and with hanzi that go on in pinyin, as in 绿se."""
    if len(words) < 2:  # noqa: PLR2004 - a word alone has no neighbour
        return
    alike = len({word.hanzi for word in words}) == 1
    if alike:
        yield [_joined(words)]
    elif spelled := _spelled(words):
        yield [*(word for word in words if word.hanzi), spelled]
    for place in range(len(words) - 1 if len(words) > 2 else 0):  # noqa: PLR2004 - two are joined already
        pair = words[place : place + 2]
        if not any(word.hanzi for word in pair):
            yield [*words[:place], _joined(pair), *words[place + 2 :]]


def _joined(words: Sequence[Word]) -> Word:
    return Word(glued(words), words[0].start, words[-1].end, words[0].hanzi)


def _spelled(words: Sequence[Word]) -> Word | None:
    spelled = [next(iter(spellings(word.text)), "") if word.hanzi else word.text for word in words]
    return Word("".join(spelled), words[0].start, words[-1].end, hanzi=False) if all(spelled) else None
