"""How a word is looked up: it climbs a ladder, the surest rung first.

Each rung is a lookup, and what was found below stays. Rungs of one grade are equally good answers.
"""

import re
from collections.abc import Callable, Mapping
from functools import cached_property, reduce
from operator import or_
from typing import NamedTuple

from saxaul.search.folding import Word
from saxaul.search.hanzi import spellings
from saxaul.search.postings import Postings
from saxaul.search.terms import Space
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
SURE = 12
"""The last rung on which a word is taken for what it says. One that got no further may have been mistyped."""

_MEANT, _MEANT_BEGINNING = len(RUNGS), len(RUNGS) + 1
TOP = len(RUNGS) + 1
GRADES = (*(rung.grade for rung in RUNGS), 8, 8)

_ABBREVIATED = {Space.SPELLED_PART, Space.INITIALS, Space.INITIALS_PART}
"""One letter says nothing here."""

_SPELLED = {Space.SPELLED, Space.SPELLED_PART}
_TONE = re.compile(r"(?<=[a-z])[1-5]")


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
        return any(self.up_to(rung) for rung in range(SURE + 1))

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


TYPED_SPACES = (Space.TITLE, Space.KEYWORD, Space.RELATED, Space.PART, Space.SPELLED)
"""The spaces whose keys are typed letter by letter, and may be mistyped."""
