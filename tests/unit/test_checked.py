"""docs/checked.md: each test that a document names exists, and each fault of a first deployment has one."""

import re
from pathlib import Path

import pytest

from local.sam import ROOT

CHECKED = (ROOT / "docs/checked.md").read_text("utf-8")
NAMED = re.compile(r"`([a-z0-9]+/test_\w+\.py)::(\w+)`")


def section(title: str) -> list[str]:
    """Return the rows of the table below a title."""
    [text] = re.findall(rf"^## {re.escape(title)}.*?\n(.*?)(?=^## |\Z)", CHECKED, re.MULTILINE | re.DOTALL)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


@pytest.mark.parametrize("document", sorted((ROOT / "docs").rglob("*.md")), ids=lambda file: file.name)
def test_each_test_that_a_document_names_exists(document: Path) -> None:
    for file, name in NAMED.findall(document.read_text("utf-8")):
        assert re.search(rf"^def {name}\(", (ROOT / "tests" / file).read_text("utf-8"), re.MULTILINE), (file, name)


def test_each_fault_of_a_first_deployment_has_a_test() -> None:
    faults = section("Faults of a first deployment, and the tests that guard against them")

    assert len(faults) == 16
    assert all(NAMED.search(row) for row in faults)


def test_each_claim_says_how_it_was_checked_in_the_words_of_the_page_and_where() -> None:
    words = "test|emulator|template|build|documentation|computed|measured"

    for row in section("The claims"):
        _, how, where = row.strip("| ").split(" | ")
        assert re.search(words, how), row
        assert NAMED.search(where) or "](" in where, row
