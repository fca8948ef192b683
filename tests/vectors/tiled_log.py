"""A log as C2SP specifies it, made from the specifications without any code of saxaul.

The specifications are signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles and tlog-proof at c2sp.org, and
RFC 6962 for the tree.
"""

import struct
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

WIDTH = 256
SIGNED, COSIGNED = 1, 4
"""Types of signatures: Ed25519 of a log, and the cosignature of a witness with its time."""


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def numbered(index: int) -> str:
    """Return the path elements of a tile's index: 1234067 is ``x001/x234/067``."""
    elements = [f"{index % 1000:03}"]
    while index := index // 1000:
        elements.insert(0, f"x{index % 1000:03}")
    return "/".join(elements)


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile or, with the level ``entries``, of a bundle."""
    return f"tile/{level}/{numbered(index)}" + (f".p/{width}" if width < WIDTH else "")


class Key:
    """A key pair with its name in signed notes. The private key is never written to a file."""

    def __init__(self, name: str, kind: int = SIGNED, seed: bytes | None = None) -> None:
        self.name = name
        self._kind = kind
        self._private = Ed25519PrivateKey.from_private_bytes(seed) if seed else Ed25519PrivateKey.generate()
        self.public = bytes([kind]) + self._private.public_key().public_bytes_raw()
        self.key_id = sha256(f"{name}\n".encode() + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64(self.public)}"

    def line(self, text: str, time: int = 0) -> str:
        """Sign a text, and return the line of the note. ``time`` is that of a cosignature, in Unix seconds."""
        if self._kind == COSIGNED:
            cosigned = f"cosignature/v1\ntime {time}\n{text}".encode()
            signature = struct.pack(">Q", time) + self._private.sign(cosigned)
        else:
            signature = self._private.sign(text.encode())
        return f"— {self.name} {base64(self.key_id + signature)}\n"


class Log:
    """A log in memory. Its origin is the name of its key, unless another one is given."""

    def __init__(self, key: Key, origin: str = "") -> None:
        self.key = key
        self.origin = origin or key.name
        self.leaves: list[bytes] = []
        self._roots: dict[tuple[int, int], bytes] = {}

    def add(self, leaf: bytes) -> int:
        """Append a leaf, and return its index."""
        self.leaves.append(leaf)
        return len(self.leaves) - 1

    def leaf(self, index: int) -> bytes:
        return self.leaves[index]

    def root(self, first: int, end: int) -> bytes:
        """MTH of RFC 6962, section 2.1, of the leaves from ``first`` to before ``end``."""
        if first == end:
            return sha256().digest()
        if (first, end) not in self._roots:
            if end - first == 1:
                self._roots[first, end] = leaf_hash(self.leaves[first])
            else:
                middle = first + larger_part(end - first)
                children = self.root(first, middle) + self.root(middle, end)
                self._roots[first, end] = sha256(b"\x01" + children).digest()
        return self._roots[first, end]

    def path(self, index: int, size: int) -> list[bytes]:
        """PATH of RFC 6962, section 2.1.1: the proof that a tree of this size has the leaf."""
        path: list[bytes] = []
        first, end = 0, size
        while end - first > 1:
            middle = first + larger_part(end - first)
            if index < middle:
                path, end = [self.root(middle, end), *path], middle
            else:
                path, first = [self.root(first, middle), *path], middle
        return path

    def consistency(self, old: int, size: int) -> list[bytes]:
        """PROOF of RFC 6962, section 2.1.2: that the tree of this size begins with the old one."""
        return self._subproof(old, 0, size, is_whole=True) if old else []

    def _subproof(self, old: int, first: int, end: int, *, is_whole: bool) -> list[bytes]:
        size = end - first
        if old == size:
            return [] if is_whole else [self.root(first, end)]
        part = larger_part(size)
        middle = first + part
        if old <= part:
            return [*self._subproof(old, first, middle, is_whole=is_whole), self.root(middle, end)]
        return [*self._subproof(old - part, middle, end, is_whole=False), self.root(first, middle)]

    def text(self, size: int) -> str:
        """Return what a checkpoint of this size says."""
        return f"{self.origin}\n{size}\n{base64(self.root(0, size))}\n"

    def checkpoint(self, size: int, cosigners: Sequence[tuple[Key, int]] = ()) -> str:
        """Return a signed checkpoint. ``cosigners`` are the witnesses, each with the time at which it signs."""
        text = self.text(size)
        return f"{text}\n{self.key.line(text)}" + "".join(key.line(text, time) for key, time in cosigners)

    def proof(self, index: int, size: int, checkpoint: str) -> str:
        """Return the text of a tlog-proof."""
        path = "".join(f"{base64(sibling)}\n" for sibling in self.path(index, size))
        return f"c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{checkpoint}"

    def files(self, size: int) -> dict[str, bytes]:
        """Return all tiles and bundles of a tree of this size, by path."""
        found: dict[str, bytes] = {}
        level, span, count = 0, 1, size
        while count:
            for first in range(0, count, WIDTH):
                nodes = range(first, min(first + WIDTH, count))
                tile = b"".join(self.root(node * span, (node + 1) * span) for node in nodes)
                found[tile_path(level, first // WIDTH, len(nodes))] = tile
            level, span, count = level + 1, span * WIDTH, count // WIDTH
        for first in range(0, size, WIDTH):
            leaves = self.leaves[first : min(first + WIDTH, size)]
            found[tile_path("entries", first // WIDTH, len(leaves))] = bundle(leaves)
        return found


def bundle(leaves: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(leaf)) + leaf for leaf in leaves)


def larger_part(count: int) -> int:
    """Return the largest power of two that is smaller than the count."""
    return 1 << (count - 1).bit_length() - 1
