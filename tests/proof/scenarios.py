"""Scenarios: each runs one operation of the system. The proof repeats it with a fault at each of its AWS calls."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

import pytest

from saxaul.ledger.actions import Action, Owner
from saxaul.storage.log import PARTITION, from_item
from saxaul.storage.table import Item, python
from tests.builders import APP, DAY
from tests.proof.faults import Fault
from tests.proof.twin import USERS, Message, Twin, make_message, reversing

HOUR = 3600


class Scenario(NamedTuple):
    """``prepare`` sets up the ledger without faults. ``act`` is the operation during which faults strike."""

    prepare: Callable[[Twin], None]
    act: Callable[[Twin], None]


def operations_of(scenario: Scenario, patch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Run the scenario without faults. Returns the AWS calls of ``act``, and the ledger's items at the end."""
    twin = prepared(scenario, patch)
    start = len(twin.calls.operations)
    scenario.act(twin)
    twin.check()
    twin.check_that_a_replay_changes_nothing()
    return twin.calls.operations[start:], final_items(twin)


def play(scenario: Scenario, patch: pytest.MonkeyPatch, fault: Fault, number: int) -> list[str]:
    """Run the scenario with a fault at one AWS call of ``act``. Check the result, and return the ledger's items."""
    twin = prepared(scenario, patch)
    twin.calls.arm(fault, after=number)
    scenario.act(twin)
    assert twin.calls.struck == [fault]
    twin.check()
    return final_items(twin)


def prepared(scenario: Scenario, patch: pytest.MonkeyPatch) -> Twin:
    """Return a twin that ``prepare`` has set up, with newly started workers."""
    twin = Twin(patch)
    scenario.prepare(twin)
    twin.world.start_workers()
    return twin


def final_items(twin: Twin) -> list[str]:
    """Return the items of the ledger without random values.

    Certificates and orders get fixed names, and marks and seals are left out.
    """
    items = [python(item) for item in twin.world.store.tables["Ledger"].values()]
    names: dict[str, str] = {}
    for item in items:
        if item["pk"].startswith("ORDER#"):
            names[item["pk"].removeprefix("ORDER#")] = f"order of {item['project_id']}"
        elif item["sk"].startswith("TREE#"):
            numbers = [tree["number"] for tree in item["trees"]]
            names |= {number: f"{item['redemption_id']}/{index}" for index, number in enumerate(numbers)}
    lines = [repr(sorted(_certain(item).items())) for item in items]
    for found, name in names.items():
        lines = [line.replace(found, name) for line in lines]
    return sorted(lines)


def _certain(item: Item) -> Item:
    if item["pk"] == PARTITION:
        entry = from_item(item)
        return {
            "sk": item["sk"],
            "counts": entry.counts,
            "leaves": [(leaf.number, leaf.event) for leaf in entry.leaves],
        }
    kept = {name: value for name, value in item.items() if name not in {"mark", "trees"}}
    if not item["sk"].startswith("TREE#"):
        return kept | {"trees": item.get("trees")}
    return kept | {"trees": [{name: value for name, value in tree.items() if name != "seal"} for tree in item["trees"]]}


def _ride(
    user_id: str, action_id: str, twin: Twin, type_: str = "bus_ride", quantity: int = 1, days: int = 1
) -> Message:
    return make_message(user_id, action_id, type_, twin.world.now - days * DAY, quantity)


def _action(twin: Twin, user_id: str, action_id: str, type_: str, quantity: int = 1, days: int = 0) -> Action:
    owner, occurred_at = Owner("user", user_id), twin.world.now - days * DAY
    return Action(APP, owner, action_id, type_, Decimal(quantity), occurred_at)


def _rides(twin: Twin) -> None:
    """Deliver a ride of two days ago for each user: ripe, and not harvested."""
    twin.deliver([_ride(user_id, f"ride-{user_id}", twin, quantity=9, days=2) for user_id in USERS])


