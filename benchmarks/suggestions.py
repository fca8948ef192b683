"""Measure the speed and the quality of the search, compared with SQLite FTS5, tantivy and rapidfuzz.

    python -m benchmarks.suggestions

Quality is measured on the default catalog. Speed is measured on larger catalogs that consist of words of the default
catalog. The other engines index the same keys as Saxaul's search: simplified Chinese characters, pinyin, first letters
and synonyms. They also get the same normalized queries. If a laptop stack is running, the benchmark also sends the
queries to it over HTTP. That stack uses its own catalog.
"""

import gc
import json
import random
import resource
import sqlite3
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from math import isnan
from statistics import quantiles
from time import perf_counter, thread_time
from typing import Any, NamedTuple
from urllib.parse import quote

import tantivy
from rapidfuzz import fuzz, process
from rich.table import Column, Table

from benchmarks.any_query import QueryRun, live_index, show, time_queries
from local.client import Client
from local.console import console
from local.sam import state
from saxaul.catalog.entries import Catalog, Suggestion, Text
from saxaul.search.folding import words_of
from saxaul.search.terms import Vocabulary
from tests.search.judging import Quality, Search, default_catalog, judged, quality

SIZES = (1_000, 5_000, 50_000)
BUDGET_SIZE = 5_000
LIMIT = 10
DAY = date(2026, 9, 1)
_ROUNDS = 4
_SECONDS = 8.0
"""After this many seconds, the benchmark stops a series of queries (one engine on one catalog)."""


class Measured(NamedTuple):
    """The figures of one engine at one catalog size.

    ``memory_mb`` is the memory in megabytes that Python has allocated for the index. ``p99_first_ms`` is the 99th
    percentile on a new index that gets each query once. The other times are for an index that has had these queries
    before. ``p99_cpu_ms`` is processor time.
    """

    engine: str
    size: int
    build_s: float
    memory_mb: float
    p99_first_ms: float
    p50_ms: float
    p99_ms: float
    p99_cpu_ms: float
    quality: Quality


def ours(catalog: Catalog) -> Search:
    index = live_index(catalog)

    def search(query: str) -> list[str]:
        answer = index.search(query, "alipay", DAY, LIMIT)
        return [] if answer.fallback else [found.identifier for found in answer.found]

    return search


def fts5(catalog: Catalog) -> Search:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE found USING fts5(id UNINDEXED, keys, tokenize='trigram')")
    database.executemany("INSERT INTO found VALUES (?, ?)", _documents(catalog))

    def search(query: str) -> list[str]:
        asked = " ".join(f'"{word.text}"' for word in words_of(query))
        rows = database.execute("SELECT id FROM found WHERE keys MATCH ? ORDER BY rank LIMIT ?", (asked, LIMIT))
        return [identifier for (identifier,) in rows]

    return search


def tantivy_index(catalog: Catalog) -> Search:
    schema = (
        tantivy.SchemaBuilder().add_text_field("id", stored=True).add_text_field("keys", tokenizer_name="whitespace")
    )
    built = schema.build()
    index = tantivy.Index(built)
    writer = index.writer(64_000_000, 1)
    for identifier, keys in _documents(catalog):
        writer.add_document(tantivy.Document(id=identifier, keys=keys))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def search(query: str) -> list[str]:
        words = [
            (
                tantivy.Occur.Must,
                tantivy.Query.fuzzy_term_query(
                    built, "keys", word.text, distance=_allowed_typos(word.text), prefix=True
                ),
            )
            for word in words_of(query)
        ]
        hits = searcher.search(tantivy.Query.boolean_query(words), LIMIT).hits
        return [searcher.doc(address)["id"][0] for _, address in hits]

    return search


def rapidfuzz_scan(catalog: Catalog) -> Search:
    documents = dict(_documents(catalog))

    def search(query: str) -> list[str]:
        asked = " ".join(word.text for word in words_of(query))
        found = process.extract(asked, documents, scorer=fuzz.partial_ratio, limit=LIMIT, score_cutoff=70)
        return [identifier for _, _, identifier in found]

    return search


ENGINES: dict[str, Callable[[Catalog], Search]] = {
    "saxaul": ours,
    "SQLite FTS5 (trigram)": fts5,
    "tantivy (fuzzy prefix)": tantivy_index,
    "rapidfuzz (partial ratio)": rapidfuzz_scan,
}


def _allowed_typos(word: str) -> int:
    """Return how many slips are corrected in a word, as in our own search."""
    if not word.isascii() or len(word) <= 3:  # noqa: PLR2004 - a swap in three letters is left to our own search
        return 0
    return 2 if len(word) >= 7 else 1  # noqa: PLR2004


