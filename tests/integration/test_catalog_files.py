"""Moving a catalog as files: export it from one stack, seed another one, and export the same bytes again."""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest
import yaml

from local.apps import load_apps
from local.credentials import write_stack
from local.export import document_of, export
from local.sam import state
from local.seed import FOLDER, load, seed
from saxaul.catalog.entries import KINDS, ActionType, Campaign
from saxaul.storage.clients import dynamodb
from saxaul_client import OperatorClient
from tests.builders import make_action_type
from tests.integration.conftest import clear_worker_caches
from tests.integration.stack import Stack, call, call_app, delete_entry, put_entry
from tests.integration.test_manage_catalog import document, get_entry

API = "https://api.test/v1"


def answer(request: httpx.Request) -> httpx.Response:
    """Answer a request of an operator's client by calling the function in this process, without a network."""
    if request.url.path == "/token":
        return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
    root, *parts = request.url.path.removeprefix("/v1/").split("/")
    found = dict(zip(("app_id",) if root == "apps" else ("kind", "id"), parts, strict=False))
    response = call(
        f"manage_{root}",
        request.method,
        "/".join([f"/{root}", *(f"{{{name}}}" for name in found), *parts[len(found) :]]),
        client="operator-client",
        path=found,
        query=dict(request.url.params),
        body=request.content.decode() or None,
        headers=dict(request.headers),
    )
    return httpx.Response(response.status, headers=response.headers, json=response.body)


def open_in_process(
    kind: type[OperatorClient], name: str, respond: Callable[[httpx.Request], httpx.Response] = answer
) -> OperatorClient:
    return kind(API, "https://api.test/token", name, "secret", transport=httpx.MockTransport(respond))


