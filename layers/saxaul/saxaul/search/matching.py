"""Find the suggestions that match a query, the best matches first.

Each word is looked up rung by rung (`ladders.py`). A query of several words finds a suggestion on the first rung by
which every word has found it. Several rungs form a grade, and `ranking.py` orders the matches of one grade.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from saxaul.search.folding import Word
from saxaul.search.hanzi import syllables
from saxaul.search.ladders import LAST_SURE, POSITIONS_BY_GRADE, Documents, Known, Ladder
from saxaul.search.pinyin import as_pinyin, find_pinyin, spellings
from saxaul.search.terms import MAX_KEY_HANZI, Space, join_words

_MAX_WORDS = 8
"""The most words or pieces of a query that are looked up."""
_MAX_HANZI = 40
"""The most hanzi of a run that are split into pieces."""
_LONGEST_PIECE = 6
"""The most hanzi of a piece."""
_SHORTEST_PIECE = 3
"""The fewest letters of a piece that is not hanzi."""


class Find(NamedTuple):
    """A set of documents that were found together, and the ladders of the words that found them."""

    documents: Documents
    ladders: Sequence[Ladder]


Grade = list[Find]
"""The finds of one grade, in the order of the rungs: those in titles come first."""


class Matcher:
    """Finds the documents that match queries."""

    def __init__(self, known: Known) -> None:
        self._spaces = known.spaces
        self._known = known

    def grades(self, words: Sequence[Word]) -> Iterator[Grade]:
        """Return the matches of a query, the best grade first.

        A suggestion must match every word. If no suggestion does, the corrections of all words are looked up too, even
        those of known words. If there is still no match, unknown parts of the query are ignored, for example the rest
        of a sentence.
        """
        words = self._syllables_joined(self._without_decoration(words)[:_MAX_WORDS])
        for mistyped in (False, True):
            interpretations = [words, *_other_interpretations(words)]
            ladders = {
                word: Ladder(word, self._known, mistyped)
                for interpretation in interpretations
                for word in interpretation
            }
            found = False
            for grade in _climb([[ladders[word] for word in interpretation] for interpretation in interpretations]):
                found = True
                yield grade
            if found:
                return
        yield from self._partial_matches(words)

    def _without_decoration(self, words: Sequence[Word]) -> Sequence[Word]:
        """Leave out emoji that nothing is named by, unless there are no other words."""
        known = [word for word in words if not word.is_emoji or self._is_keyword(word.text)]
        return known or words

    def _syllables_joined(self, words: Sequence[Word]) -> Sequence[Word]:
        """Join words that are syllables of pinyin, if any suggestion has all of them in a row: xi an is xi'an."""
        if len(words) < 2 or not all(as_pinyin(word.text) in syllables() for word in words):  # noqa: PLR2004
            return words
        joined = _joined_word(words)
        return [joined] if find_pinyin(self._spaces[Space.SPELLED_PART], as_pinyin(joined.apart)) else words

    def _partial_matches(self, words: Sequence[Word]) -> Iterator[Grade]:
        """Yield the suggestions that match every known piece, then those that match all pieces but the least specific.

        One more piece is left out each time, until one piece remains. A piece is a word or a part of a run of hanzi.
        Keywords are more specific than other pieces, and longer pieces are more specific than shorter ones.
        """
        pieces = [piece for word in words for piece in self._pieces(word)]
        pieces.sort(key=lambda piece: (piece.is_keyword, len(piece.ladder.word.text)), reverse=True)
        seen = 0
        for count in range(min(len(pieces), _MAX_WORDS), 0, -1):
            ladders = [piece.ladder for piece in pieces[:count]]
            documents = _found_by(ladders, LAST_SURE) & ~seen
            if documents:
                seen |= documents
                yield [Find(documents, ladders)]

    def _pieces(self, word: Word) -> Iterator["_Piece"]:
        if not word.hanzi:
            if len(word.text) >= _SHORTEST_PIECE or not word.text.isascii():
                yield from self._known_piece(word)
            return
        for start, end in self._split(word.text[:_MAX_HANZI]):
            yield from self._known_piece(Word(word.text[start:end], word.start + start, word.start + end, hanzi=True))

    def _known_piece(self, word: Word) -> Iterator["_Piece"]:
        ladder = Ladder(word, self._known)
        if ladder.is_sure:
            yield _Piece(ladder, self._is_keyword(word.text))

    def _is_keyword(self, text: str) -> bool:
        return self._spaces[Space.KEYWORD].has(text) or self._spaces[Space.RELATED].has(text)

    def _split(self, run: str) -> list[tuple[int, int]]:
        """Split a run of hanzi into known pieces. Return the start and end of each piece.

        The pieces cover as many characters as possible; the characters of keywords count twice.
        """
        best: list[tuple[int, list[tuple[int, int]]]] = [(0, [])]
        for end in range(1, len(run) + 1):
            choices = [best[end - 1]]
            for start in range(max(0, end - _LONGEST_PIECE), end - 1):
                if score := self._score(run[start:end]):
                    before, pieces = best[start]
                    choices.append((before + score, [*pieces, (start, end)]))
            best.append(max(choices, key=lambda choice: choice[0]))
        return best[-1][1]

    def _score(self, piece: str) -> int:
        """Return how much a piece adds to the score of a split; 0 if the piece is unknown."""
        if self._is_keyword(piece):
            return 2 * len(piece)
        beginning = piece[:MAX_KEY_HANZI]
        known = any(self._spaces[space].has_prefix(beginning) for space in (Space.TITLE, Space.PART))
        if known and piece != beginning:  # a longer piece than a key may have a known beginning only
            known = Ladder(Word(piece, 0, 0, hanzi=True), self._known).is_sure
        return len(piece) if known else 0


class _Piece(NamedTuple):
    ladder: Ladder
    is_keyword: bool


def _climb(interpretations: Sequence[Sequence[Ladder]]) -> Iterator[Grade]:
    """Yield the matches of each grade, for all interpretations of a query together."""
    seen = 0
    for positions in POSITIONS_BY_GRADE:
        grade = []
        for position in positions:
            for ladders in interpretations:
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


def _other_interpretations(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """Return other ways to split a query into words.

    Neighbouring words are joined: "tooth brush" becomes "toothbrush". If a query has both hanzi and pinyin, its pinyin
    is replaced by the pinyin of the whole query: 绿se becomes 绿 and "lvse".
    """
    if len(words) < 2:  # noqa: PLR2004 - a single word has no neighbour
        return
    if any(word.is_emoji for word in words):
        return
    same_script = len({word.hanzi for word in words}) == 1
    if same_script:
        yield [_joined_word(words)]
    elif spelled := _pinyin_word(words):
        yield [*(word for word in words if word.hanzi), spelled]
    for place in range(len(words) - 1 if len(words) > 2 else 0):  # noqa: PLR2004 - two words were joined above
        pair = words[place : place + 2]
        if not any(word.hanzi for word in pair):
            yield [*words[:place], _joined_word(pair), *words[place + 2 :]]


def _joined_word(words: Sequence[Word]) -> Word:
    apart = "" if words[0].hanzi else "'".join(word.apart or word.text for word in words)
    return Word(join_words(words), words[0].start, words[-1].end, words[0].hanzi, apart)


def _pinyin_word(words: Sequence[Word]) -> Word | None:
    spelled = [next(iter(spellings(word.text)), "") if word.hanzi else as_pinyin(word.text) for word in words]
    return Word("".join(spelled).replace("'", ""), words[0].start, words[-1].end, hanzi=False) if all(spelled) else None
