"""Find the suggestions that match a query, the best matches first.

Each word is looked up rung by rung (`ladders.py`). A query of several words finds, up to a rung, the suggestions that
all of its words have found up to that rung. Rungs of one grade give equally good answers; `ranking.py` orders them.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from saxaul.search.folding import Word
from saxaul.search.hanzi import spellings
from saxaul.search.ladders import LAST_SURE, POSITIONS_BY_GRADE, Documents, Ladder, Spaces
from saxaul.search.terms import WINDOW, Space, glued

_MOST_WORDS = 8
_MOST_HANZI = 40
_LONGEST_PIECE = 6


class Find(NamedTuple):
    """Documents that were found in the same way, and the ladders of the words that found them."""

    documents: Documents
    ladders: Sequence[Ladder]


Grade = list[Find]
"""Finds that are equally good answers. Matches in titles come first."""


class Matcher:
    """Finds the documents that match queries."""

    def __init__(self, spaces: Spaces) -> None:
        self._spaces = spaces

    def grades(self, words: Sequence[Word]) -> Iterator[Grade]:
        """Return the matches of a query, the best grade first.

        A suggestion must match every word. If none does, each word may have been mistyped, even a known word. If there
        is still no match, unknown parts of the query are ignored, such as the sentence around the words that matter.
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
        """Return what all known pieces of a query match together; then without the least specific piece, and so on."""
        pieces = [piece for word in words for piece in self._pieces(word)]
        pieces.sort(key=lambda piece: (piece.is_keyword, len(piece.ladder.word.text)), reverse=True)
        seen = 0
        for count in range(min(len(pieces), _MOST_WORDS), 0, -1):
            ladders = [piece.ladder for piece in pieces[:count]]
            documents = _found_by(ladders, LAST_SURE) & ~seen
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
        """Return the known pieces of a run of hanzi that cover the most characters; those of keywords count twice."""
        best: list[tuple[int, list[tuple[int, int]]]] = [(0, [])]
        for end in range(1, len(run) + 1):
            choices = [best[end - 1]]
            for start in range(max(0, end - _LONGEST_PIECE), end - 1):
                if worth := self._worth(run[start:end]):
                    before, pieces = best[start]
                    choices.append((before + worth, [*pieces, (start, end)]))
            best.append(max(choices, key=lambda choice: choice[0]))
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
    for positions in POSITIONS_BY_GRADE:
        grade = []
        for position in positions:
            for ladders in readings:
                if documents := _found_by(ladders, position) & ~seen:
                    seen |= documents
                    grade.append(Find(documents, ladders))
        if grade:
            yield grade


def _found_by(ladders: Sequence[Ladder], position: int) -> Documents:
    documents = ladders[0].up_to(position)
    for ladder in ladders[1:]:
        if not documents:
            break
        documents &= ladder.up_to(position)
    return documents


def _other_readings(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """Return other ways to read a query.

    Words are joined, as in "tooth brush" or "lv se". Hanzi mixed with pinyin become one word of pinyin, as in 绿se.
    """
    if len(words) < 2:  # noqa: PLR2004 - a single word has no neighbour
        return
    alike = len({word.hanzi for word in words}) == 1
    if alike:
        yield [_joined(words)]
    elif spelled := _spelled(words):
        yield [*(word for word in words if word.hanzi), spelled]
    for place in range(len(words) - 1 if len(words) > 2 else 0):  # noqa: PLR2004 - two words were joined above
        pair = words[place : place + 2]
        if not any(word.hanzi for word in pair):
            yield [*words[:place], _joined(pair), *words[place + 2 :]]


def _joined(words: Sequence[Word]) -> Word:
    return Word(glued(words), words[0].start, words[-1].end, words[0].hanzi)


def _spelled(words: Sequence[Word]) -> Word | None:
    spelled = [next(iter(spellings(word.text)), "") if word.hanzi else word.text for word in words]
    return Word("".join(spelled), words[0].start, words[-1].end, hanzi=False) if all(spelled) else None
