"""Certificate numbers. They cannot be guessed, and a check character detects typing errors.

A number, such as ``7K3M-9QPD-2FHW-C``, has twelve random characters (60 bits) and one check character.
The alphabet is Crockford's base 32, which omits I, L, O and U because they look like other characters. The check
character is computed by the Luhn algorithm modulo 32, which detects any single wrong character and nearly every swap
of two neighbouring characters.
"""

import secrets
from typing import Literal

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_RANDOM_CHARACTERS = 12


NumberFault = Literal["form", "check"]
"""Why a text is no certificate number: it has other characters or another length, or its check character is wrong."""


def new_number() -> str:
    random = "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    return _grouped(random + check_character(random))


def parse_number(text: str) -> str | None:
    """Return a certificate number that a person typed, in its standard form; None if it is not valid.

    Case, spaces and dashes are ignored. The letters O, I and L are read as the digits 0, 1 and 1.
    """
    bare = _bare(text)
    return _grouped(bare) if _fault_of(bare) is None else None


def number_fault(text: str) -> NumberFault | None:
    """Return why :func:`parse_number` does not read a text; None if it does."""
    return _fault_of(_bare(text))


def _bare(text: str) -> str:
    return text.upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))


def _fault_of(bare: str) -> NumberFault | None:
    if len(bare) != _RANDOM_CHARACTERS + 1 or not _VALUES.keys() >= set(bare):
        return "form"
    return None if check_character(bare[:-1]) == bare[-1] else "check"


def check_character(characters: str) -> str:
    """Return the check character of the Luhn algorithm modulo 32.

    From right to left, the first value, the third value and so on are doubled. If a doubled value has two digits in
    base 32, the sum of these digits is used instead.
    """
    base = len(ALPHABET)
    total = 0
    for place, character in enumerate(reversed(characters)):
        value = _VALUES[character] * (1 if place % 2 else 2)
        total += value // base + value % base
    return ALPHABET[-total % base]


def _grouped(bare: str) -> str:
    return "-".join(bare[start : start + 4] for start in range(0, len(bare), 4))
