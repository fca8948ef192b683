"""A campaign on the same date of every year is found by this date, in the forms that people type."""

from dataclasses import replace
from datetime import date

import pytest

from saxaul.search.dates import dates_of
from saxaul.search.index import SearchIndex
from tests.builders import make_campaign, make_catalog


@pytest.mark.parametrize(
    ("recurs", "forms"),
    [
        ("FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5", {"5 June", "June 5", "Jun 5", "5th June", "6月5日", "六月五日", "0605"}),
        ("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=12", {"12th March", "3月12号", "三月十二日", "3/12", "0312"}),
        ("FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=20", {"20 November", "十一月二十日", "11/20", "1120"}),
        ("FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=31", {"31st October", "十月三十一号"}),
        ("FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1", {"1st January", "一月一日"}),
    ],
)
def test_a_date_has_the_forms_that_people_type(recurs: str, forms: set[str]) -> None:
    assert forms <= set(dates_of(make_campaign(recurs=recurs)))


def test_a_campaign_whose_date_changes_or_that_is_over_has_no_date() -> None:
    assert list(dates_of(make_campaign(recurs="FREQ=YEARLY;BYMONTH=5;BYDAY=2SU"))) == []
    assert list(dates_of(make_campaign(recurs="FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5;UNTIL=20250101"))) == []


@pytest.mark.parametrize("query", ["june 5", "5 june", "5th june", "6月5日", "六月五日", "6月5号", "6/5", "liuyuewuri"])
def test_a_campaign_is_found_by_its_date(query: str) -> None:
    catalog = replace(make_catalog(campaigns={"wed": make_campaign()}), tree_projects={})

    answer = SearchIndex(catalog).search(query, "alipay", date(2026, 9, 1), 5)

    assert not answer.fallback
    assert answer.found[0].document.identifier == "wed"
