"""Certificate numbers: they cannot be guessed, and a check character detects typing errors.

A number has twelve random characters (60 bits) and one check character, such as ``7K3M-9QPD-2FHW-C``.
The alphabet is Crockford's base 32, which omits I, L, O and U because they look like other characters. The check
character uses the Luhn algorithm modulo 32, which detects every wrong character and nearly every swap of two
neighbours.
"""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_RANDOM_CHARACTERS = 12


def new_number() -> str:
    random = "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    return _grouped(random + check_character(random))


def number_in(text: str) -> str | None:
    """Return a typed number in its standard form; None if it is not valid. Case, spaces and dashes are ignored."""
    bare = text.upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))
    if len(bare) != _RANDOM_CHARACTERS + 1 or not _VALUES.keys() >= set(bare):
        return None
    return _grouped(bare) if check_character(bare[:-1]) == bare[-1] else None


def check_character(characters: str) -> str:
    """Return the check character of the Luhn algorithm modulo 32.

    From the right, the first value and every second value after it are doubled. If a doubled value has two digits in
    base 32, it counts as the sum of these digits.
    """
    base = len(ALPHABET)
    total = 0
    for place, character in enumerate(reversed(characters)):
        value = _VALUES[character] * (1 if place % 2 else 2)
        total += value // base + value % base
    return ALPHABET[-total % base]


def _grouped(bare: str) -> str:
    return "-".join(bare[start : start + 4] for start in range(0, len(bare), 4))
