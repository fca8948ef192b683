"""Stock through the API: saplings released by an operator or by schedule, refused requests, and bursts of requests."""

from typing import Any

import pytest

from saxaul.catalog.entries import ReleaseSchedule
from saxaul.storage.stocks import SOLD_OUT_CACHED_FOR
from saxaul.storage.table import Key, Table, stock_key
from saxaul.trees.stock import Timetable
from tests.builders import DAY, NOON, SHANGHAI, make_tree_project
from tests.integration.stack import Stack, cancel, put_entry, redeem, tree_projects

DAILY = {"daily": 3, "at": "07:00", "first_day": "2026-06-01"}
SEVEN = NOON + 19 * 3600

FIVE_SECONDS_LATER = int(SOLD_OUT_CACHED_FOR) + 1
"""After these seconds, a worker reads a stock again that it remembers as sold out."""


def put_project(stack: Stack, **changes: object) -> Any:  # noqa: ANN401 - the response body
    document = make_tree_project(saplings=0).model_dump(mode="json", exclude_defaults=True) | changes
    response = put_entry("tree-projects", "saxaul-alxa", document)
    assert response.status == 200, response
    stack.add_wallet(10_000) if stack.wallet().version == 0 else None
    return response.body


def settle(stack: Stack, key: str, trees: int = 1) -> str:
    """Request trees and settle. Return the problem code, or else the reason of a rejection, or else the state."""
    response = redeem(key, trees=trees)
    if response.status != 202:
        return response.code
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    settled = stack.redemption(response.body["redemption_id"])
    return settled.reason or settled.state.value


def shown() -> Any:  # noqa: ANN401 - the response body
    [project] = tree_projects().body["projects"]
    return project


def test_a_schedule_is_stored_with_its_project_and_with_the_stock(stack: Stack) -> None:
    written = put_project(stack, schedule=DAILY)

    assert written["schedule"] == DAILY
    assert stack.stock().timetable == Timetable(ReleaseSchedule.model_validate(DAILY), SHANGHAI)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "schedule", [DAILY | {"daily": 0}, DAILY | {"at": "7 am"}, DAILY | {"last_day": "2026-05-01"}, {"daily": 3}]
)
def test_an_invalid_schedule_is_refused(schedule: dict[str, object]) -> None:
    document = make_tree_project().model_dump(mode="json", exclude_defaults=True) | {"schedule": schedule}

    assert put_entry("tree-projects", "saxaul-alxa", document).code == "invalid_entry"


def test_a_sold_out_project_shows_its_next_release_and_has_the_saplings_from_then_on(stack: Stack) -> None:
    put_project(stack, schedule=DAILY)
    before = shown()
    stack.clock.instant = SEVEN - 1
    refused = redeem("early")
    stack.clock.instant = SEVEN

    assert (before["available"], before["next_release"]) == (
        0,
        {"at": "2026-06-06T07:00:00+08:00", "saplings": 3},
    )
    assert (refused.status, refused.code) == (409, "sold_out")
    assert refused.body["detail"] == (
        "More trees were requested than saplings are left (0). 3 more will be released at 2026-06-06T07:00:00+08:00."
    )
    assert shown()["available"] == 3
    assert [settle(stack, f"key-{n}") for n in range(4)] == ["reserved"] * 3 + ["sold_out"]
    stack.clock.instant = SEVEN + DAY
    assert settle(stack, "key-3") == "reserved"


def test_a_project_without_a_schedule_has_no_next_release(stack: Stack) -> None:
    stack.seed_catalog(saplings=2)

    assert (shown()["available"], shown()["next_release"], shown()["closed"]) == (2, None, False)


def test_changing_a_schedule_keeps_the_saplings_that_the_old_one_released(stack: Stack) -> None:
    put_project(stack, schedule=DAILY)
    stack.clock.instant = SEVEN + DAY
    put_project(stack, schedule=DAILY | {"daily": 1, "at": "12:00"})

    assert stack.available_saplings() == 6
    stack.clock.instant = SEVEN + DAY + 5 * 3600
    assert stack.available_saplings() == 7


def test_a_request_that_was_queued_before_a_release_can_be_served_from_the_release(stack: Stack) -> None:
    put_project(stack, saplings=1, schedule=DAILY)
    first, second = redeem("key-1"), redeem("key-2")
    stack.clock.instant = SEVEN

    stack.settle(*stack.receive_all(stack.redemptions_url))

    assert [stack.redemption(response.body["redemption_id"]).state for response in (first, second)] == [
        "reserved",
        "reserved",
    ]
    assert stack.available_saplings() == 2


