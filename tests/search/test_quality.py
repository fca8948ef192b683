"""The search finds the right answers to judged queries, which were written before the search."""

from datetime import date
from functools import cache

import pytest

from saxaul.search.index import SearchIndex
from tests.search.judging import default_catalog, judged, quality

ORDINARY_DAY = date(2026, 9, 1)


@cache
def index() -> SearchIndex:
    return SearchIndex(default_catalog())


def search(query: str) -> list[str]:
    answer = index().search(query, "alipay", ORDINARY_DAY, 10)
    return [] if answer.fallback else [found.document.identifier for found in answer.found]


def test_at_least_two_hundred_queries_are_judged_and_none_is_a_tuning_query() -> None:
    queries = [question.query for of_kind in judged("judged").values() for question in of_kind]

    assert len(set(queries)) == len(queries) >= 200
    assert not set(queries) & {question.query for of_kind in judged("tuning").values() for question in of_kind}


def test_every_right_answer_is_a_suggestion_of_the_catalog() -> None:
    for name in ("judged", "tuning"):
        for question in (question for of_kind in judged(name).values() for question in of_kind):
            assert question.right, question
            assert question.right <= default_catalog().suggestions.keys(), question


@pytest.mark.parametrize("kind", sorted(judged("judged")))
def test_recall_at_five_of_each_kind_is_at_least_nine_tenths(kind: str) -> None:
    assert quality(search, judged("judged")[kind]).recall >= 0.9


def test_recall_at_five_is_at_least_95_in_100(capsys: pytest.CaptureFixture[str]) -> None:
    everything = quality(search, [question for of_kind in judged("judged").values() for question in of_kind])

    with capsys.disabled():
        print(f"\n{'':42}{'queries':>8}{'recall@5':>10}{'MRR':>8}")  # noqa: T201 - the figures are for people to read too
        for kind, found in [
            *((kind, quality(search, questions)) for kind, questions in judged("judged").items()),
            ("all", everything),
        ]:
            print(f"{kind:42}{found.queries:>8}{found.recall:>10.3f}{found.reciprocal_rank:>8.3f}")  # noqa: T201
    assert everything.recall >= 0.95


def test_a_search_that_finds_nothing_has_no_recall() -> None:
    nothing = quality(lambda _: [], judged("judged")["typo"])

    assert (nothing.recall, nothing.reciprocal_rank) == (0, 0)
