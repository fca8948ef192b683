"""Prepares the text on a certificate: removes characters that must not be drawn, and breaks the text into lines.

The viewer's device chooses the fonts, so the exact width of a text is unknown. A hanzi (Chinese character) is one em
wide. The widths of other characters are those of common fonts, rounded up.
"""

import re
import unicodedata
from collections.abc import Iterator

_WIDTHS = {0.34: " ijltfrI.,:;!'|()[]-·", 0.95: "MWmw@%—…"}
"""The characters whose width differs much from the usual one, by their width in ems."""

_EMS = {character: ems for ems, characters in _WIDTHS.items() for character in characters}
_LOWER, _OTHER = 0.54, 0.7
_UNDRAWN = {"Cc", "Cf", "Cs", "Co", "Cn"}
"""The Unicode categories of characters that are not drawn.

They are control, format (such as the direction of text), surrogate, private and unassigned characters.
"""

_JOINERS = "\u200c\u200d"
"""Zero-width characters that emoji and some scripts need, so they are kept."""


def drawable(text: str) -> str:
    """Return a text as one line that is safe to draw.

    Removes characters that XML cannot hold and those that change the direction of the surrounding text.
    """
    spaced = " ".join(text.split())
    return "".join(
        character for character in spaced if character in _JOINERS or unicodedata.category(character) not in _UNDRAWN
    )


def wrap(text: str, size: float, width: float, maximum: int) -> list[str]:
    """Break a text into at most ``maximum`` lines of the given width.

    If the text is too long, the last line ends with "…". ``size`` is the font size, in the same units as ``width``.
    """
    broken = [""]
    for piece in _pieces(drawable(text), width / size):
        if broken[-1] and _ems(broken[-1] + piece.rstrip()) * size > width:
            broken[-1] = broken[-1].rstrip()
            broken.append(piece.lstrip())
        else:
            broken[-1] += piece
    if len(broken) > maximum:
        return [*broken[: maximum - 1], broken[maximum - 1].rstrip()[:-1] + "…"]
    return [line.rstrip() for line in broken]


def _pieces(text: str, ems: float) -> Iterator[str]:
    """Yield pieces of a text between which a line may break.

    A piece is a word and the space after it, a hanzi, or the part of a long word that fits into a line of ``ems`` ems.
    """
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
