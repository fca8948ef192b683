"""The entries of a packed catalog. An entry is parsed when it is first read, because a search shows few of them.

An entry is a line of JSON. Some lines together are a block, which is compressed.
"""

import json
import zlib
from array import array
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from functools import lru_cache, partial
from itertools import accumulate
from typing import Generic

from saxaul.catalog.models import AnyModel
from saxaul.catalog.recorded import recorded

_BLOCK = 32
"""The lines of a block. A block of suggestions is decompressed in about 0.1 ms."""

_KEPT_BLOCKS, _KEPT_ENTRIES = 16, 4096
"""How many blocks are kept, and how many entries of a kind."""


class StoredLines:
    """The lines of all entries, by position.

    Attributes:
        blocks: all blocks, one after the other.
        starts: where each block starts in ``blocks``; then the end of the last one.
        sizes: how many bytes each block has when it is decompressed.
    """

    def __init__(self, blocks: bytes, starts: "array[int]", sizes: "array[int]") -> None:
        self.blocks = blocks
        self.starts = starts
        self.sizes = sizes
        self._block = lru_cache(maxsize=_KEPT_BLOCKS)(partial(_lines_of, blocks, starts, sizes))

    @classmethod
    def packed(cls, lines: Sequence[bytes]) -> "StoredLines":
        """Compress lines, which contain no newline."""
        texts = [b"\n".join(lines[start : start + _BLOCK]) for start in range(0, len(lines), _BLOCK)]
        blocks = list(map(zlib.compress, texts))
        starts = array("I", accumulate(map(len, blocks), initial=0))
        return cls(b"".join(blocks), starts, array("I", map(len, texts)))

    def __len__(self) -> int:
        """Return how many lines the blocks can have."""
        return len(self.sizes) * _BLOCK

    def __getitem__(self, position: int) -> bytes:
        return self._block(position // _BLOCK)[position % _BLOCK]


def _lines_of(blocks: bytes, starts: Sequence[int], sizes: Sequence[int], number: int) -> list[bytes]:
    compressed = blocks[starts[number] : starts[number + 1]]
    return zlib.decompressobj().decompress(compressed, sizes[number]).split(b"\n")


class StoredEntries(Mapping[str, AnyModel], Generic[AnyModel]):
    """The entries of one kind, by identifier, in the order of the packed catalog."""

    def __init__(self, model: type[AnyModel], names: Sequence[str], lines: StoredLines, first: int) -> None:
        """Read entries of a model from the lines from position ``first`` on."""
        self._model = model
        self._names = names
        self._lines = lines
        self._first = first
        self._places: dict[str, int] = {}
        self._kept: dict[str, AnyModel] = {}

    def __getitem__(self, name: str) -> AnyModel:
        kept = self._kept.get(name)
        if kept is not None:
            return kept
        if not self._places:
            self._places = {known: place for place, known in enumerate(self._names)}
        entry = self._read(self._places[name])
        if len(self._kept) >= _KEPT_ENTRIES:
            self._kept = {}
        self._kept[name] = entry
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def items(self) -> ItemsView[str, AnyModel]:
        return self._all().items()

    def values(self) -> ValuesView[AnyModel]:
        return self._all().values()

    def _all(self) -> dict[str, AnyModel]:
        """Return all entries, in order. Those of kinds with few entries are kept."""
        if list(self._kept) == self._names:
            return self._kept
        entries = {name: self._kept.get(name) or self._read(place) for place, name in enumerate(self._names)}
        if len(entries) <= _KEPT_ENTRIES:
            self._kept = entries
        return entries

    def _read(self, place: int) -> AnyModel:
        return recorded(self._model, json.loads(self._lines[self._first + place]))
