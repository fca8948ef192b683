"""Compares the log's code with documents that it did not make, so that a mistake in both halves of it is noticed."""

import ast
import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saxaul.certificate.certificate import ProvenCount, ProvenLeaf
from saxaul.certificate.from_leaves import PublishedLeaf, certificate_from_leaves, chosen, shown_photo
from saxaul.log.canonical_json import encode
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.leaves import CountLeaf, TreeLeaf, parse
from saxaul.log.notes import VerifierKey, parse_note
from saxaul.log.particulars import Particulars
from saxaul.log.tiles import Edge, bundle, entries_path, inclusion_proof, tile_path, tiles_between
from saxaul.log.tlog_proofs import TlogProof
from tests.proof.reading import monitored, verified
from tests.vectors.cases import GENUINE
from tests.vectors.make_vectors import FILE, WHOLE, changed, make_vectors
from tests.vectors.tiled_log import Key
from tests.vectors.trees import FILES

FOLDER = Path(__file__).parents[1] / "vectors"
VECTORS: dict[str, Any] = json.loads((FOLDER / FILE).read_text("utf-8"))
CERTIFICATES = {name: json.loads(text) for name, text in VECTORS["certificates"].items()}


class GivenKey(Key):
    """A verifier key without its private half."""

    def __init__(self, vkey: str) -> None:
        self.given = vkey

    @property
    def vkey(self) -> str:
        return self.given


def result(vectors: dict[str, Any], name: str, folder: Path) -> str:
    """Verify the certificate of a case, or let a monitor follow its log, and return the last line."""
    case = vectors["cases"][name]
    key = GivenKey(vectors[case.get("vkey", "vkey")])
    log = {path: b64decode(data) for path, data in vectors["logs"][case["log"]].items()} if "log" in case else None
    if "certificate" not in case:
        assert log
        return monitored(log, key, folder / "state")
    text = vectors["certificates"][case["certificate"]].encode()
    if "changes" in case:
        text = json.dumps(changed(json.loads(text), case["changes"]), ensure_ascii=False, **COMPACT).encode()
    return verified(text, key, log, policy=vectors["policy"] if "policy" in case else "")


COMPACT: Any = {"sort_keys": True, "separators": (",", ":")}


def assert_expected(vectors: dict[str, Any], name: str, line: str) -> None:
    case = vectors["cases"][name]
    assert line.startswith(case["last_line"]), line
    assert case.get("mentions", "") in line, line


@pytest.mark.parametrize("name", VECTORS["cases"])
def test_each_vector_has_its_expected_result(name: str, tmp_path: Path) -> None:
    assert_expected(VECTORS, name, result(VECTORS, name, tmp_path))


def test_the_results_are_the_same_with_other_keys(tmp_path: Path) -> None:
    make_vectors(tmp_path)
    again = json.loads((tmp_path / FILE).read_text("utf-8"))

    assert again["vkey"] != VECTORS["vkey"]
    for number, name in enumerate(again["cases"]):
        (folder := tmp_path / str(number)).mkdir()
        assert_expected(again, name, result(again, name, folder))


def test_the_generator_still_makes_this_file_except_what_its_keys_change(tmp_path: Path) -> None:
    make_vectors(tmp_path)
    again = json.loads((tmp_path / FILE).read_text("utf-8"))

    for name in ("leaves", "size", "older_size", "cases"):
        assert again[name] == VECTORS[name], name
    assert [*again["certificates"]] == [*VECTORS["certificates"]]
    for name, files in VECTORS["logs"].items():
        assert {path: data for path, data in again["logs"][name].items() if path != "checkpoint"} == {
            path: data for path, data in files.items() if path != "checkpoint"
        }


def test_every_certificate_and_every_log_of_the_vectors_is_used() -> None:
    assert {case.get("certificate") for case in VECTORS["cases"].values()} - {None} == {*CERTIFICATES}
    assert {case.get("log") for case in VECTORS["cases"].values()} - {None} == {*VECTORS["logs"]}


def test_the_generator_and_the_witness_import_nothing_of_the_code_that_they_check() -> None:
    files = [*FOLDER.glob("*.py"), FOLDER.parent / "witness.py", FOLDER.parent / "static_log.py"]
    modules = [name for file in files for node in ast.walk(ast.parse(file.read_text("utf-8"))) for name in _named(node)]

    assert "rfc8785" in modules
    assert [name for name in modules if name.startswith(("saxaul", "functions"))] == []
    assert {name for name in modules if name.startswith("tests.")} == {
        "tests.static_log",
        *(f"tests.vectors.{name}" for name in ("cases", "tiled_log", "trees")),
        "tests.vectors",
    }