def test_a_worker_whose_clock_is_behind_does_not_oversell(stack: Stack) -> None:
    put_project(stack, saplings=1, schedule=DAILY)
    late = redeem("late").body["redemption_id"]
    [body] = stack.receive_all(stack.redemptions_url)
    stack.clock.instant = SEVEN
    assert [settle(stack, f"key-{n}", trees=2) for n in range(2)] == ["reserved", "reserved"]
    stack.clock.instant = SEVEN - 60

    assert stack.available_saplings() == -3
    assert stack.settle(body) == []
    assert stack.redemption(late).reason == "sold_out"
    assert (shown()["available"], stack.stock().reserved) == (0, 4)


def test_a_closed_project_refuses_new_requests_and_rejects_pending_ones_at_once(stack: Stack) -> None:
    put_project(stack, saplings=5)
    waiting = redeem("waiting").body["redemption_id"]
    put_project(stack, saplings=5, closed=True)

    refused = redeem("after")
    stack.settle(*stack.receive_all(stack.redemptions_url))

    assert (refused.status, refused.code) == (409, "project_closed")
    assert (stack.redemption(waiting).reason, stack.wallet().spent) == ("project_closed", 0)
    assert (shown()["closed"], shown()["available"]) == (True, 0)
    put_project(stack, saplings=5)
    assert redeem("reopened").code == "project_closed"
    stack.clock.instant += FIVE_SECONDS_LATER
    assert settle(stack, "reopened") == "reserved"


def test_a_request_for_more_trees_than_saplings_are_left_is_refused_and_writes_nothing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog(saplings=2)
    stack.add_wallet(1000)
    written: list[object] = []
    monkeypatch.setattr(Table, "put", lambda *item: written.append(item))

    refused = redeem(trees=3)

    assert (refused.code, refused.body["detail"]) == (
        "sold_out",
        "More trees were requested than saplings are left (2).",
    )
    assert written == []
    assert stack.receive_all(stack.redemptions_url) == []


def test_a_sapling_of_a_cancelled_redemption_goes_to_the_next_request_within_five_seconds(stack: Stack) -> None:
    stack.seed_catalog(saplings=1)
    stack.add_wallet(1000)
    first = redeem("key-1").body["redemption_id"]
    stack.settle(*stack.receive_all(stack.redemptions_url))
    assert redeem("key-2").code == "sold_out"

    cancel(first)

    stack.clock.instant += FIVE_SECONDS_LATER - 2
    assert redeem("key-2").code == "sold_out"
    stack.clock.instant += 2
    assert settle(stack, "key-2") == "reserved"


def test_a_worker_that_remembers_a_sold_out_project_serves_the_next_release_in_its_first_second(stack: Stack) -> None:
    put_project(stack, schedule=DAILY)
    stack.clock.instant = SEVEN - 1
    assert redeem("early").code == "sold_out"
    stack.clock.instant = SEVEN

    assert settle(stack, "first") == "reserved"


def test_requests_that_are_refused_because_a_project_is_sold_out_read_its_stock_every_five_seconds(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_project(stack, saplings=0)
    reads: list[Key] = []
    get = Table.get

    def counted(table: Table, key: Key) -> Any:  # noqa: ANN401 - passed on
        reads.append(key)
        return get(table, key)

    monkeypatch.setattr(Table, "get", counted)
    for second in range(10):
        for number in range(5):
            assert redeem(f"key-{second}-{number}").code == "sold_out"
        stack.clock.instant += 1

    assert reads.count(stock_key("saxaul-alxa")) == 2


def test_a_replay_of_a_reserved_request_succeeds_although_the_project_is_sold_out(stack: Stack) -> None:
    stack.seed_catalog(saplings=1)
    stack.add_wallet(1000)
    assert settle(stack, "key-1") == "reserved"

    again = redeem("key-1")

    assert (again.status, again.body["replay"], again.body["state"]) == (202, True, "reserved")


def test_a_burst_of_requests_for_the_projects_costs_one_read_per_second(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog(saplings=7)
    reads: list[object] = []
    get_many = Table.get_many

    def counted(table: Table, *keys: Any, **how: Any) -> Any:  # noqa: ANN401 - passed on
        reads.append(keys)
        return get_many(table, *keys, **how)

    monkeypatch.setattr(Table, "get_many", counted)
    responses = [tree_projects() for _ in range(100)]
    stack.clock.instant += 2
    later = tree_projects()

    assert len(reads) == 2
    assert {response.headers["cache-control"] for response in [*responses, later]} == {"private, max-age=1"}
    assert later.body["projects"][0]["available"] == 7
