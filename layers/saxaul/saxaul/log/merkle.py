"""Merkle trees as in RFC 9162 (Certificate Transparency), section 2.1, with SHA-256.

The input of a leaf hash begins with the byte 0, and the input of a node hash begins with the byte 1. So no leaf has the
hash of a node. A tree of n leaves splits at the largest power of two below n. The inclusion path of a leaf is the list
of sibling hashes from the leaf up to the root. The consistency path between two sizes of a tree shows that the larger
tree begins with the leaves of the smaller one.
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
    split = largest_power_below(len(leaves))
    return node_hash(root(leaves[:split]), root(leaves[split:]))


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the sibling hashes on the way from leaf ``index`` to the root, from the bottom up."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"there is no leaf {index} in a tree of {len(leaves)} leaves")
    if len(leaves) == 1:
        return []
    split = largest_power_below(len(leaves))
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


def consistency_path(leaves: Sequence[bytes], old: int) -> list[bytes]:
    """Return the hashes that show that a tree of the first ``old`` leaves is the beginning of the tree of all leaves.

    Raises:
        IndexError: there are fewer than ``old`` leaves.
    """
    if not 0 <= old <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves has no beginning of {old} leaves")
    return _subproof(leaves, old, is_whole=True) if 0 < old < len(leaves) else []


def _subproof(leaves: Sequence[bytes], old: int, *, is_whole: bool) -> list[bytes]:
    """Return SUBPROOF of RFC 9162, section 2.1.4.1. ``is_whole``: the verifier knows the root of these leaves."""
    if old == len(leaves):
        return [] if is_whole else [root(leaves)]
    split = largest_power_below(len(leaves))
    if old <= split:
        return [*_subproof(leaves[:split], old, is_whole=is_whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], old - split, is_whole=False), root(leaves[:split])]


def check_consistency(old_size: int, old_root: bytes, size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Check that the larger tree begins with the smaller one (RFC 9162, section 2.1.4.2).

    Raises:
        ValueError: the path does not show it.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {size} leaves cannot begin with {old_size} leaves")
    if old_size in (0, size):
        expected = root([]) if old_size == 0 else new_root
        if old_root != expected or path:
            raise ValueError("the trees are not consistent")
        return
    whole = not old_size & (old_size - 1)  # the smaller tree is one of the nodes, so the path leaves it out
    if not (path or whole):
        raise ValueError("the path is too short")
    if _roots_of_consistency(old_size, size, [old_root, *path] if whole else path) != (old_root, new_root):
        raise ValueError("the trees are not consistent")


def _roots_of_consistency(old_size: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of the smaller and of the larger tree that a consistency path leads to."""
    position, last = old_size - 1, size - 1
    while position % 2:
        position, last = position // 2, last // 2
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ValueError("the path is too long")
        if position % 2 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while position and not position % 2:
                position, last = position // 2, last // 2
        else:
            new = node_hash(new, sibling)
        position, last = position // 2, last // 2
    if last:
        raise ValueError("the path is too short")
    return old, new


class CompactRange:
    """The least that is needed of a tree to append to it and to know its root: the roots of its complete parts.

    It cannot tell the tiles of the tree: :class:`saxaul.log.tiles.Edge` can.

    Attributes:
        size: the number of leaves.
        peaks: the root of each complete part, from the largest, which is the first, to the smallest.
    """

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves does not have {len(peaks)} complete parts")
        self.size = size
        self.peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        added, remaining = leaf, self.size
        while remaining % 2:
            added, remaining = node_hash(self.peaks.pop(), added), remaining // 2
        self.peaks.append(added)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return root([])
        *rest, folded = self.peaks
        for peak in reversed(rest):
            folded = node_hash(peak, folded)
        return folded

    def copy(self) -> "CompactRange":
        return CompactRange(self.size, self.peaks)


def largest_power_below(size: int) -> int:
    """Return the largest power of two below ``size``, at which a tree of that size is split."""
    return 1 << ((size - 1).bit_length() - 1)
