"""Random queries such as people may type, and a check that every search result must pass."""

from hypothesis import strategies as st

from saxaul.search.index import SearchAnswer
from tests.search.judging import all_queries

_TYPED = sorted({question.query for question in all_queries("tuning")})
_ANYTHING = st.text(max_size=100)
_WORDS = st.lists(
    st.one_of(
        st.sampled_from(_TYPED),
        st.text("abcdeghinoqsuxz", max_size=12),
        st.text("公交地铁种树绿色环保我想的回收", max_size=8),
        _ANYTHING,
    ),
    max_size=6,
)
QUERIES = st.one_of(
    _ANYTHING, st.builds(lambda parts, glue: glue.join(parts)[:100], _WORDS, st.sampled_from(["", " ", "-", "\uff0c"]))
)


def is_valid(answer: SearchAnswer) -> bool:
    identifiers = [(found.document.kind, found.document.identifier) for found in answer.found]
    matches = [match for found in answer.found for match in found.matched]
    return (
        0 < len(identifiers) <= 10
        and len(set(identifiers)) == len(identifiers)
        and all("".join(part.text for part in match.parts) == match.text for match in matches)
        and all(any(part.match for part in match.parts) and all(part.text for part in match.parts) for match in matches)
        and (not answer.fallback or not matches)
    )
