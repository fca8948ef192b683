"""Clients over their limits: each private operation refuses their calls, and a day's limit refuses a whole report."""

from typing import Any

import pytest

from local.operations import operations
from saxaul.catalog.clients import RegisteredClient
from saxaul.http.operations import Operation
from saxaul.storage.table import Key, Table
from tests.access import FIRST_PARTY, PARTNER
from tests.builders import DAY, USER, reported
from tests.integration.conftest import clear_worker_caches
from tests.integration.log_lines import Lines
from tests.integration.policies import RESOURCES
from tests.integration.stack import (
    REGISTERED,
    Response,
    Stack,
    call,
    event_of,
    invoke,
    report_actions,
    report_reversals,
    wallet_of,
)
from tests.integration.test_access import CLIENTS, FUNCTION_OF, Requests
from tests.integration.test_reversals import refund

LIMITED = [route for route in operations() if route.access.role in ("app", "partner")]
SECONDS_OF_HALF_A_DAY = DAY // 2


def limit(stack: Stack, client_id: str = "alipay-client", **limits: int) -> None:
    """Register the app or the partner of a client again with limits."""
    known = REGISTERED[client_id].model_dump(mode="json", exclude_defaults=True)
    stack.register(client_id, RegisteredClient.model_validate(known | limits))


def wallet(client: str = "alipay-client") -> Response:
    return call("view_forest", "GET", "/users/{user_id}/wallet", client=client, path={"user_id": USER.id})


def ride(number: int) -> dict[str, Any]:
    return reported(action_id=f"ride-{number}")


def used(stack: Stack, app: str = "alipay", day: str = "2026-06-05") -> Any:  # noqa: ANN401 - an item
    return Table("Activity", stack.clock).get(Key(f"ACTIONS#{app}", day))


@pytest.mark.parametrize("route", LIMITED, ids=lambda route: f"{route.method} {route.path}")
def test_every_operation_for_apps_and_partners_refuses_a_client_over_its_calls(stack: Stack, route: Operation) -> None:
    sender = PARTNER if route.access.role == "partner" else FIRST_PARTY
    requests = Requests(stack, sender)
    limit(stack, CLIENTS[sender], calls_per_second=1)

    first, second = requests.send(route), requests.send(route)

    assert first.status < 429
    assert (second.status, second.code, second.headers["retry-after"]) == (429, "too_many_calls", "1")


def test_an_operator_has_no_limit(stack: Stack) -> None:
    stack.register("operator-client", RegisteredClient(name="operator", role="operator", calls_per_second=1))
    answers = [
        call("manage_catalog", "GET", "/catalog/{kind}", client="operator-client", path={"kind": "synonyms"})
        for _ in range(200)
    ]

    assert {answer.status for answer in answers} == {200}


def test_every_function_with_a_limited_operation_is_among_those_that_were_tested() -> None:
    assert {FUNCTION_OF[route.route] for route in LIMITED} == {
        *("ingest_actions", "manage_grants", "manage_persons", "redeem_trees", "suggest_campaigns"),
        *("take_reports", "view_forest", "view_impact"),
    }


def test_a_call_that_is_refused_anyway_is_not_counted_if_its_sender_may_not_send_it(stack: Stack) -> None:
    limit(stack, calls_per_second=1)
    refused = [call("take_reports", "GET", "/planting-orders") for _ in range(5)]

    assert {answer.code for answer in refused} == {"not_a_partner"}
    assert wallet().status == 200


def test_a_client_over_its_calls_is_let_through_again_after_a_second(stack: Stack) -> None:
    limit(stack, calls_per_second=1)
    assert [wallet().status for _ in range(3)] == [200, 429, 429]

    stack.clock.instant += 1

    assert [wallet().status for _ in range(2)] == [200, 429]


def test_one_client_over_its_calls_costs_another_nothing(stack: Stack) -> None:
    limit(stack, calls_per_second=1)
    limit(stack, "taobao-client", calls_per_second=50)
    flood = [wallet().status for _ in range(100)]

    assert flood.count(200) == 1
    assert {wallet("taobao-client").status for _ in range(50)} == {200}


