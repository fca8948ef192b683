"""Correct mistyped words. A slip is an extra, a missing or a wrong letter, or a swap of two neighbouring letters.

A word is corrected to the beginning of a known key, because people search while they type. All letters may be wrong,
also the first. To find the keys that may be meant, the index stores what remains of the first letters of each key when
one or two of them are left out. The same is done with the typed word: if it is at most two slips away from a key, the
two have something in common. (The method is that of SymSpell: https://github.com/wolfgarbe/SymSpell.)
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from zlib import crc32

from saxaul.search.pinyin import is_pinyin
from saxaul.search.postings import Postings

_SHORTEST, _SHORTEST_SWAP = 4, 3
"""The shortest word to correct: four letters for an extra, missing or wrong letter, three for a swap.

Shorter words are too similar to many other words.
"""

_SHORTEST_TWO = 7
"""The shortest word in which two slips are corrected. Of longer words, this many letters are compared first."""

COMPARED = range(_SHORTEST, _SHORTEST_TWO + 1)
"""How many first letters are compared."""

_MOST_KEYS = 40
"""The most keys that are compared with one word."""

_MOST = 48
"""The most corrections of one word."""


Remains = Mapping[int, "array[int]"]
"""By the number of letters compared, sorted: a checksum of each remainder, and the number of the first key that has it,
in one integer of 64 bits."""


def remains_of(keys: Sequence[str]) -> Remains:
    """Return what remains of sorted keys without one or two of their first letters."""
    return {length: array("Q", sorted(set(_remains_of_keys(keys, length)))) for length in COMPARED}


class Corrector:
    """Finds corrections of words among the known keys."""

    def __init__(self, known: Postings, remains: Remains) -> None:
        self._known = known
        self._remains = remains

    def corrections(self, word: str) -> list[str]:
        """Return the possible corrections of a mistyped word: beginnings of known keys, with the fewest slips."""
        if len(word) < _SHORTEST:
            return list(self._swapped(word)) if len(word) >= _SHORTEST_SWAP else []
        for slips in range(1, 3 if len(word) >= _SHORTEST_TWO else 2):
            if found := self._with_slips(word, slips):
                return found
        return []

    def _swapped(self, word: str) -> Iterator[str]:
        for place in range(len(word) - 1):
            swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
            if swapped != word and self._known.has_prefix(swapped):
                yield swapped

    def _with_slips(self, word: str, slips: int) -> list[str]:
        found: dict[str, None] = {}
        for key in islice(self._similar(word, slips), _MOST_KEYS):
            for length in _lengths_with(word, key, slips):
                if _is_likely(word, key[:length], slips, is_whole=length == len(key)):
                    found[key[:length]] = None
        return sorted(found, key=len, reverse=True)[:_MOST]

    def _similar(self, word: str, slips: int) -> Iterator[str]:
        """Yield the beginnings of keys that may be meant, long enough to compare them with the whole word."""
        compared = min(len(word), _SHORTEST_TWO)
        numbers = self._remains[compared]
        seen: set[int] = set()
        for remainder in _remains(word[:compared], slips):
            checksum = crc32(remainder.encode()) << 32
            for place in range(bisect_left(numbers, checksum), len(numbers)):
                if numbers[place] >> 32 != checksum >> 32:
                    break
                number = numbers[place] & 0xFFFFFFFF
                if number not in seen:
                    seen.add(number)
                    yield from self._beginnings(number, compared, len(word) + slips)

    def _beginnings(self, first: int, shared: int, length: int) -> Iterator[str]:
        """Yield the beginnings, cut to a length, of the keys that share their first letters with a key."""
        keys = self._known.keys
        first, last = self._known.range_of(keys[first][:shared], first)
        while first < last:
            beginning = keys[first][:length]
            yield beginning
            first = self._known.range_of(beginning, first, last)[1] if len(beginning) == length else first + 1


def _remains_of_keys(keys: Iterable[str], length: int) -> Iterator[int]:
    before = ""
    for number, key in enumerate(keys):
        beginning = key[:length]
        if beginning == before or len(key) < _SHORTEST_SWAP:
            continue
        before = beginning
        slips = 2 if length == _SHORTEST_TWO and not is_pinyin(key) else 1
        for remainder in _remains(beginning, slips):
            yield crc32(remainder.encode()) << 32 | number


def _remains(word: str, slips: int) -> Sequence[str]:
    """Return the word, and what remains of it without each of its letters, or without each two of them.

    The order is the same in each process, because only the first similar keys are compared.
    """
    found = {word: None}
    newest = found
    for _ in range(slips):
        newest = {each[:place] + each[place + 1 :]: None for each in newest for place in range(len(each))}
        found = found | newest
    return list(found)


def _lengths_with(word: str, key: str, slips: int) -> Iterator[int]:
    """Yield the lengths of the beginnings of a key that are this many slips away from a word.

    This is the optimal string alignment distance: no letter is part of two slips.
    """
    width = len(key) + 1
    before: list[int] = []
    row = list(range(width))
    for place, letter in enumerate(word, 1):
        newest = [place] + [slips + 1] * (width - 1)
        for column in range(max(1, place - slips), min(width, place + slips + 1)):
            other = key[column - 1]
            fewest = row[column - 1] if letter == other else 1 + min(row[column - 1], row[column], newest[column - 1])
            if place > 1 < column and letter == key[column - 2] and word[place - 2] == other:
                fewest = min(fewest, before[column - 2] + 1)
            newest[column] = fewest
        if min(newest) > slips:
            return
        before, row = row, newest
    yield from (length for length, distance in enumerate(row) if distance == slips)


def _is_likely(word: str, correction: str, slips: int, *, is_whole: bool) -> bool:
    """Return whether people may have meant a correction. Short and unfinished words resemble too many others."""
    if len(correction) < _SHORTEST and correction[:1] != word[0]:
        return False
    if (
        len(word) == _SHORTEST and correction[1:] == word
    ):  # the end of a word, rather than a word without its first letter
        return False
    return slips == 1 or is_whole or len(correction) >= len(word)
