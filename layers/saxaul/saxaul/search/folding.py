"""Folds texts into words. Width, case, accents, punctuation and traditional characters make no difference."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from saxaul.search.hanzi import is_hanzi, simplify

_RUN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 - the apostrophe that phones type


LONGEST = 32
"""How many letters of a word count; the rest are cut off."""


class Word(NamedTuple):
    """A folded word or run of hanzi, with its place in the text."""

    text: str
    start: int
    end: int
    hanzi: bool


@lru_cache(maxsize=16_384)
def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text.

    An apostrophe joins. Every other character that is neither a letter nor a digit separates, and so does a change
    between hanzi and other letters.
    """
    return tuple(_words(text))


def _words(text: str) -> Iterator[Word]:
    for match in _RUN.finditer(text):
        start = match.start()
        for hanzi, characters in groupby(match.group(), is_hanzi):
            piece = "".join(characters)
            if folded := fold(piece):
                yield Word(folded if hanzi else folded[:LONGEST], start, start + len(piece), hanzi)
            start += len(piece)


def fold(text: str) -> str:
    """The letters and digits: lower case, normal width, no accents, simplified hanzi, and v for ü as it is typed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFD", folded).replace("u\u0308", "v")
        bare = "".join(character for character in decomposed if not unicodedata.combining(character))
        folded = simplify(unicodedata.normalize("NFC", bare))
    return "".join(filter(str.isalnum, folded))