def _documents(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield the id of each suggestion, and its search keys as one text. Saxaul's search uses the same keys."""
    vocabulary = Vocabulary(catalog)
    for identifier, suggestion in catalog.suggestions.items():
        yield (
            identifier,
            " ".join(dict.fromkeys(key.replace("'", "") for _, key in sorted(vocabulary.terms_of(suggestion)))),
        )


def enlarged_catalog(size: int) -> Catalog:
    """Return the default catalog with additional suggestions, whose titles and keywords come from existing ones."""
    chance = random.Random(7)  # noqa: S311 - the same catalog each time
    known = default_catalog()
    models = list(known.suggestions.values())
    keywords = sorted({keyword for model in models for keyword in model.keywords})
    suggestions = dict(known.suggestions)
    for number in range(size - len(models)):
        first, second, third = chance.sample(models, 3)
        words = [*first.titles.en.split()[:4], *second.titles.en.split()[-3:]]
        suggestions[f"grown-{number}"] = Suggestion(
            titles=Text(en=" ".join(words), zh=first.titles.zh[:5] + second.titles.zh[-4:]),
            texts=third.texts,
            keywords=tuple(chance.sample(keywords, 12)),
            action_type=first.action_type,
            campaign=second.campaign,
            links=first.links,
        )
    return replace(known, suggestions=suggestions)


def measure(name: str, catalog: Catalog, queries: Sequence[str], judged_as: Quality) -> Measured:
    gc.collect()
    began = perf_counter()
    search = ENGINES[name](catalog)
    build = perf_counter() - began
    _, p99_first, _ = _percentiles(search, queries)
    p50, p99, p99_cpu = _percentiles(search, list(queries) * _ROUNDS)
    memory = _memory(lambda: ENGINES[name](catalog)) if len(catalog.suggestions) <= BUDGET_SIZE else float("nan")
    return Measured(name, len(catalog.suggestions), build, memory, p99_first, p50, p99, p99_cpu, judged_as)


def _percentiles(ask: Callable[[str], object], queries: Sequence[str]) -> tuple[float, float, float]:
    """Return the median and the 99th percentile of wall time, and the 99th of processor time, in milliseconds."""
    took: list[float] = []
    took_cpu: list[float] = []
    ends = perf_counter() + _SECONDS
    for query in queries:
        began, began_cpu = perf_counter(), thread_time()
        ask(query)
        took_cpu.append((thread_time() - began_cpu) * 1_000)
        took.append((perf_counter() - began) * 1_000)
        if perf_counter() > ends:
            break
    cuts = quantiles(took, n=100)
    return cuts[49], cuts[98], quantiles(took_cpu, n=100)[98]


def _memory(build: Callable[[], object]) -> float:
    tracemalloc.start()
    kept = build()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del kept
    return size / 1e6


def over_http(queries: Sequence[str]) -> tuple[float, float] | None:
    """Return the median and 99th percentile of the laptop stack in milliseconds; None if no stack is running."""
    if not (state() / "stack.json").exists():
        return None
    with Client("alipay") as client:
        p50, p99, _ = _percentiles(lambda query: client.call_or_exit("GET", f"/suggestions?q={quote(query)}"), queries)
        return p50, p99


def main() -> None:
    queries = [judgement.query for of_kind in judged("judged").values() for judgement in of_kind]
    random.Random(7).shuffle(queries)  # noqa: S311 - the same order each time
    everything = [judgement for of_kind in judged("judged").values() for judgement in of_kind]
    qualities = {name: quality(engine(default_catalog()), everything) for name, engine in ENGINES.items()}
    measured: list[Measured] = []
    for size in SIZES:
        catalog = enlarged_catalog(size)
        for name in ENGINES:
            console.print(f"[dim]{size:,} suggestions: {name}[/]")
            measured.append(measure(name, catalog, queries, qualities[name]))
    asked = time_queries([default_catalog(), enlarged_catalog(BUDGET_SIZE)])
    http = over_http(queries)
    _show(measured)
    show(asked)
    print(
        "over HTTP, on the laptop stack:",
        "not measured, because no stack is running (make up starts one)"
        if http is None
        else f"p50 {http[0]:.1f} ms, p99 {http[1]:.1f} ms",
    )
    print(json.dumps(_summary(measured, asked, http)))


def _show(measured: Sequence[Measured]) -> None:
    table = Table(
        Column("engine", no_wrap=True),
        "suggestions",
        "build s",
        "MB",
        "first p99 ms",
        "p50 ms",
        "p99 ms",
        "p99 CPU ms",
        "recall@5",
        "MRR",
    )
    for measurement in measured:
        figures = (
            f"{measurement.size:,}",
            f"{measurement.build_s:.2f}",
            _megabytes(measurement.memory_mb),
            f"{measurement.p99_first_ms:.3f}",
            f"{measurement.p50_ms:.3f}",
            f"{measurement.p99_ms:.3f}",
            f"{measurement.p99_cpu_ms:.3f}",
        )
        table.add_row(
            measurement.engine,
            *figures,
            f"{measurement.quality.recall:.3f}",
            f"{measurement.quality.reciprocal_rank:.3f}",
        )
    console.print(table)


def _megabytes(size: float) -> str:
    return "" if isnan(size) else f"{size:.0f}"


def _summary(
    measured: Sequence[Measured], asked: Sequence[QueryRun], http: tuple[float, float] | None
) -> dict[str, Any]:
    own = {measurement.size: measurement for measurement in measured if measurement.engine == "saxaul"}
    return {
        "benchmark": "suggestions",
        "p50_ms": round(own[BUDGET_SIZE].p50_ms, 4),
        "p99_ms": round(own[BUDGET_SIZE].p99_ms, 4),
        "p99_cpu_ms": round(own[BUDGET_SIZE].p99_cpu_ms, 4),
        "recall_at_5": round(own[BUDGET_SIZE].quality.recall, 4),
        "http_p50_ms": http and round(http[0], 2),
        "http_p99_ms": http and round(http[1], 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform == "darwin" else 1_024),
        "any_query": [run._asdict() for run in asked],
        "engines": [
            {
                "engine": measurement.engine,
                "suggestions": measurement.size,
                "build_s": round(measurement.build_s, 3),
                "p99_first_ms": round(measurement.p99_first_ms, 4),
                "p50_ms": round(measurement.p50_ms, 4),
                "p99_ms": round(measurement.p99_ms, 4),
                "p99_cpu_ms": round(measurement.p99_cpu_ms, 4),
                "recall_at_5": round(measurement.quality.recall, 4),
            }
            for measurement in measured
        ],
    }


if __name__ == "__main__":
    main()
