"""An index from keys to documents. A lookup returns a set of documents as one integer: bit n stands for document n.

The intersection and the union of such sets, and the search for the lowest bit, handle a few machine words for every 64
documents. A lookup goes through a limited number of documents one by one (``_LARGE``). For common keys and short
prefixes, which have more documents, the sets are computed when the index is built, and stored as bits.

Keys are sorted. So the keys that begin with a prefix are a range of positions, and a key is a range of one position.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain

_LAST_CHARACTER = "\U0010ffff"
"""A character that sorts after every character of a key."""

_MIN_LARGE, _LARGE = 64, 16
"""A range of keys is large if it has more than 64 documents, and more than a 16th of all. Then the bits of its set take
fewer bytes than the numbers of its documents, which are of 16 bits in a catalog of fewer than 65,536 documents."""

_BIT = bytes(1 << place for place in range(8))


class StoredSets:
    """Sets of documents that were computed when the index was built, by number. Each is ``width`` bytes of ``bits``."""

    def __init__(self, width: int, bits: bytes | bytearray) -> None:
        self.width = width
        self.bits = bits
        self._known: dict[int, int] = {}

    def __getitem__(self, number: int) -> int:
        known = self._known.get(number)
        if known is None:
            start = number * self.width
            known = self._known[number] = int.from_bytes(self.bits[start : start + self.width], "little")
        return known


class SetWriter:
    """Stores the sets of an index that is being built. Equal sets are stored once."""

    def __init__(self, size: int) -> None:
        """Store sets of documents with numbers below ``size``."""
        self.size = size
        self._bits = bytearray()
        self.sets = StoredSets(width_of(size), self._bits)
        self._numbers: dict[int, int] = {}

    def add(self, documents: int) -> int:
        """Store a set, and return its number."""
        number = self._numbers.get(documents)
        if number is None:
            number = self._numbers[documents] = len(self._numbers)
            self._bits += documents.to_bytes(self.sets.width, "little")
        return number


def width_of(size: int) -> int:
    """Return how many bytes a set of documents with numbers below ``size`` takes."""
    return size // 8 + 1


def postings_of(documents: Mapping[str, Sequence[int]], writer: SetWriter, *, prefixes: bool = True) -> "Postings":
    """Index the documents of each key. Without ``prefixes``, only whole keys can be looked up fast."""
    keys = sorted(documents)
    most = max(_MIN_LARGE, writer.size // _LARGE)
    small = [documents[key] if len(documents[key]) <= most else () for key in keys]
    return Postings(
        keys,
        array("I", accumulate(map(len, small), initial=0)),
        array("H" if writer.size <= 1 << 16 else "I", chain.from_iterable(small)),
        _LargeRanges(keys, documents, writer, most).found(prefixes=prefixes),
        writer.sets,
    )


class _LargeRanges:
    def __init__(
        self, keys: Sequence[str], documents: Mapping[str, Sequence[int]], writer: SetWriter, most: int
    ) -> None:
        self._keys = keys
        self._documents = [documents[key] for key in keys]
        self._counted = list(accumulate(map(len, self._documents), initial=0))
        self._writer = writer
        self._most = most
        self._found: dict[int, int] = {}

    def found(self, *, prefixes: bool) -> Mapping[int, int]:
        for position, documents in enumerate(self._documents):
            if len(documents) > self._most:
                self._store(position, position + 1, union_of([documents], self._writer.size))
        if prefixes:
            self._walk("", 0, len(self._keys))
        return self._found

    def _store(self, first: int, last: int, documents: int) -> int:
        self._found[first << 32 | last] = self._writer.add(documents)
        return documents

    def _walk(self, prefix: str, first: int, last: int) -> int:
        """Return the documents of a range of keys that share a prefix. Store the sets of all large ranges in it."""
        few: list[Sequence[int]] = []
        many = 0
        if first < last and self._keys[first] == prefix:
            many = self._of_key(first, few)
            first += 1
        while first < last:
            longer = self._keys[first][: len(prefix) + 1]
            end = bisect_left(self._keys, longer + _LAST_CHARACTER, first, last)
            if self._counted[end] - self._counted[first] <= self._most:
                few += self._documents[first:end]
            elif end - first == 1:
                many |= self._of_key(first, few)
            else:
                many |= self._store(first, end, self._walk(longer, first, end))
            first = end
        return many | union_of(few, self._writer.size)

    def _of_key(self, position: int, few: list[Sequence[int]]) -> int:
        """Return the set of a large key, or add the documents of another one to ``few``."""
        number = self._found.get(position << 32 | position + 1)
        if number is not None:
            return self._writer.sets[number]
        few.append(self._documents[position])
        return 0


def union_of(documents: Iterable[Iterable[int]], size: int) -> int:
    """Return the union of lists of numbers below ``size`` as a set."""
    bits = bytearray(width_of(size))
    for document in chain.from_iterable(documents):
        bits[document >> 3] |= _BIT[document & 7]
    return int.from_bytes(bits, "little")


class Postings:
    """The keys of one space, and the documents of each key.

    Attributes:
        keys: the keys, sorted.
        starts: for each key, the place in ``documents`` where its documents start; then the end of the last ones.
        documents: the documents of the keys that are not large, in the order of the keys.
        large: the number of the set of each large range of keys. A range is one integer: its first position, followed
            by 32 bits with the position after its last.
    """

    def __init__(
        self,
        keys: Sequence[str],
        starts: "array[int]",
        documents: "array[int]",
        large: Mapping[int, int],
        sets: StoredSets,
    ) -> None:
        self.keys = keys
        self.starts = starts
        self.documents = documents
        self.large = large
        self._sets = sets

    def exactly(self, key: str) -> int:
        """Return the documents that have a key."""
        position = bisect_left(self.keys, key)
        return self._union(position, position + 1) if self._is_at(position, key) else 0

    def all(self) -> Mapping[str, int]:
        """Return the documents of each key."""
        return {key: self._union(position, position + 1) for position, key in enumerate(self.keys)}

    def has(self, key: str) -> bool:
        """Return whether a key exists."""
        return self._is_at(bisect_left(self.keys, key), key)

    def beginning_with(self, prefix: str) -> int:
        """Return the documents of all keys that begin with a prefix."""
        first, last = self.range_of(prefix)
        return self._union(first, last)

    def containing(self, run: str, width: int) -> int:
        """Return the documents that contain a run of characters. Keys of ``width`` characters begin at each of them.

        A run that is longer than a key is looked up in overlapping pieces. The result may then include a document that
        contains all of these pieces but not the run.
        """
        if len(run) <= width:
            return self.beginning_with(run)
        documents = self.beginning_with(run[:width])
        for start in range(1, len(run) - width + 1):
            if not documents:
                break
            documents &= self.beginning_with(run[start : start + width])
        return documents

    def has_prefix(self, prefix: str) -> bool:
        """Return whether any key begins with a prefix."""
        first, last = self.range_of(prefix)
        return first < last

    def range_of(self, prefix: str, first: int = 0, last: int | None = None) -> tuple[int, int]:
        """Return the range of the keys that begin with a prefix, searching only the positions ``first`` to ``last``."""
        last = len(self.keys) if last is None else last
        first = bisect_left(self.keys, prefix, first, last)
        return first, bisect_left(self.keys, prefix + _LAST_CHARACTER, first, last)

    def _is_at(self, position: int, key: str) -> bool:
        return position < len(self.keys) and self.keys[position] == key

    def _union(self, first: int, last: int) -> int:
        number = self.large.get(first << 32 | last)
        if number is not None:
            return self._sets[number]
        start, end = self.starts[first], self.starts[last]
        if start == end:
            return 0
        bits = bytearray(self._sets.width)
        for document in self.documents[start:end]:
            bits[document >> 3] |= _BIT[document & 7]
        return int.from_bytes(bits, "little")
