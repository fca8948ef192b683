"""Compares builder and verifier with documents that neither of them made, so that a mistake in both is noticed."""

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from saxaul.certificate.from_log import certificate_from_log

from saxaul.log import merkle
from saxaul.log.canonical_json import encode
from saxaul.log.degrees import degrees
from saxaul.log.ecdsa import with_low_s
from saxaul.log.entries import Leaf, LogEntry, Particulars, dedication_digest, evidence_of
from saxaul.log.proof import LoggedEvent
from saxaul.log.verify import main
from tests.vectors.cases import GENUINE
from tests.vectors.make_vectors import file_of, make_vectors

FOLDER = Path(__file__).parents[1] / "vectors"
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_bytes())
PAGES = ("page-1.json", "page-2.json", "page-3.json")


def read(file: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((FOLDER / file).read_bytes())


def result(case: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run the command on the files of a case, and return its exit code and the last line."""
    logs = [argument for page in case["log"] for argument in ("--log", f"{folder / page}")]
    certificate = [f"{folder / case['certificate']}"] if case["certificate"] else []
    code = main([*certificate, *logs, "--key", f"{folder / case['key']}"])
    return code, capsys.readouterr().out.splitlines()[-1]


def assert_expected(case: dict[str, Any], code: int, last_line: str) -> None:
    assert code == case["exit_code"], last_line
    assert last_line.startswith(case["last_line"])
    assert case["mentions"] in last_line


@pytest.fixture(scope="module")
def published() -> list[dict[str, Any]]:
    """Return the entries of the vectors' log, oldest first."""
    return [entry for page in PAGES for entry in read(page)["entries"]]


@pytest.fixture(scope="module")
def built(published: Sequence[dict[str, Any]]) -> list[LogEntry]:
    """Return the same log, made by the real builder from the statements, reporters, times, key id and signatures."""
    log: list[LogEntry] = []
    for entry in published:
        leaves = [Leaf(**leaf) for leaf in entry["leaves"]]
        draft = LogEntry.draft(
            log[-1] if log else None, entry["by"], leaves, signed_at=entry["signed_at"], key_id=entry["key_id"]
        )
        log.append(draft.signed(bytes.fromhex(entry["signature"])))
    return log


@pytest.mark.parametrize("name", EXPECTED)
def test_the_verifier_gives_each_vector_its_expected_result(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected(EXPECTED[name], *result(EXPECTED[name], FOLDER, capsys))


def test_the_results_are_the_same_with_another_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_vectors(tmp_path)

    for case in EXPECTED.values():
        assert_expected(case, *result(case, tmp_path, capsys))


def test_the_generator_still_makes_these_files_except_what_the_key_changes(tmp_path: Path) -> None:
    make_vectors(tmp_path)
    made = {file.name for file in tmp_path.iterdir()}
    fixed = ("by", "counts", "leaves", "root", "sequence", "signed_at", "size")

    assert made == {file.name for file in FOLDER.iterdir() if file.suffix in (".json", ".pem")}
    assert (tmp_path / "expected.json").read_bytes() == (FOLDER / "expected.json").read_bytes()
    for page in PAGES:
        again = json.loads((tmp_path / page).read_bytes())["entries"]
        assert [[entry[name] for name in fixed] for entry in again] == [
            [entry[name] for name in fixed] for entry in read(page)["entries"]
        ]


def test_every_file_of_the_vectors_is_used() -> None:
    used = {file for case in EXPECTED.values() for file in (case["certificate"], case["key"], *case["log"]) if file}

    assert used | {"expected.json"} == {file.name for file in FOLDER.iterdir() if file.suffix in (".json", ".pem")}


def test_the_generator_imports_nothing_of_the_code_that_it_checks() -> None:
    modules = [
        name
        for file in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for name in _imported_by(node)
    ]

    assert "rfc8785" in modules
    assert [module for module in modules if module.startswith(("saxaul", "functions", "tests"))] == [
        module for module in modules if module.startswith("tests.vectors")
    ]


def _imported_by(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names):
            return [f"{module}.{alias.name}" for alias in names]
    return []


def test_the_builder_makes_the_same_log_byte_for_byte(
    published: Sequence[dict[str, Any]], built: Sequence[LogEntry]
) -> None:
    assert {entry.size for entry in built} == {1, 2, 3, 4, 5, 7, 13}
    for entry, vector in zip(built, published, strict=True):
        assert (entry.root, entry.previous) == (vector["root"], vector["previous"])
        assert entry.counts._asdict() == vector["counts"]
    pages = b"".join((FOLDER / page).read_bytes() for page in PAGES).splitlines()
    assert b",".join(encode(entry.document()) for entry in built) == b",".join(
        page.removeprefix(b'{"entries":[').removesuffix(b"]}") for page in pages
    )


def test_the_root_of_a_single_leaf_is_the_hash_of_that_leaf(
    published: Sequence[dict[str, Any]], built: Sequence[LogEntry]
) -> None:
    single = [
        (entry.leaves[0].hash.hex(), vector["root"])
        for entry, vector in zip(built, published, strict=True)
        if entry.size == 1
    ]

    assert len(single) > 5
    assert [leaf for leaf, _ in single] == [root for _, root in single]


def test_each_path_of_the_vectors_leads_from_the_hash_of_the_leaf_to_the_root(built: Sequence[LogEntry]) -> None:
    lengths = set()
    for name in GENUINE:
        for event in read(file_of(name))["proof"]["events"]:
            leaf = built[event["entry"]["sequence"] - 1].leaves[event["index"]]
            path = [bytes.fromhex(sibling) for sibling in event["path"]]
            root = merkle.root_of_path(leaf.hash, event["index"], event["entry"]["size"], path)
            assert root.hex() == event["entry"]["root"]
            lengths.add(len(path))

    assert lengths == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("name", GENUINE)
def test_the_builder_makes_the_same_certificate_byte_for_byte(name: str, built: Sequence[LogEntry]) -> None:
    vector, shown = read(file_of(name)), GENUINE[name]
    proof = vector["proof"]
    secret = {"dedication": vector["dedication"], "salt": proof["salt"]}
    digest = dedication_digest(**secret)
    fixed = {name: value for name, value in proof["particulars"].items() if name != "dedication_digest"}
    particulars = Particulars(**fixed, **secret, dedication_digest=digest)
    events = [
        LoggedEvent(built[event["entry"]["sequence"] - 1], event["index"], event["photo_url"] or "")
        for event in proof["events"]
    ]
    certificate = certificate_from_log(particulars, events)

    assert digest == proof["particulars"]["dedication_digest"]
    assert {particulars.commitment} == {event["leaf"]["particulars"] for event in proof["events"]}
    assert encode(certificate.document("zh" if shown.lang == "zh" else "en")) == (FOLDER / file_of(name)).read_bytes()


def test_the_builder_writes_photos_and_coordinates_as_the_vectors_do(published: Sequence[dict[str, Any]]) -> None:
    leaves = [leaf for entry in published for leaf in entry["leaves"]]
    seen = [event for name in GENUINE for event in read(file_of(name))["proof"]["events"] if event["photo_url"]]

    assert [degrees(float(leaf[axis])) for leaf in leaves for axis in ("lat", "lon")] == [
        leaf[axis] for leaf in leaves for axis in ("lat", "lon")
    ]
    assert [evidence_of(event["photo_url"]) for event in seen] == [event["leaf"]["evidence"] for event in seen]
    assert "" in {leaf["evidence"] for leaf in leaves}


def test_the_builder_makes_the_lower_s_of_a_signature_with_the_higher_s(published: Sequence[dict[str, Any]]) -> None:
    higher = read_log("the-newest-signature-with-the-higher-s.json")[-1]["signature"]
    lower = published[2]["signature"]

    assert higher != lower
    assert with_low_s(bytes.fromhex(higher)).hex() == lower
    assert with_low_s(bytes.fromhex(lower)).hex() == lower


def read_log(file: str) -> list[dict[str, Any]]:
    pages = (FOLDER / file).read_bytes().splitlines()
    return [entry for page in pages for entry in json.loads(page)["entries"]]
