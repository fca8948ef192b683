"""Whatever is typed gets an answer, and one that takes little work."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saxaul.search.index import Answer, SuggestionIndex
from saxaul.search.postings import Postings
from tests.search.judging import default_catalogue, judged

INDEX = SuggestionIndex(default_catalogue())
TYPED = sorted({it.query for of_kind in judged("judged").values() for it in of_kind})
ANYTHING = st.text(max_size=100)
WORDS = st.lists(
    st.one_of(
        st.sampled_from(TYPED),
        st.text("abcdeghinoqsuxz", max_size=12),
        st.text("公交地铁种树绿色环保我想的回收", max_size=8),
        ANYTHING,
    ),
    max_size=6,
)
QUERIES = st.one_of(
    ANYTHING, st.builds(lambda parts, glue: glue.join(parts)[:100], WORDS, st.sampled_from(["", " ", "-", "\uff0c"]))
)
MOST_LOOKUPS = 4_000
MOST_WALKED = 20_000


@pytest.fixture(scope="module")
def work() -> Iterator[Counter[str]]:
    """Counts lookups, and the documents that they walk."""
    counted: Counter[str] = Counter()
    union = Postings._union  # noqa: SLF001 - the one place that walks documents

    def counting(self: Postings, first: int, last: int) -> int:
        walked = self._starts[last] - self._starts[first]
        counted["lookups"] += 1
        counted["walked"] += walked
        counted["longest"] = max(counted["longest"], walked)
        return union(self, first, last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Postings, "_union", counting)
        yield counted


def is_valid(answer: Answer) -> bool:
    identifiers = [found.identifier for found in answer.found]
    parts = [match for found in answer.found for match in found.matched]
    return (
        0 < len(identifiers) <= 10
        and len(set(identifiers)) == len(identifiers)
        and all(0 <= match.start < match.end <= len(match.text) for match in parts)
        and (not answer.fallback or not parts)
    )


@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(QUERIES)
def test_ten_thousand_queries_of_any_characters_get_a_valid_answer_for_little_work(
    work: Counter[str], query: str
) -> None:
    work.clear()

    answer = INDEX.search(query, "alipay", date(2026, 6, 5), 10)

    assert is_valid(answer)
    assert work["longest"] <= 64
    assert work["lookups"] <= MOST_LOOKUPS
    assert work["walked"] <= MOST_WALKED
