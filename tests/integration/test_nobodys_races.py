"""A redemption moves to nobody between two reads of a worker or a request: what had read the person reads again."""

from typing import TYPE_CHECKING, Any

import pytest

from saxaul.services import take_reports
from saxaul.services.sweep import LOST_AFTER
from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State
from tests.builders import USER, confirmation, failure, inspection
from tests.integration.erasing import move_to_nobody
from tests.integration.policies import CALLS
from tests.integration.stack import Stack, certificate, confirm, event_of, invoke, redeem, report, view_order

if TYPE_CHECKING:
    from collections.abc import Callable


class Life:
    """One redemption with two trees of one order, which moves to nobody at a moment that a test chooses."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = stack
        self._patch = monkeypatch
        body = redeem(trees=2, dedication="For my grandmother").body
        self.redemption_id: str = body["redemption_id"]
        self.first, self.second = body["certificates"]
        assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
        [self.order_id] = stack.run_planting_batch()
        self.moved: Redemption | None = None
        self._has_begun = False

    def move(self) -> None:
        """Move the redemption, if it has not moved. The function that runs meanwhile needs no right to do so."""
        if not self._has_begun:
            self._has_begun = True
            with self._patch.context() as patch:
                patch.setattr(CALLS, "function", "")
                self.moved = move_to_nobody(self.stack, self.redemption_id)

    def move_before(self, owner: Any, name: str) -> None:  # noqa: ANN401 - a class or a module
        """Move the redemption before the next call of a function, and only then."""
        original = getattr(owner, name)

        def moving(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - those of the function
            self.move()
            return original(*arguments, **named)

        self._patch.setattr(owner, name, moving)

    def now(self) -> Redemption:
        assert self.moved, "it has not moved"
        assert self.stack.redemptions.of_user(USER.id) == []
        return self.stack.redemption(self.redemption_id, self.moved.user_id)

    def check(self) -> None:
        """Check that all items agree. The points were never earned."""
        assert [fault for fault in self.stack.faults() if "spen" not in fault] == []


@pytest.fixture
def life(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Life:
    stack.seed_catalog()
    stack.add_wallet(640)
    return Life(stack, monkeypatch)


MOMENTS: list[tuple[Any, str]] = [(Redemptions, "of_order"), (take_reports, "transact")]


@pytest.mark.parametrize("moment", MOMENTS, ids=["before the redemption is read", "before it is written"])
@pytest.mark.parametrize("is_planted", [True, False])
def test_a_report_counts_although_its_redemption_moves_meanwhile(
    life: Life, moment: tuple[Any, str], *, is_planted: bool
) -> None:
    life.move_before(*moment)

    name, body = ("confirmations", confirmation(life.first)) if is_planted else ("failures", failure(life.first))
    answer = report(name, life.order_id, body)

    assert answer.body == {"accepted": 1, "refused": []}
    states = [tree.state for tree in life.now().trees]
    assert states == [State.PLANTED if is_planted else State.RESERVED, State.ORDERED]
    life.check()


def test_an_inspection_counts_although_its_redemption_moves_with_a_statement_meanwhile(life: Life) -> None:
    confirm(life.order_id, confirmation(life.first), confirmation(life.second))
    life.stack.clock.instant += 600
    life.move_before(take_reports, "transact")

    answer = report("inspections", life.order_id, inspection(life.first, "dead"))

    assert answer.body == {"accepted": 1, "refused": []}
    assert [tree.chain.statements for tree in life.now().trees] == [3, 2]
    life.check()


def test_an_order_is_shown_although_its_redemption_moves_meanwhile(life: Life) -> None:
    life.move_before(Redemptions, "of_order")

    shown = view_order(life.order_id)

    assert [tree["certificate"] for tree in shown.body["ordered_trees"]] == [life.first, life.second]
    assert USER.id not in str(shown.body)


def test_a_certificate_is_found_although_its_redemption_moves_meanwhile(life: Life) -> None:
    assert certificate(life.first).body["dedication"] == "For my grandmother"
    life.move_before(Redemptions, "get")

    shown = certificate(life.first)

    assert (shown.status, shown.body["dedication"]) == (200, "")


def test_a_planted_certificate_that_is_not_in_the_log_yet_says_that_its_dedication_is_gone(life: Life) -> None:
    confirm(life.order_id, confirmation(life.first))
    life.move_before(Redemptions, "get")

    shown = certificate(life.first)

    assert (shown.status, shown.body["dedication"], shown.body["proofs"]) == (200, None, [])


def fail_both(life: Life) -> None:
    assert report("failures", life.order_id, failure(life.first), failure(life.second)).body["accepted"] == 2
    life.stack.clock.instant += 1


def test_waiting_trees_are_ordered_although_their_redemption_moves_meanwhile(life: Life) -> None:
    fail_both(life)
    life.move_before(Orders, "write")

    [order_id] = life.stack.run_planting_batch()

    assert {tree.order_id for tree in life.now().trees} == {order_id}
    order = life.stack.orders.get(order_id)
    assert order
    assert {tree.user_id for tree in order.trees} == {life.now().user_id}
    life.check()


def test_waiting_trees_are_ordered_although_the_index_still_names_their_person(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_both(life)
    listed: Callable[..., Any] = Redemptions.waiting
    stale = [listed(life.stack.redemptions, "saxaul-alxa", 10)]
    life.move()

    def lagging(redemptions: Redemptions, project_id: str, limit: int) -> list[Redemption]:
        keys = [(one.user_id, one.redemption_id) for one in stale.pop()] if stale else []
        return redemptions.get_many(keys) if keys else listed(redemptions, project_id, limit)

    monkeypatch.setattr(Redemptions, "waiting", lagging)

    [order_id] = life.stack.run_planting_batch()

    assert {tree.order_id for tree in life.now().trees} == {order_id}


def test_an_order_is_announced_although_a_redemption_of_it_moves_meanwhile(life: Life) -> None:
    fail_both(life)
    life.stack.events_on_the_bus()
    life.move_before(Orders, "announce")

    [order_id] = life.stack.run_planting_batch()

    order = life.stack.orders.get(order_id)
    assert order
    assert order.announced_at is not None
    assert {tree.user_id for tree in order.trees} == {life.now().user_id}
    assert USER.id not in str(life.stack.events_on_the_bus())
    life.check()


def test_a_message_to_settle_a_redemption_that_moved_changes_nothing(life: Life) -> None:
    message = f'{{"project_id":"saxaul-alxa","user_id":"{USER.id}","redemption_id":"{life.redemption_id}"}}'
    life.move()
    before = life.now()

    assert life.stack.settle(message) == []

    assert life.now() == before


def test_a_sweep_queues_nothing_of_nobody(life: Life) -> None:
    fail_both(life)
    life.move()
    life.stack.clock.instant += LOST_AFTER + 1

    invoke("sweep_redemptions", event_of("sweep_redemptions"))

    assert life.stack.receive_all(life.stack.redemptions_url) == []


def test_a_person_who_comes_after_may_use_the_key_of_the_erased_person(life: Life) -> None:
    """Both redemptions have the same id. They are never in one order, and each tree is reported on by itself."""
    fail_both(life)
    life.move()
    [number, _] = redeem(trees=2).body["certificates"]
    assert life.stack.settle(*life.stack.receive_all(life.stack.redemptions_url)) == []

    orders = life.stack.run_planting_batch()

    [order_id] = {tree.order_id for tree in life.stack.redemption(life.redemption_id).trees}
    assert {*orders} == {order_id, *(tree.order_id for tree in life.stack.redemption(*nobodys(life)).trees)}
    assert len(orders) == 2
    assert confirm(order_id, confirmation(number)).body == {"accepted": 1, "refused": []}
    assert life.stack.redemption(life.redemption_id).tree(number).state is State.PLANTED
    assert {tree.state for tree in life.stack.redemption(*nobodys(life)).trees} == {State.ORDERED}
    life.check()


def nobodys(life: Life) -> tuple[str, str]:
    """Return the id and the owner of the redemption after its move."""
    assert life.moved
    return life.redemption_id, life.moved.user_id
