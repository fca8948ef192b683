"""Search by the beginning of any word in both languages, and the order of the results."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from saxaul.catalog.entries import Catalog, Suggestion, Synonyms
from saxaul.search.documents import documents_of
from saxaul.search.folding import words_of
from saxaul.search.hanzi import readings
from saxaul.search.index import SearchAnswer, SearchIndex
from saxaul.search.locating import _match_pinyin
from saxaul.search.terms import MAX_GROUPS, MAX_TERMS, Vocabulary
from tests.builders import make_action_type, make_campaign, make_catalog, make_suggestion, make_text
from tests.search.judging import default_catalog
from tests.steps import steps_of

ORDINARY_DAY = date(2026, 6, 6)
ENVIRONMENT_DAY = date(2026, 6, 5)
NAMES = {"names": make_text("Move", "出行")}
TYPES = {
    "bus_ride": make_action_type(points="80").model_copy(update=NAMES),
    "metro_ride": make_action_type(points="52").model_copy(update=NAMES),
    "walking": make_action_type(points="0.02").model_copy(update=NAMES),
    "solar_warehouse": make_action_type(points=None, actor="facility"),
}
CAMPAIGNS = {"wed": make_campaign(keywords=("planet",))}
SUGGESTIONS = {
    "bus": make_suggestion("Take the bus to work", "坐公交去上班", keywords=("green", "commute", "环保")),
    "metro": make_suggestion("Take the metro", "坐地铁穿城", action_type="metro_ride", keywords=("green", "subway")),
    "walk": make_suggestion(
        "Walk in the park", "去公园散步", action_type="walking", campaign="wed", keywords=("green", "Low-Carbon")
    ),
}


def search(
    query: str,
    today: date = ORDINARY_DAY,
    app: str = "alipay",
    limit: int = 10,
    suggestions: Mapping[str, Suggestion] = SUGGESTIONS,
) -> SearchAnswer:
    return SearchIndex(make_catalog(TYPES, CAMPAIGNS, suggestions)).search(query, app, today, limit)


def ids(answer: SearchAnswer) -> list[str]:
    """Return the actions that were found."""
    return [found.document.identifier for found in answer.found if found.document.kind == "action"]


@pytest.mark.parametrize("query", ["met", "metro", "METRO", "  metro ", "subw", "ｍｅｔｒｏ"])  # noqa: RUF001 - full-width, as phones type it
def test_a_suggestion_is_found_by_the_beginning_of_any_of_its_words(query: str) -> None:
    answer = search(query)

    assert ids(answer) == ["metro"]
    assert not answer.fallback


@pytest.mark.parametrize(
    ("query", "found"), [("地铁", ["metro"]), ("铁", ["metro"]), ("公交去", ["bus"]), ("坐", ["bus", "metro"])]
)
def test_chinese_text_is_found_from_any_of_its_characters(query: str, found: list[str]) -> None:
    assert ids(search(query)) == found


def test_what_matches_every_word_of_a_query_comes_first() -> None:
    assert ids(search("green comm"))[0] == "bus"
    assert ids(search("环保 bus")) == ["bus"]
    assert ids(search("take the"))[:2] == ["bus", "metro"]


def test_punctuation_separates_words() -> None:
    assert ids(search("carbon")) == ["walk"]
    assert ids(search("low-carbon!")) == ["walk"]
    assert [word.text for word in words_of("Low-Carbon, 环保！")] == ["low", "carbon", "环保"]  # noqa: RUF001 - Chinese punctuation


def test_the_middle_of_an_english_word_does_not_match() -> None:
    assert search("etro").fallback


def test_the_words_of_a_campaign_find_its_suggestions() -> None:
    assert ids(search("planet")) == ["walk"]
    assert ids(search("世界环境日")) == ["walk"]


def test_a_query_without_results_falls_back_to_the_seasonal_suggestions() -> None:
    answer = search("helicopter", ENVIRONMENT_DAY)

    assert answer.fallback
    assert ids(answer) == ["walk", "bus", "metro"]


@pytest.mark.parametrize(("query", "fallback"), [("", False), ("   ", False), ("!?", True), ("%", True)])
def test_a_query_without_letters_returns_the_front_page_and_only_an_empty_one_is_no_fallback(
    query: str, fallback: bool
) -> None:
    answer = search(query)

    assert answer.fallback is fallback
    assert sorted(ids(answer)) == sorted(SUGGESTIONS)


def test_suggestions_that_earn_more_come_first_on_an_ordinary_day() -> None:
    assert ids(search("green")) == ["bus", "metro", "walk"]


def test_the_suggestions_of_a_campaign_come_first_only_on_its_day() -> None:
    assert ids(search("green", ENVIRONMENT_DAY)) == ["walk", "bus", "metro"]
    assert ids(search("green", date(2026, 6, 4))) == ["bus", "metro", "walk"]


def test_suggestions_that_the_requesting_app_can_do_come_first() -> None:
    only_taobao = make_suggestion("Take the bus, green", links={"taobao": "https://www.taobao.com/bus"})
    suggestions = {"bus": only_taobao, "metro": SUGGESTIONS["metro"]}

    assert ids(search("green", app="alipay", suggestions=suggestions)) == ["metro", "bus"]
    assert ids(search("green", app="taobao", suggestions=suggestions)) == ["bus", "metro"]


def test_no_more_results_than_the_limit_are_returned_and_the_best_remain() -> None:
    found = search("green", limit=2).found

    assert [result.document.identifier for result in found] == ["bus", "metro"]


def test_a_suggestion_without_points_comes_last() -> None:
    suggestions = SUGGESTIONS | {
        "solar": make_suggestion("Solar roof", keywords=("green",), action_type="solar_warehouse")
    }

    assert ids(search("green", suggestions=suggestions))[-1] == "solar"


def test_suggestions_of_equal_rank_are_ordered_by_identifier() -> None:
    twins = {name: make_suggestion(names.en, names.zh) for name, names in {"b": make_text(), "a": make_text()}.items()}

    assert ids(search("bus", suggestions=twins)) == ["a", "b"]


def test_an_empty_catalog_gives_no_results() -> None:
    answer = SearchIndex(Catalog()).search("bus", "alipay", ORDINARY_DAY, 10)

    assert (answer.found, answer.fallback) == ((), True)


def test_the_terms_and_synonyms_of_the_longest_accepted_suggestion_are_limited() -> None:
    long = "\u91cd" * 100
    groups = {f"g{n}": Synonyms(words=("green", *(f"{long[:50]}{n}x{m}" for m in range(49)))) for n in range(100)}
    hostile = make_suggestion(long * 5, long * 5, keywords=("green", *(f"{long[:90]}{n}" for n in range(49))))
    catalog = replace(make_catalog(TYPES, CAMPAIGNS, {"hostile": hostile}), synonyms=groups)

    vocabulary = Vocabulary(catalog)
    document = next(documents_of(catalog))

    assert len(vocabulary.terms_of(document)) <= MAX_TERMS
    assert len(vocabulary.terms_of_group("g0")) <= MAX_TERMS
    assert len(vocabulary.groups_of(document)) == MAX_GROUPS


def test_nothing_in_the_default_catalog_reaches_a_limit_of_terms_or_synonyms() -> None:
    vocabulary = Vocabulary(default_catalog())

    assert max(len(vocabulary.terms_of(document)) for document in documents_of(default_catalog())) < MAX_TERMS
    assert max(len(vocabulary.terms_of_group(group)) for group in vocabulary.groups) < MAX_TERMS
    assert max(len(vocabulary.groups_of(document)) for document in documents_of(default_catalog())) < MAX_GROUPS


def test_initials_of_hanzi_with_many_readings_are_compared_without_trying_every_combination() -> None:
    hanzi = next(character for character in map(chr, range(0x4E00, 0x9FA5)) if _similar_readings(character))
    letter = readings(hanzi)[0][0]
    titles = {"long": make_suggestion("Long", hanzi * 60 + "\uff0c" + hanzi * 31 + "公交")}
    index = SearchIndex(make_catalog(TYPES, CAMPAIGNS, titles))

    def compare(letters: int) -> int:
        return _match_pinyin(letter * letters + "q", hanzi * 60, 0, first_letters=True)

    for query in (letter * 31 + "g", letter * 32, letter * 6):
        assert steps_of(lambda: index.search(query, "alipay", ORDINARY_DAY, 10, "zh")) < 500_000  # noqa: B023
    assert compare(31) == 0
    assert steps_of(lambda: compare(31)) < 3 * steps_of(lambda: compare(10))


def _similar_readings(character: str) -> bool:
    return len({reading[0] for reading in readings(character)}) == 1 and len(readings(character)) > 2
