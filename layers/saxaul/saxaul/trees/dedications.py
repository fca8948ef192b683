"""Dedications: a few words that stand on a certificate for anyone to read.

What cannot be seen is taken out, because it could only confuse (:mod:`saxaul.trees.unseen`), and so are all but three
of a stack of accents. Joiners stay where a script or an emoji needs them. What is too long is refused rather than cut,
because nobody wants half a name on a certificate. Any script is welcome, and so are ``<`` and ``&``: whoever shows it
in a document of markup escapes it there.
"""

import unicodedata
from collections.abc import Iterable, Iterator

from saxaul.trees.unseen import JOINERS, without_unseen

MAX_LENGTH = 100
"""Characters that a dedication has at most once it is cleaned: code points, as composed as they can be (NFC)."""

MAX_SENT = 1000
"""Characters that may be sent of it; more is not worth cleaning."""

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
    kept = _cleaned(text)
    while (again := _cleaned(kept)) != kept:  # what is taken out changes what stands side by side
        kept = again
    if len(kept) > MAX_LENGTH:
        raise ValueError(f"a dedication has at most {MAX_LENGTH} characters, and this one has {len(kept)}")
    return kept


def _cleaned(text: str) -> str:
    seen = without_unseen("".join(" " if character.isspace() else character for character in text))
    return " ".join("".join(_without_stacks(unicodedata.normalize("NFC", seen))).split())


def _without_stacks(text: Iterable[str]) -> Iterator[str]:
    marks = 0
    for character in text:
        if character not in JOINERS:
            marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        if marks <= _MOST_MARKS:
            yield character
