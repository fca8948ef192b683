"""Split text into words and fold them.

Folding removes differences of width, case, accents and punctuation, those between traditional and simplified
characters, those between hiragana and katakana, and the skin tones and genders of emoji.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from saxaul.search.hanzi import is_hanzi, simplify

MAX_WORD_LENGTH = 32
"""The most letters of a folded word. Further letters are cut off."""

_APOSTROPHES = "'\u2019\u2018\u02bc\u2032\uff07`\u00b4"
"""What people type and phones insert for an apostrophe. Inside a word, it does not separate."""

_PLAIN = re.compile("[\x00-\x7f\u3001-\u3003\u3008-\u3011\u4e00-\u9fff\uff0c\uff01\uff1a\uff1b\uff1f\u2026\u2019]*")
"""Text in which each letter is one character and none has to be normalized: ASCII, common hanzi and punctuation."""
_PLAIN_WORD = re.compile("[a-z0-9]+(?:['\u2019][a-z0-9]+)*|[\u4e00-\u9fff]+")
_TYPED_UMLAUT = re.compile(r"(?<![^\W_])[ln]u(:)(?=[a-z1-5]|$)", re.IGNORECASE)
"""The pinyin l\u00fc or n\u00fc as dictionaries and some keyboards write it: lu:se."""

_JOINER = "\u200d"
_VOICED = "\uff9e\uff9f"
"""The marks that follow a half-width kana as characters of their own."""
_KANA_MARKS = "\u3099\u309a"
_FIRST_SYMBOL = "\u2190"
"""The first of the blocks in which symbols are pictures. Symbols before it, such as a degree sign, separate words."""
_FIRST_TAG = "\U000e0020"
"""The first of the invisible characters that say whose flag a flag is."""
_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_ALIKE = str.maketrans("\u0251\u0261", "ag")
"""Letters of printed pinyin that look like ASCII."""
_NEGATIVE_LETTERS = {first + place: ord("a") + place for first in (0x1F150, 0x1F170) for place in range(26)}
"""White letters on a black circle or square, for which Unicode has no plain form."""
_EMOJI_FORMS: dict[int, str | None] = {
    **dict.fromkeys((*range(0x1F3FB, 0x1F400), 0xFE0E, 0xFE0F, 0x200D, 0x2640, 0x2642, 0x27A1)),
    **dict.fromkeys((0x1F468, 0x1F469), "\U0001f9d1"),
}
"""What does not change what an emoji names: skin tone, variation, gender, direction. Men and women become people."""


class Word(NamedTuple):
    """A folded word, a folded run of hanzi or kana, or an emoji. ``start`` and ``end`` are its position in the text."""

    text: str
    start: int
    end: int
    hanzi: bool
    apart: str = ""
    """The text with an apostrophe where the word was typed in parts, as in xi'an. Empty if it was not."""

    @property
    def is_emoji(self) -> bool:
        return not self.text.isalnum()


class _Letter(NamedTuple):
    """What a character of a text, with the marks that follow it, is folded to."""

    text: str
    script: str
    start: int
    end: int


_HANZI, _KANA, _OTHER, _EMOJI, _APOSTROPHE, _SEPARATOR = "hanzi", "kana", "other", "emoji", "apostrophe", "separator"


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[Word, ...]:
    """Return the folded words of a text.

    An apostrophe inside a word does not split it. Every other character that is neither a letter nor a digit separates
    words, and so does a change between hanzi, kana and other letters. Each emoji is a word.

    Letters are folded to lower case and normal width, without accents, and hanzi to simplified ones. The letter u
    with a diaeresis becomes v, because that is how people type it in pinyin.
    """
    return tuple(_plain_words(text) if _is_plain(text) else _words(text))


def places_of(text: str, word: Word) -> Sequence[tuple[int, int]]:
    """Return the start and end of the characters of a text that became each character of one of its words."""
    return [
        (word.start + letter.start, word.start + letter.end)
        for letter in _letters(text[word.start : word.end])
        if letter.script != _APOSTROPHE
        for _ in letter.text
    ]


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and not _TYPED_UMLAUT.search(text) and "`" not in text


