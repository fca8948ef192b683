"""Measure the speed of the search, compared with SQLite FTS5, tantivy and rapidfuzz.

    python -m benchmarks.suggestions

The queries are all judged queries. The catalogs are the default catalog with additional suggestions, which consist of
words of the default catalog. The other engines index the same keys as Saxaul's search, and run in their fast form (see
``search_engines``). If a laptop stack is running, the benchmark also sends the queries to it over HTTP. That stack uses
its own catalog.

A second table shows how long a packed index takes to load, and its first two searches: one word, and a part of a word.

The exit code is 1 if, at 5,000 suggestions, the 99th percentile is more than a third of tantivy's in the same run.
``relevance`` measures the quality of the search.
"""

import gc
import random
import resource
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isnan
from statistics import quantiles
from time import perf_counter, thread_time
from typing import Any, NamedTuple, TypeVar

from benchmarks.any_query import QueryRun, live_index, show, time_queries
from benchmarks.search_engines import Ask, Engine, fast_fts5, fast_tantivy, rapidfuzz_scan
from local.client import open_client
from local.command import add_json, command_parser, run_command
from local.console import apart_from_the_output, console, print_json, progress, shown
from local.sam import state
from local.tables import Cell, number, print_table
from saxaul.catalog.entries import Catalog, Suggestion, Text
from saxaul.search.index import SearchIndex
from saxaul.search.packing import pack, unpack
from saxaul_client import AppClient
from tests.search.judging import DAY, HALVES, LIMIT, all_queries, default_catalog, search_of

_Result = TypeVar("_Result")

SIZES = (1_000, 5_000, 50_000)
BUDGET_SIZE = 5_000
BUDGET = 1 / 3
"""The highest ratio of Saxaul's 99th percentile to tantivy's, at ``BUDGET_SIZE`` suggestions."""

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


class Loaded(NamedTuple):
    """The figures of a packed index at one catalog size. Times are processor time in milliseconds.

    ``first_ms`` is the time of the first search, and ``second_ms`` that of the next.
    """

    size: int
    packed_mb: float
    pack_ms: float
    unpack_ms: float
    first_ms: float
    second_ms: float


def saxaul(catalog: Catalog) -> Ask:
    search = search_of(live_index(catalog).current())
    return lambda query: search(query, "alipay")


ENGINES: dict[str, Engine] = {
    "saxaul": saxaul,
    "SQLite FTS5 (prefix)": fast_fts5,
    "tantivy (fuzzy prefix)": fast_tantivy,
    "rapidfuzz (partial ratio)": rapidfuzz_scan,
}


def enlarged_catalog(size: int) -> Catalog:
    """Return the default catalog with additional suggestions, whose titles and keywords come from existing ones."""
    chance = random.Random(7)  # noqa: S311 - the same catalog each time
    known = default_catalog()
    models = list(known.suggestions.values())
    keywords = sorted({keyword for model in models for keyword in model.keywords})
    suggestions = dict(known.suggestions)
    for added in range(size - len(models)):
        first, second, third = chance.sample(models, 3)
        words = [*first.titles.en.split()[:4], *second.titles.en.split()[-3:]]
        suggestions[f"grown-{added}"] = Suggestion(
            titles=Text(en=" ".join(words), zh=first.titles.zh[:5] + second.titles.zh[-4:]),
            texts=third.texts,
            keywords=tuple(chance.sample(keywords, 12)),
            action_type=first.action_type,
            campaign=second.campaign,
            links=first.links,
        )
    return replace(known, suggestions=suggestions)


def measure(name: str, catalog: Catalog, queries: Sequence[str]) -> Measured:
    gc.collect()
    began = perf_counter()
    search = ENGINES[name](catalog)
    build = perf_counter() - began
    _, p99_first, _ = _percentiles(search, queries)
    p50, p99, p99_cpu = _percentiles(search, list(queries) * _ROUNDS)
    memory = _memory(lambda: ENGINES[name](catalog)) if len(catalog.suggestions) <= BUDGET_SIZE else float("nan")
    return Measured(name, len(catalog.suggestions), build, memory, p99_first, p50, p99, p99_cpu)


def measure_loading(catalog: Catalog) -> Loaded:
    index = SearchIndex(catalog)
    packed, pack_ms = _timed(lambda: pack(index))
    unpacked, unpack_ms = _timed(lambda: unpack(packed))
    _, first_ms = _timed(lambda: unpacked.search("green", "alipay", DAY, LIMIT))
    _, second_ms = _timed(lambda: unpacked.search("recyc", "alipay", DAY, LIMIT))
    return Loaded(len(catalog.suggestions), len(packed) / 1e6, pack_ms, unpack_ms, first_ms, second_ms)


def _timed(run: Callable[[], _Result]) -> tuple[_Result, float]:
    began = thread_time()
    result = run()
    return result, (thread_time() - began) * 1_000


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
    with open_client(AppClient, "alipay") as client:
        p50, p99, _ = _percentiles(lambda query: client.call("GET", "/suggestions", query={"q": query}), queries)
        return p50, p99


