"""The search finds the right answers to judged queries, whose author had not seen the search.

The messages of these tests name kinds and figures, but no queries, so that nobody tunes the search by held-out queries.
"""

from functools import cache

import pytest

from saxaul.search.index import SearchIndex
from tests.search.judging import HALVES, Half, Quality, all_queries, default_catalog, judged, quality, search_of

of_both_halves = pytest.mark.parametrize("half", HALVES)
KINDS = sorted(judged("tuning"))


@cache
def qualities(half: Half) -> dict[str, Quality]:
    search = search_of(SearchIndex(default_catalog()))
    try:
        kinds = {kind: quality(search, questions) for kind, questions in judged(half).items()}
        return {**kinds, "all": quality(search, all_queries(half))}
    except Exception as error:  # noqa: BLE001 - its message or traceback could show a query
        kind_of_error = type(error).__name__
    raise AssertionError(f"a query of the {half} half made the search raise {kind_of_error}")


@of_both_halves
@pytest.mark.parametrize("kind", KINDS)
def test_recall_at_five_of_each_kind_is_at_least_85_in_100(kind: str, half: Half) -> None:
    assert qualities(half)[kind].recall >= 0.85


@of_both_halves
def test_recall_at_five_is_at_least_95_in_100(half: Half, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{half + ' half':40}{'queries':>8}{'recall@5':>10}{'MRR':>8}{'diversity@5':>13}")  # noqa: T201 - the figures are for people to read too
        for kind, found in qualities(half).items():
            diversity = "" if found.diversity is None else f"{found.diversity:.3f}"
            print(f"{kind:40}{found.queries:>8}{found.recall:>10.3f}{found.reciprocal_rank:>8.3f}{diversity:>13}")  # noqa: T201
    assert qualities(half)["all"].recall >= 0.95
