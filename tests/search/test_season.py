"""Results depend on the season: searches for "green" on World Environment Day and a month later."""

from datetime import date

import pytest

from saxaul.search.index import SearchIndex
from tests.search.judging import default_catalog

APPS = ["taobao", "tmall", "alipay", "freshippo"]
INDEX = SearchIndex(default_catalog())


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("query", ["green", "绿色", "lvse", ""])
def test_on_5_june_the_first_page_has_suggestions_of_world_environment_day_that_the_app_can_do(
    app: str, query: str
) -> None:
    found = INDEX.search(query, app, date(2026, 6, 5), 10).found

    assert len(found) == 10
    assert {result.document.campaign for result in found} == {"world-environment-day"}
    assert all(result.document.links[app].startswith(f"https://www.{app}.com/") for result in found)


@pytest.mark.parametrize("app", APPS)
def test_on_6_july_the_first_three_are_not_of_world_environment_day(app: str) -> None:
    found = INDEX.search("green", app, date(2026, 7, 6), 10).found

    assert "world-environment-day" not in {result.document.campaign for result in found[:3]}
    assert all(app in result.document.links for result in found)


def test_a_synonym_finds_suggestions_with_another_word_of_its_group() -> None:
    found = INDEX.search("捷运", "alipay", date(2026, 9, 1), 1).found[0]

    assert found.document.subject == "metro_ride"
    assert [(match.field, match.text) for match in found.matched] == [("synonym", "捷运")]
