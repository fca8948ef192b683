"""Cancelling a redemption: before the order it returns points and saplings once; after the order it is refused."""

from collections.abc import Callable

import pytest

from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import TransactionRefusedError
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State
from tests.builders import make_tree_project
from tests.integration.stack import Stack, cancel, certificate, put_entry, redeem, wallet_of


def requested(stack: Stack, key: str = "key-1", trees: int = 1) -> str:
    """Request a redemption, and leave its message in the queue, so that it is pending. Return its id."""
    response = redeem(key, trees=trees)
    assert response.status == 202, response
    assert stack.redemptions_url
    return str(response.body["redemption_id"])


def reserved(stack: Stack, trees: int = 1) -> str:
    redemption_id = requested(stack, trees=trees)
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    return redemption_id


@pytest.fixture
def rich(stack: Stack) -> Stack:
    """A project of ten saplings for 160 points each, and a user with 1,000 points."""
    stack.seed_catalog()
    stack.add_wallet(1000)
    return stack


def test_cancelling_returns_points_and_saplings_and_removes_the_redemption_from_the_list_of_reserved_ones(
    rich: Stack,
) -> None:
    redemption_id = reserved(rich, trees=3)
    assert (rich.wallet().balance, rich.wallet().spent, rich.available_saplings()) == (520, 480, 7)

    response = cancel(redemption_id)

    assert (response.status, response.body["state"]) == (200, "cancelled")
    assert (rich.wallet().balance, rich.wallet().spent, rich.available_saplings()) == (1000, 0, 10)
    assert rich.redemptions.waiting("saxaul-alxa", 10) == []
    assert rich.run_planting_batch() == []


def test_cancelling_twice_gives_the_same_response_and_refunds_once(rich: Stack) -> None:
    redemption_id = reserved(rich)

    responses = [cancel(redemption_id), cancel(redemption_id)]

    assert responses[0] == responses[1]
    assert (rich.wallet().balance, rich.available_saplings()) == (1000, 10)


def test_a_pending_redemption_is_cancelled_and_its_message_is_then_ignored(rich: Stack) -> None:
    redemption_id = requested(rich)

    response = cancel(redemption_id)

    assert (response.status, response.body["state"]) == (200, "cancelled")
    assert rich.settle(*rich.receive_all(rich.redemptions_url)) == []
    assert rich.redemption(redemption_id).state == "cancelled"
    assert (rich.wallet().balance, rich.available_saplings()) == (1000, 10)


def test_an_ordered_redemption_cannot_be_cancelled(rich: Stack) -> None:
    redemption_id = reserved(rich)
    assert len(rich.run_planting_batch()) == 1

    response = cancel(redemption_id)

    assert (response.status, response.code) == (409, "already_ordered")
    assert (rich.redemption(redemption_id).state, rich.wallet().spent, rich.available_saplings()) == ("ordered", 160, 9)


def test_a_rejected_redemption_cannot_be_cancelled_and_refunds_nothing(rich: Stack) -> None:
    served, rejected = requested(rich, "key-1", trees=4), requested(rich, "key-2", trees=4)
    rich.settle(*rich.receive_all(rich.redemptions_url))
    assert rich.redemption(rejected).reason == "insufficient_points"

    response = cancel(rejected)

    assert (response.status, response.code) == (409, "already_rejected")
    assert (rich.redemption(served).state, rich.wallet().spent, rich.available_saplings()) == ("reserved", 640, 6)


def test_the_certificate_of_a_cancelled_redemption_is_404_and_its_points_are_spendable(rich: Stack) -> None:
    redemption_id = reserved(rich)
    number = rich.redemption(redemption_id).trees[0].number
    assert certificate(number).status == 200

    cancel(redemption_id)

    assert certificate(number).code == "unknown_certificate"
    assert wallet_of()["spendable"] == 1000


def test_repeating_the_request_of_a_cancelled_redemption_does_not_queue_it_again(rich: Stack) -> None:
    redemption_id = reserved(rich)
    cancel(redemption_id)

    again = redeem("key-1")

    assert (again.body["redemption_id"], again.body["replay"], again.body["state"]) == (
        redemption_id,
        True,
        "cancelled",
    )
    assert rich.receive_all(rich.redemptions_url) == []


