"""Look up one word of a query, step by step.

A step is called a rung. It is one lookup of the word in one space (`terms.py`). The rungs of a word are its ladder; the
most reliable lookups come first. A rung adds documents (numbered suggestions) to those that earlier rungs found. Rungs
of the same grade give equally good matches.
"""

import re
from collections.abc import Callable, Mapping
from functools import cached_property, reduce
from itertools import groupby
from operator import or_
from typing import NamedTuple

from saxaul.search.folding import Word
from saxaul.search.hanzi import spellings
from saxaul.search.postings import Postings
from saxaul.search.terms import Space
from saxaul.search.typos import find_corrections

Documents = int
"""A set of documents as one integer: bit n stands for document n. A document is a numbered suggestion."""

Spaces = Mapping[Space, Postings]
_Lookup = tuple[Space, Callable[[Postings, str], Documents]]

_exactly, _beginning, _containing = Postings.exactly, Postings.beginning_with, Postings.containing


class Rung(NamedTuple):
    """One step of a ladder. Its lookup depends on the kind of word; None means that such a word is not looked up.

    Attributes:
        grade: how good a match on this rung is; 0 is the best.
        letters: the lookup of a word of letters.
        hanzi: the lookup of a run of two or more hanzi.
        one_hanzi: the lookup of a single hanzi.
        is_sure: whether a match on this rung shows that the word was typed correctly. A word without a match on any
            sure rung may have been mistyped.
        is_corrected: whether the corrections of the word are looked up instead of the word itself.
    """

    grade: int
    letters: _Lookup | None
    hanzi: _Lookup | None
    one_hanzi: _Lookup | None
    is_sure: bool = True
    is_corrected: bool = False


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
    Rung(6, (Space.SPELLED_PART, _beginning), None, None, is_sure=False),
    Rung(7, (Space.INITIALS, _beginning), None, None, is_sure=False),
    Rung(7, (Space.INITIALS_PART, _beginning), None, None, is_sure=False),
    Rung(8, (Space.TYPED, _exactly), (Space.SPELLED, _exactly), None, is_sure=False, is_corrected=True),
    Rung(8, (Space.TYPED, _beginning), (Space.SPELLED, _beginning), None, is_sure=False, is_corrected=True),
)
"""The rungs in the order in which they are tried. The sure rungs come first."""

LAST_SURE = max(position for position, rung in enumerate(RUNGS) if rung.is_sure)
"""The position of the last sure rung in ``RUNGS``."""

POSITIONS_BY_GRADE = tuple(
    tuple(positions) for _, positions in groupby(range(len(RUNGS)), key=lambda position: RUNGS[position].grade)
)
"""The positions of the rungs in ``RUNGS``, grouped by grade, best grade first."""

_ABBREVIATED = {Space.SPELLED_PART, Space.INITIALS, Space.INITIALS_PART}
"""The spaces in which a single letter is too ambiguous to look up."""

_SPELLED = {Space.SPELLED, Space.SPELLED_PART}
_TONE = re.compile(r"(?<=[a-z])[1-5]")


class Ladder:
    """The lookups of one word, and the documents that they found."""

    def __init__(self, word: Word, spaces: Spaces, mistyped: bool = False) -> None:
        """Prepare the lookups of a word. If ``mistyped``, look up its corrections even if the word finds something."""
        self.word = word
        self._spaces = spaces
        self._mistyped = mistyped
        self._found: list[Documents] = []

    def up_to(self, position: int) -> Documents:
        """Return the documents that the word finds on the rungs from the first to this position, inclusive."""
        found = self._found
        while len(found) <= position:
            found.append((found[-1] if found else 0) | self._on(RUNGS[len(found)]))
        return found[position]

    def space_of(self, document: int) -> Space:
        """Return the space in which the word found a document; TYPED if a correction found it."""
        for rung, found in zip(RUNGS, self._found, strict=False):
            if found >> document & 1:
                lookup = self._lookup(rung)
                return lookup[0] if lookup and not rung.is_corrected else Space.TYPED
        return Space.TYPED

    @property
    def is_sure(self) -> bool:
        """Whether the word finds anything on a sure rung."""
        return any(map(self.up_to, range(LAST_SURE + 1)))

    @cached_property
    def corrections(self) -> list[str]:
        """The corrections of the word. There are none if the word has a match on a sure rung and is not ``mistyped``.

        A run of hanzi is corrected to its pinyin.
        """
        if self.is_sure and not self._mistyped:
            return []
        if self.word.hanzi:
            return list(spellings(self.word.text)) if len(self.word.text) > 1 else []
        return find_corrections(self.word.text, self._spaces[Space.TYPED])

    def _on(self, rung: Rung) -> Documents:
        lookup, text = self._lookup(rung), self.word.text
        if lookup is None:
            return 0
        space, look_up = lookup
        if rung.is_corrected:
            return reduce(or_, (look_up(self._spaces[space], correction) for correction in self.corrections), 0)
        if space in _ABBREVIATED and len(text) == 1:
            return 0
        return look_up(self._spaces[space], _TONE.sub("", text) if space in _SPELLED else text)

    def _lookup(self, rung: Rung) -> _Lookup | None:
        if not self.word.hanzi:
            return rung.letters
        return rung.hanzi if len(self.word.text) > 1 else rung.one_hanzi


TYPED_SPACES = (Space.TITLE, Space.KEYWORD, Space.RELATED, Space.PART, Space.SPELLED)
"""The spaces whose keys people type letter by letter. The space TYPED has the ASCII keys of all of them."""
