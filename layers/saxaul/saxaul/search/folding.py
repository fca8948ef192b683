"""Split text into words and fold them.

Folding removes differences of width, case, accents and punctuation, and those between traditional and simplified
characters.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from saxaul.search.hanzi import is_hanzi, simplify

_RUN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 - the apostrophe that phones type


MAX_WORD_LENGTH = 32
"""The most letters of a folded word. Further letters are cut off."""


class Word(NamedTuple):
    """A folded word, or a folded run of hanzi. ``start`` and ``end`` are its position in the original text."""

    text: str
    start: int
    end: int
    hanzi: bool


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[Word, ...]:
    """Return the folded words of a text.

    An apostrophe inside a word does not split it. Every other character that is neither a letter nor a digit separates
    words, and so does a change between hanzi and other letters.
    """
    return tuple(_words(text))


def _words(text: str) -> Iterator[Word]:
    for match in _RUN.finditer(text):
        start = match.start()
        for hanzi, characters in groupby(match.group(), is_hanzi):
            piece = "".join(characters)
            if folded := fold(piece):
                yield Word(folded if hanzi else folded[:MAX_WORD_LENGTH], start, start + len(piece), hanzi)
            start += len(piece)


def fold(text: str) -> str:
    """Return the letters and digits of a text in lower case and normal width, without accents, in simplified hanzi.

    The letter ü becomes v, because that is how people type it.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFD", folded).replace("u\u0308", "v")
        bare = "".join(character for character in decomposed if not unicodedata.combining(character))
        folded = simplify(unicodedata.normalize("NFC", bare))
    return "".join(filter(str.isalnum, folded))
