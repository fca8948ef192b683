"""The bill of materials: what it lists, that it is valid CycloneDX, and that the same sources give the same bytes."""

import hashlib
import importlib.resources
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from local.bill_of_materials import bill_of_materials, digest_of_ours
from local.build import ON_LAMBDA
from local.dependencies import LOCK, REQUIREMENTS, locked
from local.sam import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def document() -> str:
    return bill_of_materials(ON_LAMBDA)


@pytest.fixture(scope="module")
def bill(document: str) -> dict[str, Any]:
    return dict(json.loads(document))


def test_the_bill_is_valid_by_the_schema_of_cyclonedx(bill: dict[str, Any]) -> None:
    schemas = {
        name: json.loads((importlib.resources.files("cyclonedx.schema") / "_res" / name).read_text("utf-8"))
        for name in ("bom-1.6.SNAPSHOT.schema.json", "spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    }
    registry: Registry[Any] = Registry().with_resources(
        (f"http://cyclonedx.org/schema/{name}", DRAFT7.create_resource(schema)) for name, schema in schemas.items()
    )
    validator = Draft7Validator(schemas["bom-1.6.SNAPSHOT.schema.json"], registry=registry)

    assert [error.message for error in validator.iter_errors(bill)] == []
    assert not validator.is_valid({**bill, "serialNumber": "1"})


def test_the_bill_lists_each_package_of_the_lock_with_a_hash_of_the_lock_a_purl_and_a_licence(
    bill: dict[str, Any],
) -> None:
    packages = [each for each in bill["components"] if each["purl"].startswith("pkg:pypi/")]

    assert {each["name"]: each["version"] for each in packages} == locked()
    for each in packages:
        [digest] = each["hashes"]
        of_package = re.search(rf"^{each['name']}==.*\n(?: .*\n)*", LOCK.read_text("utf-8"), re.MULTILINE)
        assert digest["alg"] == "SHA-256"
        assert of_package
        assert digest["content"] in of_package[0]
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert each["licenses"]


def test_the_bill_says_which_package_needs_which(bill: dict[str, Any]) -> None:
    needs = {each["ref"]: {ref.partition("@")[0] for ref in each.get("dependsOn", ())} for each in bill["dependencies"]}

    assert needs["saxaul"] == {*(f"pkg:pypi/{name}" for name in locked(REQUIREMENTS)), "pkg:npm/swagger-ui-dist"}
    assert needs[f"pkg:pypi/cryptography@{locked()['cryptography']}"] == {"pkg:pypi/cffi"}
    needed = {ref for refs in needs.values() for ref in refs}
    assert {f"pkg:pypi/{name}" for name in locked()} <= needed


def test_the_bill_has_the_wheel_of_the_processor(bill: dict[str, Any]) -> None:
    other = json.loads(bill_of_materials(ON_LAMBDA | {"Architecture": "x86_64"}))

    hashes = [{each["name"]: each.get("hashes") for each in of["components"]} for of in (bill, other)]

    differing = {name for name, found in hashes[0].items() if hashes[1][name] != found}
    assert differing == {"cffi", "cryptography", "pydantic-core"}
    assert other["serialNumber"] != bill["serialNumber"]


def test_the_files_of_the_viewer_have_their_hashes(bill: dict[str, Any]) -> None:
    [viewer] = [each for each in bill["components"] if each["name"] == "swagger-ui-dist"]

    for file in viewer["components"]:
        content = (ROOT / "functions/describe_api/viewer" / file["name"]).read_bytes()
        assert file["hashes"][0]["content"] == hashlib.sha256(content).hexdigest()
    assert len(viewer["components"]) == 5


def test_another_process_writes_the_same_bytes(document: str, tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    command = [sys.executable, "-m", "local.sbom", "--out", str(file)]

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our own

    assert file.read_text("utf-8") == document


def test_a_change_of_one_of_our_files_changes_our_hash(tmp_path: Path) -> None:
    for name in ("functions/a.py", "layers/saxaul/saxaul/b.py", "template.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    before = digest_of_ours(tmp_path)

    (tmp_path / "functions/a.pyc").write_text("bytecode")
    assert digest_of_ours(tmp_path) == before
    (tmp_path / "functions/a.py").write_text("2")
    assert digest_of_ours(tmp_path) != before
