"""A bad release makes the command red and its broken function is named, a rollback takes it back, and an edit stays."""

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from local import deployment
from local import stack as local_stack
from local.build import BUILT
from local.client import open_client
from local.invoking import lambda_client
from local.listing import without_added_fields
from local.rollback import laptop_stack, rollback
from local.sam import state
from local.seed import seed
from local.template import parsed
from local.versions import LATEST, LIVE
from operations.shown_status import LONG_UNCOUNTED
from saxaul_client import OperatorClient
from tests.e2e.test_status import status

ENTRY = ("synonyms", "walk")


USUAL = '"x-content-type-options": "nosniff",'
"""A header that each response of the API has."""


def broken_build(folder: Path) -> Path:
    """Return a build in which one function raises at each event, and the layer of all functions adds a header."""
    template = parsed((BUILT / "template.yaml").read_text("utf-8"))
    for name, resource in template["Resources"].items():
        for uri in ("CodeUri", "ContentUri"):
            if uri in resource.get("Properties", {}):
                resource["Properties"][uri] = str(BUILT / name)
    copy = folder / "SweepRedemptions"
    shutil.copytree(BUILT / "SweepRedemptions", copy)
    shutil.rmtree(copy / "__pycache__", ignore_errors=True)
    handler = copy / "handler.py"
    handler.write_text(
        handler.read_text("utf-8").replace("    swept = ", "    raise KeyError('broken')\n    swept = "), "utf-8"
    )
    template["Resources"]["SweepRedemptions"]["Properties"]["CodeUri"] = str(copy)
    layer = folder / "SaxaulLayer"
    shutil.copytree(BUILT / "SaxaulLayer", layer)
    endpoint = layer / "python/saxaul/http/endpoint.py"
    endpoint.write_text(endpoint.read_text("utf-8").replace(USUAL, f'{USUAL} "x-release": "bad",'), "utf-8")
    shutil.rmtree(endpoint.parent / "__pycache__")
    template["Resources"]["SaxaulLayer"]["Properties"]["ContentUri"] = str(layer)
    (folder / "template.yaml").write_text(yaml.safe_dump(template, sort_keys=False), "utf-8")
    return folder


def versions_of(stack: dict[str, Any], function: str) -> list[str]:
    """Return which version of a function its alias points to, and then every version that the function has."""
    with closing(lambda_client(stack, 60)) as client:
        name = stack["functions"][function]
        pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        every = [found["Version"] for page in pages for found in page["Versions"]]
        return [client.get_alias(FunctionName=name, Name=LIVE)["FunctionVersion"], *every]


def release_of_answers(stack: dict[str, Any]) -> str | None:
    """Return the header of the bad release that clients get, or None if they reach another release."""
    headers = httpx.get(f"{stack['api_url']}/log").raise_for_status().headers
    found: str | None = headers.get("x-release")
    return found


def edit(operator: OperatorClient, word: str) -> int:
    document = without_added_fields(operator.entry(*ENTRY).document)
    return int(operator.write_entry(*ENTRY, document | {"words": [*document["words"], word]}).document["version"])


def test_a_broken_function_is_named_and_a_rollback_brings_the_stack_back_with_the_data_as_it_was(
    stack: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    monkeypatch.setattr(local_stack, "build", lambda _: None)
    monkeypatch.setattr(deployment, "BUILT", broken_build(tmp_path))
    published = int(versions_of(stack, "ProveTrees")[0])
    with open_client(OperatorClient, "operator") as operator:
        version = edit(operator, "amble")
        assert release_of_answers(stack) is None

        with pytest.raises(SystemExit) as ended:
            local_stack.up(0)
        assert ended.value.code == 1
        said = capsys.readouterr().err
        assert "1 of 25 functions failed: SweepRedemptions" in said
        assert "SweepRedemptions: KeyError: 'broken'\n    in functions/sweep_redemptions/handler.py:" in said
        assert "make rollback" in said
        failed = status()
        assert failed["worst"] == "red"
        assert failed["deployment"]["checked_at"] is None
        assert "make rollback" in failed["to_do"]
        assert release_of_answers(stack) == "bad"
        assert versions_of(stack, "ProveTrees") == [str(published + 1), LATEST, str(published + 1)]

        with laptop_stack() as deployed:
            rollback(deployed, None)

        printed = capsys.readouterr().out
        assert "The stack is back at the deployment of " in printed
        assert operator.entry(*ENTRY).document["version"] == version
        assert release_of_answers(stack) is None
        assert versions_of(stack, "ProveTrees") == [str(published + 2), LATEST, str(published + 2)]
        back = status()
        assert back["deployment"]["checked_at"] == back["deployment"]["last_good"] is not None
        assert back["refusals"] == failed["refusals"]
        assert (back["totals"]["behind_s"] or 0) < LONG_UNCOUNTED
    assert json.loads((state() / "stack.json").read_text())["api_url"] == stack["api_url"]


@pytest.mark.usefixtures("stack")
def test_an_operators_edit_survives_a_seed_and_is_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    with open_client(OperatorClient, "operator") as operator:
        version = edit(operator, "ramble")

        seed()

        assert operator.entry(*ENTRY).document["version"] == version
        assert f"    synonyms/walk: version {version}, written by operator at " in capsys.readouterr().out
        seed(force=True)
        forced = capsys.readouterr().out
    assert f"    synonyms/walk: version {version + 1} replaces version {version}, written by operator at " in forced
