"""Removes invisible characters that could confuse a reader.

Some invisible characters change how the characters next to them look. They are kept only in the places where Unicode
gives them a meaning:

- U+200D (zero width joiner) between two emoji: families, professions, flags.
- U+200D and U+200C (zero width non-joiner) between two letters, or marks on letters, of one script that joins letters.
- U+200D after such a letter if no letter follows: it joins the letter, as in the Persian abbreviation of the Hijri era.
- U+200D and U+200C after a virama, where they request a half form or a visible virama (for these rules, see the Unicode
  Standard 16.0, chapters 9 and 12, and RFC 5892, appendix A).
- U+FE0E and U+FE0F (text style and emoji style) after an emoji, and in a keycap.
- Other variation selectors after a hanzi or a Mongolian letter, whose form they select.
- U+180E (Mongolian vowel separator) between two Mongolian letters.
- Tag characters in the flag of a region.

In all other places these characters are removed. All other invisible characters are always removed, such as marks that
change the direction of writing, zero width spaces, soft hyphens and fillers.
"""

import re
import unicodedata
from collections.abc import Sequence

# The patterns are texts: compiling all of them takes 4 ms of a cold start, and re keeps those that it has compiled.
_VOWEL_SEPARATOR = "\u180e"
_MONGOLIAN = "[\u1820-\u18aa]"
_REGION = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
"""The flag of a region, such as England: a black flag, the region's code in tags, and the tag that ends it (UTS 51)."""

JOINERS = "\u200c\u200d"
"""The zero width non-joiner and the zero width joiner."""

_JOINER = "\u200d"
_STYLES = "\ufe0e\ufe0f"
_KEYCAP = "\u20e3"
_VIRAMA = 9
"""The canonical combining class of viramas, the signs that remove the vowel of a letter."""

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs"})
"""Unicode categories of control, format, private-use and surrogate characters."""

_IGNORABLE = "[\u034f\u115f\u1160\u17b4\u17b5\u2065\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
"""Code points with the property Default_Ignorable_Code_Point (Unicode 16.0).

Variation selectors and the code points of the categories in ``_HIDDEN`` are not included.
"""

_SELECTORS = "[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_SELECTABLE = (
    ("[\u180b-\u180d\u180f]", "[\u1820-\u18aa]"),
    (
        "[\ufe00-\ufe0d\U000e0100-\U000e01ef]",
        "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]",
    ),
)
"""Sets of variation selectors, each with the characters whose form they select: Mongolian letters, and hanzi."""

_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9-\u21aa\u231a-\u231b\u2328\u2388\u23cf"
    "\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa-\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612"
    "\u2614-\u2685\u2690-\u2705\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733-\u2734\u2744\u2747\u274c"
    "\u274e\u2753-\u2755\u2757\u2763-\u2767\u2795-\u2797\u27a1\u27b0\u27bf\u2934-\u2935\u2b05-\u2b07"
    "\u2b1b-\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f"
    "\U0001f16c-\U0001f171\U0001f17e-\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f1ad-\U0001f1e5"
    "\U0001f201-\U0001f20f\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f23c-\U0001f23f\U0001f249-\U0001f3fa"
    "\U0001f400-\U0001f53d\U0001f546-\U0001f64f\U0001f680-\U0001f6ff\U0001f774-\U0001f77f\U0001f7d5-\U0001f7ff"
    "\U0001f80c-\U0001f80f\U0001f848-\U0001f84f\U0001f85a-\U0001f85f\U0001f888-\U0001f88f\U0001f8ae-\U0001f8ff"
    "\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001faff\U0001fc00-\U0001fffd"
)
"""Extended_Pictographic from emoji-data.txt (Unicode 14.0, which includes the code points of later emoji)."""

_EMOJI_CHARACTER = f"[{_EMOJI}]"
_EMOJI_BEFORE = f"[{_EMOJI}][\ufe0f\U0001f3fb-\U0001f3ff]?\\Z"
"""An emoji at the end of a text, with an optional emoji style selector or skin tone."""

