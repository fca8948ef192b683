"""Simplified forms and pinyin of Chinese characters (hanzi).

The data is in `hanzi.tsv` in this folder, which `python -m local.hanzi` generates from the libraries OpenCC and
pypinyin. The first line has the traditional characters, and their simplified forms in the same order. Each further line
has a syllable, the characters with this syllable as their usual reading, and the characters with it as a further
reading.
"""

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import islice, product
from pathlib import Path
from typing import NamedTuple

_MAX_SPELLINGS = 4
"""The most combinations of readings that are used for one run of hanzi. A character may have several readings."""


class _Table(NamedTuple):
    simplified: Mapping[int, int]
    readings: Mapping[str, tuple[str, ...]]


@cache
def _table() -> _Table:
    lines = Path(__file__).with_suffix(".tsv").read_text("utf-8").splitlines()
    traditional, simplified = lines[0].split("\t")
    readings: dict[str, tuple[str, ...]] = {}
    others: list[tuple[str, str]] = []
    for line in lines[1:]:
        syllable, main_characters, other_characters = line.split("\t")
        readings.update(dict.fromkeys(main_characters, (syllable,)))
        others.append((syllable, other_characters))
    for syllable, other_characters in others:
        for character in other_characters:
            readings[character] += (syllable,)
    return _Table(str.maketrans(traditional, simplified), readings)


def is_hanzi(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"


def simplify(text: str) -> str:
    """Return a text with each traditional character replaced by its simplified form."""
    return text.translate(_table().simplified)


def readings(character: str) -> tuple[str, ...]:
    """Return the pinyin readings of a simplified character, the usual one first. Other characters have none."""
    return _table().readings.get(character, ())


@lru_cache(maxsize=16_384)
def spellings(run: str) -> tuple[str, ...]:
    """Return the pinyin spellings of a run of simplified hanzi, without tones and with v for ü.

    There are none if a character has no reading.
    """
    return tuple("".join(syllables) for syllables in _syllables(run))


@lru_cache(maxsize=16_384)
def initials(run: str) -> tuple[str, ...]:
    """Return the first letters of a run's syllables, one text for each distinct combination of readings."""
    return tuple(dict.fromkeys("".join(syllable[0] for syllable in syllables) for syllables in _syllables(run)))


def _syllables(run: str) -> Iterator[tuple[str, ...]]:
    return islice(product(*map(readings, run)), _MAX_SPELLINGS)