def _plain_words(text: str) -> Iterator[Word]:
    folded = simplify(text.lower())
    for match in _PLAIN_WORD.finditer(folded):
        word, start, end = match.group(), *match.span()
        if word[0] > "\x7f":
            yield Word(word, start, end, hanzi=True)
        else:
            yield _word_of_letters(word.replace("\u2019", "'"), start, end)


def _words(text: str) -> Iterator[Word]:
    for script, letters in groupby(_inside_words(list(_letters(text))), lambda letter: letter.script):
        if script == _EMOJI:
            yield from (Word(emoji.text[:MAX_WORD_LENGTH], emoji.start, emoji.end, hanzi=False) for emoji in letters)
        elif script != _SEPARATOR:
            run = list(letters)
            folded = "".join(letter.text for letter in run)
            start, end = run[0].start, run[-1].end
            yield Word(folded, start, end, hanzi=True) if script == _HANZI else _word_of_letters(folded, start, end)


def _word_of_letters(apart: str, start: int, end: int) -> Word:
    text = apart.replace("'", "")
    return Word(text[:MAX_WORD_LENGTH], start, end, hanzi=False, apart=apart if len(text) < len(apart) else "")


def _inside_words(letters: Sequence[_Letter]) -> Iterator[_Letter]:
    """Yield the letters. Apostrophes between two letters belong to the word, and others are separators."""
    for place, letter in enumerate(letters):
        if letter.script != _APOSTROPHE:
            yield letter
        elif 0 < place < len(letters) - 1 and letters[place - 1].script == letters[place + 1].script == _OTHER:
            yield letter._replace(text="'", script=_OTHER)
        else:
            yield letter._replace(script=_SEPARATOR)


def _letters(text: str) -> Iterator[_Letter]:
    umlauts = {match.start(1) for match in _TYPED_UMLAUT.finditer(text)} if ":" in text else set()
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and (end in umlauts or _continues(text, start, end)):
            end += 1
        folded, script = _folded(text[start:end])
        yield _Letter(folded, script, start, end)
        start = end


def _continues(text: str, start: int, end: int) -> bool:
    """Return whether a character belongs to the one at ``start``: a mark, or a further part of an emoji."""
    character = text[end]
    if character < "\x80":
        return False
    if unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"} or character in _VOICED:
        return True
    if _is_flag_letter(text[start]):
        return end == start + 1 and _is_flag_letter(character)
    return text[start] >= _FIRST_SYMBOL and (text[end - 1] == _JOINER or _is_skin_tone(character))


def _is_skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag_letter(character: str) -> bool:
    """Return whether this is a regional indicator. Two of them are the flag of a country."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


@lru_cache(maxsize=8192)
def _folded(cluster: str) -> tuple[str, str]:
    """Fold a character with its marks. Return the result and its script."""
    if cluster in _APOSTROPHES:
        return "", _APOSTROPHE
    first = cluster[0]
    is_symbol = unicodedata.category(first) == "So" or _is_skin_tone(first)
    if is_symbol and first < _FIRST_SYMBOL:
        return "", _SEPARATOR
    letters = _letters_of(cluster)
    if letters and not (is_symbol and _JOINER in cluster):
        return letters, _script_of(letters[0])
    return (_emoji_of(cluster), _EMOJI) if is_symbol else ("", _SEPARATOR)


def _emoji_of(cluster: str) -> str:
    kept = cluster.translate(_EMOJI_FORMS)
    return "".join(part for part in kept if unicodedata.category(part) == "So" or part >= _FIRST_TAG) or cluster[0]


def _letters_of(cluster: str) -> str:
    if cluster[-1] == ":":
        return "v"
    folded = unicodedata.normalize("NFKC", cluster).casefold()
    decomposed = unicodedata.normalize("NFD", folded).replace("u\u0308", "v")
    bare = "".join(mark for mark in decomposed if mark in _KANA_MARKS or not unicodedata.combining(mark))
    plain = unicodedata.normalize("NFC", bare).translate(_NEGATIVE_LETTERS).translate(_ALIKE)
    return "".join(filter(str.isalnum, simplify(plain).translate(_TO_HIRAGANA)))


def _script_of(character: str) -> str:
    if is_hanzi(character):
        return _HANZI
    return _KANA if "\u3040" <= character <= "\u30ff" else _OTHER
