"""The search through its endpoint: cached responses, renewal of the index in the background, and response fields."""

import gc
from decimal import Decimal
from typing import Any
from weakref import ref

import pytest

from functions.suggest_campaigns import handler as suggest_campaigns
from saxaul.catalog.calendar import CATALOG_DELAY
from saxaul.catalog.entries import Synonyms
from saxaul.catalog.timeline import renewed_after
from saxaul.catalog.versions import VersionedEntry
from saxaul.observability import logger
from saxaul.services import search as searching
from saxaul.storage.catalog import CatalogStore
from tests.builders import at, make_action_type, make_campaign, make_suggestion
from tests.integration.stack import Response, Stack, call, event_of, invoke, put_entry

RENEWED_AFTER = int(renewed_after(CATALOG_DELAY))


def search(query: str, client: str = "alipay-client", **more: str) -> Response:
    return call("suggest_campaigns", "GET", "/suggestions", client=client, query={"q": query, **more})


def ids(response: Response) -> list[str]:
    """Return the actions that were found."""
    return [found["id"] for found in response.body["suggestions"] if found["kind"] == "action"]


def cached() -> Any:  # noqa: ANN401 - what lru_cache returns
    return suggest_campaigns.cached_search(searching.live_index().current())


def renewed() -> None:
    thread = searching.live_index().thread
    assert thread is not None
    thread.join()


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    stack.seed("action-types", bus_ride=make_action_type())
    stack.seed("campaigns", wed=make_campaign(multipliers={"bus_ride": "2"}))
    stack.seed("suggestions", bus=make_suggestion(campaign="wed"))
    return stack


@pytest.mark.usefixtures("seeded")
def test_the_index_is_excluded_from_garbage_collection() -> None:
    spared = gc.get_freeze_count()

    search("bus")

    assert gc.get_freeze_count() > spared


@pytest.mark.usefixtures("seeded")
def test_what_the_search_keeps_of_its_requests_is_excluded_from_garbage_collections_too() -> None:
    search("bus")
    spared = gc.get_freeze_count()

    for _ in range(searching.FROZEN_EVERY):
        searching.live_index().current()

    assert gc.get_freeze_count() > spared


def test_an_operator_finds_the_actions_of_every_app_without_links(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type())
    stack.seed("suggestions", bus=make_suggestion(links={"alipay": "https://www.alipay.com/bus"}))
    stack.seed("suggestions", metro=make_suggestion(links={"meituan": "https://www.meituan.com/metro"}))

    found = search("", client="operator-client").body["suggestions"]

    assert [(result["id"], result["link"]) for result in found] == [("bus", None), ("metro", None)]
    assert {result["id"]: result["link"] for result in search("").body["suggestions"]}[
        "bus"
    ] == "https://www.alipay.com/bus"


def test_an_operator_sees_what_the_search_finds_on_a_later_day(seeded: Stack) -> None:
    """The campaign and the renamed suggestion are found as on that day, and what is known today stays as it is."""
    seeded.clock.instant = at("2026-07-06T12:00")
    renamed = make_suggestion("Ride the bus home", "坐公交回家", campaign="wed").model_dump(
        mode="json", exclude_defaults=True
    )
    put_entry("suggestions", "bus", renamed | {"effective_at": "2027-01-01T00:00:00+08:00"})

    def on(day: str) -> list[tuple[str, float]]:
        found = search("bus", client="operator-client", on=day).body["suggestions"]
        return [(result["title"], result["points"]) for result in found if result["kind"] == "action"]

    seeded.clock.instant += 2 * RENEWED_AFTER
    assert on("2026-07-06") == [("Take the bus", 80)]
    assert on("2027-06-04") == [("Ride the bus home", 80)]
    assert on("2027-06-05") == [("Ride the bus home", 160)]
    assert [result["title"] for result in search("bus").body["suggestions"]] == ["Take the bus"]


def test_only_operators_preview_the_search_and_only_of_days_that_are_not_over(seeded: Stack) -> None:
    for_app, over = search("bus", on="2026-06-06"), search("bus", client="operator-client", on="2026-06-04")

    assert (for_app.code, over.code) == ("invalid_parameter", "invalid_parameter")
    assert for_app.body["detail"] == "on shows a preview, which only operators can see."
    assert seeded


def test_a_suggestion_shows_its_points_its_evidence_its_campaign_and_the_matched_text(seeded: Stack) -> None:
    found = search("gongjiao", lang="zh").body["suggestions"][0]

    assert (found["points"], found["base_points"], found["campaign_points"]) == (160, 80, 80)
    assert (found["avoided_g"], found["avoided_g_source"]) == (212.5, "China Daily")
    assert (found["campaign_id"], found["campaign_runs"], found["multiplied_by"]) == ("wed", True, "wed")
    parts = [{"text": "坐", "match": False}, {"text": "公交", "match": True}, {"text": "去上班", "match": False}]
    assert found["matched"] == [{"field": "title", "text": "坐公交去上班", "words": ["gongjiao"], "parts": parts}]
    seeded.clock.instant = at("2026-07-06T12:00")
    later = search("gongjiao", lang="zh").body["suggestions"][0]
    assert (later["points"], later["campaign_points"], later["campaign_runs"]) == (80, 0, False)


def test_a_client_with_the_current_etag_gets_304_without_a_body(seeded: Stack) -> None:
    response = search("bus")
    event = event_of("suggest_campaigns")
    event["headers"]["If-None-Match"] = f'"other", W/{response.headers["etag"]}'
    event["queryStringParameters"] = {"q": "bus"}

    again = invoke("suggest_campaigns", event)

    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["etag"] == response.headers["etag"]
    assert response.headers["cache-control"] == "private, max-age=60"
    assert response.headers["vary"] == "Authorization, Accept-Language"
    seeded.clock.instant = at("2026-06-06T12:00")
    assert search("bus").headers["etag"] != response.headers["etag"], "the action earns fewer points after the campaign"


