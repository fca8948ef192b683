"""Measure how well the search answers judged queries, compared with tantivy and SQLite FTS5.

    python -m benchmarks.relevance [--half tuning|held-out]

``tests/search/judged/METHOD.md`` says how the queries were written, and defines the measures. The table shows the mean
of each measure, for each kind of query. The other engines run in their careful form (see ``search_engines``), on an
index of what the app of the query can show. Look at the held-out half rarely, and never change the search because of
its figures.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from statistics import fmean

from benchmarks.search_engines import Ask, Engine, careful_fts5, careful_tantivy
from local.command import add_json, command_parser, run_command
from local.console import apart_from_the_output, print_json, progress
from local.tables import Cell, number, print_table
from saxaul.catalog.entries import Catalog
from saxaul.search.index import SearchIndex
from tests.search.judging import (
    HALVES,
    Half,
    Quality,
    Search,
    all_queries,
    default_catalog,
    judged,
    quality,
    search_of,
)

ALL = "all queries"
MEAN_OF_KINDS = "mean of the kinds"

Qualities = Mapping[str, Mapping[str, Quality]]
"""The qualities of the engines, by the name of the engine, for each kind of query."""


def searches(catalog: Catalog) -> dict[str, Search]:
    return {
        "saxaul": search_of(SearchIndex(catalog)),
        "tantivy": in_each_app(careful_tantivy, catalog),
        "fts5": in_each_app(careful_fts5, catalog),
    }


def in_each_app(engine: Engine, catalog: Catalog) -> Search:
    """Return a search that has one index for each app, with the entries that the app can show."""

    @cache
    def ask_in(app: str) -> Ask:
        offered = {name: suggestion for name, suggestion in catalog.suggestions.items() if app in suggestion.links}
        return engine(replace(catalog, suggestions=offered))

    return lambda query, app: ask_in(app)(query)


def measure(half: Half) -> Qualities:
    """Return the qualities for each kind of query of a half, for all its queries, and the mean of the kinds."""
    engines = searches(default_catalog())
    kinds: dict[str, dict[str, Quality]] = {}
    queries_by_kind = judged(half)
    with progress("asking the judged queries", "kinds of queries", len(queries_by_kind)) as tell:
        for kind, queries in queries_by_kind.items():
            kinds[kind] = {name: quality(search, queries) for name, search in engines.items()}
            tell(len(kinds))
    everything = {name: quality(search, all_queries(half)) for name, search in engines.items()}
    means = {name: _mean([qualities[name] for qualities in kinds.values()]) for name in engines}
    return {**kinds, ALL: everything, MEAN_OF_KINDS: means}


def _mean(qualities: list[Quality]) -> Quality:
    return Quality(
        sum(of_kind.queries for of_kind in qualities),
        fmean(of_kind.recall for of_kind in qualities),
        fmean(of_kind.reciprocal_rank for of_kind in qualities),
        fmean(of_kind.diversity for of_kind in qualities if of_kind.diversity is not None),
    )


def show(qualities: Qualities, half: Half) -> None:
    """Print the figures as a table."""
    titles = ("n", "Saxaul recall", "MRR", "divers.", "tantivy recall", "MRR", "FTS5 recall", "MRR")
    rows: list[tuple[Cell, ...]] = []
    for kind, by_engine in qualities.items():
        ours, tantivy, fts5 = (by_engine[name] for name in ("saxaul", "tantivy", "fts5"))
        figures = (
            *(ours.recall, ours.reciprocal_rank, ours.diversity),
            *(tantivy.recall, tantivy.reciprocal_rank),
            *(fts5.recall, fts5.reciprocal_rank),
        )
        rows.append((kind, ours.queries, *map(_figure, figures)))
    title = f"{half} half: recall@5, mean reciprocal rank (MRR), diversity@5"
    print_table(["kind of query", *map(number, titles)], rows, title=title)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _rounded(found: Quality) -> dict[str, float | None]:
    return {measure: value and round(value, 4) for measure, value in found._asdict().items()}


def main() -> None:
    parser = command_parser("benchmarks.relevance", __doc__)
    parser.add_argument("--half", choices=HALVES, default="tuning", help="which half of the queries (default: tuning)")
    add_json(parser)
    chosen = parser.parse_args()
    half: Half = chosen.half
    with apart_from_the_output(needed=chosen.json):
        qualities = measure(half)
        if not chosen.json:
            show(qualities, half)
            return
        kinds = {
            kind: {name: _rounded(found) for name, found in by_engine.items()} for kind, by_engine in qualities.items()
        }
        print_json({"benchmark": "relevance", "half": half, "kinds": kinds})


if __name__ == "__main__":
    run_command(main)
