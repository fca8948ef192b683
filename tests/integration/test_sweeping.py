"""Sweeping: a redemption whose message was lost is queued again and settled."""

import json

import pytest

from saxaul.services.sweep import LOST_AFTER
from tests.builders import NOON, make_redemption
from tests.integration.stack import Stack, cancel, event_of, invoke, redeem


class Killed(BaseException):
    """Simulates a killed worker. ``except Exception`` does not catch it."""


def sweep() -> int:
    return int(invoke("sweep_redemptions", event_of("sweep_redemptions"))["redemptions"])


def swept(stack: Stack) -> list[str]:
    return [json.loads(body)["redemption_id"] for body in stack.receive_all(stack.redemptions_url)]


@pytest.fixture
def rich(stack: Stack) -> Stack:
    stack.seed_catalog()
    stack.add_wallet(1000)
    return stack


def test_a_redemption_is_settled_even_if_the_worker_is_killed_before_it_queues_the_message(
    rich: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("saxaul.services.redeem.send_redemption", killed)
        with pytest.raises(Killed):
            redeem()
    [lost] = rich.redemptions.of_user("u-42")
    assert (lost.state, rich.receive_all(rich.redemptions_url)) == ("requested", [])
    assert sweep() == 0, "the message may still be in the queue"
    rich.clock.instant += LOST_AFTER + 1

    assert sweep() == 1
    assert rich.settle(*rich.receive_all(rich.redemptions_url)) == []
    assert rich.redemption(lost.redemption_id).state == "reserved"
    rich.clock.instant += LOST_AFTER + 1
    assert sweep() == 0


def test_a_sweep_queues_the_oldest_redemption_of_all_lists_first(rich: Stack) -> None:
    redemption_ids = [f"r-{number}" for number in range(30)]
    for number, redemption_id in enumerate(redemption_ids):
        rich.redemptions.add(make_redemption(redemption_id, requested_at=NOON - 1000 - number))

    assert sweep() == 30
    assert swept(rich) == redemption_ids[::-1]


def test_a_sweep_queues_a_limited_number_and_the_next_sweep_continues(
    rich: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saxaul.services.sweep.MAX_SWEPT", 5)
    for number in range(7):
        rich.redemptions.add(make_redemption(f"r-{number}", requested_at=NOON - 1000 + number))

    assert sweep() == 5
    assert rich.settle(*rich.receive_all(rich.redemptions_url)) == []
    assert sweep() == 2
    assert swept(rich) == ["r-5", "r-6"]


def test_settled_and_cancelled_redemptions_are_not_queued_again(rich: Stack) -> None:
    for redemption_id in ("answered", "cancelled", "waiting"):
        rich.redemptions.add(make_redemption(redemption_id, requested_at=NOON - 1000))
    rich.settle(json.dumps({"project_id": "saxaul-alxa", "user_id": "u-42", "redemption_id": "answered"}))
    cancel("cancelled")

    assert sweep() == 1
    assert swept(rich) == ["waiting"]


def test_a_redemption_that_is_queued_twice_is_settled_once(rich: Stack) -> None:
    redeem()
    bodies = rich.receive_all(rich.redemptions_url)
    rich.clock.instant += LOST_AFTER + 1
    assert sweep() == 1

    assert rich.settle(*bodies, *rich.receive_all(rich.redemptions_url)) == []
    assert (rich.wallet().spent, rich.stock().reserved) == (160, 1)
