"""Sweeping: a redemption whose message was lost gets its answer all the same."""

import json

import pytest

from saxaul.services.sweep import LOST_AFTER
from tests.builders import NOON, make_redemption
from tests.integration.stack import Stack, cancel, event_of, invoke, redeem


class Killed(BaseException):
    """What ends a worker: nothing catches it."""


def sweep() -> int:
    return int(invoke("sweep_redemptions", event_of("sweep_redemptions"))["redemptions"])


def swept(stack: Stack) -> list[str]:
    return [json.loads(body)["redemption_id"] for body in stack.waiting(stack.redemptions_url)]


@pytest.fixture
def rich(stack: Stack) -> Stack:
    stack.seed_catalog()
    stack.add_wallet(1000)
    return stack


def test_a_worker_killed_between_the_write_and_the_queue_loses_no_redemption(
    rich: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("saxaul.services.redeem.send_redemption", killed)
        with pytest.raises(Killed):
            redeem()
    [lost] = rich.redemptions.of_user("u-42")
    assert (lost.state, rich.waiting(rich.redemptions_url)) == ("requested", [])
    assert sweep() == 0, "it may still be on its way"
    rich.clock.instant += LOST_AFTER + 1

    assert sweep() == 1
    assert rich.settle(*rich.waiting(rich.redemptions_url)) == []
    assert rich.redemption(lost.redemption_id).state == "reserved"
    rich.clock.instant += LOST_AFTER + 1
    assert sweep() == 0


def test_the_oldest_is_queued_first_of_every_list(rich: Stack) -> None:
    asked = [f"r-{number}" for number in range(30)]
    for number, redemption_id in enumerate(asked):
        rich.redemptions.add(make_redemption(redemption_id, requested_at=NOON - 1000 - number))

    assert sweep() == 30
    assert swept(rich) == asked[::-1]


def test_a_sweep_takes_a_bounded_number_and_the_next_goes_on(rich: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saxaul.services.sweep.MAX_SWEPT", 5)
    for number in range(7):
        rich.redemptions.add(make_redemption(f"r-{number}", requested_at=NOON - 1000 + number))

    assert sweep() == 5
    assert rich.settle(*rich.waiting(rich.redemptions_url)) == []
    assert sweep() == 2
    assert swept(rich) == ["r-5", "r-6"]


def test_what_was_answered_or_cancelled_is_left_alone(rich: Stack) -> None:
    for redemption_id in ("answered", "cancelled", "waiting"):
        rich.redemptions.add(make_redemption(redemption_id, requested_at=NOON - 1000))
    rich.settle(json.dumps({"project_id": "saxaul-alxa", "user_id": "u-42", "redemption_id": "answered"}))
    cancel("cancelled")

    assert sweep() == 1
    assert swept(rich) == ["waiting"]


def test_a_redemption_that_is_queued_twice_is_answered_once(rich: Stack) -> None:
    redeem()
    bodies = rich.waiting(rich.redemptions_url)
    rich.clock.instant += LOST_AFTER + 1
    assert sweep() == 1

    assert rich.settle(*bodies, *rich.waiting(rich.redemptions_url)) == []
    assert (rich.wallet().spent, rich.stock().reserved) == (160, 1)
