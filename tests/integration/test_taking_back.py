"""An operator takes back what an app reported, sums included, through the API."""

import json
from decimal import Decimal
from typing import Any
from unittest.mock import ANY

import pytest

from saxaul.catalog.entries import Cap
from tests.builders import make_action, make_action_type, reported
from tests.integration.log_lines import written_lines
from tests.integration.stack import Response, Stack, call, call_app, wallet_of

OPERATOR = "operator-client"


def take_back(*reversals: Any, app: str = "alipay", client: str = OPERATOR) -> Response:  # noqa: ANN401 - anything may be sent
    path, body = {"app_id": app}, {"reversals": list(reversals)}
    return call("ingest_actions", "POST", "/apps/{app_id}/reversals", client=client, path=path, body=body)


def taken(**changes: object) -> dict[str, Any]:
    """Return a reversal of the action ``ride-1``, as an operator sends it."""
    return reported(type=None, quantity=None, reason="fraud") | changes


def receipt_of(response: Response) -> list[Any]:
    path = {"receipt_id": response.body["receipt_id"]}
    shown = call("ingest_actions", "GET", "/receipts/{receipt_id}", client=OPERATOR, path=path)
    return [(item["index"], item["status"], item.get("reason")) for item in shown.body["items"]]


def deliver_all(stack: Stack) -> None:
    assert stack.accrue(*stack.receive_all(stack.actions_url)) == []


def flooded(stack: Stack) -> str:
    """Let the app report more rides than its share has room for. Return what names the sum of the last ones."""
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", units=Decimal(1)),)))
    stack.accrue_all([make_action(f"ride-{number}") for number in range(50)])
    [period] = stack.periods_of()
    [name] = [name for name, entry in period.entries.items() if entry.summed]
    return name.partition(":")[2]


def register(app_id: str, **registered: object) -> None:
    assert call_app("PUT", app_id, body={"name": app_id, "kind": "first_party", **registered}).status == 201


@pytest.fixture(autouse=True)
def alipay(stack: Stack) -> None:
    assert stack
    register("alipay")


def test_an_operator_takes_back_an_action_of_an_app(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action()])

    response = take_back(taken(), taken(reason=""))
    deliver_all(stack)

    assert (response.status, response.body["accepted"]) == (202, 1)
    assert response.body["refused"] == [{"index": 1, "action_id": "ride-1", "code": "invalid_reversal", "detail": ANY}]
    assert receipt_of(response) == [(0, "reversed", None), (1, "refused", None)]
    assert wallet_of()["earned"] == 0


@pytest.mark.parametrize("state", ["suspended", "ended"])
def test_an_operator_takes_back_the_actions_of_a_suspended_or_ended_app(stack: Stack, state: str) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action()])
    changed = call_app("DELETE", "alipay") if state == "ended" else call_app("POST", "alipay", "suspend")
    assert changed.body["state"] == state

    response = take_back(taken())
    deliver_all(stack)

    assert (response.status, wallet_of()["earned"]) == (202, 0)


def test_a_sum_is_taken_back_as_a_whole_and_later_actions_go_into_another_one(stack: Stack) -> None:
    sum_id = flooded(stack)
    of_sum = taken(action_id=sum_id)

    response = take_back(of_sum)
    deliver_all(stack)
    stack.accrue_all([make_action("later-1"), make_action("later-2")])
    again = take_back(of_sum)
    deliver_all(stack)

    [period] = stack.periods_of()
    sums = {name.partition(":")[2]: (e.summed, e.reversal) for name, e in period.entries.items() if e.summed}
    assert receipt_of(response) == [(0, "reversed", None)]
    assert receipt_of(again) == [(0, "replayed", None)]
    assert sums == {sum_id: (9, "fraud"), f"{sum_id}~2": (2, "")}
    assert wallet_of()["avoided_g"] == (41 + 2) * 212.5


def test_only_an_operator_can_name_a_sum(stack: Stack) -> None:
    sum_id = flooded(stack)

    by_app = call(
        *("ingest_actions", "POST", "/reversals"),
        client="alipay-client",
        body={"reversals": [taken(action_id=sum_id)]},
    )

    assert (by_app.code, by_app.body["refused"][0]["code"]) == ("all_refused", "invalid_reversal")
    assert take_back(taken(action_id=sum_id), client="alipay-client").code == "not_an_operator"


def test_what_names_no_sum_of_the_app_takes_nothing_back(stack: Stack) -> None:
    sum_id = flooded(stack)

    response = take_back(taken(action_id=f"{sum_id}~2"), taken(action_id=sum_id, user_id="nobody"))
    deliver_all(stack)

    assert {said[1:] for said in receipt_of(response)} == {("nothing_to_reverse", "not_kept")}
    assert [period.awaited for period in stack.periods_of()] == [frozenset()]
    assert wallet_of()["avoided_g"] == 50 * 212.5


@pytest.mark.parametrize(
    "action_id",
    [
        *("2026-06-05/", "a/b", "2026-06-05/bus ride/1//1", "/2026-06-05/x", "..", "x" * 129),
        "\uff12\uff10\uff12\uff16-06-05/bus_ride/1//1",
    ],
)
@pytest.mark.usefixtures("stack")
def test_what_can_name_neither_an_action_nor_a_sum_is_refused(action_id: str) -> None:
    assert take_back(taken(action_id=action_id)).body["refused"][0]["code"] == "invalid_reversal"


@pytest.mark.usefixtures("stack")
def test_an_action_of_more_than_366_days_ago_stays() -> None:
    assert take_back(taken(occurred_at="2025-06-01T08:30:00+08:00")).body["refused"][0]["code"] == "too_old"


@pytest.mark.usefixtures("stack")
def test_an_app_that_was_never_registered_has_nothing_to_take_back() -> None:
    assert (take_back(taken(), app="alipya").status, take_back(taken(), app="alipya").code) == (404, "unknown_app")
    assert take_back(taken(), app="ali pay").code == "invalid_parameter"


def test_taking_back_needs_no_grant_and_counts_toward_no_limit_of_the_app(stack: Stack) -> None:
    register("citybike", kind="third_party", limits={"calls_per_second": 1, "actions_per_day": 1})
    stack.seed_catalog()
    stack.accrue_all([make_action(f"ride-{number}", app="citybike") for number in range(3)], "citybike")

    response = take_back(*(taken(action_id=f"ride-{number}") for number in range(3)), app="citybike")
    deliver_all(stack)

    assert (response.body["accepted"], wallet_of()["earned"]) == (3, 0)


def test_an_operator_takes_back_the_action_of_a_facility_that_belongs_to_another_app_now(stack: Stack) -> None:
    stack.seed_catalog()

    response = take_back(taken(user_id=None, facility_id="roof"))

    assert response.status == 202


def test_the_log_says_who_took_back_how_much_and_names_no_person(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.seed_catalog()
    with written_lines(monkeypatch) as lines:
        response = take_back(taken(), taken(action_id="ride-2"))
        written = lines.taken()

    [said] = [line for line in map(json.loads, written) if line["message"] == "an operator takes back actions"]
    assert (said["operator"], said["app"], said["accepted"]) == ("operator", "alipay", 2)
    assert said["receipt_id"] == response.body["receipt_id"]
    assert not any(word in line for line in written for word in ("u-42", "ride-", "fraud"))


def test_an_operator_follows_the_receipts_of_every_app(stack: Stack) -> None:
    stack.seed_catalog()
    sent = call("ingest_actions", "POST", "/actions", body={"actions": [reported()]})

    assert receipt_of(sent) == [(0, "waiting", None)]
