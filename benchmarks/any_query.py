"""Time the search on arbitrary input: 10,000 queries of any characters, each timed separately.

The report shows wall time and processor time, so that a busy machine is not mistaken for a slow search. All queries run
twice: with the default settings of Python's garbage collector, and as the deployed function runs them, which keeps its
index out of garbage collections.
"""

import gc
from collections.abc import Callable, Sequence
from datetime import date
from itertools import repeat
from time import perf_counter, thread_time
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings

from benchmarks.cached_catalog import CachedCatalog
from local.console import progress, shown
from local.tables import number, print_table
from saxaul.catalog.entries import Catalog
from saxaul.clock import SYSTEM_CLOCK
from saxaul.search.index import SearchIndex
from saxaul.services.search import LiveIndex
from tests.search.anything import QUERIES, is_valid

QUERY_COUNT = 10_000
MOST_MS = 20.0
_DAY = date(2026, 6, 5)


class QueryRun(NamedTuple):
    """The result of all queries on one catalog with one setting of the collector. Times are in milliseconds.

    ``size`` is the number of suggestions, and ``invalid`` the number of invalid results. ``over`` queries took more
    than ``MOST_MS`` of wall time, and ``over_cpu`` queries more than that of processor time. ``slowest`` is the query
    that took the most processor time.
    """

    collector: str
    size: int
    invalid: int
    over: int
    over_cpu: int
    slowest_ms: float
    slowest_cpu_ms: float
    slowest: str


def time_queries(catalogs: Sequence[Catalog]) -> list[QueryRun]:
    """Run the same queries on each catalog, with the default collector settings and as deployed."""
    queries = _queries()
    runs: list[QueryRun] = []
    for catalog in catalogs:
        gc.unfreeze()
        gc.collect()
        runs.append(_time_all("default", repeat(SearchIndex(catalog)).__next__, queries))
        runs.append(_time_all("as deployed", live_index(catalog).current, queries))
    return runs


def live_index(catalog: Catalog) -> LiveIndex:
    """Return the index as the deployed function keeps it, so that the garbage collector leaves it out."""
    return LiveIndex(CachedCatalog(catalog), SYSTEM_CLOCK)


def show(runs: Sequence[QueryRun]) -> None:
    print_table(
        [
            "collector",
            *map(number, ("suggestions", "invalid", "over 20 ms", "over 20 CPU ms", "slowest ms", "most CPU ms")),
            "slowest query",
        ],
        [
            (
                run.collector,
                *(run.size, run.invalid, run.over, run.over_cpu),
                *(f"{run.slowest_ms:.2f}", f"{run.slowest_cpu_ms:.2f}"),
                ascii(run.slowest[:24]),
            )
            for run in runs
        ],
        title=f"{QUERY_COUNT:,} queries of any characters",
        keys=2,
    )


def _queries() -> list[str]:
    drawn: list[str] = []

    @seed(7)
    @settings(
        max_examples=QUERY_COUNT,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(QUERIES)
    def draw(query: str) -> None:
        drawn.append(query)

    draw()
    return drawn


def _time_all(collector: str, current: Callable[[], SearchIndex], queries: Sequence[str]) -> QueryRun:
    took: list[tuple[float, float, str]] = []
    invalid, size = 0, len(current().catalog.suggestions)  # the first call builds the index
    with progress(f"any queries, {size:,} suggestions, collector {shown(collector)}", "queries", len(queries)) as tell:
        for done, query in enumerate(queries, start=1):
            began, began_cpu = perf_counter(), thread_time()
            answer = current().search(query, "alipay", _DAY, 10)
            cpu, wall = thread_time() - began_cpu, perf_counter() - began
            took.append((wall * 1_000, cpu * 1_000, query))
            invalid += not is_valid(answer)
            tell(done)
    _, slowest_cpu, slowest = max(took, key=lambda timing: timing[1])
    return QueryRun(
        collector,
        size,
        invalid,
        sum(wall > MOST_MS for wall, _, _ in took),
        sum(cpu > MOST_MS for _, cpu, _ in took),
        max(wall for wall, _, _ in took),
        slowest_cpu,
        slowest,
    )
