"""The secrets in the file of a stack: each is written at once and alone, and none is lost to a later command."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.credentials import apps_of_another, remember, write_stack

KNOWN: dict[str, Any] = {
    "api_url": "https://api.example/v1",
    "region": "eu-west-1",
    "clients": {"operator": {"client_id": "o", "client_secret": "of-operators", "scopes": ["saxaul/apps.write"]}},
}


def clients_in(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())["clients"]
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "trees.json"


def test_a_secret_is_added_to_a_file_that_only_its_owner_may_read(file: Path) -> None:
    write_stack(file, KNOWN)

    remember(file, "bikes", "b", "of-bikes", ("actions.write", "wallets.read"))

    assert file.stat().st_mode & 0o777 == 0o600
    assert clients_in(file)["bikes"] == {
        "client_id": "b",
        "client_secret": "of-bikes",
        "scopes": ["saxaul/actions.write", "saxaul/wallets.read"],
    }
    assert clients_in(file)["operator"] == KNOWN["clients"]["operator"]
    assert json.loads(file.read_text())["region"] == "eu-west-1"
    assert list(file.parent.iterdir()) == [file]


def test_a_file_whose_writing_failed_is_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stack(file, KNOWN)

    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match=r"^$"):
        remember(file, "bikes", "b", "of-bikes", ())

    assert clients_in(file) == KNOWN["clients"]


def test_a_stack_that_is_described_again_keeps_the_secrets_of_its_apps(file: Path) -> None:
    write_stack(file, KNOWN)
    remember(file, "bikes", "b", "of-bikes", ())
    again = {**KNOWN, "clients": {"operator": {"client_id": "o", "client_secret": "rotated", "scopes": []}}}

    assert write_stack(file, again) == ["bikes"]
    assert {name: found["client_secret"] for name, found in clients_in(file).items()} == {
        "bikes": "of-bikes",
        "operator": "rotated",
    }


def test_a_stack_with_another_api_does_not_get_the_secrets_of_the_earlier_one(file: Path) -> None:
    write_stack(file, KNOWN)
    remember(file, "bikes", "b", "of-bikes", ())
    other = {**KNOWN, "api_url": "https://other.example/v1"}

    assert apps_of_another(file, KNOWN["api_url"]) == []
    assert apps_of_another(file, other["api_url"]) == ["bikes"]
    assert write_stack(file, other) == []
    assert clients_in(file).keys() == {"operator"}


@pytest.mark.parametrize("content", ["", "of another time", "[1]", "{}", '{"clients": {}}'])
def test_a_file_that_is_not_one_of_ours_is_replaced(file: Path, content: str) -> None:
    file.write_text(content)

    assert apps_of_another(file, KNOWN["api_url"]) == []
    assert write_stack(file, KNOWN) == []
    assert json.loads(file.read_text()) == KNOWN
