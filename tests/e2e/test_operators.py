"""Operators on a deployed stack: concurrent writes, complete error lists, kept versions, and a catalog as files."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.export import export
from local.seed import seed
from saxaul.catalog.entries import KINDS
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually

SUGGESTION: dict[str, Any] = {
    "titles": {"en": "Mend your umbrella", "zh": "修补旧雨伞"},
    "texts": {"en": "A new rib costs less than a new umbrella.", "zh": "换一根伞骨 旧伞又能撑好几年"},
    "keywords": ["umbrella", "雨伞"],
    "action_type": "secondhand_item",
    "links": {"alipay": "https://www.alipay.com/green/umbrella"},
}


@pytest.fixture
def suggestion_path(operator: Client) -> Iterator[str]:
    """Create a suggestion that exists while the test runs, and yield its path."""
    path = f"/catalog/suggestions/umbrella-{secrets.token_hex(4)}"
    operator.call_or_exit("PUT", path, SUGGESTION, if_none_match="*")
    yield path
    operator.call("DELETE", path)


def test_of_two_concurrent_writes_with_the_same_if_match_one_gets_200_and_one_412(
    operator: Client, suggestion_path: str
) -> None:
    etag = operator.call("GET", suggestion_path).headers["etag"]

    def change(number: int) -> httpx.Response:
        return operator.call("PUT", suggestion_path, SUGGESTION | {"keywords": [f"word-{number}"]}, if_match=etag)

    with ThreadPoolExecutor(2) as operators:
        first, second = sorted(operators.map(change, range(2)), key=lambda response: response.status_code)

    assert (first.status_code, second.status_code) == (200, 412)
    assert (second.headers["content-type"], second.json()["code"]) == ("application/problem+json", "stale_version")
    written = {name: value for name, value in first.json().items() if name not in ("in_effect", "warnings")}
    shown = operator.call_or_exit("GET", suggestion_path)
    shown.pop("in_effect", None)
    assert shown == written


def test_a_suggestion_in_chinese_is_found_by_its_pinyin_within_a_minute(
    alipay: Client, operator: Client, suggestion_path: str
) -> None:
    name = suggestion_path.rpartition("/")[2]
    operator.call_or_exit("PUT", suggestion_path, SUGGESTION | {"keywords": []})

    response = eventually(
        lambda: alipay.call_or_exit("GET", "/suggestions?q=yusan&limit=50"),
        lambda response: not response["fallback"] and name in {found["id"] for found in response["suggestions"]},
    )

    assert not response["fallback"]
    assert name in {found["id"] for found in response["suggestions"]}


def test_an_entry_with_errors_of_every_kind_gets_all_of_them_and_changes_nothing(
    operator: Client, suggestion_path: str
) -> None:
    broken = SUGGESTION | {
        "titles": {"en": ""},
        "links": {},
        "color": "green",
        "action_type": "fly",
        "campaign": "never",
    }

    response = operator.call("PUT", suggestion_path, broken)

    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    assert response.json()["code"] == "invalid_entry"
    assert [fault.partition(":")[0] for fault in response.json()["errors"]] == [
        "titles.en",
        "titles.zh",
        "links",
        "color",
        "action_type",
        "campaign",
    ]
    assert operator.call_or_exit("GET", suggestion_path)["version"] == 1


def test_a_deleted_entry_cannot_be_read_but_its_versions_can(operator: Client, suggestion_path: str) -> None:
    deleted = operator.call_or_exit("DELETE", suggestion_path, if_match='"1"')
    kept = operator.call_or_exit("GET", f"{suggestion_path}/versions")["versions"]

    assert (deleted["version"], deleted["deleted"]) == (2, True)
    gone = eventually(lambda: operator.call("GET", suggestion_path), lambda response: response.status_code == 404)
    assert gone.json()["code"] == "unknown_entry"
    assert [(version["version"], version["changed_by"], bool(version["entry"])) for version in kept] == [
        (2, "operator", False),
        (1, "operator", True),
    ]
    assert operator.call_or_exit("PUT", suggestion_path, SUGGESTION)["version"] == 3


def test_a_change_takes_effect_two_seconds_later_and_everywhere_at_once(
    operator: Client, alipay: Client, suggestion_path: str
) -> None:
    name = suggestion_path.rpartition("/")[2]
    titles = {"en": "Mend your old parasol", "zh": "修补旧阳伞"}
    eventually(
        lambda: alipay.call_or_exit("GET", "/suggestions?q=umbrella&limit=50"),
        lambda response: name in {found["id"] for found in response["suggestions"]},
    )

    written = operator.call_or_exit("PUT", suggestion_path, SUGGESTION | {"titles": titles})
    effective_at = datetime.fromisoformat(written["effective_at"])
    shown = set[tuple[bool, str]]()
    while (asked := datetime.now(UTC)) < effective_at + timedelta(seconds=2):
        suggestions = alipay.call_or_exit("GET", "/suggestions?q=umbrella&limit=50")["suggestions"]
        has_begun = asked >= effective_at
        if has_begun or datetime.now(UTC) < effective_at:  # a request at that instant may get either version
            shown |= {(has_begun, found["title"]) for found in suggestions if found["id"] == name}

    assert effective_at - datetime.fromisoformat(written["changed_at"]) == timedelta(seconds=2)
    assert shown == {(False, SUGGESTION["titles"]["en"]), (True, titles["en"])}
    assert "in_effect" not in operator.call_or_exit("GET", suggestion_path)


def test_one_call_restores_a_version(operator: Client, suggestion_path: str) -> None:
    operator.call_or_exit("PUT", suggestion_path, SUGGESTION | {"keywords": ["parasol"]})

    restored = operator.call_or_exit("POST", f"{suggestion_path}/versions/1/restore", if_match="2")

    assert (restored["version"], restored["restored_from"], restored["keywords"]) == (3, 1, SUGGESTION["keywords"])


def test_an_entry_that_others_refer_to_cannot_be_deleted(operator: Client) -> None:
    ride = operator.call("DELETE", "/catalog/action-types/bus_ride")
    campaign = operator.call("DELETE", "/catalog/campaigns/world-environment-day")

    assert (ride.status_code, ride.json()["code"], campaign.json()["code"]) == (409, "referenced", "referenced")
    assert "campaigns/world-environment-day" in ride.json()["errors"]


@pytest.mark.usefixtures("stack")
def test_exporting_and_seeding_the_catalog_changes_nothing(operator: Client, tmp_path: Path) -> None:
    before = operator.call_or_exit("GET", "/catalog/campaigns")

    export(tmp_path / "first")
    seed(tmp_path / "first")
    export(tmp_path / "second")

    files = sorted(file.name for file in (tmp_path / "first").iterdir())
    assert files == sorted(f"{kind}.yaml" for kind in (*KINDS, "apps"))
    for name in files:
        assert (tmp_path / "second" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()
    assert operator.call_or_exit("GET", "/catalog/campaigns") == before