_JOINING = tuple(
    f"[{letters}]"
    for letters in (
        "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff",  # Arabic
        "\u0700-\u074f\u0860-\u086f",  # Syriac
        "\u0840-\u085f",  # Mandaic
        "\u07c0-\u07ff",  # N'Ko
        "\u0900-\u097f\ua8e0-\ua8ff\u1cd0-\u1cff",  # Devanagari
        *(f"{chr(first)}-{chr(first + 0x7F)}" for first in range(0x0980, 0x0E00, 0x80)),  # Bengali to Sinhala
        "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f",  # Myanmar
        "\u1780-\u17ff",  # Khmer
        "\u1800-\u18af",  # Mongolian
        "\U00010d00-\U00010d3f",  # Hanifi Rohingya
        "\U0001e900-\U0001e95f",  # Adlam
    )
)
"""The Unicode blocks of each script in which a joiner or non-joiner changes the form of the letters next to it."""

_CURSIVE = "[\u0600-\u086f\u08a0-\u08ff\u1820-\u18aa\U00010d00-\U00010d3f\U0001e900-\U0001e95f]"
"""The scripts whose letters join their neighbours: Arabic, Syriac, N'Ko, Mandaic, Mongolian, Rohingya and Adlam."""


def without_invisible(text: str) -> str:
    """Remove the invisible characters that have no meaning. Cleaning the result again changes nothing."""
    if text.isascii() and text.isprintable():
        return text
    flags = {place for match in re.finditer(_REGION, text) for place in range(*match.span())}
    visible = [
        character
        for place, character in enumerate(text)
        if place in flags or _is_visible(character) or _separates_a_vowel(text, place)
    ]
    kept: list[str] = []
    for place, character in enumerate(visible):
        if character in JOINERS:
            following = next((after for after in visible[place + 1 :] if after not in JOINERS), "")
            if _joins(kept, character, following):
                kept.append(character)
        elif not re.match(_SELECTORS, character) or _selects(kept, character, "".join(visible[place + 1 : place + 2])):
            kept.append(character)
    return "".join(kept)


def _separates_a_vowel(text: str, place: int) -> bool:
    """Return whether the character at a place is a Mongolian vowel separator between two Mongolian letters."""
    beside = text[place - 1 : place] + text[place + 1 : place + 2]
    return text[place] == _VOWEL_SEPARATOR and len(beside) == len(re.findall(_MONGOLIAN, beside)) == 2  # noqa: PLR2004


def _is_visible(character: str) -> bool:
    if character in JOINERS:
        return True
    is_noncharacter = ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef"  # noqa: PLR2004 - the noncharacters of Unicode
    return not (is_noncharacter or unicodedata.category(character) in _HIDDEN or re.match(_IGNORABLE, character))


def _joins(before: Sequence[str], joiner: str, following: str) -> bool:
    """Return whether a joiner changes the form of its neighbours. Of several joiners in a row, at most one does."""
    last = before[-1] if before else ""
    if not last or last in JOINERS:
        return False
    if unicodedata.combining(last) == _VIRAMA:
        return True
    if joiner == _JOINER and re.search(_EMOJI_BEFORE, "".join(before[-2:])):
        return re.match(_EMOJI_CHARACTER, following) is not None
    if not _is_letter(last):
        return False
    if not _is_letter(following):
        return joiner == _JOINER and re.match(_CURSIVE, last) is not None
    return any(re.match(script, last) and re.match(script, following) for script in _JOINING)


def _is_letter(character: str) -> bool:
    """Return whether a character is a letter, or a mark on one. The empty text is none."""
    return character != "" and unicodedata.category(character)[0] in "LM"


def _selects(before: Sequence[str], selector: str, following: str) -> bool:
    """Return whether a variation selector selects a form of the character before it."""
    last = before[-1] if before else ""
    if selector in _STYLES:
        is_keycap = last in set("0123456789#*") and following == _KEYCAP
        return is_keycap or re.match(_EMOJI_CHARACTER, last) is not None
    return any(re.match(selectors, selector) and re.match(letters, last) for selectors, letters in _SELECTABLE)