def test_an_unknown_redemption_is_404(rich: Stack) -> None:
    assert cancel("no-such").code == "unknown_redemption"
    assert cancel(reserved(rich), "u-43").code == "unknown_redemption"


def test_another_app_and_another_person_cannot_cancel(rich: Stack) -> None:
    redemption_id = reserved(rich)

    assert [cancel(redemption_id, client="taobao-client").code, cancel(redemption_id, person="u-43").code] == [
        "not_yours",
        "not_yours",
    ]
    assert rich.redemption(redemption_id).state == "reserved"


def run_before_write(
    monkeypatch: pytest.MonkeyPatch, method: str, rival: Callable[[], object], where: type = Redemptions
) -> None:
    """Run ``rival`` once, just before the next write with ``method``."""
    write, met = getattr(where, method), list[object]()

    def overtaken(store: object, *arguments: object, **named: object) -> object:
        if not met:
            met.append(arguments)
            rival()
        return write(store, *arguments, **named)

    monkeypatch.setattr(where, method, overtaken)


def test_a_redemption_that_is_settled_during_its_cancellation_is_cancelled_and_refunded(
    rich: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    redemption_id = requested(rich)
    bodies = rich.receive_all(rich.redemptions_url)
    run_before_write(monkeypatch, "write_cancellation", lambda: rich.settle(*bodies))

    assert cancel(redemption_id).body["state"] == "cancelled"
    assert (rich.wallet().balance, rich.wallet().spent, rich.available_saplings()) == (1000, 0, 10)


def test_a_redemption_that_is_cancelled_during_settlement_is_not_settled_but_others_are(
    rich: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = requested(rich, "key-1"), requested(rich, "key-2")
    run_before_write(monkeypatch, "write_settlement", lambda: cancel(mine))

    assert rich.settle(*rich.receive_all(rich.redemptions_url)) == []
    assert [rich.redemption(redemption_id).state for redemption_id in (mine, other)] == ["cancelled", "reserved"]
    assert (rich.wallet().spent, rich.available_saplings()) == (160, 9)


def test_a_redemption_that_is_ordered_during_its_cancellation_stays_ordered(
    rich: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    redemption_id = reserved(rich)
    run_before_write(monkeypatch, "write_cancellation", rich.run_planting_batch)

    assert cancel(redemption_id).code == "already_ordered"
    assert (rich.wallet().spent, rich.available_saplings()) == (160, 9)


def test_a_redemption_that_is_cancelled_while_an_order_is_placed_is_not_ordered(
    rich: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    redemption_id = reserved(rich)
    run_before_write(monkeypatch, "write", lambda: cancel(redemption_id), Orders)

    assert rich.run_planting_batch() == []
    assert rich.redemption(redemption_id).state == "cancelled"
    assert (rich.wallet().spent, rich.available_saplings()) == (0, 10)


def test_saplings_of_a_cancelled_redemption_are_available_and_can_be_withdrawn_from_the_project(rich: Stack) -> None:
    redemption_id = reserved(rich, trees=6)
    fewer = make_tree_project(saplings=5).model_dump(mode="json", exclude_defaults=True)
    assert put_entry("tree-projects", "saxaul-alxa", fewer).code == "saplings_reserved"

    cancel(redemption_id)

    assert put_entry("tree-projects", "saxaul-alxa", fewer).status == 200
    assert rich.available_saplings() == 5


def test_a_cancellation_whose_write_conflicts_every_time_is_503_and_changes_nothing(
    rich: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Redemptions, cancelled: Redemption, *, refunded: bool) -> None:
        assert (cancelled.state, refunded) == (State.CANCELLED, True)
        raise TransactionRefusedError(["TransactionConflict"])

    redemption_id = reserved(rich)
    monkeypatch.setattr(Redemptions, "write_cancellation", refuse)

    response = cancel(redemption_id)
    assert (response.status, response.code) == (503, "busy")
    assert rich.redemption(redemption_id).state == "reserved"
