"""A whole catalog moves as files: out of one stack, into another, and out again as the same bytes."""

from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from local.export import document_of, export
from local.seed import FOLDER, load, seed
from saxaul.catalog.entries import KINDS, ActionType, Campaign
from saxaul.storage.clients import dynamodb
from tests.builders import make_action_type
from tests.integration.conftest import forget_everything
from tests.integration.stack import Stack, call, delete_entry, put_entry
from tests.integration.test_manage_catalog import document, get_entry


class InProcess:
    """The operator's client, without a network between it and the function."""

    def __init__(self, name: str) -> None:
        assert name == "operator"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def done(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
        place = urlsplit(path)
        names = ("kind", "id")
        found = dict(zip(names, place.path.split("/")[2:], strict=False))
        resource = "/catalog/" + "/".join(f"{{{name}}}" for name in found)
        query = dict(parse_qsl(place.query, keep_blank_values=True))
        answer = call("manage_catalog", method, resource, client="operator-client", path=found, query=query, body=body)
        assert answer.status == 200, answer
        return answer.body


@pytest.fixture(autouse=True)
def _in_process(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stack
    for module in ("seed", "export"):
        monkeypatch.setattr(f"local.{module}.Client", InProcess)


def start_another_stack() -> None:
    for table in ("Catalog", "Ledger"):
        for item in dynamodb().scan(TableName=table)["Items"]:
            dynamodb().delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})
    forget_everything()


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A catalog of little more than a bus ride and its campaign."""
    entries = load()
    campaign = document(entries["campaigns"]["world-environment-day"])
    kept = {
        "action-types": {name: document(entries["action-types"][name]) for name in campaign["multipliers"]},
        "campaigns": {"world-environment-day": campaign},
        "tree-projects": {"saxaul-alxa": document(entries["tree-projects"]["saxaul-alxa"])},
        "suggestions": {"take-the-bus": document(entries["suggestions"]["take-the-bus"])},
        "synonyms": {name: document(entity) for name, entity in list(entries["synonyms"].items())[:1]},
    }
    folder = tmp_path / "small"
    folder.mkdir()
    for kind, documents in kept.items():
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(documents))
    return folder


def test_an_exported_catalog_seeds_another_stack_that_exports_the_same_bytes(small: Path, tmp_path: Path) -> None:
    seed(small)
    bus = document(load(small)["action-types"]["bus_ride"])
    put_entry("action-types", "bus_ride", bus | {"max_quantity": "12.50", "unit": "梭: 'ride'\n#"})
    put_entry("action-types", "bus-2", document(make_action_type(points="0.000001")) | {"retired_from": "2030-01-01"})
    delete_entry("suggestions", "take-the-bus")
    export(tmp_path / "first")
    start_another_stack()

    seed(tmp_path / "first")
    export(tmp_path / "second")

    first = bytes_in(tmp_path / "first")
    assert set(first) == {f"{kind}.yaml" for kind in KINDS}
    assert bytes_in(tmp_path / "second") == first
    moved = load(tmp_path / "second")
    assert moved["action-types"]["bus_ride"] == ActionType.model_validate(
        bus | {"max_quantity": "12.5", "unit": "梭: 'ride'\n#"}
    )
    assert (set(moved["action-types"]) - {*load(small)["action-types"]}, moved["suggestions"]) == ({"bus-2"}, {})


def test_an_exported_catalog_is_the_one_that_was_seeded(tmp_path: Path) -> None:
    seed(FOLDER)
    export(tmp_path)

    assert load(tmp_path) == load(FOLDER)


def test_amounts_and_maps_are_written_in_one_way_however_they_came() -> None:
    entry = document(load()["campaigns"]["world-environment-day"])
    ways = [entry["multipliers"], dict.fromkeys(sorted(entry["multipliers"], reverse=True), "2.000")]

    told = [
        yaml.safe_dump(document_of(Campaign.model_validate(entry | {"multipliers": multipliers})), sort_keys=False)
        for multipliers in ways
    ]

    assert list(ways[0]) != list(ways[1])
    assert told[0] == told[1]


def test_seeding_again_writes_nothing(small: Path) -> None:
    seed(small)
    seed(small)

    assert get_entry("suggestions", "take-the-bus").body["version"] == 1


def test_a_folder_without_a_catalog_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        seed(tmp_path)

    assert "has no catalog" in capsys.readouterr().err
