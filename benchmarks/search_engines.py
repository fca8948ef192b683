"""Search engines to compare Saxaul's search with: SQLite FTS5, tantivy and rapidfuzz.

Each indexes the same keys as Saxaul's search: words in both languages, simplified Chinese characters, pinyin, first
letters and synonyms. Each gets the folded words of a query. FTS5 and tantivy also find the beginnings of words, and
tantivy and rapidfuzz forgive typos.

FTS5 and tantivy have two forms. The fast form asks once, for documents that match all words of a query. The careful
form is slower and finds more: if no document matches all words, it asks for documents that match any of them. In
tantivy, it also ranks whole words before beginnings, and these before typos.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

import tantivy
from rapidfuzz import fuzz, process

from saxaul.catalog.entries import Catalog
from saxaul.search.documents import documents_of
from saxaul.search.folding import words_of
from saxaul.search.terms import Vocabulary
from tests.search.judging import LIMIT

Ask = Callable[[str], Sequence[str]]
"""Returns the ids of the entries that a query finds: at most ``LIMIT`` ids, best first."""

Engine = Callable[[Catalog], Ask]

_Occur = tantivy.Occur


def fast_fts5(catalog: Catalog) -> Ask:
    find = _fts5_table(catalog)
    return lambda query: find(_match(query, " AND "))


def careful_fts5(catalog: Catalog) -> Ask:
    find = _fts5_table(catalog)
    return lambda query: _first_found(find(_match(query, operator)) for operator in (" AND ", " OR "))


def _match(query: str, operator: str) -> str:
    return operator.join(f'"{word}"*' for word in _words(query))


def _fts5_table(catalog: Catalog) -> Callable[[str], list[str]]:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE found USING fts5(id UNINDEXED, keys, prefix='1 2 3')")
    database.executemany("INSERT INTO found VALUES (?, ?)", _documents(catalog))

    def find(match: str) -> list[str]:
        if not match:
            return []
        rows = database.execute("SELECT id FROM found WHERE keys MATCH ? ORDER BY rank LIMIT ?", (match, LIMIT))
        return [identifier for (identifier,) in rows]

    return find


def fast_tantivy(catalog: Catalog) -> Ask:
    index = _TantivyIndex(catalog)

    def ask(query: str) -> list[str]:
        return index.find(_join(_Occur.Must, (index.beginning(word, _allowed_typos(word)) for word in _words(query))))

    return ask


def careful_tantivy(catalog: Catalog) -> Ask:
    index = _TantivyIndex(catalog)

    def matching(word: str) -> tantivy.Query:
        ways = index.whole(word), index.beginning(word, typos=0), index.beginning(word, _allowed_typos(word))
        return _join(_Occur.Should, ways)

    def ask(query: str) -> list[str]:
        words = [matching(word) for word in _words(query)]
        return _first_found(index.find(_join(occur, words)) for occur in (_Occur.Must, _Occur.Should))

    return ask


def _allowed_typos(word: str) -> int:
    return (len(word) > 3) + (len(word) > 7) if word.isascii() else 0  # noqa: PLR2004 - as in our own search


def _join(occur: tantivy.Occur, queries: Iterable[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(occur, query) for query in queries])


class _TantivyIndex:
    def __init__(self, catalog: Catalog) -> None:
        builder = tantivy.SchemaBuilder().add_text_field("id", stored=True)
        self._schema = builder.add_text_field("keys", tokenizer_name="whitespace").build()
        index = tantivy.Index(self._schema)
        writer = index.writer(64_000_000, 1)
        for identifier, keys in _documents(catalog):
            writer.add_document(tantivy.Document(id=identifier, keys=keys))
        writer.commit()
        index.reload()
        self._searcher = index.searcher()

    def whole(self, word: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, "keys", word)

    def beginning(self, word: str, typos: int) -> tantivy.Query:
        return tantivy.Query.fuzzy_term_query(self._schema, "keys", word, distance=typos, prefix=True)

    def find(self, query: tantivy.Query) -> list[str]:
        return [self._searcher.doc(address)["id"][0] for _, address in self._searcher.search(query, LIMIT).hits]


def rapidfuzz_scan(catalog: Catalog) -> Ask:
    documents = dict(_documents(catalog))

    def ask(query: str) -> list[str]:
        found = process.extract(
            " ".join(_words(query)), documents, scorer=fuzz.partial_ratio, limit=LIMIT, score_cutoff=70
        )
        return [identifier for _, _, identifier in found]

    return ask


def _words(query: str) -> list[str]:
    return [word.text for word in words_of(query)]


def _first_found(results: Iterable[list[str]]) -> list[str]:
    return next(filter(None, results), [])


def _documents(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield the id of each document, and its search keys as one text."""
    vocabulary = Vocabulary(catalog)
    of_group = cache(vocabulary.terms_of_group)
    for document in documents_of(catalog):
        terms = {*vocabulary.terms_of(document)}.union(*map(of_group, vocabulary.groups_of(document)))
        keys = dict.fromkeys(key.replace("'", "") for _, key in sorted(terms))
        yield document.identifier, " ".join(keys)
