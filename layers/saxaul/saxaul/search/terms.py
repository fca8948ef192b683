"""The keys that find a document. A key and its space form a term.

A space is a separate set of keys, such as the words of titles. The space of a key says how good a match is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum, auto
from functools import lru_cache
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

    def terms_of(self, document: Document) -> set[Term]:
        """Return the terms that find the document: those of titles first, then keywords, related words and texts."""
        return _first_terms(self._all_terms_of(document))

    def terms_of_group(self, group: str) -> set[Term]:
        """Return the terms that find the members of a group of synonyms."""
        terms = _in_turn(_phrase_terms(phrase, Space.SYNONYM) for phrase in self.groups[group])
        # Initials are a guess, and so are synonyms. Initials of synonyms go into the less reliable space.
        return _first_terms((Space.INITIALS_PART if space is Space.INITIALS else space, key) for space, key in terms)

    def groups_of(self, document: Document) -> Sequence[str]:
        """Return the groups of synonyms that have a keyword or a related word of the document.

        The words of its campaign have no synonyms here, because the campaign itself is what people look for with them.
        """
        own = (phrase for source, phrase in document.related if source != CAMPAIGN)
        keys = dict.fromkeys(join_words(words_of(phrase)) for phrase in (*document.keywords, *own))
        found = chain.from_iterable(self._groups_of_word.get(key, ()) for key in keys)
        return list(islice(dict.fromkeys(found), MAX_GROUPS))

    def _all_terms_of(self, document: Document) -> Iterator[Term]:
        for title in (document.titles.en, document.titles.zh):
            yield from islice(_title_terms(title), _MAX_TITLE_TERMS)
        phrases = [_phrase_terms(keyword, Space.KEYWORD) for keyword in document.keywords]
        for source, phrase in document.related:
            if source in _WEAK_SOURCES:
                phrases.append(tuple(term for term in _phrase_terms(phrase, Space.PART) if term[0] is Space.PART))
            else:
                phrases.append(_phrase_terms(phrase, Space.RELATED))
        yield from _in_turn(phrases)
        for text in (document.texts.en, document.texts.zh):
            yield from _text_terms(text)


def _in_turn(phrases: Iterable[Sequence[Term]]) -> Iterator[Term]:
    """Yield the first term of each phrase, which is the whole phrase, then the second of each, and so on.

    So the whole phrases come first, and a limit cuts the same from each.
    """
    return (term for terms in zip_longest(*phrases) for term in terms if term)


def _first_terms(terms: Iterable[Term]) -> set[Term]:
    found: set[Term] = set()
    for term in terms:
        found.add(term)
        if len(found) == MAX_TERMS:
            break
    return found


def _groups(catalog: Catalog) -> Mapping[str, Sequence[str]]:
    """Return the identifiers of the synonym groups of each word. Words of several parts are joined."""
    groups: dict[str, list[str]] = {}
    for identifier, synonyms in catalog.synonyms.items():
        for key in dict.fromkeys(join_words(words_of(word)) for word in synonyms.words):
            if key:
                groups.setdefault(key, []).append(identifier)
    return groups


def join_words(words: Iterable[Word]) -> str:
    """Join words into one key, because people type both second-hand and secondhand."""
    return "".join(word.text for word in words)[:MAX_WORD_LENGTH]


def _title_terms(title: str) -> Iterator[Term]:
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


@lru_cache(maxsize=4096)
def _phrase_terms(phrase: str, whole: Space) -> tuple[Term, ...]:
    words = words_of(phrase)
    if not words:
        return ()
    return ((whole, join_words(words)), *islice(_part_terms(words), _MAX_PHRASE_TERMS))


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
