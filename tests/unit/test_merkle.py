"""Merkle trees are the same as in Certificate Transparency.

The test vectors come from its reference implementation (transparency-dev/merkle, testonly/reference_test.go and
proof/proof_test.go, Apache-2.0). They apply to both RFC 6962 and RFC 9162.
"""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.log.merkle import (
    check_consistency,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root,
    root_of_path,
)

LEAVES = [bytes.fromhex(leaf) for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes(range(0x60, 0x70)))
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def hashes(size: int) -> list[bytes]:
    return [leaf_hash(leaf) for leaf in LEAVES[:size]]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_the_same_as_in_certificate_transparency(size: int) -> None:
    assert root(hashes(size)).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_the_inclusion_paths_are_the_same_as_in_certificate_transparency(index: int, size: int) -> None:
    assert [neighbour.hex() for neighbour in inclusion_path(hashes(size), index)] == PATHS[index, size]


def test_leaves_and_nodes_are_hashed_with_different_prefixes() -> None:
    assert leaf_hash(b"ab") == hashlib.sha256(b"\x00ab").digest()
    assert node_hash(b"a", b"b") == hashlib.sha256(b"\x01ab").digest()


def test_a_tree_of_seven_leaves_is_split_as_in_the_rfc() -> None:
    a, b, c, d, e, f, g = hashes(7)
    left = node_hash(node_hash(a, b), node_hash(c, d))

    assert root([a, b, c, d, e, f, g]) == node_hash(left, node_hash(node_hash(e, f), g))


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 600), st.data())
def test_every_path_leads_to_the_root_and_is_no_longer_than_the_height_of_the_tree(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(bytes([number % 256, number // 256])) for number in range(size)]

    path = inclusion_path(leaves, index)

    assert root_of_path(leaves[index], index, size, path) == root(leaves)
    assert len(path) <= (size - 1).bit_length()


@settings(deadline=None)  # the machine may be busy
@given(st.integers(2, 40), st.data())
def test_another_index_leaf_or_neighbour_does_not_lead_to_the_root(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    path = inclusion_path(leaves, index)
    wrong = data.draw(st.integers(0, len(path) - 1))

    assert root_of_path(leaf_hash(b"another"), index, size, path) != root(leaves)
    assert root_of_path(leaves[index], index, size, [*path[:wrong], bytes(32), *path[wrong + 1 :]]) != root(leaves)
    for other in set(range(size)) - {index}:
        try:
            assert root_of_path(leaves[index], other, size, path) != root(leaves)
        except ValueError:
            assert len(inclusion_path(leaves, other)) != len(path)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 40), st.data())
def test_a_path_of_the_wrong_length_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    path = inclusion_path(leaves, index)

    with pytest.raises(ValueError, match="too long"):
        root_of_path(leaves[index], index, size, [*path, bytes(32)])
    if path:
        with pytest.raises(ValueError, match="too short"):
            root_of_path(leaves[index], index, size, path[:-1])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_an_index_outside_of_the_tree_has_no_path(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        root_of_path(bytes(32), index, size, [])
    with pytest.raises(IndexError, match="no leaf"):
        inclusion_path(hashes(size), index)


CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


@pytest.mark.parametrize(("old", "size"), CONSISTENCY)
def test_the_consistency_paths_are_the_same_as_in_certificate_transparency(old: int, size: int) -> None:
    assert [sibling.hex() for sibling in consistency_path(hashes(size), old)] == CONSISTENCY[old, size]


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 300), st.data())
def test_every_tree_is_consistent_with_each_of_its_beginnings(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    leaves = [leaf_hash(bytes([number % 256, number // 256])) for number in range(size)]

    check_consistency(old, root(leaves[:old]), size, root(leaves), consistency_path(leaves, old))


@settings(deadline=None)  # the machine may be busy
@given(st.integers(1, 40), st.data())
def test_a_changed_root_size_or_path_is_not_consistent(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    path, roots = consistency_path(leaves, old), (root(leaves[:old]), root(leaves))
    wrong: list[tuple[int, bytes, int, bytes, list[bytes]]] = [
        (old, bytes(32), size, roots[1], path),
        (old, roots[0], size, bytes(32), path),
        (old, roots[0], size, roots[1], [*path, bytes(32)]),
        (old, roots[0], old - 1, roots[1], path),
        *((old, roots[0], size, roots[1], [*path[:n], bytes(32), *path[n + 1 :]]) for n in range(len(path))),
        *((old, roots[0], size, roots[1], path[:n]) for n in range(len(path))),
    ]

    for case in wrong:
        with pytest.raises(ValueError, match=r"path|consistent|cannot begin"):
            check_consistency(*case)


@settings(deadline=None)  # the machine may be busy
@given(st.integers(2, 60), st.data())
def test_a_tree_with_a_changed_leaf_is_not_consistent_with_its_beginning(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    changed = data.draw(st.integers(0, old - 1))
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    other = [*leaves[:changed], bytes(32), *leaves[changed + 1 :]]

    with pytest.raises(ValueError, match="not consistent"):
        check_consistency(old, root(leaves[:old]), size, root(other), consistency_path(other, old))


def test_no_tree_has_a_longer_beginning() -> None:
    with pytest.raises(IndexError, match="no beginning"):
        consistency_path(hashes(3), 4)