def _named(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(module)):
            yield module


LEAVES = [text.encode() for text in VECTORS["leaves"]]


@pytest.mark.parametrize("name", [WHOLE, "an older copy of the log"])
def test_the_log_writes_the_same_tiles_bundles_and_root_byte_for_byte(name: str) -> None:
    files = {path: b64decode(data) for path, data in VECTORS["logs"][name].items()}
    size = VECTORS["size" if name == WHOLE else "older_size"]
    note = parse_note(files["checkpoint"])
    edge, tiles = tiles_between(Edge(), [parse(text).hash for text in LEAVES[:size]])
    bundles = {entries_path(0, size): bundle(LEAVES[:size])}

    assert tiles | bundles == {path: data for path, data in files.items() if path != "checkpoint"}
    assert Checkpoint("log.example/trees", size, edge.root()).text == note.text
    assert note.message.encode() == files["checkpoint"]


def test_the_log_writes_the_same_leaves_byte_for_byte() -> None:
    for text in LEAVES:
        fields = json.loads(text)
        kind = {"tree": TreeLeaf, "count": CountLeaf}[fields.pop("type")]
        assert kind(**fields).text == text
        assert parse(text) == kind(**fields)
    assert {json.loads(text)["type"] for text in LEAVES} == {"tree", "count"}


def test_the_log_writes_the_same_proofs_byte_for_byte() -> None:
    files = {path: b64decode(data) for path, data in VECTORS["logs"][WHOLE].items()}
    shown = [proof for name in CERTIFICATES if "older" not in name for proof in CERTIFICATES[name]["proofs"]]

    assert len(shown) > 50
    for proof in shown:
        parsed = TlogProof.parse(proof["tlog_proof"])
        made = inclusion_proof(VECTORS["size"], parsed.index, lambda *tile: files[tile_path(*tile)])
        checkpoint = files["checkpoint"].decode()
        assert TlogProof(parsed.index, tuple(made), checkpoint).text == proof["tlog_proof"]


@pytest.mark.parametrize("name", GENUINE)
def test_the_service_builds_the_same_certificates_byte_for_byte(name: str) -> None:
    vector, language = CERTIFICATES[name], GENUINE[name].lang
    secret = {field: vector[field] for field in ("dedication", "salt")}
    proven = [
        ProvenLeaf(leaf, shown_photo(leaf.photo, FILES), event["link"], proof["tlog_proof"])
        for event, proof in zip(vector["history"], vector["proofs"], strict=True)
        if isinstance(leaf := parse(proof["leaf"].encode()), TreeLeaf)
    ]
    last = parse(vector["count"]["leaf"].encode())
    assert isinstance(last, CountLeaf)
    counted = ProvenCount(last, vector["count"]["tlog_proof"])
    made = certificate_from_leaves(Particulars(**vector["particulars"], **secret), proven, counted, 0, None)

    assert encode(made.document("zh" if language == "zh" else "en")) == VECTORS["certificates"][name].encode()


def test_the_service_chooses_the_same_statements_to_show() -> None:
    for name, wanted in GENUINE.items():
        number = CERTIFICATES[name]["certificate"]
        about = [(place, parse(text)) for place, text in enumerate(LEAVES) if number.encode() in text]
        published = [PublishedLeaf(place, leaf, "") for place, leaf in about if isinstance(leaf, TreeLeaf)]
        shown = [parse(proof["leaf"].encode()) for proof in CERTIFICATES[name]["proofs"]]
        assert [one.leaf for one in chosen(published)] == shown, wanted
    assert "left out" in name
    assert len(shown) < len(published)


def test_the_log_writes_the_same_keys_and_commitments() -> None:
    assert VerifierKey.parse(VECTORS["vkey"]).text == VECTORS["vkey"]
    for certificate in CERTIFICATES.values():
        secret = {name: certificate[name] for name in ("dedication", "salt")}
        commitment = Particulars(**certificate["particulars"], **secret).commitment
        assert {json.loads(proof["leaf"])["particulars"] for proof in certificate["proofs"]} == {commitment}