@pytest.fixture(autouse=True)
def _in_process(stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert stack
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("SAXAUL_STATE", str(folder))
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    write_stack(folder / "stack.json", {"api_url": API, "clients": {}})
    for module in ("seed", "export"):
        monkeypatch.setattr(f"local.{module}.open_client", open_in_process)


def start_another_stack() -> None:
    for table in ("Catalog", "Ledger"):
        for item in dynamodb().scan(TableName=table)["Items"]:
            dynamodb().delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})
    clear_worker_caches()


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A small catalog: all apps, one campaign, its action types, and one entry of each other kind."""
    entries = load()
    campaign = document(entries["campaigns"]["world-environment-day"])
    kept = {
        "action-types": {
            name: document(entries["action-types"][name])
            for name in [*campaign["multipliers"], "renewable_electricity"]
        },
        "facilities": {"green-power-data-centre": document(entries["facilities"]["green-power-data-centre"])},
        "campaigns": {"world-environment-day": campaign},
        "tree-projects": {"saxaul-alxa": document(entries["tree-projects"]["saxaul-alxa"])},
        "initiatives": {
            "renewable-powered-data-centres": document(entries["initiatives"]["renewable-powered-data-centres"])
        },
        "suggestions": {"take-the-bus": document(entries["suggestions"]["take-the-bus"])},
        "synonyms": {name: document(entity) for name, entity in list(entries["synonyms"].items())[:1]},
    }
    folder = tmp_path / "small"
    folder.mkdir()
    for kind, documents in kept.items():
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(documents))
    shutil.copy(FOLDER / "apps.yaml", folder)
    return folder


def test_an_exported_catalog_seeds_another_stack_that_exports_the_same_bytes(small: Path, tmp_path: Path) -> None:
    seed(small)
    bus = document(load(small)["action-types"]["bus_ride"])
    put_entry("action-types", "bus_ride", bus | {"max_quantity": "12.50", "unit": "梭: 'ride' #"})
    limited = make_action_type(points="0.000001", per="action", at_least="0.5", plausible_a_day="7.50")
    put_entry("action-types", "bus-2", document(limited) | {"retired_from": "2030-01-01"})
    delete_entry("suggestions", "take-the-bus")
    call_app("PUT", "bikes", body={"name": "梭: 'bikes' #", "kind": "third_party", "scopes": ["wallets.read"]})
    call_app("PUT", "gone", body={"name": "Gone", "kind": "first_party"})
    call_app("DELETE", "gone")
    export(tmp_path / "first")
    start_another_stack()

    seed(tmp_path / "first")
    export(tmp_path / "second")

    first = bytes_in(tmp_path / "first")
    assert set(first) == {f"{kind}.yaml" for kind in (*KINDS, "apps")}
    assert bytes_in(tmp_path / "second") == first
    moved = load(tmp_path / "second")
    assert moved["action-types"]["bus_ride"] == ActionType.model_validate(
        bus | {"max_quantity": "12.5", "unit": "梭: 'ride' #"}
    )
    assert load_apps(tmp_path / "second") == load_apps(FOLDER) | {
        "bikes": {
            "name": "梭: 'bikes' #",
            "kind": "third_party",
            "scopes": ["wallets.read"],
            "limits": {"calls_per_second": 50, "actions_per_day": 100_000},
        }
    }
    assert (set(moved["action-types"]) - {*load(small)["action-types"]}, moved["suggestions"]) == ({"bus-2"}, {})


@pytest.mark.slow
def test_an_exported_catalog_equals_the_seeded_one(tmp_path: Path) -> None:
    seed(FOLDER)
    export(tmp_path)

    assert load(tmp_path) == load(FOLDER)
    assert load_apps(tmp_path) == load_apps(FOLDER)


def test_no_secret_is_exported_and_a_suspended_app_is_named(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(small)
    call_app("POST", "citybike", "suspend")

    export(tmp_path / "out")

    clients = json.loads((state() / "stack.json").read_text())["clients"]
    exported = b"".join(bytes_in(tmp_path / "out").values()).decode()
    assert clients.keys() == load_apps(FOLDER).keys()
    assert not any(client["client_secret"] in exported for client in clients.values())
    assert "suspended here, and active where they are seeded: citybike" in capsys.readouterr().out


def test_a_folder_without_apps_registers_none(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed(small)
    (small / "apps.yaml").unlink()
    capsys.readouterr()

    seed(small)

    assert "apps" not in capsys.readouterr().out


def test_an_app_that_is_refused_is_named_and_the_catalog_is_seeded(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_app("PUT", "citybike", body={"name": "SEE", "kind": "partner", "partners": ["SEE"]})

    with pytest.raises(SystemExit) as ended:
        seed(small, force=True)

    assert ended.value.code == 1
    assert "apps/citybike: 409 kind_fixed" in capsys.readouterr().err
    assert get_entry(*BUS).body["version"] == 1


def test_equal_amounts_and_maps_are_exported_as_the_same_text() -> None:
    entry = document(load()["campaigns"]["world-environment-day"])
    ways = [entry["multipliers"], dict.fromkeys(sorted(entry["multipliers"], reverse=True), "2.000")]

    exported = [
        yaml.safe_dump(document_of(Campaign.model_validate(entry | {"multipliers": multipliers})), sort_keys=False)
        for multipliers in ways
    ]

    assert list(ways[0]) != list(ways[1])
    assert exported[0] == exported[1]


def test_seeding_again_writes_nothing(small: Path) -> None:
    seed(small)
    seed(small)

    assert get_entry("suggestions", "take-the-bus").body["version"] == 1


BUS = ("suggestions", "take-the-bus")


def change_file(folder: Path, keyword: str) -> None:
    """Change the bus suggestion in the folder."""
    documents = yaml.safe_load((folder / "suggestions.yaml").read_text())
    documents["take-the-bus"]["keywords"] = [keyword]
    (folder / "suggestions.yaml").write_text(yaml.safe_dump(documents))


def edit(keyword: str) -> None:
    """Change the bus suggestion as an operator."""
    found = get_entry(*BUS).body
    put_entry(*BUS, found | {"keywords": [keyword]})


def keywords() -> list[str]:
    found: list[str] = get_entry(*BUS).body["keywords"]
    return found


def test_seeding_overwrites_nothing_and_lists_what_differs_with_who_changed_it_last(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(small)
    edit("omnibus")
    change_file(small, "tram")
    capsys.readouterr()

    seed(small)

    printed = capsys.readouterr().out.splitlines()
    assert keywords() == ["omnibus"]
    [title] = [number for number, line in enumerate(printed) if "left as they are" in line]
    assert "make seed FORCE=1 writes them" in printed[title]
    assert re.fullmatch(r"    suggestions/take-the-bus: version 2, written by operator at \S+", printed[title + 1])


def test_an_entry_that_only_seeds_have_written_is_not_overwritten_either(small: Path) -> None:
    seed(small)
    before = keywords()
    change_file(small, "tram")

    seed(small)

    assert keywords() == before


def test_force_writes_what_differs_or_was_deleted_and_lists_what_it_replaced(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed(small)
    edit("omnibus")
    change_file(small, "tram")
    delete_entry("tree-projects", "saxaul-alxa")
    capsys.readouterr()

    seed(small, force=True)

    assert keywords() == ["tram"]
    assert get_entry("tree-projects", "saxaul-alxa").body["version"] == 3
    printed = capsys.readouterr().out
    assert re.search(r"suggestions/take-the-bus: version 3 replaces version 2, written by operator at \S+\n", printed)
    assert re.search(r"tree-projects/saxaul-alxa: version 3 replaces version 2, deleted by operator at \S+\n", printed)
    assert "left" not in printed


def test_force_writes_an_entry_again_whose_deletion_is_in_effect(small: Path, stack: Stack) -> None:
    seed(small)
    delete_entry(*BUS)
    stack.clock.instant += 3600

    seed(small, force=True)

    assert get_entry(*BUS).body["version"] == 3


def test_force_writes_nothing_that_is_the_same_already(small: Path) -> None:
    seed(small)

    seed(small, force=True)

    assert get_entry(*BUS).body["version"] == 1


def test_a_deleted_entry_stays_deleted_and_is_named(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seed(small)
    delete_entry(*BUS)
    capsys.readouterr()

    seed(small)

    assert get_entry(*BUS).body["deleted"]
    assert re.search(r"suggestions/take-the-bus: version 2, deleted by operator at \S+\n", capsys.readouterr().out)


@pytest.mark.parametrize("force", [False, True])
def test_what_somebody_else_writes_during_a_seed_is_kept_and_named(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], force: bool
) -> None:
    if force:
        seed(small)
        change_file(small, "tram")
    documents = yaml.safe_load((small / "suggestions.yaml").read_text())
    theirs = documents["take-the-bus"] | {"keywords": ["omnibus"]}
    capsys.readouterr()

    def late(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT" and request.url.path.endswith("/take-the-bus"):
            put_entry(*BUS, theirs)
        return answer(request)

    monkeypatch.setattr("local.seed.open_client", lambda kind, name: open_in_process(kind, name, late))
    with pytest.raises(SystemExit) if force else nullcontext():
        seed(small, force=force)

    assert keywords() == ["omnibus"]
    printed = capsys.readouterr()
    assert "changed by somebody else meanwhile" in printed.out
    assert "    suggestions/take-the-bus\n" in printed.out
    assert ("so they were not written" in printed.err) == force, "a script must see that FORCE=1 did not write it"


def test_a_write_whose_answer_was_lost_counts_as_written(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lost: list[str] = []

    def losing(request: httpx.Request) -> httpx.Response:
        answered = answer(request)
        if request.method == "PUT" and request.url.path.endswith("/take-the-bus") and not lost:
            lost.append(request.url.path)
            return httpx.Response(
                503, json={"code": "busy", "title": "T", "detail": "D."}, headers={"retry-after": "0"}
            )
        return answered

    monkeypatch.setattr("local.seed.open_client", lambda kind, name: open_in_process(kind, name, losing))
    seed(small)

    assert lost
    assert get_entry(*BUS).body["version"] == 1
    assert "meanwhile" not in capsys.readouterr().out


def test_seeding_names_the_entries_that_the_stack_refuses_and_writes_the_others(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = document(load(small)["action-types"]["bus_ride"])
    seed(small)
    delete_entry(*BUS)
    put_entry("action-types", "bus_ride", bus | {"retired_from": "2030-01-01"})
    documents = yaml.safe_load((small / "suggestions.yaml").read_text())
    added = {"another-bus": documents["take-the-bus"] | {"action_type": "bus_ride"}}
    (small / "suggestions.yaml").write_text(yaml.safe_dump(documents | added))
    synonyms = yaml.safe_load((small / "synonyms.yaml").read_text())
    (small / "synonyms.yaml").write_text(yaml.safe_dump(synonyms | {"zz-last": {"words": ["walk", "stroll"]}}))

    with pytest.raises(SystemExit) as ended:
        seed(small)

    assert ended.value.code == 1
    assert "suggestions/another-bus: 4" in capsys.readouterr().err
    assert get_entry("synonyms", "zz-last").body["version"] == 1


def test_seeding_a_folder_without_a_catalog_ends_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        seed(tmp_path)

    assert "has no catalog" in capsys.readouterr().err
