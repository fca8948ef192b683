"""Cursors: a cursor that a list returned leads to its place, and any other text is refused."""

import base64
from typing import Any

import pytest

from saxaul.catalog.models import TypeAdapter
from saxaul.http.cursors import Cursors
from saxaul.http.request import Request
from saxaul.problems import InvalidRequest

OURS: Cursors[tuple[int, str]] = Cursors("ours", TypeAdapter(tuple[int, str]))
OTHERS: Cursors[tuple[int, str]] = Cursors("others", TypeAdapter(tuple[int, str]))


def request_with(cursor: str | None) -> Request:
    query: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
    return Request({"queryStringParameters": query})


@pytest.mark.parametrize("place", [(0, "a"), (1_780_632_000, "alipay:ride-1"), (1, 'é " \\ ,')])
def test_a_cursor_leads_to_its_place(place: tuple[int, str]) -> None:
    assert OURS.place_in(request_with(OURS.cursor_for(place))) == place


def test_a_cursor_of_a_selected_list_leads_to_its_place_and_does_not_show_what_selects_the_list() -> None:
    cursor = OURS.cursor_for((1, "a"), "u-42", "ordered")

    assert OURS.place_in(request_with(cursor), "u-42", "ordered") == (1, "a")
    assert b"u-42" not in base64.urlsafe_b64decode(cursor)


@pytest.mark.parametrize("selected_by", [(), ("u-42",), ("u-43", "ordered"), ("ordered", "u-42"), ("u-42ordered",)])
def test_a_cursor_is_refused_for_a_list_that_something_else_selects(selected_by: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest):
        OURS.place_in(request_with(OURS.cursor_for((1, "a"), "u-42", "ordered")), *selected_by)


def test_without_a_cursor_a_list_starts_at_its_first_page() -> None:
    assert OURS.place_in(request_with(None)) is None


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        OTHERS.cursor_for((1, "a")),
        encoded('ours [1,"a"] '),
        encoded('ours [1, "a"]'),
        encoded('ours ["1","a"]'),
        encoded("ours [1]"),
        encoded("ours null"),
        encoded("ours"),
        encoded('[1,"a"]'),
        OURS.cursor_for((12, "a")).rstrip("="),
        OURS.cursor_for((1, "a")) + "=",
        "",
        "nonsense",
        "é",
    ],
)
def test_a_cursor_that_the_list_did_not_return_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        OURS.place_in(request_with(cursor))
