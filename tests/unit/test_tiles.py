"""Tiles, bundles and proofs, as C2SP specifies them, compared with the whole tree."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.log import merkle
from saxaul.log.tiles import (
    Edge,
    bundle,
    consistency_proof,
    entries_path,
    inclusion_proof,
    tile_path,
    tiles_between,
    unbundle,
)
from saxaul.log.tlog_proofs import TlogProof
from saxaul.log.verdicts import RefusedError

LARGE = 70_000
"""The size of the example in the specification: it has tiles of three levels."""

HASHES = [merkle.leaf_hash(b"%d" % number) for number in range(LARGE)]


def mth(leaves: list[bytes], level: int, start: int) -> bytes:
    """Return MTH(D[start * 256**level : (start + 1) * 256**level]), as the specification writes it."""
    return merkle.root(leaves[start * 256**level : (start + 1) * 256**level])


@pytest.fixture(scope="module")
def large_tiles() -> dict[str, bytes]:
    edge, tiles = tiles_between(Edge(), HASHES)
    assert edge.root() == merkle.root(HASHES)
    return tiles


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 1234067), "tile/0/x001/x234/067"),
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(1, 999, 1), "tile/1/999.p/1"),
        (tile_path(2, 1000, 255), "tile/2/x001/000.p/255"),
        (entries_path(1067, 5), "tile/entries/x001/067.p/5"),
        (entries_path(67), "tile/entries/067"),
    ],
)
def test_paths_are_those_of_the_specification(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize("width", [0, 257])
def test_no_tile_is_empty_or_wider_than_256(width: int) -> None:
    with pytest.raises(ValueError, match="1 to 256"):
        tile_path(0, 0, width)


def test_a_tree_of_70000_leaves_has_the_tiles_that_the_specification_names(large_tiles: dict[str, bytes]) -> None:
    full = [path for path in large_tiles if ".p/" not in path]

    assert sorted(path for path in large_tiles if ".p/" in path) == [
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert sum(path.startswith("tile/0/") for path in full) == 273
    assert [path for path in full if not path.startswith("tile/0/")] == ["tile/1/000"]


def test_each_hash_of_a_tile_is_the_tree_hash_that_the_specification_defines(large_tiles: dict[str, bytes]) -> None:
    for path, tile in large_tiles.items():
        level, n = int(path.split("/")[1]), int(path.split("/")[2].removesuffix(".p"))
        for index in range(len(tile) // 32):
            assert tile[index * 32 : index * 32 + 32] == mth(HASHES, level, n * 256 + index)


def test_a_tree_of_256_leaves_has_a_full_tile_and_a_partial_one_above_it() -> None:
    _, tiles = tiles_between(Edge(), HASHES[:256])

    assert sorted(tiles) == ["tile/0/000", "tile/1/000.p/1"]


SIZES = st.one_of(st.integers(0, 700), st.sampled_from([255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000]))


@settings(deadline=None, max_examples=40)
@given(SIZES, st.integers(0, 600))
def test_tiles_follow_from_the_edge_and_the_leaves_alone(size: int, more: int) -> None:
    before, _ = tiles_between(Edge(), HASHES[:size])
    stored = Edge.from_bytes(before.to_bytes())

    edge, tiles = tiles_between(stored, HASHES[size : size + more])

    assert stored == before
    assert edge.size == size + more
    assert edge.root() == merkle.root(HASHES[: size + more])
    whole_edge, all_tiles = tiles_between(Edge(), HASHES[: size + more])
    assert edge == whole_edge
    assert tiles.items() <= all_tiles.items()
    assert {path for path in all_tiles if ".p/" in path} <= tiles.keys()


@settings(deadline=None, max_examples=40)
@given(SIZES)
def test_an_edge_is_read_from_the_tiles(size: int) -> None:
    edge, tiles = tiles_between(Edge(), HASHES[:size])

    assert Edge.read(size, lambda level, n, width: tiles[tile_path(level, n, width)]) == edge


@pytest.mark.parametrize("data", [b"", bytes(7), (3).to_bytes(8, "big"), (256).to_bytes(8, "big") + bytes(64)])
def test_an_edge_of_a_wrong_length_is_not_read(data: bytes) -> None:
    if data in (b"", bytes(7)):
        data = b"\x00\x00\x00\x00\x00\x00\x00\x01"
    with pytest.raises(ValueError, match="does not have"):
        Edge.from_bytes(data)


@settings(deadline=None, max_examples=60)
@given(SIZES.filter(bool), st.data())
def test_an_inclusion_proof_from_tiles_is_that_of_the_whole_tree(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    _, tiles = tiles_between(Edge(), HASHES[:size])

    path = inclusion_proof(size, index, lambda level, n, width: tiles[tile_path(level, n, width)])

    assert path == merkle.inclusion_path(HASHES[:size], index)


@settings(deadline=None, max_examples=60)
@given(SIZES, st.data())
def test_a_consistency_proof_from_tiles_is_that_of_the_whole_tree(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    _, tiles = tiles_between(Edge(), HASHES[:size])

    path = consistency_proof(old, size, lambda level, n, width: tiles[tile_path(level, n, width)])

    assert path == merkle.consistency_path(HASHES[:size], old)
    merkle.check_consistency(old, merkle.root(HASHES[:old]), size, merkle.root(HASHES[:size]), path)


def test_a_proof_reads_few_tiles(large_tiles: dict[str, bytes]) -> None:
    read: list[str] = []

    def read_tile(level: int, n: int, width: int) -> bytes:
        read.append(tile_path(level, n, width))
        return large_tiles[read[-1]]

    inclusion_proof(LARGE, 12_345, read_tile)

    assert sorted(read) == ["tile/0/048", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17"]


@pytest.mark.parametrize(("size", "index"), [(0, 0), (5, 5), (5, -1)])
def test_no_leaf_outside_of_the_tree_has_a_proof(size: int, index: int) -> None:
    with pytest.raises(IndexError, match="no leaf"):
        inclusion_proof(size, index, lambda *_: b"")


def test_no_tree_begins_with_a_larger_one() -> None:
    with pytest.raises(IndexError, match="no beginning"):
        consistency_proof(6, 5, lambda *_: b"")


def test_a_tile_of_a_wrong_length_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"tile/0/000\.p/5 has 128 bytes, not 160"):
        inclusion_proof(5, 0, lambda *_: bytes(128))
    with pytest.raises(RefusedError, match=r"tile/0/000\.p/5 has 8192 bytes, not 160"):
        Edge.read(5, lambda *_: bytes(8192))


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_a_bundle_is_read_as_it_is_written(texts: list[bytes]) -> None:
    assert unbundle(bundle(texts)) == texts


def test_a_bundle_has_the_length_of_each_entry_in_two_bytes() -> None:
    assert bundle([b"ab", b"", b"x" * 300]) == b"\x00\x02ab\x00\x00\x01\x2c" + b"x" * 300
    assert len(bundle([b"x" * 65_535])) == 65_537


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5), st.data())
def test_a_cut_bundle_is_refused_or_has_fewer_entries(texts: list[bytes], data: st.DataObject) -> None:
    whole = bundle(texts)
    cut = data.draw(st.integers(0, len(whole) - 1))

    try:
        read = unbundle(whole[:cut])
    except RefusedError:
        return
    assert len(read) < len(texts)


def test_a_tlog_proof_has_the_lines_of_the_specification() -> None:
    checkpoint = "trees.example/log\n3\nAAA=\n\n— trees.example/log AAA=\n"
    proof = TlogProof(7, (bytes(32), b"\xff" * 32), checkpoint)

    assert proof.text == (
        "c2sp.org/tlog-proof@v1\n"
        "index 7\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
        "//////////////////////////////////////////8=\n"
        f"\n{checkpoint}"
    )
    assert TlogProof.parse(proof.text) == proof
    assert TlogProof.parse(TlogProof(0, (), checkpoint).text) == TlogProof(0, (), checkpoint)


LINES = TlogProof(7, (bytes(32),), "a\n1\nAAA=\n\n— a AAA=\n").text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        LINES.replace("@v1", "@v2"),
        LINES.replace("index 7", "index 07"),
        LINES.replace("index 7", "index -7"),
        LINES.replace("index 7", "index  7"),
        LINES.replace("index 7\n", ""),
        LINES.replace("index 7\n", "extra AAAA\nindex 7\n"),
        LINES.replace("index 7\n", "index 7\n" + "A" * 43 + "B\n"),
        LINES.replace("index 7\n", "index 7\nAAAA\n"),
        LINES.replace("\n", "\r\n"),
        LINES.replace("index 7\n", "index 7\n" + ("A" * 43 + "=\n") * 63),
    ],
)
def test_a_proof_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        TlogProof.parse(text)


def test_a_million_leaves_leave_an_edge_of_three_small_tiles() -> None:
    edge = Edge()
    leaf = random.Random(1).randbytes(32)
    for _ in range(1_000_000):
        edge.append(leaf)

    assert edge.size == 1_000_000
    assert len(edge.to_bytes()) <= 8 + 3 * 255 * 32