def test_a_limit_that_an_operator_changes_applies_within_three_seconds(stack: Stack) -> None:
    limit(stack, calls_per_second=1)
    assert [wallet().status for _ in range(2)] == [200, 429]

    limit(stack, calls_per_second=100)
    stack.clock.instant += 3

    assert {wallet().status for _ in range(100)} == {200}


def test_workers_share_the_calls_of_a_client(stack: Stack) -> None:
    limit(stack, calls_per_second=10)
    passed = 0
    for _ in range(40):
        clear_worker_caches()  # a new worker
        passed += wallet().status == 200

    assert passed == 13


def test_a_table_that_cannot_be_written_refuses_nobody(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    limit(stack, calls_per_second=1, actions_per_day=2)
    stack.seed_catalog()
    wallet()
    monkeypatch.setenv("ACTIVITY_TABLE", "Missing")
    monkeypatch.setitem(RESOURCES, "Missing", "ActivityTable")
    clear_worker_caches()

    assert {wallet().status for _ in range(5)} == {200}
    assert [report_actions(ride(number), ride(number + 1)).status for number in (1, 3, 5)] == [202, 202, 202]
    assert "a limit cannot be checked" in "".join(lines.taken())


def test_a_report_beyond_the_limit_of_the_day_is_refused_as_a_whole(stack: Stack) -> None:
    stack.seed_catalog()
    limit(stack, actions_per_day=3)
    assert report_actions(ride(1), ride(2)).body["accepted"] == 2

    refused = report_actions(ride(3), ride(4))

    assert (refused.status, refused.code) == (429, "daily_limit_reached")
    assert refused.headers["retry-after"] == str(SECONDS_OF_HALF_A_DAY)
    assert len(stack.receive_all(stack.actions_url)) == 1
    assert report_actions(ride(5)).body["accepted"] == 1


def test_the_next_day_has_its_own_actions(stack: Stack) -> None:
    stack.seed_catalog()
    limit(stack, actions_per_day=1)
    assert [report_actions(ride(number)).status for number in range(2)] == [202, 429]

    stack.clock.instant += SECONDS_OF_HALF_A_DAY - 1
    assert report_actions(ride(2)).headers["retry-after"] == "1"
    stack.clock.instant += 1

    assert [report_actions(ride(number)).status for number in range(2)] == [202, 429]
    assert used(stack, day="2026-06-06")["used"] == 1


def test_reversals_count_as_actions(stack: Stack) -> None:
    stack.seed_catalog()
    limit(stack, actions_per_day=2)
    assert report_actions(ride(1)).status == 202
    assert report_reversals(refund(action_id="ride-1")).status == 202

    refused = report_reversals(refund(action_id="ride-1"))

    assert (refused.status, refused.code) == (429, "daily_limit_reached")
    assert used(stack)["used"] == 2


def test_refused_actions_do_not_count(stack: Stack) -> None:
    stack.seed_catalog()
    limit(stack, actions_per_day=2)
    bad = reported(action_id="bad", type="no_such_type")

    assert report_actions(bad, bad, bad).code == "all_refused"
    assert report_actions(bad, ride(1), ride(2)).body["accepted"] == 2
    assert report_actions(ride(3)).code == "daily_limit_reached"


def test_the_count_of_a_day_expires_two_days_later(stack: Stack) -> None:
    stack.seed_catalog()
    limit(stack, actions_per_day=5)
    report_actions(ride(1))

    assert used(stack) == {
        "pk": "ACTIONS#alipay",
        "sk": "2026-06-05",
        "used": 1,
        "expires_at": stack.clock.instant + SECONDS_OF_HALF_A_DAY + 2 * DAY,
    }


def test_what_was_accepted_before_the_limit_was_reached_is_posted(stack: Stack) -> None:
    stack.seed_catalog()
    limit(stack, actions_per_day=1)
    assert [report_actions(ride(number)).status for number in range(3)] == [202, 429, 429]

    stack.deliver_reported()

    assert wallet_of()["earned"] == 80


def test_a_call_without_a_limit_writes_nothing(stack: Stack) -> None:
    stack.seed_catalog()
    report_actions(ride(1))
    invoke("view_forest", event_of("view_forest"))

    assert used(stack) is None
    assert Table("Activity", stack.clock).get(Key("CALLS#alipay", "-")) is None
