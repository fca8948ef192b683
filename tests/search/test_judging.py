"""The judged queries are frozen, fit the default catalog, and are measured as ``judged/METHOD.md`` says."""

from collections import Counter
from hashlib import sha256

import pytest

from saxaul.search.documents import documents_of
from tests.search.judging import FOLDER, HALVES, Half, Judged, all_queries, default_catalog, judged, quality

FROZEN: dict[Half, str] = {
    "tuning": "44f66bf3b1d654230d3764de4c144a7c8d08af43e8e61106c835266f3b601e17",
    "held-out": "c3f61d0bb3cece1dabdc4662f06608b09694233dfcfc473e4014a501255258f6",
}
"""The SHA-256 of each half. Change it only together with a correction of a wrong answer."""

of_both_halves = pytest.mark.parametrize("half", HALVES)


@of_both_halves
def test_the_judged_queries_are_unchanged(half: Half) -> None:
    assert sha256((FOLDER / f"{half}.yaml").read_bytes()).hexdigest() == FROZEN[half]


def test_both_halves_have_the_same_kinds_with_at_least_twenty_queries_each() -> None:
    assert judged("tuning").keys() == judged("held-out").keys()
    assert min(len(questions) for half in HALVES for questions in judged(half).values()) >= 20


def test_the_method_states_the_number_of_queries_and_kinds() -> None:
    queries, kinds = sum(len(all_queries(half)) for half in HALVES), len(judged("tuning"))

    assert f"{queries:,} queries in {kinds} kinds" in (FOLDER / "METHOD.md").read_text("utf-8")


def test_no_query_occurs_twice() -> None:
    occurrences = Counter(question.query.strip() for half in HALVES for question in all_queries(half))
    most = max(occurrences.values())

    assert most == 1


def test_the_entries_of_the_default_catalog_that_the_search_can_find_have_different_ids() -> None:
    catalog = default_catalog()
    identifiers = [*catalog.suggestions, *catalog.tree_projects, *catalog.campaigns, *catalog.initiatives]

    assert [identifier for identifier, times in Counter(identifiers).items() if times > 1] == []


@of_both_halves
def test_every_query_has_right_answers_and_its_app_can_show_each_of_them(half: Half) -> None:
    links = {document.identifier: document.links for document in documents_of(default_catalog())}
    wrong = [
        kind
        for kind, questions in judged(half).items()
        for question in questions
        if not question.right
        or not all(_shown_in(question.app, links.get(name, frozenset())) for name in question.right)
    ]

    assert wrong == []


def _shown_in(app: str, links: frozenset[str] | None) -> bool:
    return links is None or app in links


def test_a_failure_message_shows_no_query() -> None:
    assert repr(Judged("a held-out query", "alipay", frozenset({"take-the-bus"}))) == "Judged(app='alipay')"


@of_both_halves
def test_a_search_that_finds_all_right_answers_first_has_the_highest_quality(half: Half) -> None:
    right = {question.query: sorted(question.right) for question in all_queries(half)}
    best = quality(lambda query, _app: right[query], all_queries(half))

    assert (best.recall, best.reciprocal_rank) == (1, 1)


def test_a_search_that_finds_nothing_has_the_lowest_quality() -> None:
    assert quality(lambda _query, _app: [], all_queries("tuning"))[1:] == (0, 0, 0)


def test_recall_counts_the_right_answers_among_the_first_five_and_rank_goes_on_to_ten() -> None:
    question = Judged("bus", "alipay", frozenset({"take-the-bus", "bus-to-the-market"}))
    wrong = ["take-the-metro", "cycle-to-work", "park-and-ride", "night-train"]

    assert quality(lambda _query, _app: [*wrong, "take-the-bus", "bus-to-the-market"], [question])[1:3] == (
        1 / 2,
        1 / 5,
    )
    assert quality(lambda _query, _app: [*wrong, "car-free-day", "take-the-bus"], [question])[1:3] == (0, 1 / 6)
    assert quality(lambda _query, _app: [*wrong * 3, "take-the-bus"], [question])[1:3] == (0, 0)


def test_diversity_counts_the_subjects_of_right_answers_among_the_first_five() -> None:
    buses = ["take-the-bus", "bus-to-the-market", "bus-with-the-children"]
    question = Judged("ride", "alipay", frozenset({*buses, "take-the-metro", "saxaul-alxa"}))

    assert quality(lambda _query, _app: [*buses, "cycle-to-work", "take-the-metro"], [question]).diversity == 2 / 3
    assert quality(lambda _query, _app: buses, [Judged("bus", "alipay", frozenset(buses))]).diversity is None
