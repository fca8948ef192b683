"""The tree as static files (C2SP tlog-tiles): tiles of 256 hashes, and bundles of 256 entries.

The hash number i of tile n of level l is the root of the 256**l leaves from (n * 256 + i) * 256**l on. A tile with
fewer than 256 hashes is partial, and its path names its width.
"""

from collections.abc import Callable, Iterable, Sequence

from . import merkle
from .verdicts import RefusedError

TILE_WIDTH = 256
"""The number of hashes of a full tile, and of entries of a full bundle."""

HASH_BYTES = 32
"""The bytes of a hash."""

MAX_BUNDLE = TILE_WIDTH * (2 + 65_535)
"""The most bytes of a bundle: 256 entries of the greatest length."""

_LEVEL_BITS = 8

ReadTile = Callable[[int, int, int], bytes]
"""Returns the bytes of a tile, by its level, its number in the level, and its width."""


def tile_path(level: int, n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile below the prefix of the log, such as ``tile/0/x001/234.p/5``."""
    return f"tile/{level}/{_number_path(n)}{_partial(width)}"


def entries_path(n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a bundle of entries below the prefix of the log, such as ``tile/entries/000``."""
    return f"tile/entries/{_number_path(n)}{_partial(width)}"


def _number_path(n: int) -> str:
    digits = f"{n:d}"
    digits = digits.zfill(-len(digits) % 3 + len(digits))
    parts = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    return "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])


def _partial(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise ValueError(f"a tile has 1 to {TILE_WIDTH} hashes, not {width}")
    return "" if width == TILE_WIDTH else f".p/{width}"


def bundle(texts: Iterable[bytes]) -> bytes:
    """Return entries as one file: before each, its length in two bytes."""
    return b"".join(len(text).to_bytes(2, "big") + text for text in texts)


def unbundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        RefusedError: the bundle was cut.
    """
    texts, position = [], 0
    while position < len(data):
        end = position + 2 + int.from_bytes(data[position : position + 2], "big")
        if end > len(data) or position + 2 > len(data):
            raise RefusedError("a bundle of entries ends in the middle of an entry")
        texts.append(data[position + 2 : end])
        position = end
    return texts


class Edge:
    """The right edge of a tree: the hashes of the partial tile of each level. It is all that an appending needs.

    The sequencer writes these tiles. :class:`saxaul.log.merkle.CompactRange` is smaller, but does not have their bytes.
    """

    def __init__(self, size: int = 0, levels: Sequence[bytes] = ()) -> None:
        """Take over the partial tiles of a tree, from level 0 up; a level without a partial tile has no bytes."""
        self.size = size
        self._levels = [bytearray(level) for level in levels]

    def append(self, leaf_hash: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf. Return the tiles that it completes: the level, the number in the level, and the bytes of each."""
        completed: list[tuple[int, int, bytes]] = []
        self.size += 1
        level, added = 0, leaf_hash
        while True:
            if level == len(self._levels):
                self._levels.append(bytearray())
            tile = self._levels[level]
            tile += added
            if len(tile) < TILE_WIDTH * HASH_BYTES:
                return completed
            full = bytes(tile)
            completed.append((level, (self.size >> _LEVEL_BITS * (level + 1)) - 1, full))
            added = merkle.root(_hashes(full))
            tile.clear()
            level += 1

    def partial_tiles(self) -> list[tuple[int, int, bytes]]:
        """Return the partial tiles: the level, the number in the level, and the bytes of each."""
        return [
            (level, self.size >> _LEVEL_BITS * (level + 1), bytes(tile))
            for level, tile in enumerate(self._levels)
            if tile
        ]

    def root(self) -> bytes:
        """Return the root of the tree."""
        peaks = [peak for tile in reversed(self._levels) for peak in _peaks(_hashes(bytes(tile)))]
        return merkle.CompactRange(self.size, peaks).root()

    def copy(self) -> "Edge":
        return Edge(self.size, [bytes(level) for level in self._levels])

    def to_bytes(self) -> bytes:
        """Return the size in eight bytes, and the hashes of each level, from level 0 up."""
        return self.size.to_bytes(8, "big") + b"".join(self._levels)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Edge":
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ValueError: the number of hashes is not the one that the size demands.
        """
        size, position, levels = int.from_bytes(data[:8], "big"), 8, []
        for _, _, width in partial_widths(size):
            levels.append(data[position : position + width * HASH_BYTES])
            position += width * HASH_BYTES
        if position != len(data):
            raise ValueError(f"the edge of a tree of {size} leaves does not have {len(data)} bytes")
        return cls(size, levels)

    @classmethod
    def read(cls, size: int, read_tile: ReadTile) -> "Edge":
        """Read the edge of a tree of this size from its tiles.

        Raises:
            RefusedError: a tile has a wrong length.
        """
        tiles = [
            _checked(read_tile(level, n, width), level, n, width) if width else b""
            for level, n, width in partial_widths(size)
        ]
        return cls(size, tiles)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edge) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]  # an edge changes


def partial_widths(size: int) -> list[tuple[int, int, int]]:
    """Return each level of a tree, the number of its partial tile and the width of that, which is 0 if it has none."""
    levels = -(-size.bit_length() // _LEVEL_BITS)
    return [
        (level, size >> _LEVEL_BITS * (level + 1), (size >> _LEVEL_BITS * level) % TILE_WIDTH)
        for level in range(levels)
    ]


def tiles_between(edge: Edge, leaf_hashes: Iterable[bytes]) -> tuple[Edge, dict[str, bytes]]:
    """Append leaves to a tree. Return its new edge, and its new files by their paths.

    The files are all tiles that the leaves completed, and all partial tiles of the new size. They follow from the edge
    and the leaves alone. ``edge`` itself stays as it was.
    """
    after, tiles = edge.copy(), {}
    for leaf_hash in leaf_hashes:
        for level, n, full in after.append(leaf_hash):
            tiles[tile_path(level, n)] = full
    for level, n, partial in after.partial_tiles():
        tiles[tile_path(level, n, len(partial) // HASH_BYTES)] = partial
    return after, tiles


def inclusion_proof(size: int, index: int, read_tile: ReadTile) -> list[bytes]:
    """Return the inclusion path of a leaf in the tree of this size, from the bottom up.

    Raises:
        IndexError: the tree has no such leaf.
        RefusedError: a tile has a wrong length.
    """
    if not 0 <= index < size:
        raise IndexError(f"there is no leaf {index} in a tree of {size} leaves")
    tree, path, start, end = _TiledTree(size, read_tile), [], 0, size
    while end - start > 1:
        middle = start + merkle.largest_power_below(end - start)
        if index < middle:
            path.append(tree.root(middle, end))
            end = middle
        else:
            path.append(tree.root(start, middle))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, read_tile: ReadTile) -> list[bytes]:
    """Return the hashes that show that the tree of ``new`` leaves begins with the tree of ``old`` leaves.

    Raises:
        IndexError: the larger tree cannot begin with the smaller one.
        RefusedError: a tile has a wrong length.
    """
    if not 0 <= old <= new:
        raise IndexError(f"a tree of {new} leaves has no beginning of {old} leaves")
    if old in (0, new):
        return []
    tree, path, start, end = _TiledTree(new, read_tile), [], 0, new
    while old != end:
        middle = start + merkle.largest_power_below(end - start)
        if old <= middle:
            path.append(tree.root(middle, end))
            end = middle
        else:
            path.append(tree.root(start, middle))
            start = middle
    if start:
        path.append(tree.root(start, end))
    return path[::-1]


def peaks_at(old: int, size: int, read_tile: ReadTile) -> list[bytes]:
    """Return the peaks of the first ``old`` leaves of a tree of this size, for :class:`saxaul.log.merkle.CompactRange`.

    Raises:
        RefusedError: a tile has a wrong length.
    """
    tree, peaks, start = _TiledTree(size, read_tile), [], 0
    while start < old:
        width = 1 << ((old - start).bit_length() - 1)
        peaks.append(tree.root(start, start + width))
        start += width
    return peaks


class _TiledTree:
    """The tree of one size, read from its tiles. Each tile is read once."""

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        self._size = size
        self._read_tile = read_tile
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, end: int) -> bytes:
        """Return the root of the leaves from ``start`` to before ``end``, which must be a node of the tree."""
        size = end - start
        if size & (size - 1):
            middle = start + merkle.largest_power_below(size)
            return merkle.node_hash(self.root(start, middle), self.root(middle, end))
        level = (size.bit_length() - 1) // _LEVEL_BITS
        first, count = start >> _LEVEL_BITS * level, size >> _LEVEL_BITS * level
        n, offset = divmod(first, TILE_WIDTH)
        return merkle.root(_hashes(self._tile(level, n)[offset * HASH_BYTES : (offset + count) * HASH_BYTES]))

    def _tile(self, level: int, n: int) -> bytes:
        if (level, n) not in self._tiles:
            width = min(TILE_WIDTH, (self._size >> _LEVEL_BITS * level) - n * TILE_WIDTH)
            self._tiles[level, n] = _checked(self._read_tile(level, n, width), level, n, width)
        return self._tiles[level, n]


def _checked(tile: bytes, level: int, n: int, width: int) -> bytes:
    if len(tile) != width * HASH_BYTES:
        raise RefusedError(f"{tile_path(level, n, width)} has {len(tile)} bytes, not {width * HASH_BYTES}")
    return tile


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[start : start + HASH_BYTES] for start in range(0, len(tile), HASH_BYTES)]


def _peaks(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the largest complete trees over a list of hashes, from left to right."""
    peaks, start = [], 0
    while start < len(hashes):
        size = 1 << ((len(hashes) - start).bit_length() - 1)
        peaks.append(merkle.root(hashes[start : start + size]))
        start += size
    return peaks