def test_apps_do_not_share_a_response(seeded: Stack) -> None:
    assert seeded
    alipay, taobao = search("bus"), search("bus", client="taobao-client")

    assert alipay.headers["etag"] != taobao.headers["etag"]
    assert taobao.body["suggestions"][0]["link"] is None


def test_a_repeated_query_is_answered_from_the_cache(seeded: Stack) -> None:
    assert seeded
    search("bus")
    before = cached().cache_info().hits

    search("bus")

    assert cached().cache_info().hits == before + 1


def test_a_catalog_change_is_found_after_a_renewal_in_the_background(seeded: Stack) -> None:
    search("bus")
    seeded.seed("suggestions", tree=make_suggestion("Plant a tree", "种一棵树"))
    seeded.clock.instant += RENEWED_AFTER + 1

    assert ids(search("zhongyikeshu")) == ["bus"], "the request that starts the renewal uses the previous index"
    renewed()

    response = search("zhongyikeshu")
    assert (ids(response), response.body["fallback"]) == (["tree"], False)


def test_a_query_matches_the_synonyms_that_an_operator_added(seeded: Stack) -> None:
    search("bus")
    bus = make_suggestion(keywords=("bus",))
    seeded.catalog_store.put("suggestions", "bus", VersionedEntry(bus, 2))
    seeded.seed("synonyms", bus=Synonyms(words=("bus", "omnibus")))
    seeded.clock.instant += RENEWED_AFTER + 1
    search("bus")
    renewed()

    response = search("omni")

    assert (ids(response), response.body["fallback"]) == (["bus"], False)
    assert response.body["suggestions"][0]["matched"][0]["field"] == "synonym"


def test_an_unchanged_catalog_keeps_its_index(seeded: Stack) -> None:
    search("bus")
    index = searching.live_index().current()
    seeded.clock.instant += RENEWED_AFTER + 1
    search("bus")
    renewed()

    assert searching.live_index().current() is index


def test_a_replaced_index_is_freed_together_with_its_cached_results(seeded: Stack) -> None:
    search("bus")
    replaced = ref(searching.live_index().current())
    seeded.seed("suggestions", tree=make_suggestion("Plant a tree", "种一棵树"))
    seeded.clock.instant += RENEWED_AFTER + 1
    search("bus")
    renewed()

    search("bus")

    assert replaced() is None


def test_after_a_failed_renewal_the_index_stays_and_the_next_renewal_tries_again(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(logger, "exception", lambda message, **_: logged.append(message))
    search("bus")
    monkeypatch.setattr(CatalogStore, "read", lambda *_: 1 / 0)
    seeded.clock.instant += RENEWED_AFTER + 1
    assert search("bus").status == 200
    renewed()
    first = searching.live_index().thread

    seeded.clock.instant += RENEWED_AFTER // 4 + 1
    assert search("bus").status == 200
    renewed()

    assert searching.live_index().thread is not first
    assert logged == ["the index could not be renewed; requests use the previous one until it is too old"] * 2
    seeded.clock.instant += RENEWED_AFTER // 4 + 1
    assert search("bus").status == 500, "the index is so old that it may not have all changes that are in effect"


def test_an_index_is_not_used_for_longer_than_the_delay_and_a_request_then_reads_the_catalog_itself(
    seeded: Stack,
) -> None:
    search("bus")
    seeded.seed("suggestions", tree=make_suggestion("Plant a tree", "种一棵树"))
    seeded.clock.instant += CATALOG_DELAY

    assert ids(search("zhongyikeshu")) == ["tree"]


def test_search_goes_by_now_when_a_change_takes_effect_without_another_read(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    dearer = make_action_type(points="90").model_dump(mode="json", exclude_defaults=True)
    assert put_entry("action-types", "bus_ride", dearer).status == 200
    seeded.clock.instant += 30
    assert search("bus").body["suggestions"][0]["base_points"] == 80
    monkeypatch.setattr(CatalogStore, "timeline", lambda *_, **__: 1 / 0)

    seeded.clock.instant += 29
    assert search("bus").body["suggestions"][0]["base_points"] == 80
    seeded.clock.instant += 1
    assert search("bus").body["suggestions"][0]["base_points"] == 90


def test_a_renewal_prepares_the_index_for_a_change_that_takes_effect_soon(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    search("bus")
    dearer = make_action_type(points="90").model_dump(mode="json", exclude_defaults=True)
    put_entry("action-types", "bus_ride", dearer)
    seeded.clock.instant += RENEWED_AFTER + 1
    search("bus")
    renewed()
    monkeypatch.setattr(searching, "SearchIndex", lambda *_: 1 / 0)

    seeded.clock.instant += 29

    assert search("bus").body["suggestions"][0]["base_points"] == 90


def test_the_points_of_a_campaign_are_shown_separately_from_the_base_points(seeded: Stack) -> None:
    third = make_action_type(points="0.02")
    seeded.seed("action-types", walking=third)
    seeded.seed("campaigns", walk=make_campaign(multipliers={"walking": str(Decimal("1.5"))}))
    seeded.seed("suggestions", walk=make_suggestion("Walk", "步行", action_type="walking"))

    found = search("walk").body["suggestions"][0]

    assert (found["points"], found["base_points"], found["campaign_points"]) == (0.03, 0.02, 0.01)
    assert (found["campaign_id"], found["multiplied_by"]) == (None, "walk")
