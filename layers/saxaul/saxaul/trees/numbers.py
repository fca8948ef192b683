"""Certificate numbers: they cannot be guessed, and one that is misread or mistyped is noticed.

A number is twelve random characters (60 bits) and a check character, such as ``7K3M-9QPD-2FHW-C``.
The alphabet is Crockford's: without I, L, O and U, which look like others. The check character is Luhn's modulo 32,
which notices every wrong character and nearly every swap of two neighbours.
"""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_RANDOM_CHARACTERS = 12


def new_number() -> str:
    random = "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    return _grouped(random + check_character(random))


def number_in(text: str) -> str | None:
    """The number that somebody typed, or None where it is none. Case, spaces and dashes do not matter."""
    bare = text.upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))
    if len(bare) != _RANDOM_CHARACTERS + 1 or not _VALUES.keys() >= set(bare):
        return None
    return _grouped(bare) if check_character(bare[:-1]) == bare[-1] else None


def check_character(characters: str) -> str:
    """The character of Luhn's algorithm modulo 32: from the right, every second value counts twice.

    A doubled value that has two digits in base 32 counts as their sum.
    """
    base = len(ALPHABET)
    total = 0
    for place, character in enumerate(reversed(characters)):
        value = _VALUES[character] * (1 if place % 2 else 2)
        total += value // base + value % base
    return ALPHABET[-total % base]


def _grouped(bare: str) -> str:
    return "-".join(bare[start : start + 4] for start in range(0, len(bare), 4))
