"""Everything that can be found: actions, tree projects, campaigns and initiatives."""

from dataclasses import replace
from datetime import date

import pytest

from saxaul.search.documents import documents_of
from saxaul.search.index import SearchAnswer, SearchIndex
from tests.builders import make_campaign, make_catalog, make_text, make_tree_project
from tests.search.judging import default_catalog

INDEX = SearchIndex(default_catalog())
ORDINARY_DAY = date(2026, 9, 1)


def first(query: str, app: str = "alipay") -> tuple[str, str]:
    answer = INDEX.search(query, app, ORDINARY_DAY, 10)
    assert not answer.fallback, query
    document = answer.found[0].document
    return document.kind, document.identifier


def kinds(answer: SearchAnswer) -> list[str]:
    return [found.document.kind for found in answer.found]


@pytest.mark.parametrize(
    ("query", "identifier"),
    [
        ("saxaul", "saxaul-alxa"),
        ("梭梭", "saxaul-alxa"),
        ("suosuo", "saxaul-alxa"),
        ("haloxylon", "saxaul-alxa"),
        ("Haloxylon ammodendron", "saxaul-alxa"),
        ("胡杨", "poplar-ejina"),
        ("populus", "poplar-ejina"),
        ("樟子松", "scots-pine-tongliao"),
        ("sea buckthorn", "sea-buckthorn-ordos"),
        ("Ordos", "sea-buckthorn-ordos"),
        ("鄂尔多斯", "sea-buckthorn-ordos"),
        ("甘肃武威", "caragana-wuwei"),
        ("Yili Public Welfare Foundation", "sea-buckthorn-ordos"),
    ],
)
def test_a_tree_project_is_found_by_its_species_its_place_and_its_partner(query: str, identifier: str) -> None:
    assert first(query) == ("tree_project", identifier)


@pytest.mark.parametrize("query", ["Alxa", "阿拉善", "Alxa SEE Foundation", "alashan"])
def test_all_tree_projects_of_a_place_or_a_partner_are_found(query: str) -> None:
    found = INDEX.search(query, "taobao", ORDINARY_DAY, 2).found

    assert {result.document.identifier for result in found} == {"saxaul-alxa", "poplar-ejina"}


@pytest.mark.parametrize("query", ["tree", "plant a tree", "种树", "zhongshu"])
def test_trees_come_first_when_people_ask_for_trees(query: str) -> None:
    assert first(query)[0] == "tree_project"


@pytest.mark.parametrize(
    ("query", "identifier"),
    [
        ("solar", "solar-warehouses"),
        ("data centre", "water-cooled-data-centres"),
        ("数据中心", "renewable-powered-data-centres"),
        ("光伏", "solar-warehouses"),
        ("water cooling", "water-cooled-data-centres"),
        ("recycled packaging", "recycled-packaging"),
        ("循环包装", "recycled-packaging"),
        ("Zhangbei", "renewable-powered-data-centres"),
    ],
)
def test_an_initiative_is_found_by_what_the_business_does_and_where(query: str, identifier: str) -> None:
    found = [result.document for result in INDEX.search(query, "alipay", ORDINARY_DAY, 5).found]

    assert ("initiative", identifier) in [(document.kind, document.identifier) for document in found]


@pytest.mark.parametrize(
    ("query", "identifier"),
    [("world environment day", "world-environment-day"), ("植树节", "arbor-day"), ("纸箱回收日", "parcel-box-day")],
)
def test_a_campaign_is_found_by_its_name(query: str, identifier: str) -> None:
    found = [result.document for result in INDEX.search(query, "alipay", ORDINARY_DAY, 10).found]

    assert ("campaign", identifier) in [(document.kind, document.identifier) for document in found]


def test_a_campaign_that_is_over_is_not_found() -> None:
    over = make_campaign(recurs="FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5;UNTIL=20260801")
    index = SearchIndex(replace(make_catalog(campaigns={"old": over, "wed": make_campaign()}), tree_projects={}))

    for query in ("", "environment", "campaign"):
        found = index.search(query, "alipay", ORDINARY_DAY, 10).found
        assert [result.document.identifier for result in found] == ["wed"], query
    assert "old" in {found.document.identifier for found in index.search("", "alipay", date(2026, 6, 5), 10).found}


def test_the_running_campaign_comes_before_the_next_and_the_next_before_later_ones() -> None:
    months = {"a-december": 12, "b-september": 9, "c-october": 10}
    campaigns = {
        name: make_campaign(recurs=f"FREQ=YEARLY;BYMONTH={month};BYMONTHDAY=1") for name, month in months.items()
    }
    index = SearchIndex(replace(make_catalog(campaigns=campaigns), tree_projects={}))

    found = index.search("campaign", "alipay", ORDINARY_DAY, 10).found

    assert [result.document.identifier for result in found] == ["b-september", "c-october", "a-december"]


def test_a_closed_tree_project_is_not_found() -> None:
    closed = make_tree_project().model_copy(update={"closed": True})
    catalog = replace(make_catalog(), tree_projects={"closed": closed})

    assert list(documents_of(catalog)) == []
    assert SearchIndex(catalog).search("saxaul", "alipay", ORDINARY_DAY, 10).fallback


def test_the_cheapest_tree_comes_first() -> None:
    projects = {name: make_tree_project(price) for name, price in {"a": 300, "b": 100, "c": 200}.items()}
    index = SearchIndex(replace(make_catalog(), tree_projects=projects))

    found = index.search("saxaul", "alipay", ORDINARY_DAY, 10).found

    assert [result.document.identifier for result in found] == ["b", "c", "a"]


def test_results_of_different_kinds_may_have_the_same_id() -> None:
    catalog = replace(make_catalog(campaigns={"same": make_campaign()}), tree_projects={"same": make_tree_project()})

    assert sorted(kinds(SearchIndex(catalog).search("", "alipay", ORDINARY_DAY, 10))) == ["campaign", "tree_project"]


def test_a_tree_project_without_keywords_is_found_by_the_words_for_planting() -> None:
    project = make_tree_project().model_copy(update={"species": make_text("Elm", "榆树")})
    index = SearchIndex(replace(make_catalog(), tree_projects={"elm": project}))

    for query in ("plant", "tree", "elm", "种树", "yushu"):
        assert not index.search(query, "alipay", ORDINARY_DAY, 10).fallback, query
