"""Look up one word of a query, step by step.

A step is called a rung. It is one lookup of the word in one space (`terms.py`). The rungs of a word are its ladder; the
most reliable lookups come first. A rung adds documents to those that earlier rungs found. Rungs
of the same grade give equally good matches.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import cached_property, lru_cache, partial, reduce
from itertools import groupby
from operator import or_
from typing import NamedTuple

from saxaul.search.folding import Word
from saxaul.search.forms import MAX_FORMS, forms_of, stem
from saxaul.search.pinyin import INITIALS_WIDTH, MAX_SYLLABLES, as_pinyin, find_pinyin, is_pinyin, spellings
from saxaul.search.postings import Postings
from saxaul.search.terms import MAX_KEY_HANZI, Space
from saxaul.search.typos import Corrector, Remains

Documents = int
"""A set of documents as one integer: bit n stands for the document with the number n."""

Spaces = Mapping[Space, Postings]
_Lookup = tuple[Space, Callable[[Postings, str], Documents]]

_exactly, _beginning = Postings.exactly, Postings.beginning_with
_containing = partial(Postings.containing, width=MAX_KEY_HANZI)
_containing_initials = partial(Postings.containing, width=INITIALS_WIDTH)


class Instead(Enum):
    """The words that a rung looks up instead of the word that was typed."""

    FORMS = auto()
    """Known words with the same stem: box for boxes."""
    CORRECTIONS = auto()
    """What may have been meant by a mistyped word."""


class Rung(NamedTuple):
    """One step of a ladder. Its lookup depends on the kind of word; None means that such a word is not looked up.

    Attributes:
        grade: how good a match on this rung is; 0 is the best.
        letters: the lookup of a word of letters.
        hanzi: the lookup of a run of two or more hanzi.
        one_hanzi: the lookup of a single hanzi.
        is_sure: whether a match on this rung shows that the word was typed correctly. A word without a match on any
            sure rung may have been mistyped.
        instead: which other words are looked up instead of the word itself.
    """

    grade: int
    letters: _Lookup | None
    hanzi: _Lookup | None
    one_hanzi: _Lookup | None
    is_sure: bool = True
    instead: Instead | None = None


RUNGS = (
    Rung(0, (Space.WHOLE_TITLE, _exactly), (Space.WHOLE_TITLE, _exactly), (Space.WHOLE_TITLE, _exactly)),
    Rung(1, (Space.TITLE, _exactly), (Space.TITLE, _containing), None),
    Rung(1, (Space.KEYWORD, _exactly), (Space.KEYWORD, _exactly), (Space.KEYWORD, _exactly)),
    Rung(1, (Space.RELATED, _exactly), (Space.RELATED, _exactly), (Space.RELATED, _exactly)),
    Rung(2, (Space.SYNONYM, _exactly), (Space.SYNONYM, _exactly), (Space.SYNONYM, _exactly)),
    Rung(3, (Space.PART, _exactly), (Space.PART, _containing), None),
    Rung(3, (Space.TEXT, _exactly), (Space.TEXT, _containing), None),
    Rung(4, (Space.TYPED, _exactly), None, None, instead=Instead.FORMS),
    Rung(5, (Space.TITLE, _beginning), None, None),
    Rung(5, (Space.KEYWORD, _beginning), None, (Space.KEYWORD, _beginning)),
    Rung(5, (Space.RELATED, _beginning), None, None),
    Rung(5, (Space.SYNONYM, _beginning), None, None),
    Rung(5, (Space.PART, _beginning), None, None),
    Rung(6, (Space.SPELLED, _exactly), None, (Space.TITLE, _beginning)),
    Rung(7, (Space.SPELLED, _beginning), None, (Space.RELATED, _beginning)),
    Rung(7, (Space.INITIALS, _exactly), None, (Space.PART, _beginning)),
    Rung(8, (Space.TEXT, _beginning), None, (Space.TEXT, _beginning)),
    Rung(8, (Space.TEXT, _exactly), None, None, instead=Instead.FORMS),
    Rung(9, (Space.SPELLED_PART, find_pinyin), None, (Space.SYNONYM, _beginning), is_sure=False),
    Rung(10, (Space.INITIALS, _beginning), None, None, is_sure=False),
    Rung(10, (Space.INITIALS_PART, _containing_initials), None, None, is_sure=False),
    Rung(11, (Space.TYPED, _exactly), (Space.SPELLED, _exactly), None, is_sure=False, instead=Instead.CORRECTIONS),
    Rung(12, (Space.TYPED, _beginning), (Space.SPELLED, _beginning), None, is_sure=False, instead=Instead.CORRECTIONS),
)
"""The rungs in the order in which they are tried. The sure rungs come first."""

LAST = len(RUNGS) - 1
"""The position of the last rung in ``RUNGS``."""

LAST_EXACT = next(position for position, rung in enumerate(RUNGS) if rung.instead is Instead.FORMS)
"""The position of the last rung that looks up a word as a whole, or a form of it."""

LAST_SURE = max(position for position, rung in enumerate(RUNGS) if rung.is_sure)
"""The position of the last sure rung in ``RUNGS``."""

POSITIONS_BY_GRADE = tuple(
    tuple(positions) for _, positions in groupby(range(len(RUNGS)), key=lambda position: RUNGS[position].grade)
)
"""The positions of the rungs in ``RUNGS``, grouped by grade, best grade first."""

_ABBREVIATED = {Space.SPELLED_PART, Space.INITIALS, Space.INITIALS_PART}
"""The spaces in which a single letter is too ambiguous to look up."""

_WRITTEN = (Space.TITLE, Space.KEYWORD, Space.RELATED, Space.SYNONYM, Space.PART, Space.TEXT)


def known_forms(keys: Mapping[Space, Iterable[str]]) -> Mapping[str, Sequence[str]]:
    """Return the known words of each stem, except for a stem that is the only known word with it."""
    words = sorted({key for space in _WRITTEN for key in keys[space]})
    return {of: forms for of, forms in forms_of(words).items() if len(forms) > 1 or forms != [of]}


class Known:
    """The keys of a catalog, and the words among them that are like a given word.

    A lookup in ``spaces`` returns documents, and groups of synonyms, which are numbered after the documents.
    """

    def __init__(
        self,
        spaces: Spaces,
        size: int,
        members: Sequence[Documents],
        remains: Remains,
        forms: Mapping[str, Sequence[str]],
    ) -> None:
        """Keep the keys of ``size`` documents.

        ``members`` has the documents of each group of synonyms, ``remains`` what corrections are found by, and
        ``forms`` the known words of each stem (``known_forms``).
        """
        self.spaces = spaces
        self.size = size
        self._documents = (1 << size) - 1
        self._members = members
        self.corrections = lru_cache(maxsize=2048)(Corrector(spaces[Space.TYPED], remains).corrections)
        self._forms = forms

    def documents(self, found: int) -> Documents:
        """Return what a lookup found, with the members of each group of synonyms instead of the group."""
        documents, groups = found & self._documents, found >> self.size
        while groups:
            lowest = groups & -groups
            documents |= self._members[lowest.bit_length() - 1]
            groups ^= lowest
        return documents

    def forms(self, word: str) -> Sequence[str]:
        """Return the known words with the same stem as a word, without the word itself.

        A stem that is the only known word with it is not kept. So the stem of an unknown one is returned, and is looked
        up in vain.
        """
        of = stem(word)
        return [form for form in self._forms.get(of, (of,)) if form != word][:MAX_FORMS]


Located = tuple[str, str, tuple[int, int]]
"""What a word matched in a document: the field, the text, and the start and end of the part in the text."""

MAX_LOCATED = 256
"""In how many documents a ladder keeps what its word matched."""


class Ladder:
    """The lookups of one word, and the documents that they found.

    ``located`` keeps what the word matched in documents, by their number and the language of the request.
    """

    def __init__(self, known: Known, word: Word, mistyped: bool = False) -> None:
        """Prepare the lookups of a word. If ``mistyped``, look up its corrections even if the word finds something."""
        self.word = word
        self._known = known
        self._mistyped = mistyped
        self._lookups = _LOOKUPS[_kind_of(word)]
        self._found: list[Documents] = []
        self.located: dict[tuple[int, str], Located | None] = {}
        self._steps: list[tuple[int, Documents]] = []  # the rungs that found more than those before

    def up_to(self, position: int) -> Documents:
        """Return the documents that the word finds on the rungs from the first to this position, inclusive."""
        found = self._found
        while len(found) <= position:
            before, number = found[-1] if found else 0, len(found)
            lookup = self._lookups[number]
            added = self._known.documents(self._on(RUNGS[number], *lookup)) & ~before if lookup else 0
            found.append(before | added if added else before)  # one integer for rungs that find nothing more
            if added:
                self._steps.append((number, found[-1]))
        return found[position]

    def finished_up_to(self, position: int) -> Documents:
        """Return the documents as ``up_to`` does, of a word that is not being typed any more.

        Such a word is not the beginning of another one, nor pinyin, if it is known as it is.
        """
        is_known = position > LAST_EXACT and not self._mistyped and self.up_to(LAST_EXACT)
        return self.up_to(LAST_EXACT if is_known else position)

    def space_of(self, document: int) -> Space:
        """Return the space in which the word found a document; TYPED if a correction found it."""
        number = self._rung_of(document)
        lookup = None if number is None or RUNGS[number].instead is Instead.CORRECTIONS else self._lookups[number]
        return lookup[0] if lookup else Space.TYPED

    def written_in(self, document: int) -> Sequence[Word]:
        """Return the words of which a document that was found has at least one: the word, its forms or corrections."""
        number = self._rung_of(document)
        instead = None if number is None else RUNGS[number].instead
        if instead is None:
            return [self.word]
        return [Word(other, 0, 0, hanzi=False) for other in self._instead(instead)]

    def _rung_of(self, document: int) -> int | None:
        """Return the position of the rung that found a document; None if none has."""
        for number, found in self._steps:
            if found >> document & 1:
                return number
        return None

    @property
    def is_sure(self) -> bool:
        """Whether the word finds anything on a sure rung."""
        return any(map(self.up_to, range(LAST_SURE + 1)))

    @cached_property
    def corrections(self) -> Sequence[str]:
        """The corrections of the word. There are none if the word has a match on a sure rung and is not ``mistyped``.

        A run of hanzi is corrected to its pinyin.
        """
        if self.word.is_emoji or (self.is_sure and not self._mistyped):
            return []
        is_separated = "'" in self._pinyin and is_pinyin(self._pinyin.replace("'", ""))
        if is_separated:  # people who separate syllables have chosen each of them
            return []
        if self.word.hanzi:
            return spellings(self.word.text) if 1 < len(self.word.text) <= MAX_SYLLABLES else []
        return self._known.corrections(self.word.text)

    @cached_property
    def _forms(self) -> Sequence[str]:
        return [] if self.word.hanzi or not self.word.text.isascii() else self._known.forms(self.word.text)

    @cached_property
    def _pinyin(self) -> str:
        return as_pinyin(self.word.apart or self.word.text)

    @cached_property
    def _typed_apart(self) -> int:
        """What has the syllables of a word that was typed in parts; everything for other words."""
        return find_pinyin(self._known.spaces[Space.SPELLED_PART], self._pinyin) if "'" in self._pinyin else -1

    def _instead(self, instead: Instead) -> Sequence[str]:
        return self._forms if instead is Instead.FORMS else self.corrections

    def _on(self, rung: Rung, space: Space, look_up: Callable[[Postings, str], int]) -> int:
        """Return the documents and groups of synonyms that the word finds on a rung."""
        postings, text = self._known.spaces[space], self.word.text
        if rung.instead:
            return reduce(or_, (look_up(postings, other) for other in self._instead(rung.instead)), 0)
        if space in _ABBREVIATED and len(text) == 1:
            return 0
        if space is Space.SPELLED_PART:
            return look_up(postings, self._pinyin)
        if space is Space.SPELLED:
            return look_up(postings, self._pinyin.replace("'", "")) & self._typed_apart
        return look_up(postings, text)


_LETTERS, _RUN, _ONE_HANZI = range(3)
_LOOKUPS: Sequence[Sequence[_Lookup | None]] = tuple(
    zip(*((rung.letters, rung.hanzi, rung.one_hanzi) for rung in RUNGS), strict=True)
)
"""The lookups of each kind of word, in the order of ``RUNGS``."""


def _kind_of(word: Word) -> int:
    if not word.hanzi:
        return _LETTERS
    return _RUN if len(word.text) > 1 else _ONE_HANZI
