"""Operators on a deployed stack: concurrent writes, complete error lists, kept versions, and a catalog as files."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.client import Client
from local.export import export
from local.seed import seed
from saxaul.catalog.entries import KINDS
from tests.e2e.journeys import eventually

SUGGESTION = {
    "titles": {"en": "Mend your umbrella", "zh": "修补旧雨伞"},
    "texts": {"en": "A new rib costs less than a new umbrella.", "zh": "换一根伞骨 旧伞又能撑好几年"},
    "keywords": ["umbrella", "雨伞"],
    "action_type": "secondhand_item",
    "links": {"alipay": "https://www.alipay.com/green/umbrella"},
}


@pytest.fixture
def place(operator: Client) -> Iterator[str]:
    """The path of a suggestion that exists while the test runs."""
    path = f"/catalog/suggestions/umbrella-{secrets.token_hex(4)}"
    operator.done("PUT", path, SUGGESTION, if_none_match="*")
    yield path
    operator.call("DELETE", path)


def test_of_two_concurrent_writes_with_the_same_if_match_one_gets_200_and_one_412(operator: Client, place: str) -> None:
    etag = operator.call("GET", place).headers["etag"]

    def change(number: int) -> httpx.Response:
        return operator.call("PUT", place, SUGGESTION | {"keywords": [f"word-{number}"]}, if_match=etag)

    with ThreadPoolExecutor(2) as operators:
        first, second = sorted(operators.map(change, range(2)), key=lambda answer: answer.status_code)

    assert (first.status_code, second.status_code) == (200, 412)
    assert (second.headers["content-type"], second.json()["code"]) == ("application/problem+json", "stale_version")
    assert operator.done("GET", place) == first.json()


def test_a_suggestion_in_chinese_is_found_by_its_pinyin_within_a_minute(
    alipay: Client, operator: Client, place: str
) -> None:
    name = place.rpartition("/")[2]
    operator.done("PUT", place, SUGGESTION | {"keywords": []})

    answer = eventually(
        lambda: alipay.done("GET", "/suggestions?q=yusan&limit=50"),
        lambda answer: not answer["fallback"] and name in {found["id"] for found in answer["suggestions"]},
    )

    assert not answer["fallback"]
    assert name in {found["id"] for found in answer["suggestions"]}


def test_an_entry_with_errors_of_every_kind_gets_all_of_them_and_changes_nothing(operator: Client, place: str) -> None:
    broken = SUGGESTION | {
        "titles": {"en": ""},
        "links": {},
        "color": "green",
        "action_type": "fly",
        "campaign": "never",
    }

    answer = operator.call("PUT", place, broken)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["code"] == "invalid_entry"
    assert [fault.partition(":")[0] for fault in answer.json()["errors"]] == [
        "titles.en",
        "titles.zh",
        "links",
        "color",
        "action_type",
        "campaign",
    ]
    assert operator.done("GET", place)["version"] == 1


def test_a_deleted_entry_cannot_be_read_but_its_versions_can(operator: Client, place: str) -> None:
    deleted = operator.done("DELETE", place, if_match='"1"')
    kept = operator.done("GET", f"{place}/versions")["versions"]

    assert deleted["version"] == 2
    assert operator.call("GET", place).json()["code"] == "unknown_entry"
    assert [(version["version"], version["changed_by"], bool(version["entry"])) for version in kept] == [
        (2, "operator", False),
        (1, "operator", True),
    ]
    assert operator.done("PUT", place, SUGGESTION)["version"] == 3


def test_an_entry_that_others_refer_to_cannot_be_deleted(operator: Client) -> None:
    ride = operator.call("DELETE", "/catalog/action-types/bus_ride")
    campaign = operator.call("DELETE", "/catalog/campaigns/world-environment-day")

    assert (ride.status_code, ride.json()["code"], campaign.json()["code"]) == (409, "referenced", "referenced")
    assert "campaigns/world-environment-day" in ride.json()["errors"]


def test_exporting_and_seeding_the_catalog_changes_nothing(
    operator: Client, stack: dict[str, Any], tmp_path: Path
) -> None:
    assert stack
    before = operator.done("GET", "/catalog/campaigns")

    export(tmp_path / "first")
    seed(tmp_path / "first")
    export(tmp_path / "second")

    files = sorted(file.name for file in (tmp_path / "first").iterdir())
    assert files == sorted(f"{kind}.yaml" for kind in KINDS)
    for name in files:
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()
    assert operator.done("GET", "/catalog/campaigns") == before
