"""The search on a deployed stack: first pages, what can be found, words as people type them, and one person."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_action, new_user
from tests.e2e.long_waits import PARCELS, packed
from tests.e2e.test_impact import report

RIDES_AND_WALKS = {"bus_ride", "metro_ride", "train_ticket", "bike_ride", "walking"}
RECYCLING = {"parcel_box_return", "clothes_recycling", "plastic_recycling"}


@pytest.fixture(scope="module")
def clients(stack: dict[str, Any]) -> Iterator[dict[str, Client]]:
    assert stack
    with Client("taobao") as taobao, Client("tmall") as tmall, Client("alipay") as alipay, Client("freshippo") as fresh:
        yield {"taobao": taobao, "tmall": tmall, "alipay": alipay, "freshippo": fresh}


@pytest.fixture(scope="module")
def air_conditioner(stack: dict[str, Any]) -> Iterator[str]:
    """Create a suggestion whose Chinese title has many characters with several readings, and yield its id."""
    assert stack
    name = f"air-{secrets.token_hex(4)}"
    entry = {
        "titles": {"en": "Set the air conditioner higher", "zh": "调高空调更省电"},
        "texts": {"en": "Each degree saves power.", "zh": "每高一度都省电。"},
        "action_type": "secondhand_item",
        "links": {"alipay": "https://www.alipay.com/green/air"},
    }
    with Client("operator") as operator:
        operator.call_or_exit("PUT", f"/catalog/suggestions/{name}", entry)
        yield name
        operator.call("DELETE", f"/catalog/suggestions/{name}")


def search(client: Client, query: str, **more: str) -> Any:  # noqa: ANN401 - JSON
    others = "".join(f"&{name}={quote(value)}" for name, value in more.items())
    return client.call_or_exit("GET", f"/suggestions?q={quote(query)}{others}")


def subject(result: dict[str, Any]) -> str:
    return str(result["action_type"] if result["kind"] == "action" else result["kind"])


@pytest.mark.parametrize("app", ["taobao", "tmall", "alipay", "freshippo"])
@pytest.mark.parametrize("query", ["green", "绿色", "eco", "环保", ""])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_five_have_something_to_ride_to_recycle_and_to_plant(
    clients: dict[str, Client], app: str, query: str, language: str
) -> None:
    response = search(clients[app], query, lang=language)

    assert not response["fallback"]
    first = [subject(result) for result in response["suggestions"][:5]]
    assert len(set(first)) == 5
    assert set(first) & RIDES_AND_WALKS
    assert set(first) & RECYCLING
    assert "tree_project" in first
    actions = [result for result in response["suggestions"][:5] if result["kind"] == "action"]
    assert all(f"www.{app}.com" in result["link"] for result in actions)


@pytest.mark.parametrize(
    ("query", "kind", "identifier"),
    [
        ("saxaul", "tree_project", "saxaul-alxa"),
        ("梭梭", "tree_project", "saxaul-alxa"),
        ("Haloxylon", "tree_project", "saxaul-alxa"),
        ("solar", "initiative", "solar-warehouses"),
        ("data centre", "initiative", "renewable-powered-data-centres"),
        ("世界环境日", "campaign", "world-environment-day"),
        ("tree", "tree_project", "caragana-wuwei"),
        ("bycicle", "action", "cycle-to-work"),
        ("recyling", "action", "recycle-old-clothes"),
        ("🚌", "action", "take-the-bus"),
        ("🚲", "action", "cycle-to-work"),
        ("Ⓑⓤⓢ", "action", "take-the-bus"),
        ("⾃行车", "action", "cycle-to-work"),
        ("バス", "action", "take-the-bus"),
    ],
)
def test_everything_is_found_by_the_words_that_people_type(
    alipay: Client, query: str, kind: str, identifier: str
) -> None:
    response = search(alipay, query)

    assert not response["fallback"]
    assert (response["suggestions"][0]["kind"], response["suggestions"][0]["id"]) == (kind, identifier)
    for result in response["suggestions"]:
        for match in result["matched"]:
            assert "".join(part["text"] for part in match["parts"]) == match["text"]


def test_two_slips_in_a_long_word_find_the_environment(alipay: Client) -> None:
    assert not search(alipay, "enviromnent")["fallback"]


@pytest.mark.parametrize("query", ["tiaogao", "kongtiao", "kong tiao", "tiao'gao", "tiáo gāo", "tiao2gao1"])
def test_pinyin_finds_characters_with_several_readings(alipay: Client, air_conditioner: str, query: str) -> None:
    def names() -> list[str]:
        return [result["id"] for result in search(alipay, query)["suggestions"]]

    assert air_conditioner in eventually(names, lambda found: air_conditioner in found)


def test_the_digits_of_tones_are_highlighted(alipay: Client) -> None:
    [match] = search(alipay, "gong1jiao1", limit="1", lang="zh")["suggestions"][0]["matched"]

    assert [part["text"] for part in match["parts"] if part["match"]] == ["公交"]


def test_a_query_without_words_gets_the_front_page_as_a_fallback(alipay: Client) -> None:
    assert search(alipay, "%")["fallback"]


def test_a_tree_project_shows_its_price_and_its_saplings(alipay: Client) -> None:
    found = search(alipay, "梭梭", limit="1")["suggestions"][0]

    assert (found["price_points"], found["partner"]) == (17900, "Alxa SEE Foundation")
    assert found["available"] > 0


def test_an_initiative_shows_what_its_facilities_came_to_this_year(
    clients: dict[str, Client], parcels_before: float
) -> None:
    expected = parcels_before + PARCELS

    assert eventually(lambda: packed(clients["taobao"]), lambda number: number >= expected) >= expected


def test_a_search_for_one_person_tells_what_pays_again_later(alipay: Client) -> None:
    user = new_user()
    now = datetime.now(UTC).isoformat()
    report(alipay, *(make_action(user, "no_cutlery") | {"occurred_at": now} for _ in range(3)))

    def last() -> Any:  # noqa: ANN401 - JSON
        response = alipay.call("GET", f"/suggestions?q=cutlery&user_id={user}")
        assert response.headers["cache-control"] == "private, no-store"
        return response.json()

    response = eventually(last, lambda found: any(result.get("pays_again_at") for result in found["suggestions"]))

    assert response["personal"]
    paying = [result.get("pays_again_at") is None for result in response["suggestions"]]
    assert paying == sorted(paying, reverse=True), "what pays no more today comes last"


def test_the_answer_is_in_the_language_that_the_client_prefers(alipay: Client) -> None:
    response = alipay.call("GET", "/suggestions?q=bus&limit=1", accept_language="zh-CN,zh;q=0.9,en;q=0.5")

    assert response.headers["content-language"] == "zh"
    assert response.json()["suggestions"][0]["title"] == "坐公交去上班"
