"""Pinyin of runs of hanzi, as people type it: without tones, and with v for ü.

A character may have several readings. So a long title has too many combinations to keep them all. It is indexed by each
pair of neighbouring syllables instead, in every combination of the two. A longer query is cut into syllables, and must
match all of its pairs.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, islice, pairwise, product

from saxaul.search.hanzi import readings, syllables
from saxaul.search.postings import Postings

MAX_SYLLABLES = 6
"""The most syllables in the pinyin of a whole run."""

INITIALS_WIDTH = 3
"""How many neighbouring syllables have their first letters in one key."""

_MAX_SPELLINGS = 8
"""The most combinations of readings of one run. The readings of the first characters are combined first."""

_MAX_CUTS = 8
"""The most ways in which a query is cut into syllables."""

_APART = "'"
"""What separates the syllables of a pair, so that xi'an is not xian."""

_TONE_BETWEEN = re.compile("(?<=[a-z])[0-5](?=[a-z])")
_TONE = re.compile("(?<=[a-z])[0-5]")
_AFTER_PALATAL = re.compile("(?<=[jqxy])v")
_SHORT_UMLAUT = re.compile("(?<=[ln])ue")


@lru_cache(maxsize=16_384)
def spellings(run: str) -> tuple[str, ...]:
    """Return pinyin spellings of a run of simplified hanzi. There are none if a character has no reading."""
    return tuple("".join(spelled) for spelled in _combined([readings(character) for character in run]))


@lru_cache(maxsize=16_384)
def initials(run: str) -> tuple[str, ...]:
    """Return the first letters of a run's syllables, one text for each distinct combination of readings."""
    return tuple("".join(letters) for letters in _combined([_initials(character) for character in run]))


def _initials(character: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(syllable[0] for syllable in readings(character)))


def _combined(choices: list[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield combinations of one choice for each place. Those that differ in the first places come first."""
    return (combination[::-1] for combination in islice(product(*reversed(choices)), _MAX_SPELLINGS))


@lru_cache(maxsize=16_384)
def syllable_pairs(pair: str) -> tuple[str, ...]:
    """Return the syllables of two characters, or of the last character of a run, in all combinations of readings."""
    return tuple(_APART.join(spelled) for spelled in product(*map(readings, pair)))


@lru_cache(maxsize=16_384)
def initials_of_some(part: str) -> tuple[str, ...]:
    """Return the first letters of up to ``INITIALS_WIDTH`` characters, in all combinations of readings."""
    return tuple("".join(letters) for letters in product(*map(_initials, part)))


@lru_cache(maxsize=4096)
def as_pinyin(typed: str) -> str:
    """Return typed letters as pinyin is indexed: without the digits of tones, and with lve and ju for lue and jv.

    A digit between two syllables becomes an apostrophe.
    """
    toneless = _TONE.sub("", _TONE_BETWEEN.sub(_APART, typed))
    return _SHORT_UMLAUT.sub("ve", _AFTER_PALATAL.sub("u", toneless))


def find_pinyin(postings: Postings, typed: str) -> int:
    """Return the documents that have hanzi with this pinyin, among pairs of syllables. The end may be unfinished.

    If the pinyin has apostrophes, its syllables end there, and perhaps at other places too.
    """
    documents = 0
    ends = set(accumulate(map(len, typed.split(_APART))))
    for cut in cuts(typed.replace(_APART, "")):
        if ends <= set(accumulate(map(len, cut))):
            found = postings.beginning_with(_APART.join(cut[-2:]))
            for pair in pairwise(cut[:-1]):
                if not found:
                    break
                found &= postings.exactly(_APART.join(pair))
            documents |= found
    return documents


@lru_cache(maxsize=4096)
def cuts(typed: str) -> tuple[tuple[str, ...], ...]:
    """Return the ways to cut pinyin into syllables, those with long syllables first. The last may be unfinished."""
    can_end = [False] * len(typed) + [True]
    for start in reversed(range(len(typed))):
        can_end[start] = typed[start:] in _beginnings() or any(can_end[end] for end in _ends(typed, start))
    return tuple(islice(_cuts(typed, 0, can_end), _MAX_CUTS))


def _cuts(typed: str, start: int, can_end: list[bool]) -> Iterator[tuple[str, ...]]:
    if typed[start:] in _beginnings():
        yield (typed[start:],)
    for end in _ends(typed, start):
        if can_end[end]:
            yield from ((typed[start:end], *rest) for rest in _cuts(typed, end, can_end))


def _ends(typed: str, start: int) -> Iterator[int]:
    """Yield the ends of the syllables that begin at a place and that more letters follow, the longest first."""
    longest = min(start + _LONGEST_SYLLABLE, len(typed) - 1)
    return (end for end in range(longest, start, -1) if typed[start:end] in syllables())


_LONGEST_SYLLABLE = len("zhuang")


@lru_cache(maxsize=1)
def _beginnings() -> frozenset[str]:
    return frozenset(syllable[:length] for syllable in syllables() for length in range(1, len(syllable) + 1))


def is_pinyin(typed: str) -> bool:
    """Return whether letters can be read as whole syllables of pinyin."""
    return any(cut[-1] in syllables() for cut in cuts(typed))
