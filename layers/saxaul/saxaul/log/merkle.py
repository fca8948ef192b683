"""Merkle trees as in RFC 9162 (Certificate Transparency), section 2.1, with SHA-256.

The input of a leaf hash begins with the byte 0, and the input of a node hash begins with the byte 1. So no leaf has the
hash of a node. A tree of n leaves splits at the largest power of two below n. The inclusion path of a leaf is the list
of sibling hashes from the leaf up to the root.
"""

import hashlib
from collections.abc import Sequence


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a list of leaf hashes. The root of an empty list is the hash of the empty string."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the sibling hashes on the way from leaf ``index`` to the root, from the bottom up."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"there is no leaf {index} in a tree of {len(leaves)} leaves")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_path(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_path(leaves[split:], index - split), root(leaves[:split])]


def root_of_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Compute the root from a leaf hash and its inclusion path (RFC 9162, section 2.1.3.2).

    Raises:
        ValueError: a tree of ``size`` leaves has no leaf ``index``, or that leaf has a path of another length.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    position, last, current = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ValueError("the path is too long")
        if position % 2 or position == last:
            current = node_hash(sibling, current)
            while position and not position % 2:
                position, last = position // 2, last // 2
        else:
            current = node_hash(current, sibling)
        position, last = position // 2, last // 2
    if last:
        raise ValueError("the path is too short")
    return current


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
