"""docs/checked.md: each test that a document names exists, and each fault of a first deployment names a test."""

import re
from pathlib import Path

import pytest

from local.sam import ROOT

NAMED = re.compile(r"`([a-z0-9]+/test_\w+\.py)::(\w+)`")


@pytest.mark.parametrize("document", sorted((ROOT / "docs").rglob("*.md")), ids=lambda file: file.name)
def test_each_test_that_a_document_names_exists(document: Path) -> None:
    for file, name in NAMED.findall(document.read_text("utf-8")):
        assert re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text("utf-8"), re.MULTILINE), (file, name)


def test_each_fault_of_a_first_deployment_names_a_test() -> None:
    _, _, table = (ROOT / "docs/checked.md").read_text("utf-8").partition("| fault | what holds now | tests |\n")
    faults = table.partition("\n\n")[0].splitlines()[1:]

    assert faults
    assert [row for row in faults if not NAMED.search(row)] == []
