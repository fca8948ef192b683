"""The keys that find a document. A key and its space form a term.

A space is a separate set of keys, such as the words of titles. The space of a key says how good a match is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum, auto
from functools import lru_cache, partial
from itertools import chain, islice, pairwise, zip_longest

from saxaul.catalog.entries import Catalog
from saxaul.search.documents import CAMPAIGN, KIND, THEME, Document
from saxaul.search.folding import MAX_WORD_LENGTH, Word, words_of
from saxaul.search.pinyin import (
    INITIALS_WIDTH,
    MAX_SYLLABLES,
    initials,
    initials_of_some,
    spellings,
    syllable_pairs,
)

MAX_KEY_HANZI = 4
"""The most hanzi in a key. Because Chinese is written without spaces, a key begins at each character of a text."""

MAX_TERMS = 400
"""The most terms of a document or of a group of synonyms. The documents of the default catalog have about 150.

So the index of any catalog takes bounded time and memory. Of a document with longer texts, the ends are not indexed.
"""

_MAX_TITLE_TERMS, _MAX_PHRASE_TERMS = 160, 48
"""The most terms of one title, and of one keyword or related word, so that each of them finds the document."""

MAX_GROUPS = 64
"""The most groups of synonyms of one document."""


class Space(IntEnum):
    """Where a key comes from."""

    WHOLE_TITLE = auto()
    """A title, its words joined."""
    TITLE = auto()
    KEYWORD = auto()
    RELATED = auto()
    """A related word, such as the name of the action type."""
    SYNONYM = auto()
    """A word of a group of synonyms."""
    PART = auto()
    """A piece of a longer phrase: a word, some hanzi, or two neighbouring words joined."""
    TEXT = auto()
    SPELLED = auto()
    """Pinyin of a run of hanzi from its first character on."""
    SPELLED_PART = auto()
    """Pinyin of two neighbouring characters at any place of a run (`pinyin.py`)."""
    INITIALS = auto()
    """First letters of the pinyin syllables of a run of hanzi from its first character on."""
    INITIALS_PART = auto()
    """First letters of the syllables of some neighbouring characters at any place of a run."""
    TYPED = auto()
    """All keys that people type letter by letter. A mistyped word is corrected to the beginning of such a key."""


Term = tuple[Space, str]

TYPED_SPACES = (Space.TITLE, Space.KEYWORD, Space.RELATED, Space.SYNONYM, Space.PART, Space.SPELLED)
"""The spaces whose keys people type letter by letter. The space TYPED has the ASCII keys of all of them."""


_KEPT_TEXTS = 8192
"""Of how many texts of each kind the terms are kept while an index is built, because documents share them."""

_WEAK_SOURCES = (CAMPAIGN, KIND, THEME)
"""Sources whose words find a document less strongly, and not by pinyin: people look for the campaign itself, and for
more than a kind or an old theme."""


class Vocabulary:
    """The search terms of a catalog's documents and of its groups of synonyms.

    A group has each of its documents as a member, so that the words of the group find all of them. ``groups`` has the
    words of each group.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.groups = {identifier: synonyms.words for identifier, synonyms in catalog.synonyms.items()}
        self._groups_of_word = _groups(catalog)
        self._numbering = numbering = _Numbering()
        self._of_title = _numbers_of(numbering, _title_terms)
        self._of_phrase = {
            whole: _numbers_of(numbering, partial(_phrase_terms, whole=whole))
            for whole in (Space.KEYWORD, Space.RELATED, Space.SYNONYM)
        }
        self._of_weak_phrase = _numbers_of(numbering, _weak_terms)
        self._of_text = _numbers_of(numbering, _text_terms)

    @property
    def terms(self) -> Sequence[Term]:
        """All terms that were found so far, by number. Numbers are compared and stored faster than terms."""
        return self._numbering.terms

    def terms_of(self, document: Document) -> set[Term]:
        """Return the terms that find the document."""
        return {self.terms[number] for number in self.numbers_of(document)}

    def terms_of_group(self, group: str) -> set[Term]:
        """Return the terms that find the members of a group of synonyms."""
        return {self.terms[number] for number in self.numbers_of_group(group)}

    def numbers_of(self, document: Document) -> set[int]:
        """Return the numbers of the terms of a document: those of titles first, then keywords, related words and texts.

        If there are more than ``MAX_TERMS``, the last ones are left out.
        """
        titles = [self._of_title(title) for title in (document.titles.en, document.titles.zh)]
        phrases = list(map(self._of_phrase[Space.KEYWORD], document.keywords))
        for source, phrase in document.related:
            of_phrase = self._of_weak_phrase if source in _WEAK_SOURCES else self._of_phrase[Space.RELATED]
            phrases.append(of_phrase(phrase))
        texts = [self._of_text(text) for text in (document.texts.en, document.texts.zh)]
        found = set[int]().union(*titles, *phrases, *texts)
        return found if len(found) <= MAX_TERMS else _first(chain(*titles, _in_turn(phrases), *texts))

    def numbers_of_group(self, group: str) -> set[int]:
        """Return the numbers of the terms that find the members of a group of synonyms."""
        return _first(_in_turn(map(self._of_phrase[Space.SYNONYM], self.groups[group])))

    def groups_of(self, document: Document) -> Sequence[str]:
        """Return the groups of synonyms that have a keyword or a related word of the document.

        The words of its campaign have no synonyms here, because the campaign itself is what people look for with them.
        """
        own = (phrase for source, phrase in document.related if source != CAMPAIGN)
        keys = dict.fromkeys(map(_joined, (*document.keywords, *own)))
        found = chain.from_iterable(self._groups_of_word.get(key, ()) for key in keys)
        return list(islice(dict.fromkeys(found), MAX_GROUPS))