def _a_batch(twin: Twin) -> None:
    """Deliver messages for several users and periods, with repeats, and reversals before, with and after actions."""
    mei, bao = USERS
    early = _action(twin, mei, "overtaken", "walking", 20)
    beside = _action(twin, bao, "beside", "cycling", 3)
    mixed = Message(
        APP,
        (
            _action(twin, mei, "c-1", "cycling", 4),
            _action(twin, mei, "c-2", "cycling", 4),
            _action(twin, mei, "w-1", "walking", 200, days=1),
            _action(twin, bao, "y-1", "leave_the_car", 50),
            beside,
        ),
    )
    again = Message(APP, (_action(twin, mei, "c-1", "cycling", 4), _action(twin, mei, "c-2", "cycling", 9)))
    twin.deliver(
        [
            mixed,
            again,
            reversing(early),
            reversing(beside),
            reversing(_action(twin, mei, f"ride-{mei}", "bus_ride", 9, days=2)),
            _ride(bao, "ride-2", twin),
        ]
    )
    twin.deliver([Message(APP, (early, _action(twin, bao, "c-3", "cycling", 5)))])


def _closed(twin: Twin) -> None:
    _rides(twin)
    twin.deliver([_ride(USERS[0], "kept", twin, quantity=3, days=2)])
    twin.wait(60 * DAY)
    for user_id in USERS:
        twin.harvest(user_id)
        assert twin.world.wallets.get(user_id).closed_through


def _late(twin: Twin) -> None:
    """Deliver late messages: for a closed period, for a day without a period, and a reversal of a harvested action."""
    mei, bao = USERS
    ride = twin.delivered[0].actions[0]
    twin.deliver([_ride(bao, "late", twin, days=62), _ride(mei, "late", twin, days=50), reversing(ride)])
    for user_id in USERS:
        twin.harvest(user_id)


def _rides_until_today(twin: Twin) -> None:
    _rides(twin)
    twin.deliver([_ride(user_id, f"today-{user_id}", twin, days=0) for user_id in USERS])


def _harvest(twin: Twin) -> None:
    for user_id in USERS:
        twin.harvest(user_id)


def _harvest_and_close(twin: Twin) -> None:
    _rides(twin)
    twin.harvest(USERS[0])
    twin.deliver([_ride(USERS[0], "more", twin, "cycling", days=0), _ride(USERS[0], "older", twin, days=4)])
    twin.wait(40 * DAY)


def _request(twin: Twin) -> None:
    """Send a request, its repeat, another one with the same key, and one for too many trees. Then settle the queue."""
    mei, bao = USERS
    twin.request(mei, "key-1", "saxaul-alxa", 2)
    twin.request(mei, "key-1", "saxaul-alxa", 2)
    twin.request(mei, "key-1", "willow-yili", 2)
    twin.request(bao, "key-1", "saxaul-alxa", 10)
    twin.settle(twin.world.queue.sent)


def _requested(twin: Twin) -> None:
    """Request more trees than are left, with one request that a wallet cannot pay, and trees of a second project.

    Projects are settled in any order, so the first user's wallet can pay for her trees in both.
    """
    mei, bao = USERS
    _rides(twin)
    for user_id, key, trees in ((mei, "a", 1), (bao, "b", 3), (bao, "d", 2), (mei, "c", 2), (mei, "e", 1)):
        twin.request(user_id, key, "saxaul-alxa", trees)
    twin.request(mei, "f", "willow-yili", 2)


def _settle(twin: Twin) -> None:
    twin.settle(twin.world.queue.sent)
    verdicts = sorted((redemption.state, redemption.reason) for redemption in twin.model.redemptions.values())
    assert verdicts == [("rejected", "insufficient_points"), ("rejected", "sold_out"), *[("reserved", "")] * 4]


def _reserved(twin: Twin) -> None:
    _requested(twin)
    _settle(twin)


def _order(twin: Twin) -> None:
    twin.order()


def _ordered(twin: Twin) -> None:
    _reserved(twin)
    _order(twin)


def _plant(twin: Twin) -> None:
    twin.plant()


SCENARIOS: Mapping[str, Scenario] = {
    "a batch is accrued": Scenario(_rides, _a_batch),
    "late messages reopen closed periods": Scenario(_closed, _late),
    "points are harvested": Scenario(_rides_until_today, _harvest),
    "points are harvested and periods are closed": Scenario(_harvest_and_close, _harvest),
    "trees are requested": Scenario(_rides, _request),
    "redemptions are settled": Scenario(_requested, _settle),
    "reserved trees are ordered": Scenario(_reserved, _order),
    "ordered trees are planted": Scenario(_ordered, _plant),
}
