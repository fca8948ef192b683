"""Go's own packages verify a log of the specification, and refuse each thing in it that is forged."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.go_checker import build, check
from tests.static_log import served
from tests.vectors.tiled_log import COSIGNED, Key, Log
from tests.vectors.trees import Tree, certificate, planted_log

WITNESS, OTHER = Key("witness.example/w1", COSIGNED), Key("witness.example/w2", COSIGNED)
LIVES = (1, 2, 40, 3, 40, 5, *[7] * 40)


class Published(NamedTuple):
    """A log with its files, and a folder with checkpoints and one with certificates."""

    log: Log
    trees: list[Tree]
    files: dict[str, bytes]
    checkpoints: Path
    certificates: list[Path]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("go"))


@pytest.fixture
def published(tmp_path: Path) -> Published:
    log, trees, sizes = planted_log(Key("log.example/trees"), LIVES)
    newest = log.checkpoint(sizes[-1], [(WITNESS, 1_800_000_000), (OTHER, 1_800_000_001)])
    files = {"checkpoint": newest.encode()}
    (folder := tmp_path / "checkpoints").mkdir()
    for size in (sizes[0], *sizes[7::9], sizes[-1]):
        files |= log.files(size)
        (folder / str(size)).write_text(log.checkpoint(size))
    certificates = []
    for tree in trees[:6]:
        file = tmp_path / f"{tree.number}.json"
        file.write_text(json.dumps(certificate(tree, log, newest)))
        certificates.append(file)
    return Published(log, trees, files, folder, certificates)


@pytest.fixture
def run(program: Path, published: Published) -> Iterator[Callable[..., str]]:
    """Return a function that checks the log, and returns what is wrong, or else what was checked."""
    with served(published.files) as url:

        def checked(vkey: str = published.log.key.vkey, witness: str = WITNESS.vkey) -> str:
            files, checkpoints = published.certificates, published.checkpoints
            ran = check(program, url, vkey, *files, witness=witness, checkpoints=checkpoints)
            assert ran.returncode == (1 if ran.stderr else 0), ran
            return ran.stderr or ran.stdout

        yield checked


def flipped(data: bytes, place: int = -1) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def test_go_verifies_a_log_of_the_specification_with_its_certificates(
    run: Callable[..., str], published: Published
) -> None:
    size = len(published.log.leaves)
    checkpoint, leaves, checkpoints, *certificates = run().splitlines()

    assert size > 256
    assert checkpoint.endswith("signed by log.example/trees and witness.example/w1")
    assert leaves == f"leaves: each of {size} is in its bundle, and is included"
    assert checkpoints.startswith(f"checkpoints: {len(list(published.checkpoints.iterdir())) + 1}, each two of them")
    assert [line.split(":")[0] for line in certificates] == [
        f"certificate {tree.number}" for tree in published.trees[:6]
    ]


def test_go_refuses_a_changed_tile_or_bundle(run: Callable[..., str], published: Published) -> None:
    size = len(published.log.leaves)
    newest = [path for path in published.log.files(size) if path.startswith("tile/")]

    assert sum("entries" in path for path in newest) == 2
    assert len(newest) == 5
    for path in newest:
        whole = published.files[path]
        for place in (2, len(whole) // 2, -1):
            published.files[path] = flipped(whole, place)
            assert run().startswith("WRONG: "), path
        published.files[path] = whole
    assert not run().startswith("WRONG")


def test_go_refuses_a_tile_of_an_older_size_that_was_changed(run: Callable[..., str], published: Published) -> None:
    [older] = [path for path in published.files if path.startswith("tile/0/000.p/") and path.endswith("/2")]
    published.files[older] = flipped(published.files[older])

    assert "the tiles of 2 leaves do not give the root of that checkpoint" in run()


def test_go_refuses_a_checkpoint_that_the_log_has_not_signed(run: Callable[..., str], published: Published) -> None:
    log, newest = published.log, published.files["checkpoint"]
    impostor, size = Key(log.key.name), len(log.leaves)

    for forged in (
        newest.replace(f"\n{size}\n".encode(), f"\n{size - 1}\n".encode()),
        log_of(log.key, log.leaves[1:]).checkpoint(size - 1).encode(),
        log_of(impostor, log.leaves).checkpoint(size).encode(),
        Log(log.key, "other.example/log").checkpoint(0).encode(),
        newest.replace(b"log.example/trees ", b"log.example/trees A"),
        newest.split(b"\n\n")[0] + b"\n",
        b"".join(newest.splitlines(keepends=True)[:-2]),
    ):
        published.files["checkpoint"] = forged
        assert run().startswith("WRONG: "), forged
    published.files["checkpoint"] = newest
    assert run(vkey=impostor.vkey).startswith("WRONG: ")
    assert run(witness=Key("witness.example/w3", COSIGNED).vkey).startswith("WRONG: the checkpoint has no valid")
    assert not run().startswith("WRONG")


def test_go_refuses_two_checkpoints_that_are_signed_and_not_consistent(
    run: Callable[..., str], published: Published
) -> None:
    log, size = published.log, len(published.log.leaves)
    for leaves, reason in (
        ([*log.leaves[:-1], b"another end"], f"{size} and {size} leaves: they have the same size and different roots"),
        ([b"another beginning", *log.leaves[1:20]], "20 and"),
        ([*log.leaves, b"one more"], f"fork has {size + 1} leaves, the log only {size}"),
    ):
        (published.checkpoints / "fork").write_text(log_of(log.key, leaves).checkpoint(len(leaves)))
        assert reason in run()


def log_of(key: Key, leaves: list[bytes]) -> Log:
    log = Log(key)
    log.leaves = leaves
    return log


def test_go_refuses_each_changed_part_of_a_certificate(run: Callable[..., str], published: Published) -> None:
    file = published.certificates[2]
    whole = file.read_text()
    shown = json.loads(whole)

    def refused(change: Callable[[list[dict[str, str]]], object]) -> bool:
        changed = json.loads(whole)
        change(changed["proofs"])
        file.write_text(json.dumps(changed))
        return run().startswith(f"WRONG: {file.name}: proof ")

    assert len(shown["proofs"]) > 10
    for line in range(len(shown["proofs"][1]["tlog_proof"].splitlines())):
        lines = shown["proofs"][1]["tlog_proof"].split("\n")
        if lines[line].startswith("— witness.example/w2"):
            continue  # a signature of a key that the reader does not know is ignored
        lines[line] = lines[line][:-5] + ("A" if lines[line][-5:-4] != "A" else "B") + lines[line][-4:]
        changed = {"tlog_proof": "\n".join(lines)}
        assert refused(lambda proofs, changed=changed: proofs[1].update(changed)), changed  # type: ignore[misc]
    assert refused(lambda proofs: proofs[1].update(leaf=proofs[1]["leaf"].replace("alive", "dead") + " "))
    assert refused(lambda proofs: proofs[1].update(tlog_proof=proofs[2]["tlog_proof"]))
    assert refused(lambda proofs: proofs[1].update(tlog_proof=""))
