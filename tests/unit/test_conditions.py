"""Conditional writes: the headers ``If-Match`` and ``If-None-Match``, and the versions that they name."""

import pytest

from saxaul.catalog.versions import Condition
from saxaul.http.conditions import condition_of
from saxaul.http.endpoint import Request


def condition(**headers: str) -> Condition:
    return condition_of(Request({"headers": {name.replace("_", "-"): value for name, value in headers.items()}}))


@pytest.mark.parametrize(
    ("header", "version", "is_stale"),
    [
        ('"3"', 3, False),
        ('"2", "3"', 3, False),
        ("*", 3, False),
        ('"2"', 3, True),
        ('W/"3"', 3, True),
        ('"03"', 3, True),
        ('"*"', 3, True),
        ("", 3, True),
        ('"3"', None, True),
        ("*", None, True),
    ],
)
def test_a_write_is_stale_unless_if_match_names_the_current_version(
    header: str, version: int | None, is_stale: bool
) -> None:
    assert condition(If_Match=header).is_stale(version) is is_stale


@pytest.mark.parametrize(
    ("header", "version", "excludes"),
    [("*", 3, True), ('"3"', 3, True), ('"2"', 3, False), ('"*"', 3, False), ("*", None, False)],
)
def test_if_none_match_excludes_the_versions_that_it_names(header: str, version: int | None, excludes: bool) -> None:
    assert condition(If_None_Match=header).excludes(version) is excludes


def test_a_request_without_these_headers_has_no_condition() -> None:
    demanded = condition()

    assert not any(demanded.is_stale(version) or demanded.excludes(version) for version in (None, 1))
