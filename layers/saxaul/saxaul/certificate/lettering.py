"""Words on a certificate: cleaned of what must not be drawn, and broken into lines that fit.

Each reader's own fonts are used, so nothing can be measured here. A hanzi is one em wide; for other characters the
widths are those of common fonts, rounded up.
"""

import re
import unicodedata
from collections.abc import Iterator

_WIDTHS = {0.34: " ijltfrI.,:;!'|()[]-·", 0.95: "MWmw@%—…"}
"""Ems of characters that are far from the usual width."""

_EMS = {character: ems for ems, characters in _WIDTHS.items() for character in characters}
_LOWER, _OTHER = 0.54, 0.7
_UNDRAWN = {"Cc", "Cf", "Cs", "Co", "Cn"}
"""Control characters, those that turn the direction of writing, half characters, and what Unicode has not given out."""

_JOINERS = "\u200c\u200d"
"""These hold emoji and some scripts together."""


def drawable(text: str) -> str:
    """A text in one line without anything that XML cannot hold or that would turn what stands around it."""
    spaced = " ".join(text.split())
    return "".join(
        character for character in spaced if character in _JOINERS or unicodedata.category(character) not in _UNDRAWN
    )


def lines(text: str, size: float, width: float, most: int) -> list[str]:
    """A text broken into at most so many lines of a width, at a font size in the same units; … where it is cut."""
    broken = [""]
    for piece in _pieces(drawable(text), width / size):
        if broken[-1] and _ems(broken[-1] + piece.rstrip()) * size > width:
            broken[-1] = broken[-1].rstrip()
            broken.append(piece.lstrip())
        else:
            broken[-1] += piece
    if len(broken) > most:
        return [*broken[: most - 1], broken[most - 1].rstrip()[:-1] + "…"]
    return [line.rstrip() for line in broken]


def _pieces(text: str, ems: float) -> Iterator[str]:
    """What stays on one line: a word with the space after it, a hanzi, and as much of a long word as a line holds."""
    for word in re.findall(r"\S+\s*|\s+", text):
        current = ""
        for character in word:
            if current and (_is_wide(character) or _is_wide(current[-1]) or _ems(current + character) > ems):
                yield current
                current = ""
            current += character
        yield current


def _ems(text: str) -> float:
    return sum(map(_em, text))


def _em(character: str) -> float:
    if unicodedata.combining(character):
        return 0
    if _is_wide(character):
        return 1
    return _EMS.get(character, _LOWER if character.islower() or character.isdigit() else _OTHER)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")
