"""Texts folded into words that compare equal whatever their width, case, accents, characters and punctuation."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from saxaul.search.hanzi import is_hanzi, simplify

_RUN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 - the apostrophe that phones type


LONGEST = 32
"""Letters of a word that count."""


class Word(NamedTuple):
    """A word of a text, or a run of its hanzi: folded, and where in the text it stands."""

    text: str
    start: int
    end: int
    hanzi: bool


@lru_cache(maxsize=16_384)
def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text. An apostrophe joins; all else that is neither letter nor digit parts, and so do hanzi."""
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
    """Letters and digits in lower case and usual width, without accents; hanzi simplified; ü as v, as it is typed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if not folded.isascii():
        decomposed = unicodedata.normalize("NFD", folded).replace("u\u0308", "v")
        bare = "".join(character for character in decomposed if not unicodedata.combining(character))
        folded = simplify(unicodedata.normalize("NFC", bare))
    return "".join(filter(str.isalnum, folded))
