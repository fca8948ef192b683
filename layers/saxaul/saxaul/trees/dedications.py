"""Dedications: short texts that anyone can read on a certificate.

A dedication is cleaned before it is stored. Cleaning removes invisible characters that could confuse a reader
(:mod:`saxaul.trees.invisible`), and keeps at most three accents on one character, or six different marks of a
script that writes with marks, such as Burmese or Hebrew. A dedication that is too long is
refused and not cut, because a certificate must not show half a name. Every script is allowed, and so are ``<`` and
``&``: code that shows a dedication in HTML or SVG must escape it.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from saxaul.trees.invisible import JOINERS, without_invisible

MAX_LENGTH = 100
"""The most characters of a cleaned dedication, counted as code points after composition (NFC)."""

MAX_SENT = 1000
"""The most characters of a dedication before cleaning. A longer text is refused without cleaning it."""

_MARKS = frozenset({"Mn", "Me"})
"""Unicode categories of the marks that are drawn above, below or around the previous character."""

_MAX_MARKS, _MAX_SCRIPT_MARKS = 3, 6
_ACCENT = "COMBINING "
"""How the names of marks begin that belong to no script."""


def clean_dedication(text: str) -> str:
    """Clean a dedication. Cleaning the result again does not change it.

    Raises:
        ValueError: the dedication is too long.
    """
    if len(text) > MAX_SENT:
        raise ValueError(f"a dedication must have at most {MAX_LENGTH} characters")
    kept = _cleaned(text)
    while (again := _cleaned(kept)) != kept:  # removing one character can make its new neighbours removable
        kept = again
    if len(kept) > MAX_LENGTH:
        raise ValueError(f"a dedication must have at most {MAX_LENGTH} characters, and this one has {len(kept)}")
    return kept


def _cleaned(text: str) -> str:
    visible = without_invisible("".join(" " if character.isspace() else character for character in text))
    return " ".join("".join(_limit_marks(unicodedata.normalize("NFC", visible))).split())


def _limit_marks(text: Iterable[str]) -> Iterator[str]:
    marks: list[str] = []
    for character in text:
        if character in JOINERS:
            yield character
            continue
        if unicodedata.category(character) not in _MARKS:
            marks = []
        elif len(marks) < _MAX_MARKS or _is_further_mark(character, marks):
            marks.append(character)
        else:
            continue
        yield character


def _is_further_mark(mark: str, marks: Sequence[str]) -> bool:
    """Return whether a mark may follow three others: it belongs to a script, and is another one than they are."""
    is_of_script = not unicodedata.name(mark, _ACCENT).startswith(_ACCENT)
    return is_of_script and mark not in marks and len(marks) < _MAX_SCRIPT_MARKS
