"""The list of a person's redemptions: every state, newest first, page by page, at a bounded cost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from saxaul.services.read_forest import forest_reading
from saxaul.storage import table
from saxaul.storage.clients import dynamodb
from saxaul.storage.table import Item, python
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State
from tests.builders import NOON, make_redemption
from tests.integration.stack import Response, Stack, call, cancel, redeem

LIST = ("view_forest", "GET", "/users/{user_id}/redemptions")


def listed(user_id: str = "u-42", **query: str) -> Response:
    return call(*LIST, path={"user_id": user_id}, query=query)


def ids(response: Response) -> list[str]:
    return [redemption["redemption_id"] for redemption in response.body["redemptions"]]


def pages(**query: str) -> list[list[str]]:
    page = listed(**query)
    found = [ids(page)]
    while page.body["cursor"]:
        page = listed(**query, cursor=page.body["cursor"])
        found.append(ids(page))
    return found


def store(stack: Stack, *redemptions: Redemption) -> None:
    for redemption in redemptions:
        stack.redemptions.add(redemption)


def test_redemptions_of_every_state_are_listed_the_most_recently_requested_first(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    store(
        stack,
        make_redemption("rejected", requested_at=NOON - 3).rejected("sold_out"),
        make_redemption("reserved", requested_at=NOON - 1).reserved(NOON),
        make_redemption("of another person", user_id="u-43"),
    )
    cancelled = redeem("key-1").body["redemption_id"]
    cancel(cancelled)

    response = listed()

    assert response.body["user_id"] == "u-42"
    assert [(found["redemption_id"], found["state"]) for found in response.body["redemptions"]] == [
        (cancelled, "cancelled"),
        ("reserved", "reserved"),
        ("rejected", "rejected"),
    ]
    assert response.body["redemptions"][2]["reason"] == "sold_out"
    assert response.body["cursor"] is None


def test_an_item_of_the_list_is_the_view_of_the_redemption(stack: Stack) -> None:
    store(stack, make_redemption("r-1", trees=2, dedication="For Mei").reserved(NOON))
    path = {"user_id": "u-42", "redemption_id": "r-1"}

    [item] = listed().body["redemptions"]

    assert item == call("redeem_trees", "GET", "/users/{user_id}/redemptions/{redemption_id}", path=path).body


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_redemptions_are_listed_page_by_page_and_each_once(stack: Stack, limit: int) -> None:
    redemptions = [make_redemption(f"r-{number:02}", requested_at=NOON + number // 3) for number in range(60)]
    store(stack, *(found.cancelled() if number % 4 else found for number, found in enumerate(redemptions)))

    found = pages(limit=str(limit))

    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert [redemption_id for page in found for redemption_id in page] == [f"r-{n:02}" for n in reversed(range(60))]


def test_a_page_continues_at_its_place_if_the_redemption_there_was_cancelled(stack: Stack) -> None:
    store(stack, *(make_redemption(f"r-{number}", requested_at=NOON + number) for number in range(3)))
    first = listed(limit="2")

    stack.redemptions.write_cancellation(stack.redemption("r-1").cancelled(), refunded=False)

    assert (ids(first), ids(listed(cursor=first.body["cursor"]))) == (["r-2", "r-1"], ["r-0"])
    assert ids(listed()) == ["r-2", "r-1", "r-0"]


@contextmanager
def after_query(number: int, step: Callable[[], object]) -> Iterator[list[str]]:
    """Run a step right after a query, counted from 1. The list has the name of each call to DynamoDB."""
    calls: list[str] = []

    def answered(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
        calls.append(model.name)
        if model.name == "Query" and calls.count("Query") == number:
            step()

    events = dynamodb().meta.events
    events.register("after-call.dynamodb", answered, unique_id="after_query")
    try:
        yield calls
    finally:
        events.unregister("after-call.dynamodb", unique_id="after_query")


@pytest.mark.parametrize("query", [1, 2])
@pytest.mark.parametrize("number", [5, 34, 59])
def test_a_redemption_that_is_cancelled_while_a_page_is_read_is_in_it_once(
    stack: Stack, query: int, number: int
) -> None:
    store(stack, *(make_redemption(f"r-{number:02}", requested_at=NOON + number) for number in range(60)))
    cancelled = stack.redemption(f"r-{number:02}").cancelled()

    with after_query(query, lambda: stack.redemptions.write_cancellation(cancelled, refunded=False)):
        found = forest_reading().requested("u-42", 100, None)

    assert [redemption.redemption_id for redemption in found.redemptions] == [f"r-{n:02}" for n in reversed(range(60))]
    assert found.redemptions[59 - number].state is State.CANCELLED


def test_redemptions_that_are_cancelled_between_two_pages_are_listed_once(stack: Stack) -> None:
    store(stack, *(make_redemption(f"r-{number:02}", requested_at=NOON + number // 2) for number in range(60)))
    found: list[str] = []
    after: dict[str, str] = {}
    for page in range(3):
        response = listed(limit="20", **after)
        found += ids(response)
        after = {"cursor": response.body["cursor"]}
        last = 40 - 20 * page
        # the last ones of this page, the first ones of the next page, and one of the page after that
        cancelled = [number for number in (last + 1, last, last - 1, last - 2, last - 25) if number >= 0]
        for number in cancelled:
            stack.redemptions.write_cancellation(stack.redemption(f"r-{number:02}").cancelled(), refunded=False)

    assert found == [f"r-{number:02}" for number in reversed(range(60))]
    assert after == {"cursor": None}


def test_a_page_reads_only_its_redemptions_even_if_a_person_has_hundreds(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    redemptions = [make_redemption(f"r-{number:03}", requested_at=NOON + number) for number in range(300)]
    store(stack, *(found.cancelled() if number % 2 else found for number, found in enumerate(redemptions)))
    cursor = listed(limit="10").body["cursor"]
    read: list[Item] = []

    def watched(raw_item: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
        read.append(python(raw_item))
        return read[-1]

    monkeypatch.setattr(table, "python", watched)

    with after_query(0, lambda: None) as calls:
        response = listed(limit="50", cursor=cursor)

    assert ids(response) == [f"r-{number}" for number in range(289, 239, -1)]
    assert calls == ["Query", "Query", "BatchGetItem"]
    assert sum("trees" in item for item in read) == 50
    assert sum("trees" not in item for item in read) <= 2 * (50 + 2)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("cursor", ["nonsense!", "Zm9yZXN0IFsxLCJyIl0=", "é"])
def test_the_cursor_of_another_list_is_refused(cursor: str) -> None:
    assert listed(cursor=cursor).code == "invalid_parameter"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_page_has_1_to_100_redemptions(limit: str) -> None:
    assert listed(limit=limit).code == "invalid_parameter"


@pytest.mark.usefixtures("stack")
def test_a_person_without_redemptions_has_an_empty_list() -> None:
    assert listed("nobody").body == {"user_id": "nobody", "redemptions": [], "cursor": None}
