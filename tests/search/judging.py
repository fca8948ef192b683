"""Judged queries: queries with their right answers, and a measure of how many right answers a search finds."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import yaml

from local.seed import as_catalog, load
from saxaul.catalog.entries import Catalog

FIRST = 5

Search = Callable[[str], Sequence[str]]
"""Returns the identifiers of the suggestions that a query finds, best first."""


class Judged(NamedTuple):
    """A query and all suggestions that are right answers to it."""

    query: str
    right: frozenset[str]


class Quality(NamedTuple):
    """How well queries were answered: mean recall at 5, and the mean reciprocal rank of the first right answer."""

    queries: int
    recall: float
    reciprocal_rank: float


@cache
def default_catalog() -> Catalog:
    return as_catalog(load())


@cache
def judged(name: str) -> Mapping[str, Sequence[Judged]]:
    """Return the queries of a file by their kind."""
    document = yaml.safe_load((Path(__file__).parent / f"{name}.yaml").read_text("utf-8"))
    return {
        kind: [Judged(str(row["q"]), _right(row["right"])) for row in queries]
        for kind, queries in document["queries"].items()
    }


def _right(right: str | Sequence[str | Sequence[str]]) -> frozenset[str]:
    if right == "everything":
        return frozenset(default_catalog().suggestions)
    groups = [[answer] if isinstance(answer, str) else answer for answer in right]
    return frozenset(identifier for group in groups for identifier in group)


def quality(search: Search, queries: Sequence[Judged]) -> Quality:
    found = [(search(question.query), question.right) for question in queries]
    return Quality(
        len(queries),
        fmean(len(right & set(ids[:FIRST])) / min(FIRST, len(right)) for ids, right in found),
        fmean(
            next((1 / rank for rank, identifier in enumerate(ids, 1) if identifier in right), 0.0)
            for ids, right in found
        ),
    )
