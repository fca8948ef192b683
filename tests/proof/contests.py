"""Contests: two workers change the same item, and one of them runs in the middle of the other.

Each contest compares only results that must not depend on which worker writes first.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import pytest

from saxaul.ledger.actions import Action, Owner
from saxaul.trees.report_rules import apply_confirmations, apply_failures
from tests.builders import APP, DAY, confirmation, failure
from tests.proof.faults import Fault
from tests.proof.soundness import items_of, redemptions_of
from tests.proof.stated import assert_each_tree_has_its_leaves, assert_evidence_belongs_to_its_trees
from tests.proof.twin import APPS, HOSTILE, PARTNER, USERS, Message, Twin, make_message, reversing
from tests.proof.world import CALENDAR

MEI, BAO = USERS


class Contest(NamedTuple):
    """``prepare`` sets up the ledger, ``act`` and ``rival`` race, and ``outcome`` returns the result to compare."""

    prepare: Callable[[Twin], None]
    act: Callable[[Twin], object]
    rival: Callable[[Twin], object]
    outcome: Callable[[Twin], object]


def run_contest(contest: Contest) -> None:
    """Run ``rival`` after ``act``, and then before each AWS call of ``act`` in turn. The outcome must be the same."""
    with pytest.MonkeyPatch.context() as patch:
        twin = _prepared(contest, patch)
        start = len(twin.calls.operations)
        contest.act(twin)
        calls = len(twin.calls.operations) - start
        contest.rival(twin)
        expected = contest.outcome(twin)
        twin.check_that_it_adds_up()
    for number in range(calls):
        with pytest.MonkeyPatch.context() as patch:
            twin = _prepared(contest, patch)
            twin.calls.rival = lambda twin=twin: contest.rival(twin)  # type: ignore[misc] # mypy infers no lambda's default
            twin.calls.arm(Fault.OVERTAKEN, after=number)
            contest.act(twin)
            twin.check_that_it_adds_up()
            assert contest.outcome(twin) == expected, f"the outcome differs if the rival runs before call {number}"
            twin.check_that_it_adds_up()


def _prepared(contest: Contest, patch: pytest.MonkeyPatch) -> Twin:
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


def _ride_of_each(name: str) -> Callable[[Twin], None]:
    """Return a step that posts a ride of each person, all in one batch."""

    def report(twin: Twin) -> None:
        _accrue(twin, *(make_message(user_id, name, "bus_ride", twin.world.now, 3) for user_id in USERS))

    return report


def _all_periods(twin: Twin) -> object:
    return [
        (user_id, period.window, period.points, sorted(period.entries))
        for user_id in USERS
        for period in twin.world.periods_of(user_id)
    ]


def _report(action_id: str, type_: str, quantity: str, app: str = APP, evidence: str = "") -> Callable[[Twin], None]:
    def report(twin: Twin) -> None:
        owner, quantity_ = Owner("user", MEI), Decimal(quantity)
        action = Action(app, owner, action_id, type_, quantity_, twin.world.now, evidence_id=evidence)
        _accrue(twin, Message(app, (action,)))

    return report


def _reverse(action_id: str, app: str = APP) -> Callable[[Twin], None]:
    def reverse(twin: Twin) -> None:
        action = Action(app, Owner("user", MEI), action_id, "", Decimal(1), twin.world.now)
        _accrue(twin, reversing(action))

    return reverse


def _both(*steps: Callable[[Twin], None]) -> Callable[[Twin], None]:
    def take(twin: Twin) -> None:
        for step in steps:
            step(twin)

    return take


def _counting(twin: Twin) -> object:
    """Return the points, and the names of the entries that count and that were reversed."""
    periods = twin.world.periods_of(MEI)
    entries = [found for period in periods for found in period.entries.items()]
    counting = sorted(name for name, entry in entries if entry.counts)
    reversed_ = sorted(name for name, entry in entries if entry.reversal)
    return sum(period.points for period in periods), counting, reversed_


def _flooded(twin: Twin) -> None:
    """Let both apps fill their shares, so that further walks are added to sums."""
    for app in APPS:
        owner = Owner("user", MEI)
        walks = [Action(app, owner, f"walk-{n}", "walking", Decimal(12), twin.world.now) for n in range(9)]
        _accrue(twin, Message(app, tuple(walks)))


def _points_and_summed(twin: Twin) -> object:
    [period] = twin.world.periods_of(MEI)
    sums = sorted((name.partition(":")[0], entry.summed) for name, entry in period.entries.items() if entry.summed)
    return period.points, period.avoided_g, sums


def _total(quantity: int) -> Callable[[Twin], None]:
    def report(twin: Twin) -> None:
        owner = Owner("user", MEI)
        _accrue(
            twin,
            Message(APP, (Action(APP, owner, "steps", "walking", Decimal(quantity), twin.world.now, is_total=True),)),
        )

    return report


def _late(twin: Twin) -> None:
    _accrue(twin, make_message(MEI, "late", "bus_ride", twin.world.now - 62 * DAY))


def _rides_two_months_ago(twin: Twin) -> None:
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


def _settle(index: int) -> Callable[[Twin], None]:
    def settle_one(twin: Twin) -> None:
        assert twin.world.settle([twin.world.queue.sent[index]]) == []

    return settle_one


def _states_and_reasons(twin: Twin) -> object:
    """Return the sorted states and reasons of all redemptions. They do not say whose redemption it is."""
    found = [redemption for user_id in USERS for redemption in twin.world.redemptions.of_user(user_id)]
    assert all(twin.world.wallets.get(user_id).balance >= 0 for user_id in USERS)
    return sorted((redemption.state, redemption.reason) for redemption in found)


def _one_of_two_settled(twin: Twin) -> None:
    _last_sapling(twin)
    _settle(-2)(twin)


def _order(twin: Twin) -> None:
    twin.world.order_all()


def _all_ordered(twin: Twin) -> object:
    _order(twin)
    return _states_and_reasons(twin)


def _late_with_a_request(twin: Twin) -> None:
    _rides_two_months_ago(twin)
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


def _confirm(index: int) -> Callable[[Twin], None]:
    def report(twin: Twin) -> None:
        [order] = twin.world.announced_orders(PARTNER)
        tree = confirmation(order.trees[index].number, planted_at=CALENDAR.rfc3339(order.ordered_at))
        [verdict] = twin.world.statements.take(order, [tree], apply_confirmations)
        assert verdict.refusal is None

    return report


def _confirm_with_one_tag(index: int) -> Callable[[Twin], None]:
    def report(twin: Twin) -> None:
        [order] = twin.world.announced_orders(PARTNER)
        planted_at = CALENDAR.rfc3339(order.ordered_at)
        tree = confirmation(order.trees[index].number, planted_at=planted_at, tag="AX-7")
        [verdict] = twin.world.statements.take(order, [tree], apply_confirmations)
        assert verdict.refusal is None or verdict.refusal.code == "tag_used"

    return report


def _planted_and_open(twin: Twin) -> object:
    """Return how many trees are planted, and how many the order still has. Check the evidence and the leaves."""
    items, found = items_of(twin.world, ""), redemptions_of(twin.world)
    assert_each_tree_has_its_leaves(items, found)
    assert_evidence_belongs_to_its_trees(items)
    planted = sum(tree.planting is not None for redemption in found for tree in redemption.trees)
    return planted, _open_trees(twin)


def _two_ordered_redemptions(twin: Twin) -> None:
    _rides(twin)
    for key in ("one", "other"):
        twin.request(MEI, key, "saxaul-alxa", 1)
    twin.settle(twin.world.queue.sent)
    twin.order()


def _fail(index: int) -> Callable[[Twin], None]:
    def report(twin: Twin) -> None:
        [order] = twin.world.announced_orders(PARTNER)
        [verdict] = twin.world.statements.take(order, [failure(order.trees[index].number)], apply_failures)
        assert verdict.refusal is None

    return report


def _open_trees(twin: Twin) -> object:
    return [progress.open_trees for progress in twin.world.orders.of_partners([PARTNER], 10)]


def _two_claims_of_which_a_cap_cuts_one(twin: Twin) -> None:
    """The claims are in the periods of a day and of a month. The third one will be in that of the year."""
    _report("first", "train_ride", "3")(twin)
    _report("second", "train_ride", "3")(twin)
    _report("cut", "train_ride", "3", evidence="e")(twin)
    _report("counting", "walking", "40", HOSTILE, evidence="e")(twin)


def _counting_claims(twin: Twin) -> object:
    entries = [line for period in twin.world.periods_of(MEI) for line in period.entries.items()]
    return sorted(name for name, entry in entries if entry.evidence_id and entry.counts)


CONTESTS: Mapping[str, Contest] = {
    "two actions under one cap": Contest(lambda _: None, _cycling("one"), _cycling("other"), _period),
    "two more actions under one cap": Contest(
        _report("earlier", "cycling", "1"), _cycling("one"), _cycling("other"), _period
    ),
    "two rides in one batch, and a ride of one of their riders": Contest(
        _rides, _ride_of_each("one"), _report("other", "bus_ride", "2"), _all_periods
    ),
    "a ride under a cap, and a third claim to the evidence of a claim that the cap cuts": Contest(
        _two_claims_of_which_a_cap_cuts_one,
        _report("more", "train_ride", "3"),
        _report("third", "leave_the_car", "10", evidence="e"),
        _counting_claims,
    ),
    "two apps claim the same evidence": Contest(
        lambda _: None,
        _report("low", "cycling", "4", evidence="e"),
        _report("high", "bus_ride", "1", HOSTILE, evidence="e"),
        _counting,
    ),
    "a claim, and a reversal of the rival claim": Contest(
        _report("high", "bus_ride", "1", HOSTILE, evidence="e"),
        _report("low", "cycling", "4", evidence="e"),
        _reverse("high", HOSTILE),
        _counting,
    ),
    "an action, and its reversal": Contest(
        _reverse("never-arrives"), _report("walk", "walking", "30"), _reverse("walk"), _counting
    ),
    "a reversal, and its action": Contest(
        lambda _: None, _reverse("walk"), _report("walk", "walking", "30"), _counting
    ),
    "an action with evidence, and its reversal": Contest(
        _both(_reverse("never-arrives"), _report("rival", "cycling", "4", HOSTILE, evidence="e")),
        _report("ride", "bus_ride", "1", evidence="e"),
        _reverse("ride"),
        _counting,
    ),
    "two apps beyond their shares under one cap": Contest(
        _flooded, _report("more", "walking", "7"), _report("more", "walking", "5", HOSTILE), _points_and_summed
    ),
    "two reports of a running total": Contest(_total(10), _total(25), _total(31), _counting),
    "a harvest and a new ride": Contest(
        _rides,
        _harvest,
        lambda twin: _accrue(twin, make_message(MEI, "more", "bus_ride", twin.world.now - 2 * DAY)),
        _balance_after_harvest,
    ),
    "a late ride, and a harvest that closes its period": Contest(
        _rides_two_months_ago, _late, _harvest, _balance_after_harvest
    ),
    "a harvest that closes a period, and a late ride for it": Contest(
        _rides_two_months_ago, _harvest, _late, _balance_after_harvest
    ),
    "two requests for the last sapling": Contest(_last_sapling, _settle(-1), _settle(-2), _states_and_reasons),
    "two requests for the last points": Contest(_last_points, _settle(-1), _settle(-2), _states_and_reasons),
    "a late ride and a settlement": Contest(_late_with_a_request, _late, _settle(-1), _wallet_after_harvest),
    "two confirmations for one redemption": Contest(_two_trees, _confirm(0), _confirm(1), _states_and_reasons),
    "two trees of one redemption with one tag": Contest(
        _two_trees, _confirm_with_one_tag(0), _confirm_with_one_tag(1), _planted_and_open
    ),
    "two redemptions with one tag": Contest(
        _two_ordered_redemptions, _confirm_with_one_tag(0), _confirm_with_one_tag(1), _planted_and_open
    ),
    "two failures in one order": Contest(_two_ordered_redemptions, _fail(0), _fail(1), _open_trees),
    "an order and a settlement": Contest(_one_of_two_settled, _order, _settle(-1), _all_ordered),
}
