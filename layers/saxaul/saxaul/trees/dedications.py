"""Dedications: a few words that stand on a certificate for anyone to read.

What cannot be seen is taken out, because it could only confuse: control characters, marks that turn the direction of
writing, joiners and spaces without width, halves of characters, and all but three of a stack of accents. What is too
long is refused rather than cut, because nobody wants half a name on a certificate. Any script is welcome, and so are
``<`` and ``&``: whoever shows it in a document of markup escapes it there.
"""

import unicodedata
from collections.abc import Iterable, Iterator

MAX_LENGTH = 100
"""Characters that a dedication has at most once it is cleaned: code points, as composed as they can be (NFC)."""

MAX_SENT = 1000
"""Characters that may be sent of it; more is not worth cleaning."""

_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs"})
"""Unicode's categories of characters for control and format, for private use, and of halves."""

_MARKS = frozenset({"Mn", "Me"})
"""Those of marks that are set above, below or around the character before."""

_MOST_MARKS = 3


def clean_dedication(text: str) -> str:
    """A dedication as it is kept. Cleaning it again changes nothing.

    Raises:
        ValueError: it is too long.
    """
    if len(text) > MAX_SENT:
        raise ValueError(f"a dedication of at most {MAX_LENGTH} characters is needed")
    seen = (" " if character.isspace() else character for character in text)
    composed = unicodedata.normalize("NFC", "".join(character for character in seen if not _is_unseen(character)))
    kept = " ".join("".join(_without_stacks(composed)).split())
    if len(kept) > MAX_LENGTH:
        raise ValueError(f"a dedication has at most {MAX_LENGTH} characters, and this one has {len(kept)}")
    return kept


def _is_unseen(character: str) -> bool:
    code = ord(character)
    is_no_character = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF  # noqa: PLR2004 - as Unicode sets them apart
    return is_no_character or unicodedata.category(character) in _UNSEEN


def _without_stacks(text: Iterable[str]) -> Iterator[str]:
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        if marks <= _MOST_MARKS:
            yield character
