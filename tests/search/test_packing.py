"""An index that was packed and unpacked answers as the index that was built, and broken bytes are refused."""

import gc
import json
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.suggestions import enlarged_catalog
from local.sam import ROOT
from saxaul.catalog.entries import LANGUAGES, Catalog, Language, Synonyms
from saxaul.catalog.recorded import recorded
from saxaul.http.suggestion_views import Caller, result_view
from saxaul.search import stored_entries
from saxaul.search.index import NOTHING_LAST, Last, SearchIndex
from saxaul.search.packing import FORMAT, MAGIC, BrokenIndexError, pack, unpack
from tests.builders import make_catalog, make_suggestion, make_text
from tests.search.anything import QUERIES
from tests.search.judging import DAY, HALVES, Half, all_queries, default_catalog
from tests.search.test_first_page import APPS

ORDINARY_DAY, CAMPAIGN_DAYS = DAY, (date(2026, 6, 5), date(2026, 3, 12), date(2026, 4, 22))
_HEADER = struct.Struct("<8sIII")


@cache
def default_index() -> SearchIndex:
    return SearchIndex(default_catalog())


@cache
def packed_default() -> bytes:
    return pack(default_index())


def views(
    index: SearchIndex,
    query: str,
    app: str = "alipay",
    day: date = ORDINARY_DAY,
    language: Language = "en",
    last: Last = NOTHING_LAST,
) -> Any:  # noqa: ANN401 - the answer and its JSON views
    answer = index.search(query, app, day, 10, language, last)
    return answer, [result_view(found, index.catalog, Caller(app), language, day) for found in answer.found]


@pytest.mark.parametrize("half", HALVES)
def test_every_judged_query_gets_the_answer_of_the_built_index(half: Half) -> None:
    built, unpacked = default_index(), unpack(packed_default())

    different = sum(
        views(unpacked, question.query, question.app) != views(built, question.query, question.app)
        for question in all_queries(half)
    )

    assert different == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("day", [ORDINARY_DAY, *CAMPAIGN_DAYS])
@pytest.mark.parametrize("app", [*APPS, "an-app-without-links"])
def test_every_app_language_and_day_gets_the_answer_of_the_built_index(app: str, day: date, language: Language) -> None:
    built, unpacked = default_index(), unpack(packed_default())

    for query in ("", *(question.query for question in all_queries("tuning")[::12])):
        assert views(unpacked, query, app, day, language) == views(built, query, app, day, language)


