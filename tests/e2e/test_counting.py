"""How actions are counted, over HTTP: split days, running totals, shared evidence, floods, and squatting."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import ANY

import pytest

from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_action, new_user, wallet_of


@pytest.fixture
def taobao(stack: dict[str, Any]) -> Iterator[Client]:
    assert stack
    with Client("taobao") as client:
        yield client


def report(client: Client, *actions: dict[str, Any]) -> None:
    accepted = client.call_or_exit("POST", "/actions", {"actions": actions})
    assert accepted == {"receipt_id": ANY, "accepted": len(actions), "refused": []}


def reverse(client: Client, *actions: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    named = [{name: action[name] for name in ("action_id", "user_id", "occurred_at")} for action in actions]
    return client.call_or_exit("POST", "/reversals", {"reversals": [item | {"reason": "test"} for item in named]})


def lines_of(client: Client, user: str, number: int) -> list[dict[str, Any]]:
    """Return the lines of a user's ledger once there are at least ``number``."""
    path = f"/users/{user}/ledger?limit=200"
    return list(eventually(lambda: client.call_or_exit("GET", path)["entries"], lambda found: len(found) >= number))


def test_a_day_of_small_samples_from_two_apps_earns_as_much_as_one_action(alipay: Client, taobao: Client) -> None:
    split, whole = new_user(), new_user()
    samples = [make_action(split, "walking", quantity=49) for _ in range(100)]

    report(alipay, *samples[:50], make_action(whole, "walking", quantity=4900))
    report(taobao, *samples[50:])

    assert wallet_of(alipay, split, earned=98)["earned"] == wallet_of(alipay, whole, earned=98)["earned"] == 98


def test_the_highest_of_the_running_totals_of_a_step_counter_counts(alipay: Client) -> None:
    user = new_user()
    counter = make_action(user, "walking") | {"mode": "total"}

    for quantity in (1000, 9000, 3000, 9000):
        report(alipay, counter | {"quantity": quantity})
    [line] = eventually(lambda: lines_of(alipay, user, 1), lambda lines: lines[0]["quantity"] == 9000)

    assert (line["mode"], line["points"], line["conflicted"]) == ("total", 180, False)
    assert wallet_of(alipay, user, earned=180)["earned"] == 180


def test_a_ride_with_one_evidence_from_two_apps_is_paid_once_and_still_once_after_a_reversal(
    alipay: Client, taobao: Client
) -> None:
    user = new_user()
    ride = make_action(user) | {"evidence_id": f"bus:{user}"}

    report(taobao, ride)
    wallet_of(alipay, user, earned=80)
    report(alipay, ride)
    both = {line["app_id"]: (line["state"], line["reason"]) for line in lines_of(alipay, user, 2)}
    once = wallet_of(alipay, user, earned=80)
    reverse(taobao, ride)
    lines = eventually(
        lambda: {line["app_id"]: line["points"] for line in lines_of(alipay, user, 2)},
        lambda found: found["alipay"] > 0,
    )

    assert both["alipay"] == ("void", "same_evidence")
    assert (once["earned"], once["avoided_g"]) == (80, 212.5)
    assert lines == {"taobao": 0, "alipay": 80}
    after = wallet_of(alipay, user, earned=80)
    assert (after["earned"], after["avoided_g"]) == (80, 212.5)


def test_an_app_that_floods_a_day_and_reverses_the_unknown_stops_nobody_from_earning(
    alipay: Client, taobao: Client
) -> None:
    user = new_user()
    flood = [make_action(user, "walking") for _ in range(500)]
    never = [make_action(user) for _ in range(500)]

    report(taobao, *flood)
    assert reverse(taobao, *never) == {"receipt_id": ANY, "accepted": 500, "refused": []}
    wallet_of(alipay, user, earned=10)
    report(alipay, *(make_action(user) for _ in range(5)))

    assert wallet_of(alipay, user, earned=10 + 400)["earned"] == 10 + 400
    refused = reverse(taobao, *flood)["refused"]
    assert {refusal["code"] for refusal in refused} == {"summed"}
    assert 0 < len(refused) < 500


def test_when_an_app_reverses_its_rides_the_withheld_rides_of_another_are_paid(alipay: Client, taobao: Client) -> None:
    user = new_user()
    squat = [make_action(user) for _ in range(5)]

    report(taobao, *squat)
    wallet_of(alipay, user, earned=400)
    report(alipay, *(make_action(user) for _ in range(5)))
    withheld = [line["reason"] for line in lines_of(alipay, user, 10) if line["app_id"] == "alipay"]
    reverse(taobao, *squat)
    paid = eventually(
        lambda: [line["points"] for line in lines_of(alipay, user, 10) if line["app_id"] == "alipay"],
        lambda points: sum(points) == 400,
    )

    assert withheld == ["over_units_cap"] * 5
    assert paid == [80] * 5
    assert wallet_of(alipay, user, earned=400)["earned"] == 400


def test_each_bad_action_gets_its_own_code_and_the_others_count(alipay: Client) -> None:
    user = new_user()
    ride = make_action(user)
    bad = {
        "quantity_out_of_range": make_action(user, "train_ticket", quantity=0.001),
        "invalid_action": make_action(user) | {"quantity": "1_0"},
        "conflicting_action": ride | {"quantity": 2},
        "unknown_type": make_action(user, "flight"),
    }

    response = alipay.call_or_exit("POST", "/actions", {"actions": [ride, *bad.values()]})

    assert [refusal["code"] for refusal in response["refused"]] == list(bad)
    assert response["accepted"] == 1
    assert wallet_of(alipay, user, earned=80)["earned"] == 80
