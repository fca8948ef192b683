"""Conditional writes: the headers ``If-Match`` and ``If-None-Match``, and the versions that they name."""

import pytest

from saxaul.catalog.conditions import Condition
from saxaul.http.conditional_requests import condition_of
from saxaul.http.request import Request
from saxaul.problems import InvalidRequest


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
        ("3", 3, False),
        ("2, 3", 3, False),
        ('"a,3", 3', 3, False),
        ('"a,3"', 3, True),
        ('"2", , "3"', 3, False),
        ("03", 3, True),
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


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "it is empty"),
        (" , ", "it is empty"),
        ('garbage"1"garbage', "item 1 is neither an ETag in double quotes nor a version number"),
        ('"1', "item 1 has an unclosed quote"),
        ('"1", "2', "item 2 has an unclosed quote"),
        ('"1" "2"', "item 1 is neither an ETag in double quotes nor a version number"),
        ('"1", *', "item 2 is *, which must stand alone"),
        ("-1", "item 1 is neither an ETag in double quotes nor a version number"),
        ("\uff12", "item 1 is neither an ETag in double quotes nor a version number"),
        ('w/"1"', "item 1 is neither an ETag in double quotes nor a version number"),
        ("1," * 101, "it lists more than 100 versions"),
    ],
)
def test_a_header_that_is_not_a_list_of_versions_is_refused_with_the_reason(name: str, value: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        condition(**{name: value})

    assert refused.value.code == "invalid_header"
    assert refused.value.detail == (
        f'{name} must be *, or ETags or numbers of versions such as "2" or 2, but {reason}.'
    )


def test_a_condition_knows_that_it_lists_weak_tags() -> None:
    assert condition(If_Match='W/"3", "2"').names_weak_tags
    assert not condition(If_Match='"3"').names_weak_tags


def test_a_request_without_these_headers_has_no_condition() -> None:
    demanded = condition()

    assert not any(demanded.is_stale(version) or demanded.excludes(version) for version in (None, 1))
