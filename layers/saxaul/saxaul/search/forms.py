"""The forms of an English word: box and boxes, battery and batteries, recycle and recycling.

Words with the same stem are forms of one word. The stem is what remains without the ending of a plural or of a verb.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

_IRREGULAR = {
    **dict.fromkeys(("children", "childrens"), "child"),
    "people": "person",
    "men": "man",
    "women": "woman",
    "feet": "foot",
    "teeth": "tooth",
    "mice": "mouse",
    "geese": "goose",
    "buses": "bus",
    "gases": "gas",
    "potatoes": "potato",
    "tomatoes": "tomato",
    "bought": "buy",
    "brought": "bring",
    "drove": "drive",
    "driven": "drive",
    "rode": "ride",
    "ridden": "ride",
    "took": "take",
    "taken": "take",
    "sold": "sell",
    "sent": "send",
    "given": "give",
    "gave": "give",
    "written": "write",
    "wrote": "write",
    "grown": "grow",
    "grew": "grow",
    **{f"{word}ves": f"{word}f" for word in ("lea", "hal", "shel", "loa", "cal", "wol", "thie", "scar", "sel", "hoo")},
    **{f"{word}ves": f"{word}fe" for word in ("kni", "li", "wi")},
}
"""Forms that no rule explains. The verbs are those of green deeds."""

_SHORTEST_STEM = 3

MAX_FORMS = 8
"""The most forms of one word that are looked up."""

_VOWELS = frozenset("aeiouy")
_DOUBLED = frozenset(letter * 2 for letter in "bdfgmnprtl")
_NEEDS_E = re.compile("[^aeiouy]*[aeiouy][^aeiouywx]")
"""One short syllable, as in car or rid. With an e at the end it is another word: care, ride. So its e is kept."""


def stem(word: str) -> str:
    """Return the stem of a folded English word. It need not be a word itself."""
    singular = _without_plural(_IRREGULAR.get(word, word))
    base = _without_participle(singular)
    if base.endswith("y") and base[-2:-1] not in _VOWELS:
        return base[:-1] + "i"
    if base.endswith("ll"):  # as of travelling, which some write with one l
        return base[:-1]
    if base.endswith("e") and not _NEEDS_E.fullmatch(base[:-1]):
        return _if_long(base[:-1], base)
    return base


def _without_plural(word: str) -> str:
    if word.endswith("ies"):
        return _if_long(word[:-3] + "i", word)
    if word.endswith(("sses", "ches", "shes", "xes", "zes")):
        return _if_long(word[:-2], word)
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return _if_long(word[:-1], word)
    return word


def _without_participle(word: str) -> str:
    if word.endswith("ied"):
        return _if_long(word[:-3] + "i", word)
    for ending in ("ing", "ed"):
        if word.endswith(ending) and not word.endswith("eed"):
            rest = _if_long(word[: -len(ending)], word)
            if rest == word:
                return word
            if rest[-2:] in _DOUBLED:
                return rest[:-1]
            return rest + "e" if _NEEDS_E.fullmatch(rest) else rest
    return word


def _if_long(shorter: str, word: str) -> str:
    """Return the shorter form of a word, or the word itself if too little would remain to be a stem."""
    return shorter if len(shorter) >= _SHORTEST_STEM and not _VOWELS.isdisjoint(shorter) else word


def forms_of(words: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return the words of each stem. Only words of ASCII letters have forms."""
    forms: dict[str, list[str]] = {}
    for word in words:
        if len(word) >= _SHORTEST_STEM and word.isascii() and word.isalpha():
            forms.setdefault(stem(word), []).append(word)
    return forms
