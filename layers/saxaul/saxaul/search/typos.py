"""Correct words with one typing error: an extra, missing or wrong letter, or a swap of two neighbouring letters."""

from collections.abc import Iterator

from saxaul.search.postings import Postings

_SHORTEST, _SHORTEST_SWAP = 4, 3
"""The shortest word to correct: four letters for an extra, missing or wrong letter, three for a swap.

Shorter words are too similar to many other words.
"""

_MOST = 48
"""The most corrections of one word."""


def find_corrections(word: str, known: Postings) -> list[str]:
    """Return the possible corrections of a mistyped word: beginnings of known keys, one typing error away.

    The first letter is assumed to be right, unless it was swapped with the second.
    """
    if len(word) < _SHORTEST_SWAP:
        return []
    found = dict.fromkeys(_swapped(word, known))
    if len(word) >= _SHORTEST:
        found.update(dict.fromkeys(_replaced(word, known)))
    found.pop(word, None)
    return list(found)[:_MOST]


def _swapped(word: str, known: Postings) -> Iterator[str]:
    for place in range(len(word) - 1):
        swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        if _begins_a_key(swapped, known, 0, None):
            yield swapped


def _replaced(word: str, known: Postings) -> Iterator[str]:
    first, last = known.range_of(word[0])
    for place in range(1, len(word)):
        rest, after = word[place:], word[place + 1 :]
        for letter, letter_first, letter_last in _letters_after(word[:place], known, first, last):
            for correction in (word[:place] + letter + after, word[:place] + letter + rest):
                if _begins_a_key(correction, known, letter_first, letter_last):
                    yield correction
        if _begins_a_key(word[:place] + after, known, first, last):
            yield word[:place] + after
        first, last = known.range_of(word[: place + 1], first, last)
        if first == last:
            return


def _letters_after(prefix: str, known: Postings, first: int, last: int) -> Iterator[tuple[str, int, int]]:
    """Yield each letter that follows a prefix in a known key, with the range of the keys that begin with both."""
    while first < last:
        key = known.keys[first]
        if len(key) == len(prefix):
            first += 1
            continue
        letter = key[len(prefix)]
        end = known.range_of(prefix + letter, first, last)[1]
        yield letter, first, end
        first = end


def _begins_a_key(beginning: str, known: Postings, first: int, last: int | None) -> bool:
    first, end = known.range_of(beginning, first, last)
    return first < end
