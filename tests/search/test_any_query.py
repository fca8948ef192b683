"""Every query gets a valid result with a bounded amount of work."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings

from saxaul.search.index import SearchIndex
from saxaul.search.postings import Postings
from tests.search.anything import QUERIES, is_valid
from tests.search.judging import default_catalog

INDEX = SearchIndex(default_catalog())
MOST_LOOKUPS = 4_000
MOST_WALKED = 20_000


@pytest.fixture(scope="module")
def work() -> Iterator[Counter[str]]:
    """Count the lookups of a query, and the documents that the lookups read."""
    counted: Counter[str] = Counter()
    union = Postings._union  # noqa: SLF001 - the one place that walks over documents, unless a range has a stored set

    def counting(self: Postings, first: int, last: int) -> int:
        walked = 0 if first << 32 | last in self.large else self.starts[last] - self.starts[first]
        counted["lookups"] += 1
        counted["walked"] += walked
        counted["longest"] = max(counted["longest"], walked)
        return union(self, first, last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Postings, "_union", counting)
        yield counted


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(QUERIES)
def test_ten_thousand_queries_of_any_characters_get_a_valid_answer_with_bounded_work(
    work: Counter[str], query: str
) -> None:
    work.clear()

    answer = INDEX.search(query, "alipay", date(2026, 6, 5), 10)

    assert is_valid(answer)
    assert work["longest"] <= 64
    assert work["lookups"] <= MOST_LOOKUPS
    assert work["walked"] <= MOST_WALKED
