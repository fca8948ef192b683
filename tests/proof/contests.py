"""Contests: two workers change the same item, and one of them runs between two AWS calls of the other.

Each contest compares only results that must not depend on which worker writes first.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import pytest

from saxaul.ledger.actions import Action, Owner
from saxaul.trees.report_rules import confirm
from tests.builders import APP, DAY, confirmation
from tests.proof.faults import Fault
from tests.proof.twin import PARTNER, USERS, Message, Twin, make_message
from tests.proof.world import CALENDAR

MEI, BAO = USERS


class Contest(NamedTuple):
    """``prepare`` sets up the ledger, ``act`` and ``rival`` race, and ``outcome`` returns the result to compare."""

    prepare: Callable[[Twin], None]
    act: Callable[[Twin], object]
    rival: Callable[[Twin], object]
    outcome: Callable[[Twin], object]


def contend(contest: Contest) -> None:
    """Run the rival after the act, then before each AWS call of the act in turn. The outcome must be the same."""
    with pytest.MonkeyPatch.context() as patch:
        twin = _begun(contest, patch)
        start = len(twin.calls.operations)
        contest.act(twin)
        calls = len(twin.calls.operations) - start
        contest.rival(twin)
        expected = contest.outcome(twin)
        twin.check_that_it_adds_up()
    for number in range(calls):
        with pytest.MonkeyPatch.context() as patch:
            twin = _begun(contest, patch)
            twin.calls.rival = lambda twin=twin: contest.rival(twin)  # type: ignore[misc] # mypy infers no lambda's default
            twin.calls.arm(Fault.OVERTAKEN, after=number)
            contest.act(twin)
            twin.check_that_it_adds_up()
            assert contest.outcome(twin) == expected, f"the outcome differs if the rival runs before call {number}"
            twin.check_that_it_adds_up()


def _begun(contest: Contest, patch: pytest.MonkeyPatch) -> Twin:
    twin = Twin(patch)
    contest.prepare(twin)
    twin.world.start_workers()
    return twin


def _accrue(twin: Twin, *messages: Message) -> None:
    assert twin.world.accrue({str(number): message.body for number, message in enumerate(messages)}) == {}


def _rides(twin: Twin) -> None:
    now = twin.world.now
    twin.deliver([make_message(user_id, f"ride-{user_id}", "bus_ride", now - 2 * DAY, 10) for user_id in USERS])


def _cycling(name: str) -> Callable[[Twin], None]:
    def report(twin: Twin) -> None:
        action = Action(APP, Owner("user", MEI), name, "cycling", Decimal(4), twin.world.now)
        _accrue(twin, Message(APP, (action,)))

    return report


def _period(twin: Twin) -> object:
    [period] = [period for period in twin.world.periods_of(MEI) if len(period.key.window) == len("2026-05")]
    return period.points, sorted(period.entries)


def _late(twin: Twin) -> None:
    _accrue(twin, make_message(MEI, "late", "bus_ride", twin.world.now - 62 * DAY))


def _closed_or_not(twin: Twin) -> None:
    _rides(twin)
    twin.wait(60 * DAY)


def _harvest(twin: Twin) -> None:
    twin.world.harvesting.harvest(MEI)


def _balance_after_harvest(twin: Twin) -> int:
    _harvest(twin)
    return twin.world.wallets.get(MEI).balance


def _last_sapling(twin: Twin) -> None:
    _rides(twin)
    twin.request(MEI, "all but one", "willow-yili", 3)
    twin.settle(twin.world.queue.sent)
    twin.request(MEI, "last", "willow-yili", 1)
    twin.request(BAO, "last", "willow-yili", 1)


def _last_points(twin: Twin) -> None:
    _rides(twin)
    twin.request(MEI, "four", "saxaul-alxa", 4)
    twin.request(MEI, "two", "willow-yili", 2)


def _settle(place: int) -> Callable[[Twin], None]:
    def serve(twin: Twin) -> None:
        assert twin.world.settle([twin.world.queue.sent[place]]) == []

    return serve


def _verdicts(twin: Twin) -> object:
    """Return the state and the reason of each redemption, without its user."""
    found = [redemption for user_id in USERS for redemption in twin.world.redemptions.of_user(user_id)]
    assert all(twin.world.wallets.get(user_id).balance >= 0 for user_id in USERS)
    return sorted((redemption.state, redemption.reason) for redemption in found)


def _something_to_order(twin: Twin) -> None:
    _last_sapling(twin)
    _settle(-2)(twin)


def _order(twin: Twin) -> None:
    twin.world.order_all()


def _all_ordered(twin: Twin) -> object:
    _order(twin)
    return _verdicts(twin)


def _late_with_a_request(twin: Twin) -> None:
    _closed_or_not(twin)
    twin.request(MEI, "one", "saxaul-alxa", 1)


def _wallet_after_harvest(twin: Twin) -> object:
    _harvest(twin)
    wallet = twin.world.wallets.get(MEI)
    return wallet.balance, wallet.spent


def _two_trees(twin: Twin) -> None:
    _rides(twin)
    twin.request(MEI, "two", "saxaul-alxa", 2)
    twin.settle(twin.world.queue.sent)
    twin.order()


def _confirm(place: int) -> Callable[[Twin], None]:
    def report(twin: Twin) -> None:
        [order] = twin.world.orders.of_partner(PARTNER, limit=1)
        tree = confirmation(order.trees[place].number, planted_at=CALENDAR.rfc3339(order.ordered_at))
        assert twin.world.statements.take(order, [tree], confirm).taken == 1

    return report


CONTESTS: Mapping[str, Contest] = {
    "two actions under one cap": Contest(lambda _: None, _cycling("one"), _cycling("other"), _period),
    "a harvest and a new ride": Contest(
        _rides,
        _harvest,
        lambda twin: _accrue(twin, make_message(MEI, "more", "bus_ride", twin.world.now - 2 * DAY)),
        _balance_after_harvest,
    ),
    "a late ride, and a harvest that closes its period": Contest(
        _closed_or_not, _late, _harvest, _balance_after_harvest
    ),
    "a harvest that closes a period, and a late ride for it": Contest(
        _closed_or_not, _harvest, _late, _balance_after_harvest
    ),
    "two requests for the last sapling": Contest(_last_sapling, _settle(-1), _settle(-2), _verdicts),
    "two requests for the last points": Contest(_last_points, _settle(-1), _settle(-2), _verdicts),
    "a late ride and a settlement": Contest(_late_with_a_request, _late, _settle(-1), _wallet_after_harvest),
    "two confirmations for one redemption": Contest(_two_trees, _confirm(0), _confirm(1), _verdicts),
    "an order and a settlement": Contest(_something_to_order, _order, _settle(-1), _all_ordered),
}
