"""The first page for broad queries: something of every kind in each app, in both languages and in each season."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import product

import pytest

from saxaul.catalog.entries import LANGUAGES, Language
from saxaul.search.documents import TREE_PROJECTS, Document
from saxaul.search.index import Found, SearchIndex
from tests.search.judging import default_catalog

APPS = ("taobao", "tmall", "alipay", "freshippo")
BROAD = ("green", "绿色", "eco", "环保", "", "lvse", "huanbao", "GREEN ", "環保")
ORDINARY_DAY, ENVIRONMENT_DAY = date(2026, 9, 1), date(2027, 6, 5)
CAMPAIGN_DAYS = {
    "world-environment-day": ENVIRONMENT_DAY,
    "arbor-day": date(2027, 3, 12),
    "parcel-box-day": date(2027, 11, 20),
}
RIDES_AND_WALKS = {"bus_ride", "metro_ride", "train_ticket", "bike_ride", "walking"}
RECYCLING = {"parcel_box_return", "clothes_recycling", "plastic_recycling"}
LEADS: Mapping[str, set[str]] = {
    "freshippo": {"no_cutlery", "plastic_recycling", "own_bag"},
    "taobao": {"parcel_box_return", "secondhand_item", "clothes_recycling"},
    "tmall": {"parcel_box_return", "secondhand_item", "clothes_recycling"},
    "alipay": {"bus_ride", "metro_ride", "bike_ride", "paperless_bill"},
}
INDEX = SearchIndex(default_catalog())


def page(query: str, app: str, day: date, language: Language = "en", limit: int = 10) -> list[Found]:
    answer = INDEX.search(query, app, day, limit, language)
    assert not answer.fallback
    return list(answer.found)


def subjects(found: list[Found]) -> list[str]:
    return [result.document.subject for result in found]


def assert_mixed(found: list[Found]) -> None:
    first = subjects(found)[:5]
    assert len(set(first)) >= 4
    assert set(first) & RIDES_AND_WALKS
    assert set(first) & RECYCLING
    assert TREE_PROJECTS in first


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("query", BROAD)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("day", [ORDINARY_DAY, *CAMPAIGN_DAYS.values()])
def test_the_first_five_have_something_to_ride_to_recycle_and_to_plant(
    query: str, app: str, day: date, language: Language
) -> None:
    found = page(query, app, day, language)

    assert_mixed(found)
    assert len(set(subjects(found))) == 10, "no type comes twice before each has come once"


@pytest.mark.parametrize(("app", "query"), list(product(APPS, BROAD)))
def test_no_type_comes_twice_before_each_has_come_once(app: str, query: str) -> None:
    shown = subjects(page(query, app, ORDINARY_DAY, limit=50))

    types = len(set(shown))
    assert types >= 20
    assert len(set(shown[:types])) == types


def days_of_a_year() -> Iterator[date]:
    return (date(2027, 1, 1) + timedelta(days=number) for number in range(365))


@pytest.mark.parametrize("app", APPS)
def test_the_first_page_is_mixed_on_every_day_of_a_year(app: str) -> None:
    for day in days_of_a_year():
        assert_mixed(page("green", app, day, limit=5))


@pytest.mark.parametrize(("app", "query"), list(product(APPS, BROAD)))
def test_each_app_leads_with_what_people_do_in_it(app: str, query: str) -> None:
    first = page(query, app, ORDINARY_DAY)[:3]

    assert all(app in result.document.done_in for result in first)
    assert set(subjects(first)) <= LEADS[app]
    if app != "alipay":
        assert set(subjects(first)) == LEADS[app]
    else:
        assert "paperless_bill" in subjects(first)


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("query", BROAD)
@pytest.mark.parametrize("campaign", CAMPAIGN_DAYS)
def test_the_actions_of_a_running_campaign_come_first(campaign: str, app: str, query: str) -> None:
    found = page(query, app, CAMPAIGN_DAYS[campaign], limit=20)

    actions = [
        result.document for result in found if result.document.kind == "action" and app in (result.document.links or ())
    ]
    multiplied = default_catalog().campaigns[campaign].multipliers

    def is_of_campaign(document: Document) -> bool:
        return document.campaign == campaign or document.subject in multiplied

    offered = {
        document.subject
        for document in INDEX.documents
        if document.kind == "action" and is_of_campaign(document) and app in (document.links or ())
    }
    last = max(place for place, document in enumerate(actions) if is_of_campaign(document))
    others = [document.category for document in actions[:last] if not is_of_campaign(document)]
    assert {document.subject for document in actions if is_of_campaign(document)} == offered
    assert set(others) <= {"travel", "recycle"} <= {result.document.category for result in found[:5]}
    assert len(others) == len(set(others)), "only what the first five must have comes between"


@pytest.mark.parametrize("app", APPS)
def test_a_month_later_the_campaign_is_not_promoted_any_more(app: str) -> None:
    later = page("green", app, ENVIRONMENT_DAY + timedelta(days=31))

    actions = [result.document for result in later if result.document.kind == "action"]
    assert actions == [found.document for found in page("green", app, ORDINARY_DAY) if found.document.kind == "action"]


@pytest.mark.parametrize("app", APPS)
def test_the_running_campaign_and_an_initiative_are_on_the_first_page(app: str) -> None:
    kinds = {result.document.kind: result.document.identifier for result in page("green", app, ENVIRONMENT_DAY)}

    assert kinds["campaign"] == "world-environment-day"
    assert {result.document.kind for result in page("green", app, ORDINARY_DAY)} >= {"campaign", "initiative"}


def test_a_specific_query_is_not_mixed() -> None:
    assert set(subjects(page("bus", "taobao", ORDINARY_DAY, limit=4))) == {"bus_ride"}
