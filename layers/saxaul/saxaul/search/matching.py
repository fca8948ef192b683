"""Find the documents that match a query, the best matches first.

Each word is looked up rung by rung (`ladders.py`). A query of several words finds a document on the first rung by which
every word has found it. Several rungs form a grade, and `ranking.py` orders the matches of one grade.

If few documents match every word, those that match most of the query follow (`_partial_matches`).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial, reduce
from math import log2
from operator import or_
from typing import NamedTuple

from saxaul.search.folding import Word
from saxaul.search.hanzi import syllables
from saxaul.search.ladders import LAST, LAST_SURE, POSITIONS_BY_GRADE, Documents, Known, Ladder
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
_FUNCTION_WORDS = frozenset(
    (
        *("and", "any", "are", "but", "can", "could", "did", "does", "for", "from", "get", "got", "had", "has", "have"),
        *("how", "its", "may", "must", "need", "not", "our", "shall", "should", "some", "that", "the", "their", "them"),
        *("then", "there", "these", "they", "this", "those", "want", "was", "were", "what", "when", "where", "which"),
        *("who", "why", "will", "with", "would", "you", "your"),
    )
)
"""English words that say nothing about what a person looks for. They are no pieces."""
_KEPT_LADDERS = 4096
"""How many ladders are kept, because people type the same words. Each has a set of documents per rung."""
_SHORTEST_CORRECTED = 5
"""The fewest letters of a piece that may be mistyped."""
_MOST_CORRECTED_WORDS = 3
"""The most words of a query in which known words may be mistyped too. People who type more words type a sentence."""
_ENOUGH = 5
"""How many documents are enough, so that partial matches need not follow."""
_KEYWORD_BONUS = 2
"""What is added to the weight of a piece that is a keyword."""
_LEAST_SHARE = 0.4
"""The least weight of a partial match, as a share of the weight of all pieces of the query, or of the best match."""
_NAMING = (Space.WHOLE_TITLE, Space.KEYWORD, Space.RELATED, Space.SYNONYM, Space.PART)
"""The spaces whose keys name things."""


class Find(NamedTuple):
    """A set of documents that were found together, and the ladders of the words that found them.

    ``of_ladders`` has what each ladder found, if a document need not match all words.
    """

    documents: Documents
    ladders: Sequence[Ladder]
    of_ladders: Sequence[Documents] | None = None


Grade = list[Find]
"""The finds of one grade, in the order of the rungs: those in titles come first."""


class Matcher:
    """Finds the documents that match queries."""

    def __init__(self, known: Known) -> None:
        self._spaces = known.spaces
        self._known = known
        self._ladders = lru_cache(maxsize=_KEPT_LADDERS)(partial(Ladder, known))

    def grades(self, words: Sequence[Word]) -> Iterator[Grade]:
        """Return the matches of a query, the best grade first.

        A document must match every word. If no document does, the corrections of all words are looked up too, even
        those of known words; and also if few documents have a run of hanzi, because an input method easily writes a
        wrong character of the same sound. If there are still few matches, those of a part of the query follow.
        """
        typed = [word._replace(start=0, end=0) for word in self._without_decoration(words)[:_MAX_WORDS]]
        words = self._syllables_joined(typed)
        found = 0
        interpretations = [words, *self._other_interpretations(words)]
        for mistyped in (False, True)[: 2 if len(words) <= _MOST_CORRECTED_WORDS else 1]:
            ladders = [[self._ladder(word, mistyped) for word in each] for each in interpretations]
            for grade in _climb(ladders, found):
                found |= reduce(or_, (find.documents for find in grade))
                yield grade
            if found.bit_count() >= _ENOUGH or (found and not all(word.hanzi for word in words)):
                break
        if found.bit_count() < _ENOUGH:
            yield from self._partial_matches(words, found)

    def _other_interpretations(self, words: Sequence[Word]) -> Iterator[Sequence[Word]]:
        """Yield other ways to split a query into words.

        Neighbouring words are joined: "tooth brush" becomes "toothbrush". In a query of more than two words, a joined
        pair must be a keyword or a synonym, and all words joined must begin the name of something. If a query has both
        hanzi and pinyin, its pinyin is replaced by the pinyin of the whole query: 绿se becomes 绿 and "lvse".
        """
        if len(words) < 2 or any(word.is_emoji for word in words):  # noqa: PLR2004 - a single word has no neighbour
            return
        if len({word.hanzi for word in words}) > 1:
            if spelled := _pinyin_word(words):
                yield [*(word for word in words if word.hanzi), spelled]
        else:
            joined = _joined_word(words)
            if len(words) == 2 or self._begins_a_key(joined):  # noqa: PLR2004
                yield [joined]
        for place in range(len(words) - 1 if len(words) > 2 else 0):  # noqa: PLR2004 - two words were joined above
            pair = words[place : place + 2]
            if not any(word.hanzi for word in pair) and self._is_keyword((joined := _joined_word(pair)).text):
                yield [*words[:place], joined, *words[place + 2 :]]

    def _begins_a_key(self, word: Word) -> bool:
        """Return whether a joined word begins a title, a keyword, a related word, or a part of one."""
        text = word.text[:MAX_KEY_HANZI] if word.hanzi else word.text
        return any(self._spaces[space].has_prefix(text) for space in _NAMING)

    def _ladder(self, word: Word, mistyped: bool = False) -> Ladder:
        """Return the ladder of a word. It may have been climbed for an earlier query."""
        return self._ladders(word, mistyped)

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

    def _partial_matches(self, words: Sequence[Word], seen: Documents) -> Iterator[Grade]:
        """Yield the documents that match pieces of the query, those that match the most weight first.

        A piece is a word or a part of a run of hanzi. Its weight is the greater, the fewer documents have it, and
        greater for a keyword. A match counts if it has at least ``_LEAST_SHARE`` of the weight of all pieces or, if no
        document matches the whole query, of the weight of the best match. ``seen`` has the documents that match the
        whole query, which are left out.
        """
        pieces = [piece for word in words for piece in self._pieces(word)][:_MAX_WORDS]
        if seen and len(words) == 1 and len(pieces) <= 1:  # the documents that match the only piece are known already
            return
        matched = {0: reduce(or_, (piece.documents for piece in pieces), 0) & ~seen}
        for piece in pieces:
            heavier: dict[int, Documents] = {}
            for weight, documents in matched.items():
                for added, chosen in (
                    (piece.weight, documents & piece.documents),
                    (0, documents & ~piece.documents),
                ):
                    if chosen:
                        heavier[weight + added] = heavier.get(weight + added, 0) | chosen
            matched = heavier
        whole = sum(piece.weight for piece in pieces) if seen else max(matched, default=0)
        ladders, of_ladders = [piece.ladder for piece in pieces], [piece.documents for piece in pieces]
        for weight in sorted(matched, reverse=True):
            if 0 < weight >= whole * _LEAST_SHARE:
                yield [Find(matched[weight], ladders, of_ladders)]

    def _pieces(self, word: Word) -> Iterator["_Piece"]:
        if not word.hanzi:
            is_long_enough = len(word.text) >= _SHORTEST_PIECE or not word.text.isascii()
            if is_long_enough and word.text not in _FUNCTION_WORDS:
                yield from self._known_piece(self._ladder(word))
            return
        for start, end in self._split(word.text[:_MAX_HANZI]):
            piece = Word(word.text[start:end], 0, 0, hanzi=True)
            yield from self._known_piece(self._ladder(piece))

    def _known_piece(self, ladder: Ladder) -> Iterator["_Piece"]:
        """Yield a piece for a word that is known, or whose correction is."""
        word = ladder.word
        if ladder.is_sure:
            documents = ladder.finished_up_to(LAST_SURE)
        elif len(word.text) >= _SHORTEST_CORRECTED and not word.hanzi:
            documents = ladder.up_to(LAST)
        else:
            return
        if documents and (weight := round(log2((self._known.size + 1) / documents.bit_count()))):
            yield _Piece(ladder, documents, weight + (_KEYWORD_BONUS if self._is_keyword(word.text) else 0))

    def _is_keyword(self, text: str) -> bool:
        return any(self._spaces[space].has(text) for space in (Space.KEYWORD, Space.RELATED, Space.SYNONYM))

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
            known = self._ladder(Word(piece, 0, 0, hanzi=True)).is_sure
        return len(piece) if known else 0


class _Piece(NamedTuple):
    ladder: Ladder
    documents: Documents
    weight: int


def _climb(interpretations: Sequence[Sequence[Ladder]], seen: Documents) -> Iterator[Grade]:
    """Yield the matches of each grade, for all interpretations of a query together, without the documents ``seen``."""
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
    """Return the documents that all words find on the rungs up to this position. The last word may be unfinished."""
    documents = ladders[-1].up_to(position)
    for ladder in ladders[:-1]:
        if not documents:
            break
        documents &= ladder.finished_up_to(position)
    return documents


def _joined_word(words: Sequence[Word]) -> Word:
    apart = "" if words[0].hanzi else "'".join(word.apart or word.text for word in words)
    return Word(join_words(words), 0, 0, words[0].hanzi, apart)


def _pinyin_word(words: Sequence[Word]) -> Word | None:
    spelled = [next(iter(spellings(word.text)), "") if word.hanzi else as_pinyin(word.text) for word in words]
    return Word("".join(spelled).replace("'", ""), 0, 0, hanzi=False) if all(spelled) else None
