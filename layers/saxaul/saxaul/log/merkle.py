"""Merkle trees as RFC 9162 (Certificate Transparency) hashes them, section 2.1, with SHA-256.

A leaf is hashed behind a zero byte and a node behind a one, so neither passes for the other. A tree of n leaves
splits at the largest power of two below n. The path of a leaf is the hashes beside the way from it up to the root.
"""

import hashlib
from collections.abc import Sequence


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over the hashes of leaves. Of no leaf at all it is the hash of nothing."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What stands beside the way of leaf ``index`` to the root, from the bottom up."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"there is no leaf {index} among {len(leaves)}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_path(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_path(leaves[split:], index - split), root(leaves[:split])]


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a leaf's path leads to (RFC 9162, section 2.1.3.2).

    Raises:
        ValueError: no leaf of a tree of this size has that index, or a path of that length.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    position, last, current = index, size - 1, leaf
    for beside in path:
        if last == 0:
            raise ValueError("the path is too long")
        if position % 2 or position == last:
            current = node_hash(beside, current)
            while position and not position % 2:
                position, last = position // 2, last // 2
        else:
            current = node_hash(current, beside)
        position, last = position // 2, last // 2
    if last:
        raise ValueError("the path is too short")
    return current


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
