"""Simplified forms and pinyin of Chinese characters (hanzi).

The data is in `hanzi.tsv` in this folder, which `python -m local.hanzi` generates from the libraries OpenCC and
pypinyin. The first line has the characters that are replaced (traditional and Japanese characters, and the radicals of
dictionaries), and their simplified forms in the same order. Each further line has a syllable, the characters with this
syllable as their usual reading, and the characters with it as a further reading.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def _lines() -> list[str]:
    return Path(__file__).with_suffix(".tsv").read_text("utf-8").splitlines()


@cache
def _simplified() -> Mapping[int, int]:
    traditional, simplified = _lines()[0].split("\t")
    return str.maketrans(traditional, simplified)


@cache
def _readings() -> Mapping[str, tuple[str, ...]]:
    readings: dict[str, tuple[str, ...]] = {}
    others: list[tuple[str, str]] = []
    for line in _lines()[1:]:
        syllable, main_characters, other_characters = line.split("\t")
        readings.update(dict.fromkeys(main_characters, (syllable,)))
        others.append((syllable, other_characters))
    for syllable, other_characters in others:
        for character in other_characters:
            readings[character] += (syllable,)
    return readings


def is_hanzi(character: str) -> bool:
    return (
        "\u3400" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character < "\U00040000"
    )


def simplify(text: str) -> str:
    """Return a text with each traditional or Japanese character and each radical replaced by its simplified form."""
    return text.translate(_simplified())


def readings(character: str) -> tuple[str, ...]:
    """Return the pinyin readings of a simplified character, the usual one first. Other characters have none."""
    return _readings().get(character, ())


@cache
def syllables() -> frozenset[str]:
    """Return all pinyin syllables that have a vowel."""
    spelled = (line.split("\t", 1)[0] for line in _lines()[1:])
    return frozenset(syllable for syllable in spelled if not _VOWELS.isdisjoint(syllable))


_VOWELS = frozenset("aeiouv")
