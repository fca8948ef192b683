"""An index from keys to documents. A lookup returns a set of documents as one integer: bit n stands for document n.

The intersection and the union of such sets, and the search for the lowest bit, handle a few machine words for every 64
documents. A lookup goes through at most ``_scan_limit`` documents one by one. For common keys and short prefixes, which
have more documents, the sets are computed when the index is built.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain

_LAST_CHARACTER = "\U0010ffff"
"""A character that sorts after every character of a key."""

_MIN_SCAN_LIMIT, _SCAN_DIVISOR = 64, 128
"""A lookup goes through at most 64 documents, or a 128th of all documents if that is more."""


class Postings:
    """The keys of one space, and the documents of each key."""

    def __init__(self, documents: Mapping[str, Sequence[int]], size: int) -> None:
        """Index the documents of each key. Documents are numbers below ``size``."""
        self.keys = sorted(documents)
        self._documents = array("I", chain.from_iterable(documents[key] for key in self.keys))
        self._starts = array("I", accumulate((len(documents[key]) for key in self.keys), initial=0))
        self._bytes = size // 8 + 1
        self._scan_limit = max(_MIN_SCAN_LIMIT, size // _SCAN_DIVISOR)
        self._large_keys = {
            key: self._union(position, position + 1)
            for position, key in enumerate(self.keys)
            if len(documents[key]) > self._scan_limit
        }
        self._large_prefixes: dict[str, int] = {}
        self._store_large_prefixes("", 0, len(self.keys))

    def exactly(self, key: str) -> int:
        """Return the documents that have a key."""
        if (known := self._large_keys.get(key)) is not None:
            return known
        position = bisect_left(self.keys, key)
        return self._union(position, position + 1) if self._is_at(position, key) else 0

    def has(self, key: str) -> bool:
        """Return whether a key exists."""
        return self._is_at(bisect_left(self.keys, key), key)

    def beginning_with(self, prefix: str) -> int:
        """Return the documents of all keys that begin with a prefix."""
        if (known := self._large_prefixes.get(prefix)) is not None:
            return known
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
        start, end = self._starts[first], self._starts[last]
        if start == end:
            return 0
        bits = bytearray(self._bytes)
        for document in self._documents[start:end]:
            bits[document >> 3] |= 1 << (document & 7)
        return int.from_bytes(bits, "little")

    def _store_large_prefixes(self, prefix: str, first: int, last: int) -> int:
        """Return the documents of a range of keys that share a prefix.

        Store the set of each longer prefix that has more than ``_scan_limit`` documents.
        """
        documents = 0
        if first < last and self.keys[first] == prefix:
            documents, first = self.exactly(prefix), first + 1
        while first < last:
            longer = self.keys[first][: len(prefix) + 1]
            end = self.range_of(longer, first, last)[1]
            if self._starts[end] - self._starts[first] > self._scan_limit:
                found = self._large_prefixes[longer] = self._store_large_prefixes(longer, first, end)
            else:
                found = self._union(first, end)
            documents |= found
            first = end
        return documents
