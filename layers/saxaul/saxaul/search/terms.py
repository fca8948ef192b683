"""What a suggestion is found by: keys, each in a space that says how good a find it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum, auto
from functools import lru_cache, partial
from itertools import pairwise

from saxaul.catalog.entries import Catalog, Suggestion
from saxaul.search.folding import LONGEST, Word, words_of
from saxaul.search.hanzi import initials, spellings

WINDOW = 4
"""Hanzi of a key: Chinese is written without spaces, so a text is found from each of its characters on."""

_SPELLED = 6
"""Syllables of a key in pinyin."""


class Space(IntEnum):
    """Where a key was found. A ``PART`` begins inside of a keyword or of a word of its own."""

    TITLE = auto()
    KEYWORD = auto()
    RELATED = auto()
    """A word of the suggestion's action type or campaign, or a synonym of one of its own."""
    PART = auto()
    TEXT = auto()
    SPELLED = auto()
    SPELLED_PART = auto()
    INITIALS = auto()
    INITIALS_PART = auto()
    TYPED = auto()
    """All keys that are typed letter by letter, and may be mistyped."""


Term = tuple[Space, str]

_ACTION_TYPE, _CAMPAIGN, _SYNONYM = "action_type", "campaign", "synonym"
"""Who lends a suggestion words."""


class Vocabulary:
    """The terms of a catalog's suggestions."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._synonyms_of = lru_cache(maxsize=16_384)(partial(_synonyms_of, catalog, _groups(catalog)))

    def terms_of(self, suggestion: Suggestion) -> set[Term]:
        """Everything that the suggestion is found by."""
        terms = {*_title_terms(suggestion.titles.en), *_title_terms(suggestion.titles.zh)}
        for text in (suggestion.texts.en, suggestion.texts.zh):
            terms.update(_text_terms(text))
        for keyword in suggestion.keywords:
            terms.update(_phrase_terms(keyword, Space.KEYWORD))
        for lender, phrase in self.related_to(suggestion):
            for space, key in _phrase_terms(phrase, Space.RELATED):
                # The first letters of a synonym are a guess at a guess.
                guess = lender == _SYNONYM and space is Space.INITIALS
                terms.add((Space.INITIALS_PART if guess else space, key))
        return terms

    def related_to(self, suggestion: Suggestion) -> Iterator[tuple[str, str]]:
        """The words that others lend to a suggestion, each with who does: action type, campaign or synonym."""
        return self.lent(suggestion.action_type, suggestion.campaign, suggestion.keywords)

    def lent(self, action_type: str, campaign: str | None, keywords: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The words that are lent to whatever has these."""
        names = self._catalog.action_types[action_type].names
        lent = [(_ACTION_TYPE, names.en), (_ACTION_TYPE, names.zh)]
        if known := self._catalog.campaigns.get(campaign or ""):
            lent += [(_CAMPAIGN, words) for words in (known.names.en, known.names.zh, *known.keywords)]
        yield from lent
        yield from ((_SYNONYM, word) for word in self._synonyms_of((*keywords, *(it for _, it in lent))))


def _synonyms_of(catalog: Catalog, groups_of: Mapping[str, Sequence[str]], phrases: Sequence[str]) -> tuple[str, ...]:
    groups = [group for phrase in phrases for group in groups_of.get(glued(words_of(phrase)), ())]
    return tuple(word for group in dict.fromkeys(groups) for word in catalog.synonyms[group].words)


def _groups(catalog: Catalog) -> Mapping[str, Sequence[str]]:
    """The groups of synonyms that each word is in."""
    groups: dict[str, list[str]] = {}
    for identifier, synonyms in catalog.synonyms.items():
        for word in synonyms.words:
            groups.setdefault(glued(words_of(word)), []).append(identifier)
    return groups


def glued(words: Iterable[Word]) -> str:
    """Words written as one, which makes no difference to whom searches: second-hand, secondhand."""
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
    """A run of hanzi from each of its characters on, as it is written and as it is read."""
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
    """Neighbours written as one: high-speed train, highspeed train."""
    for first, second in pairwise(words):
        if not first.hanzi and not second.hanzi:
            yield Space.PART, glued((first, second))


def _text_terms(text: str) -> Iterator[Term]:
    for word in words_of(text):
        if word.hanzi:
            yield from ((Space.TEXT, word.text[start : start + WINDOW]) for start in range(len(word.text)))
        else:
            yield Space.TEXT, word.text
