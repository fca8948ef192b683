"""The document breaks no client of the last released one, and a release that would needs a new version."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.openapi import DOCUMENT
from tests.contract.compatibility import breaking_changes
from tests.contract.release import RELEASED, ReleaseError, read, release
from tests.contract.test_compatibility import document, field, without


def test_nothing_in_the_document_breaks_clients_of_the_last_released_one() -> None:
    """If a change must break clients, change the version of the document, and run ``make release-contract``."""
    assert breaking_changes(read(RELEASED), read(DOCUMENT)) == []


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The document, and a released one that is the same."""
    made = tmp_path / "openapi.json", tmp_path / "released.json"
    for file in made:
        write(file, document())
    return made


def write(file: Path, content: dict[str, Any], version: str = "1") -> None:
    content["info"]["version"] = version
    file.write_text(json.dumps(content), "utf-8")


def test_the_first_document_is_released_as_it_is(tmp_path: Path, files: tuple[Path, Path]) -> None:
    first = tmp_path / "first.json"

    assert release(files[0], first) == []

    assert first.read_bytes() == files[0].read_bytes()


def test_a_compatible_change_is_released_with_the_same_version(files: tuple[Path, Path]) -> None:
    changed = document()
    field("Tree", "new", {"type": "string"})(changed)
    write(files[0], changed)

    assert release(*files) == []

    assert read(files[1]) == changed


def test_a_change_that_breaks_clients_is_not_released_with_the_same_version(files: tuple[Path, Path]) -> None:
    changed = document()
    without("Tree", "points")(changed)
    write(files[0], changed)

    with pytest.raises(ReleaseError, match=r"the answer 200\.points is gone"):
        release(*files)

    assert read(files[1]) == document()


def test_a_change_that_breaks_clients_is_released_with_another_version(files: tuple[Path, Path]) -> None:
    changed = document()
    without("Tree", "points")(changed)
    write(files[0], changed, "2")

    assert "POST /people/{user_id}/trees: the answer 200.points is gone" in release(*files)

    assert read(files[1]) == changed
