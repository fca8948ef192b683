"""How queries are matched: as typed first, and with corrections only if nothing matches. Lookups are exact."""

import gc
from collections import defaultdict
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.entries import Catalog
from saxaul.search.highlights import Highlighter
from saxaul.search.index import SearchAnswer, SearchIndex
from saxaul.search.matching import Matcher
from saxaul.search.postings import Postings, SetWriter, postings_of
from saxaul.search.ranking import Ranking
from saxaul.search.terms import Vocabulary
from saxaul.search.typos import Corrector, remains_of
from tests.builders import make_catalog, make_suggestion

SUGGESTIONS = {
    "metro": make_suggestion("Ride the metro", "坐地铁", keywords=("public transport",)),
    "meter": make_suggestion("Read the meter", "抄电表"),
    "tree": make_suggestion("Plant a tree", "种一棵树", keywords=("种树",)),
    "clothes": make_suggestion("Recycle old clothes", "旧衣服回收", keywords=("旧衣",)),
}
INDEX = SearchIndex(replace(make_catalog(suggestions=SUGGESTIONS), tree_projects={}))


def parts_alive() -> int:
    kinds = {SearchIndex, Matcher, Postings, Ranking, Highlighter, Vocabulary, Catalog}
    return sum(type(instance) in kinds for instance in gc.get_objects())


def search(query: str) -> SearchAnswer:
    return INDEX.search(query, "alipay", date(2026, 9, 1), 10)


def ids(query: str) -> list[str]:
    answer = search(query)
    return [] if answer.fallback else [found.document.identifier for found in answer.found]


@pytest.mark.parametrize("query", ["metro", "metr", "ditie"])
def test_a_query_that_matches_as_typed_does_not_find_similar_words(query: str) -> None:
    assert ids(query) == ["metro"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metrp", "metro"),
        ("mwtro", "metro"),
        ("metrro", "metro"),
        ("recylc", "clothes"),
        ("pubic transport", "metro"),
        ("trasnport public", "metro"),
        ("种数", "tree"),
    ],
)
def test_one_typing_error_is_corrected_even_in_an_unfinished_word(query: str, found: str) -> None:
    assert ids(query)[0] == found


@pytest.mark.parametrize("query", ["mxxro", "xy", "helicopter", "直升机"])
def test_two_typing_errors_and_unknown_words_find_nothing(query: str) -> None:
    assert ids(query) == []


@pytest.mark.parametrize(("query", "found"), [("我想种树", "tree"), ("how to recycle clothes", "clothes")])
def test_unknown_parts_of_a_sentence_are_ignored(query: str, found: str) -> None:
    assert ids(query)[0] == found


@pytest.mark.parametrize(
    "query", ["public transport", "publictransport", "transport public", "Public-Transport", "种 树"]
)
def test_words_may_be_joined_separated_and_in_any_order(query: str) -> None:
    assert len(ids(query)) == 1


def test_each_word_of_a_query_has_the_part_that_it_matched() -> None:
    [match] = search("old clo").found[0].matched

    assert (match.field, match.text, match.words) == ("title", "Recycle old clothes", ("old", "clo"))
    assert match.parts == (("Recycle ", False), ("old", True), (" ", False), ("clo", True), ("thes", False))


def test_a_mistyped_word_has_the_part_that_its_correction_matched() -> None:
    match = search("metrp").found[0].matched[0]

    assert (match.words, match.parts[-1]) == (("metrp",), ("metro", True))


@given(
    st.dictionaries(st.text("ab", min_size=1, max_size=4), st.sets(st.integers(0, 199)), min_size=1),
    st.text("ab", max_size=3),
)
def test_a_prefix_finds_the_documents_of_all_keys_that_begin_with_it(keys: dict[str, set[int]], prefix: str) -> None:
    postings = postings_of({key: sorted(documents) for key, documents in keys.items()}, SetWriter(200))

    found = postings.beginning_with(prefix)

    expected = {document for key, documents in keys.items() if key.startswith(prefix) for document in documents}
    assert {document for document in range(200) if found >> document & 1} == expected


@given(st.lists(st.text("abc", min_size=1, max_size=6), min_size=1), st.text("abc", min_size=4, max_size=6))
def test_a_correction_begins_a_known_key_and_is_one_typing_error_away(words: list[str], word: str) -> None:
    known = postings_of(dict.fromkeys(words, ()), SetWriter(1))

    found = Corrector(known, remains_of(known.keys)).corrections(word)

    assert word not in found
    for correction in found:
        assert any(known.startswith(correction) for known in words)
        assert abs(len(correction) - len(word)) <= 1
        differ = [place for place in range(min(len(correction), len(word))) if correction[place] != word[place]]
        assert len(correction) != len(word) or len(differ) <= 2


def test_an_unused_index_is_freed_without_the_garbage_collector() -> None:
    before = parts_alive()
    gc.disable()
    try:
        index = SearchIndex(make_catalog(suggestions=SUGGESTIONS))
        index.search("recylce clothes", "alipay", date(2026, 6, 5), 10)
        alive = parts_alive()
        del index

        assert alive > before
        assert parts_alive() == before
    finally:
        gc.enable()


def test_an_exact_lookup_finds_all_documents_of_a_key_and_no_others() -> None:
    keys: dict[str, list[int]] = defaultdict(list, {"ab": [0, 3], "abc": [1]})

    postings = postings_of(keys, SetWriter(4))

    assert postings.exactly("ab") == 0b1001
    assert postings.exactly("a") == 0