_LETTERS = st.characters(categories=["L", "M", "N", "P", "S", "Zs"])


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Return some entries of the default catalog, with copies of a suggestion, other texts and other synonyms."""
    default = default_catalog()

    def some(entries: Any, most: int) -> Any:  # noqa: ANN401 - the entries of one kind
        names = draw(st.lists(st.sampled_from(sorted(entries)), max_size=most, unique=True))
        return {name: entries[name] for name in names}

    suggestions = some(default.suggestions, 12)
    for name in list(suggestions)[:1]:
        for number in range(draw(st.sampled_from([0, 1, 70, 150]))):
            title = draw(st.text(_LETTERS, max_size=12)) if number < 3 else ""
            changes = {"titles": make_text(f"Line {number} {title}", f"线路{title}"), "featured": number % 3 == 0}
            suggestions[f"copy-{number}"] = suggestions[name].model_copy(update=changes)
    words = st.sampled_from(sorted({word for entry in default.suggestions.values() for word in entry.keywords}))
    groups = draw(st.lists(st.lists(words, min_size=2, max_size=5, unique=True), max_size=4))
    catalog = replace(
        default,
        suggestions=suggestions,
        tree_projects=some(default.tree_projects, 3),
        campaigns=some(default.campaigns, 6),
        initiatives=some(default.initiatives, 2),
        synonyms={f"group-{number}": Synonyms(words=tuple(group)) for number, group in enumerate(groups)},
        versions=dict.fromkeys(default.action_types, draw(st.integers(1, 9))),
    )
    return catalog.without_dangling()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    catalogs(),
    st.lists(QUERIES, max_size=6),
    st.sampled_from(APPS),
    st.sampled_from([ORDINARY_DAY, *CAMPAIGN_DAYS]),
    st.sampled_from(LANGUAGES),
    st.sets(st.sampled_from(["bus_ride", "walk", "paperless"])),
)
def test_any_catalog_gets_the_answers_of_the_built_index(
    catalog: Catalog, queries: list[str], app: str, day: date, language: Language, exhausted: set[str]
) -> None:
    built = SearchIndex(catalog)
    unpacked = unpack(pack(built))
    last = Last(frozenset(exhausted), frozenset(islice(catalog.tree_projects, 1)))
    own = [word for entry in islice(catalog.suggestions.values(), 3) for word in (*entry.keywords[:2], entry.titles.en)]

    for query in ("", "green", *queries, *own):
        assert views(unpacked, query, app, day, language, last) == views(built, query, app, day, language, last)
    assert unpacked.catalog == catalog
    assert list(unpacked.documents) == list(built.documents)
    assert pack(unpacked) == pack(built)


def test_an_empty_catalog_can_be_packed() -> None:
    unpacked = unpack(pack(SearchIndex(Catalog())))

    assert unpacked.search("green", "alipay", ORDINARY_DAY, 10).found == ()
    assert unpacked.catalog == Catalog()


def test_the_bytes_do_not_depend_on_the_seed_of_hashes() -> None:
    program = (
        "import sys\n"
        "from saxaul.search.index import SearchIndex\n"
        "from saxaul.search.packing import pack\n"
        "from tests.search.judging import default_catalog\n"
        "sys.stdout.buffer.write(pack(SearchIndex(default_catalog())))\n"
    )
    packed = {
        subprocess.run(  # noqa: S603 - this interpreter, and the program above
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert packed == {packed_default()}


def test_the_default_catalog_takes_at_most_700_kilobytes() -> None:
    assert len(packed_default()) <= 700_000


def test_each_further_suggestion_takes_at_most_1000_bytes() -> None:
    larger = enlarged_catalog(1_094)

    assert len(pack(SearchIndex(larger))) - len(packed_default()) <= 1_000 * 1_000


def test_unpacking_parses_no_entry_and_a_search_few_suggestions(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(SearchIndex(enlarged_catalog(300)))
    parsed: list[str] = []

    def counting(model: Any, fields: Any) -> Any:  # noqa: ANN401 - any model
        parsed.append(model.__name__)
        return recorded(model, fields)

    monkeypatch.setattr(stored_entries, "recorded", counting)

    index = unpack(packed)
    assert parsed == []

    index.search("green", "alipay", ORDINARY_DAY, 10)
    assert parsed.count("Suggestion") <= 10


def test_entries_that_were_shown_long_ago_are_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_entries, "_KEPT_ENTRIES", 10)
    catalog = unpack(packed_default()).catalog

    for name, entry in default_catalog().suggestions.items():
        assert catalog.suggestions[name] == entry
    assert len(catalog.suggestions._kept) <= 10  # type: ignore[attr-defined]  # noqa: SLF001
    assert dict(catalog.suggestions.items()) == default_catalog().suggestions


def test_an_unpacked_index_is_freed_without_the_garbage_collector() -> None:
    def alive() -> int:
        return sum(isinstance(instance, SearchIndex | Catalog) for instance in gc.get_objects())

    before = alive()
    gc.disable()
    try:
        index = unpack(packed_default())
        index.search("recylce clothes", "alipay", CAMPAIGN_DAYS[0], 10)
        assert alive() > before
        del index

        assert alive() == before
    finally:
        gc.enable()


def with_header(rest: bytes, table: int, number: int = FORMAT, magic: bytes = MAGIC) -> bytes:
    """Return bytes that begin with a header whose checksum is right."""
    return _HEADER.pack(magic, number, zlib.crc32(rest), table) + rest


def with_table(change: Any, index: bytes = b"") -> bytes:  # noqa: ANN401 - a function
    """Return the default index after a change of its table and sections, with a checksum that is right."""
    packed = index or packed_default()
    length = _HEADER.unpack_from(packed)[3]
    rest = packed[_HEADER.size :]
    table, sections, start = json.loads(rest[:length]), {}, length
    for name, _, _, stored in table:
        sections[name] = rest[start : start + stored]
        start += stored
    change(table, sections)
    changed = json.dumps(table).encode()
    return with_header(changed + b"".join(sections[row[0]] for row in table), len(changed))


def test_the_bytes_before_a_change_are_accepted() -> None:
    assert unpack(with_table(lambda _table, _sections: None)).catalog == default_catalog()


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x80\x05K\x01.",
        b"x" * 1_000,
        with_header(b"[]", 2),
        with_header(b"{}", 2),
        with_header(b"[" * 100_000, 100_000),
        with_header(b'[["entries","bytes",-1,-1]]', 27),
        with_header(b'[["entries","bytes",4000000000,4000000000]]', 43),
        with_header(b"[[1]]", 5),
        with_header(b"null", 4_000_000_000),
        with_header(packed_default()[_HEADER.size :], _HEADER.unpack_from(packed_default())[3], FORMAT + 1),
        with_header(packed_default()[_HEADER.size :], _HEADER.unpack_from(packed_default())[3], magic=b"SAXINDEY"),
    ],
    ids=range(12),
)
def test_what_is_no_packed_index_is_refused(packed: bytes) -> None:
    with pytest.raises(BrokenIndexError):
        unpack(packed)


@given(st.integers(0, len(packed_default()) - 1))
def test_an_index_that_is_cut_short_is_refused(length: int) -> None:
    with pytest.raises(BrokenIndexError):
        unpack(packed_default()[:length])


@given(st.integers(0, len(packed_default()) - 1), st.integers(1, 255))
def test_an_index_with_a_changed_byte_is_refused(place: int, change: int) -> None:
    changed = bytearray(packed_default())
    changed[place] ^= change

    with pytest.raises(BrokenIndexError):
        unpack(bytes(changed))


SECTIONS: Sequence[tuple[str, str, int, int]] = json.loads(
    packed_default()[_HEADER.size : _HEADER.size + _HEADER.unpack_from(packed_default())[3]]
)


@pytest.mark.parametrize("place", range(len(SECTIONS)), ids=[row[0] for row in SECTIONS])
def test_an_index_without_one_of_its_sections_is_refused(place: int) -> None:
    with pytest.raises(BrokenIndexError):
        unpack(with_table(lambda table, _: table.pop(place)))


@pytest.mark.parametrize("place", range(len(SECTIONS)), ids=[row[0] for row in SECTIONS])
def test_a_section_of_another_kind_is_refused(place: int) -> None:
    def change(table: Any, _sections: Any) -> None:  # noqa: ANN401 - parts of the bytes
        table[place][1] = "text" if table[place][1] == "bytes" else "bytes"

    with pytest.raises(BrokenIndexError):
        unpack(with_table(change))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("TITLE/starts", 4),
        ("TITLE/documents", 2),
        ("TITLE/large/sets", 4),
        ("documents", 4),
        ("documents/subjects", 4),
        ("groups/numbers", 4),
        ("entries/starts", 4),
        ("entries/sizes", 4),
    ],
)
def test_a_section_whose_length_does_not_fit_the_others_is_refused(name: str, more: int) -> None:
    def change(table: Any, sections: Any) -> None:  # noqa: ANN401 - parts of the bytes
        row = next(row for row in table if row[0] == name)
        sections[name] = bytes(row[2] + more)
        row[2] = row[3] = row[2] + more

    with pytest.raises(BrokenIndexError):
        unpack(with_table(change))


def test_a_section_that_claims_to_be_much_larger_than_its_bytes_is_refused_without_taking_memory() -> None:
    bomb = zlib.compress(bytes(200_000_000))

    def change(table: Any, sections: Any) -> None:  # noqa: ANN401 - parts of the bytes
        row = next(row for row in table if row[0] == "TITLE/keys")
        sections["TITLE/keys"] = bomb
        row[2:] = 200_000_000, len(bomb)

    packed = with_table(change)
    tracemalloc.start()
    try:
        with pytest.raises(BrokenIndexError):
            unpack(packed)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_line_that_would_become_two_is_not_packed() -> None:
    catalog = replace(make_catalog(suggestions={"two\nlines": make_suggestion()}))

    with pytest.raises(AssertionError):
        pack(SearchIndex(catalog))