def main() -> None:
    parser = command_parser("benchmarks.suggestions", __doc__)
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        is_within = _run(as_json=chosen.json)
    sys.exit(0 if is_within else 1)


def _run(*, as_json: bool) -> bool:
    """Measure and show everything. Return whether the budget is kept."""
    queries = [question.query for half in HALVES for question in all_queries(half)]
    random.Random(7).shuffle(queries)  # noqa: S311 - the same order each time
    measured: list[Measured] = []
    with progress("measuring the engines", "engines and sizes", len(SIZES) * len(ENGINES)) as tell:
        for size in SIZES:
            catalog = enlarged_catalog(size)
            for name in ENGINES:
                measured.append(measure(name, catalog, queries))
                tell(len(measured))
    loaded: list[Loaded] = []
    with progress("loading packed indexes", "sizes", len(SIZES)) as tell:
        for size in (len(default_catalog().suggestions), *SIZES[1:]):
            loaded.append(measure_loading(enlarged_catalog(size)))
            tell(len(loaded))
    asked = time_queries([default_catalog(), enlarged_catalog(BUDGET_SIZE)])
    http = over_http(queries)
    ratio, cpu_ratio = p99_to_tantivy(measured)
    if as_json:
        print_json(_summary(measured, loaded, asked, http))
    else:
        _show(measured)
        _show_loading(loaded)
        show(asked)
        over = (
            "not measured, because no stack is running (make up starts one)"
            if http is None
            else f"p50 {http[0]:.1f} ms, p99 {http[1]:.1f} ms"
        )
        console.print(f"over HTTP, on the laptop stack: {shown(over)}")
    console.print(
        f"{'[green]✓[/]' if ratio <= BUDGET else '[red]✗[/]'} p99 at {BUDGET_SIZE:,} suggestions: {ratio:.2f} times "
        f"tantivy's (budget: at most 1/3), and {cpu_ratio:.2f} times in processor time"
    )
    return ratio <= BUDGET


def p99_to_tantivy(measured: Sequence[Measured]) -> tuple[float, float]:
    """Return the ratio of Saxaul's 99th percentile to tantivy's, at ``BUDGET_SIZE`` suggestions.

    The first ratio is of wall time, and the second of processor time.
    """
    of_engine = {measurement.engine: measurement for measurement in measured if measurement.size == BUDGET_SIZE}
    ours, theirs = of_engine["saxaul"], of_engine["tantivy (fuzzy prefix)"]
    return ours.p99_ms / theirs.p99_ms, ours.p99_cpu_ms / theirs.p99_cpu_ms


def _show(measured: Sequence[Measured]) -> None:
    titles = ("suggestions", "build s", "MB", "first p99 ms", "p50 ms", "p99 ms", "CPU p99 ms")
    print_table(
        ["engine", *map(number, titles)],
        [
            (
                found.engine,
                found.size,
                f"{found.build_s:.2f}",
                _megabytes(found.memory_mb),
                f"{found.p99_first_ms:.2f}",
                f"{found.p50_ms:.3f}",
                f"{found.p99_ms:.2f}",
                f"{found.p99_cpu_ms:.2f}",
            )
            for found in measured
        ],
        title="The engines, on the judged queries",
        keys=2,
    )


def _show_loading(loaded: Sequence[Loaded]) -> None:
    titles = ("suggestions", "packed MB", "pack ms", "unpack ms", "first search ms", "second ms")
    rows: list[tuple[Cell, ...]] = [
        (index.size, f"{index.packed_mb:.2f}", *(f"{figure:,.1f}" for figure in _milliseconds(index)))
        for index in loaded
    ]
    print_table([*map(number, titles)], rows, title="Loading a packed index")


def _milliseconds(index: Loaded) -> tuple[float, ...]:
    return index.pack_ms, index.unpack_ms, index.first_ms, index.second_ms


def _megabytes(size: float) -> str:
    return "" if isnan(size) else f"{size:,.0f}"


def _summary(
    measured: Sequence[Measured],
    loaded: Sequence[Loaded],
    asked: Sequence[QueryRun],
    http: tuple[float, float] | None,
) -> dict[str, Any]:
    own = {measurement.size: measurement for measurement in measured if measurement.engine == "saxaul"}
    return {
        "benchmark": "suggestions",
        "p50_ms": round(own[BUDGET_SIZE].p50_ms, 4),
        "p99_ms": round(own[BUDGET_SIZE].p99_ms, 4),
        "p99_cpu_ms": round(own[BUDGET_SIZE].p99_cpu_ms, 4),
        "p99_to_tantivy": round(p99_to_tantivy(measured)[0], 4),
        "http_p50_ms": http and round(http[0], 2),
        "http_p99_ms": http and round(http[1], 2),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform == "darwin" else 1_024),
        "loading": [
            {name: value if name == "size" else round(value, 3) for name, value in index._asdict().items()}
            for index in loaded
        ],
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
            }
            for measurement in measured
        ],
    }


if __name__ == "__main__":
    run_command(main)
