"""The default catalog: it loads, it is complete, and its numbers state where they come from."""

from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from saxaul.catalog.entries import KINDS, MODELS, ActionType, Catalog
from saxaul.search.documents import documents_of
from saxaul.search.folding import words_of
from saxaul.search.terms import Vocabulary, join_words

FOLDER = Path(__file__).parents[2] / "catalog"
APPS = {"taobao", "tmall", "alipay", "freshippo"}


@cache
def catalog() -> Catalog:
    entities: dict[str, Any] = {
        kind.replace("-", "_"): {
            identifier: MODELS[kind].model_validate(document)
            for identifier, document in yaml.safe_load((FOLDER / f"{kind}.yaml").read_text("utf-8")).items()
        }
        for kind in KINDS
    }
    return Catalog(**entities)


def test_no_entry_refers_to_a_missing_entry() -> None:
    assert list(catalog().all_broken_references()) == []


def test_there_are_action_types_of_people_and_of_facilities() -> None:
    actors = [action_type.actor for action_type in catalog().action_types.values()]

    assert actors.count("person") >= 16
    assert actors.count("facility") == 4


def test_every_kind_of_action_of_the_business_has_a_facility_whose_quantity_says_who_chose_it() -> None:
    facilities = catalog().facilities.values()
    reported = {action_type for facility in facilities for action_type in facility.plausible_a_day}

    assert reported == {name for name, action_type in catalog().action_types.items() if action_type.actor == "facility"}
    assert {facility.app for facility in facilities} <= APPS
    for plausible in (plausible for facility in facilities for plausible in facility.plausible_a_day.values()):
        assert plausible.confidence != "none" or plausible.source.startswith("project default, chosen by the operator")


def test_each_action_type_of_an_initiative_is_reported_by_one_of_its_facilities() -> None:
    for identifier, initiative in catalog().initiatives.items():
        reported = {name for place in initiative.facilities for name in catalog().facilities[place].plausible_a_day}
        assert reported.issuperset(initiative.action_types), identifier


def test_there_are_campaigns_tree_projects_and_suggestions() -> None:
    assert len(catalog().campaigns) == 3
    assert len(catalog().tree_projects) == 5
    assert len(catalog().suggestions) >= 80


def test_every_action_type_of_a_person_has_points_and_caps() -> None:
    for identifier, action_type in catalog().action_types.items():
        if action_type.actor == "person":
            assert action_type.points, identifier
            assert action_type.caps, identifier


def test_points_and_grams_each_state_where_they_come_from() -> None:
    for identifier, action_type in catalog().action_types.items():
        evidence = action_type.avoided_g
        assert evidence.source or evidence.method, identifier
        assert evidence.value == 0 or evidence.source, identifier
        assert action_type.points is None or action_type.points.source, identifier
        for number in (action_type.points, evidence):
            assert number is None or number.confidence in {"A", "B", "C", "none"}, identifier


def test_every_action_type_states_the_confidence_of_its_points_and_grams() -> None:
    raw = yaml.safe_load((FOLDER / "action-types.yaml").read_text("utf-8"))

    for identifier, document in raw.items():
        assert "confidence" in document["avoided_g"], identifier
        assert document.get("actor") == "facility" or "confidence" in document["points"], identifier


def types_of_people() -> dict[str, ActionType]:
    return {key: action_type for key, action_type in catalog().action_types.items() if action_type.actor == "person"}


def test_every_action_type_of_a_person_states_the_limits_of_its_quantity_and_where_the_plausible_one_comes_from() -> (
    None
):
    raw = yaml.safe_load((FOLDER / "action-types.yaml").read_text("utf-8"))

    for identifier in types_of_people():
        document = raw[identifier]
        assert {"min_quantity", "max_quantity", "plausible_a_day"} <= document.keys(), identifier
        assert {"value", "confidence", "source"} == document["plausible_a_day"].keys(), identifier


def test_a_plausible_quantity_that_is_not_sourced_is_called_a_project_default() -> None:
    for identifier, action_type in types_of_people().items():
        assert action_type.plausible_a_day, identifier
        is_default = action_type.plausible_a_day.source.startswith("project default: ")
        assert is_default == (action_type.plausible_a_day.confidence == "none"), identifier


def test_the_quantity_that_earns_points_on_one_day_is_plausible() -> None:
    for identifier, action_type in types_of_people().items():
        assert action_type.plausible_quantity, identifier
        for cap in action_type.caps:
            if cap.window == "day":
                assert action_type.points, identifier
                rewarded = Decimal(cap.points) / action_type.points.value if cap.points is not None else cap.units
                assert rewarded is not None, identifier
                assert action_type.plausible_quantity >= rewarded, identifier


def test_the_smallest_quantities_of_an_action_are_plausible_and_stating_a_plausible_one_never_allows_more() -> None:
    for identifier, action_type in types_of_people().items():
        assert action_type.points, identifier
        assert action_type.plausible_quantity, identifier
        smallest = max(action_type.min_quantity, action_type.points.at_least)
        assert smallest <= action_type.plausible_quantity <= action_type.max_quantity, identifier


def test_every_reward_per_action_has_a_smallest_quantity_above_that_of_an_action() -> None:
    per_action = {key: rule for key, rule in types_of_people().items() if rule.points and rule.points.per == "action"}

    assert set(per_action) == {"train_ticket"}
    for identifier, action_type in per_action.items():
        assert action_type.points, identifier
        assert action_type.points.at_least > action_type.min_quantity, identifier


def test_every_app_has_suggestions_and_every_link_leads_to_the_site_of_its_app() -> None:
    links = [suggestion.links for suggestion in catalog().suggestions.values()]

    assert {app for of_one in links for app in of_one} == APPS
    for of_one in links:
        for app, link in of_one.items():
            assert link.startswith(f"https://www.{app}.com/")


def test_every_suggestion_has_texts_in_both_languages() -> None:
    for identifier, suggestion in catalog().suggestions.items():
        for text in (suggestion.titles, suggestion.texts):
            assert text.en.isascii() or "’" in text.en or "é" in text.en, identifier  # noqa: RUF001 - typographic
            assert any("\u4e00" <= character <= "\u9fff" for character in text.zh), identifier


def test_green_is_a_keyword_in_both_languages() -> None:
    keywords = [suggestion.keywords for suggestion in catalog().suggestions.values()]

    assert any("green" in words for words in keywords)
    assert any("绿色" in words for words in keywords)


def test_no_group_of_synonyms_has_two_words_with_the_same_folded_key() -> None:
    for identifier, group in catalog().synonyms.items():
        keys = [join_words(words_of(word)) for word in group.words]
        assert all(keys), identifier
        assert sorted(keys) == sorted(set(keys)), identifier


@pytest.mark.parametrize(
    ("campaign", "day"),
    [("world-environment-day", (6, 5)), ("arbor-day", (3, 12)), ("parcel-box-day", (11, 20))],
)
def test_a_campaign_runs_every_year_only_on_its_day(campaign: str, day: tuple[int, int]) -> None:
    first = date(2028, *day)
    days = (first + timedelta(n) for n in range(-40, 370))

    assert [candidate for candidate in days if catalog().campaigns[campaign].runs_on(candidate)] == [
        first,
        date(2029, *day),
    ]


def test_every_group_of_synonyms_finds_something() -> None:
    vocabulary = Vocabulary(catalog())
    used = {group for document in documents_of(catalog()) for group in vocabulary.groups_of(document)}

    assert set(vocabulary.groups) - used == set()