def _in_turn(phrases: Iterable[Sequence[int]]) -> Iterator[int]:
    """Yield the first term of each phrase, which is the whole phrase, then the second of each, and so on.

    So the whole phrases come first, and a limit cuts the same from each.
    """
    return (term for terms in zip_longest(*phrases) for term in terms if term is not None)


def _first(numbers: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for number in numbers:
        found.add(number)
        if len(found) == MAX_TERMS:
            break
    return found


class _Numbering:
    """Numbers terms in the order in which they are found."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self._numbers: dict[Term, int] = {}

    def of(self, terms: Iterable[Term]) -> Sequence[int]:
        found = []
        for term in terms:
            number = self._numbers.get(term)
            if number is None:
                number = self._numbers[term] = len(self.terms)
                self.terms.append(term)
            found.append(number)
        return found


def _numbers_of(numbering: _Numbering, terms_of: Callable[[str], Iterable[Term]]) -> Callable[[str], Sequence[int]]:
    """Return a function that returns the numbers of the terms of a text, which documents share with others."""
    return lru_cache(maxsize=_KEPT_TEXTS)(lambda text: numbering.of(terms_of(text)))


def _groups(catalog: Catalog) -> Mapping[str, Sequence[str]]:
    """Return the identifiers of the synonym groups of each word. Words of several parts are joined."""
    groups: dict[str, list[str]] = {}
    for identifier, synonyms in catalog.synonyms.items():
        for key in dict.fromkeys(map(_joined, synonyms.words)):
            if key:
                groups.setdefault(key, []).append(identifier)
    return groups


def join_words(words: Iterable[Word]) -> str:
    """Join words into one key, because people type both second-hand and secondhand."""
    return "".join(word.text for word in words)[:MAX_WORD_LENGTH]


@lru_cache(maxsize=4096)
def _joined(phrase: str) -> str:
    return join_words(words_of(phrase))


def _title_terms(title: str) -> Iterator[Term]:
    return islice(_all_title_terms(title), _MAX_TITLE_TERMS)


def _all_title_terms(title: str) -> Iterator[Term]:
    words = words_of(title)
    if words:
        yield Space.WHOLE_TITLE, join_words(words)
    for word in words:
        if word.hanzi:
            yield from _hanzi_terms(word.text, Space.TITLE)
        else:
            yield Space.TITLE, word.text
    yield from _pairs(words)


@lru_cache(maxsize=4096)
def _hanzi_terms(run: str, space: Space) -> tuple[Term, ...]:
    """Return the terms of a run of hanzi: hanzi, pinyin and initials. All but two begin at each of its characters."""
    places = range(len(run))
    terms: Iterable[Term] = chain(
        ((Space.SPELLED, spelling) for spelling in spellings(run[:MAX_SYLLABLES])),
        ((Space.INITIALS, letters) for letters in initials(run[:MAX_SYLLABLES])),
        ((space, run[start : start + MAX_KEY_HANZI]) for start in places),
        ((Space.SPELLED_PART, pair) for start in places for pair in syllable_pairs(run[start : start + 2])),
        (
            (Space.INITIALS_PART, letters)
            for start in places
            for letters in initials_of_some(run[start : start + INITIALS_WIDTH])
        ),
    )
    return tuple(dict.fromkeys(terms))


def _phrase_terms(phrase: str, whole: Space) -> Iterator[Term]:
    words = words_of(phrase)
    if words:
        yield whole, join_words(words)
        for space, key in islice(_part_terms(words), _MAX_PHRASE_TERMS):
            # Initials are a guess, and so are synonyms. Initials of synonyms go into the less reliable space.
            is_guess = space is Space.INITIALS and whole is Space.SYNONYM
            yield Space.INITIALS_PART if is_guess else space, key


def _weak_terms(phrase: str) -> Iterator[Term]:
    return (term for term in _phrase_terms(phrase, Space.PART) if term[0] is Space.PART)


def _part_terms(words: Sequence[Word]) -> Iterator[Term]:
    for word in words:
        if word.hanzi:
            yield from _hanzi_terms(word.text, Space.PART)
        elif len(words) > 1:
            yield Space.PART, word.text
    yield from _pairs(words)


def _pairs(words: Sequence[Word]) -> Iterator[Term]:
    """Yield each pair of neighbouring words as one key: people type both high-speed train and highspeed train."""
    for first, second in pairwise(words):
        if not (first.hanzi or second.hanzi or first.is_emoji or second.is_emoji):
            yield Space.PART, join_words((first, second))


def _text_terms(text: str) -> Iterator[Term]:
    for word in words_of(text):
        if word.hanzi:
            yield from ((Space.TEXT, word.text[start : start + MAX_KEY_HANZI]) for start in range(len(word.text)))
        else:
            yield Space.TEXT, word.text
