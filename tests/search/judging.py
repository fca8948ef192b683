"""Judged queries: queries with their right answers, and three measures of how well a search answers them.

``judged/METHOD.md`` says how the queries were written, and defines the measures.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Literal, NamedTuple

import yaml

from local.seed import as_catalog, load
from saxaul.catalog.entries import Catalog
from saxaul.search.documents import documents_of
from saxaul.search.index import SearchIndex

Half = Literal["tuning", "held-out"]

HALVES: tuple[Half, ...] = ("tuning", "held-out")
FOLDER = Path(__file__).parent / "judged"
FIRST = 5
LIMIT = 10
"""The number of results that a search is asked for."""

DAY = date(2026, 9, 1)
"""The day for which the right answers were decided. No campaign runs."""

Search = Callable[[str, str], Sequence[str]]
"""Returns the ids of the entries that a query finds in an app: at most ``LIMIT`` ids, best first."""

_Right = Sequence["str | _Right"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A query, the app in which it is asked, and the ids of all entries that are right answers to it.

    The representation leaves the query out, so that the message of a failed test shows no held-out query.
    """

    query: str = field(repr=False)
    app: str
    right: frozenset[str] = field(repr=False)


class Quality(NamedTuple):
    """How well queries were answered: the mean of each measure, from 0 to 1.

    ``diversity`` counts only the queries whose right answers have several subjects. It is None if there is none.
    """

    queries: int
    recall: float
    reciprocal_rank: float
    diversity: float | None


@cache
def default_catalog() -> Catalog:
    return as_catalog(load())


@cache
def judged(half: Half) -> Mapping[str, Sequence[Judged]]:
    """Return the queries of a half by their kind."""
    document = yaml.safe_load((FOLDER / f"{half}.yaml").read_text("utf-8"))
    return {
        kind.replace("_", " "): [
            Judged(row["q"], row.get("app", "alipay"), frozenset(_flat(row["right"]))) for row in rows
        ]
        for kind, rows in document["queries"].items()
    }


def all_queries(half: Half) -> list[Judged]:
    return [query for of_kind in judged(half).values() for query in of_kind]


def search_of(index: SearchIndex) -> Search:
    """Return the search of an index. The front page that answers a query without matches counts as no result."""

    def search(query: str, app: str) -> list[str]:
        answer = index.search(query, app, DAY, LIMIT)
        return [] if answer.fallback else [found.document.identifier for found in answer.found]

    return search


def quality(search: Search, queries: Iterable[Judged]) -> Quality:
    answers = [(search(question.query, question.app)[:LIMIT], question.right) for question in queries]
    diversities = [_diversity(found, right) for found, right in answers if len(_subjects(right)) > 1]
    return Quality(
        len(answers),
        fmean(len(right & set(found[:FIRST])) / min(FIRST, len(right)) for found, right in answers),
        fmean(_reciprocal_rank(found, right) for found, right in answers),
        fmean(diversities) if diversities else None,
    )


def _reciprocal_rank(found: Sequence[str], right: frozenset[str]) -> float:
    return next((1 / rank for rank, identifier in enumerate(found, 1) if identifier in right), 0.0)


def _diversity(found: Sequence[str], right: frozenset[str]) -> float:
    return len(_subjects(right & set(found[:FIRST]))) / min(FIRST, len(_subjects(right)))


def _subjects(identifiers: Iterable[str]) -> set[str]:
    """Return the subjects of entries: the action type of an action, or else the kind of the entry."""
    return {_subject_of()[identifier] for identifier in identifiers}


@cache
def _subject_of() -> Mapping[str, str]:
    return {document.identifier: document.subject for document in documents_of(default_catalog())}


def _flat(right: _Right) -> Iterator[str]:
    for answer in right:
        if isinstance(answer, str):
            yield answer
        else:
            yield from _flat(answer)
