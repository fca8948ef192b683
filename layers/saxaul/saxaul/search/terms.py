"""The keys that find a suggestion. Each key is in a space, which says how good a match on it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum, auto
from functools import lru_cache, partial
from itertools import pairwise

from saxaul.catalog.entries import Catalog, Suggestion
from saxaul.search.folding import LONGEST, Word, words_of
from saxaul.search.hanzi import initials, spellings

WINDOW = 4
"""The most hanzi in a key. Chinese is written without spaces, so a key begins at each character of a text."""

_SPELLED = 6
"""The most syllables in a pinyin key."""


class Space(IntEnum):
    """Where a key comes from. A ``PART`` key is a piece of a longer phrase or begins inside a run of hanzi."""

    TITLE = auto()
    KEYWORD = auto()
    RELATED = auto()
    """A word from the suggestion's action type or campaign, or a synonym of such a word or of a keyword."""
    PART = auto()
    TEXT = auto()
    SPELLED = auto()
    SPELLED_PART = auto()
    INITIALS = auto()
    INITIALS_PART = auto()
    TYPED = auto()
    """All keys that people type letter by letter. A mistyped word is corrected to the beginning of one of these."""


Term = tuple[Space, str]

_ACTION_TYPE, _CAMPAIGN, _SYNONYM = "action_type", "campaign", "synonym"
"""The sources of related words, by the names that an answer uses for them."""


class Vocabulary:
    """The search terms of a catalog's suggestions."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._synonyms_of = lru_cache(maxsize=16_384)(partial(_synonyms_of, catalog, _groups(catalog)))

    def terms_of(self, suggestion: Suggestion) -> set[Term]:
        """Return all terms that find the suggestion."""
        terms = {*_title_terms(suggestion.titles.en), *_title_terms(suggestion.titles.zh)}
        for text in (suggestion.texts.en, suggestion.texts.zh):
            terms.update(_text_terms(text))
        for keyword in suggestion.keywords:
            terms.update(_phrase_terms(keyword, Space.KEYWORD))
        for lender, phrase in self.related_to(suggestion):
            for space, key in _phrase_terms(phrase, Space.RELATED):
                # Initials are a guess, and so are synonyms. The initials of a synonym go into the less reliable space.
                guess = lender == _SYNONYM and space is Space.INITIALS
                terms.add((Space.INITIALS_PART if guess else space, key))
        return terms

    def related_to(self, suggestion: Suggestion) -> Iterator[tuple[str, str]]:
        """Return the related words of a suggestion, each with its source: action type, campaign or synonym."""
        return self.lent(suggestion.action_type, suggestion.campaign, suggestion.keywords)

    def lent(self, action_type: str, campaign: str | None, keywords: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Return the related words of any suggestion with this action type, campaign and keywords."""
        names = self._catalog.action_types[action_type].names
        lent = [(_ACTION_TYPE, names.en), (_ACTION_TYPE, names.zh)]
        if known := self._catalog.campaigns.get(campaign or ""):
            lent += [(_CAMPAIGN, words) for words in (known.names.en, known.names.zh, *known.keywords)]
        yield from lent
        yield from ((_SYNONYM, word) for word in self._synonyms_of((*keywords, *(phrase for _, phrase in lent))))


def _synonyms_of(catalog: Catalog, groups_of: Mapping[str, Sequence[str]], phrases: Sequence[str]) -> tuple[str, ...]:
    groups = [group for phrase in phrases for group in groups_of.get(glued(words_of(phrase)), ())]
    return tuple(word for group in dict.fromkeys(groups) for word in catalog.synonyms[group].words)


def _groups(catalog: Catalog) -> Mapping[str, Sequence[str]]:
    """Return the synonym groups that each word belongs to."""
    groups: dict[str, list[str]] = {}
    for identifier, synonyms in catalog.synonyms.items():
        for word in synonyms.words:
            groups.setdefault(glued(words_of(word)), []).append(identifier)
    return groups


def glued(words: Iterable[Word]) -> str:
    """Join words into one, because people type both second-hand and secondhand."""
    return "".join(word.text for word in words)[:LONGEST]


def _title_terms(title: str) -> Iterator[Term]:
    words = words_of(title)
    for word in words:
        if word.hanzi:
            yield from _hanzi_terms(word.text, Space.TITLE)
        else:
            yield Space.TITLE, word.text
    yield from _pairs(words)


def _hanzi_terms(run: str, inside: Space) -> Iterator[Term]:
    """Yield the terms that begin at each character of a run of hanzi: hanzi, pinyin and initials."""
    for start in range(len(run)):
        yield inside, run[start : start + WINDOW]
        spelled, first_letters = (Space.SPELLED_PART, Space.INITIALS_PART) if start else (Space.SPELLED, Space.INITIALS)
        yield from ((spelled, spelling) for spelling in spellings(run[start : start + _SPELLED]))
        yield from ((first_letters, letters) for letters in initials(run[start : start + _SPELLED]))


@lru_cache(maxsize=16_384)
def _phrase_terms(phrase: str, whole: Space) -> tuple[Term, ...]:
    words = words_of(phrase)
    if not words:
        return ()
    terms: list[Term] = [(whole, glued(words))]
    for word in words:
        if word.hanzi:
            terms += _hanzi_terms(word.text, Space.PART)
        elif len(words) > 1:
            terms.append((Space.PART, word.text))
    return (*terms, *_pairs(words))


def _pairs(words: Sequence[Word]) -> Iterator[Term]:
    """Yield neighbouring words joined into one, because people type both high-speed train and highspeed train."""
    for first, second in pairwise(words):
        if not first.hanzi and not second.hanzi:
            yield Space.PART, glued((first, second))


def _text_terms(text: str) -> Iterator[Term]:
    for word in words_of(text):
        if word.hanzi:
            yield from ((Space.TEXT, word.text[start : start + WINDOW]) for start in range(len(word.text)))
        else:
            yield Space.TEXT, word.text
