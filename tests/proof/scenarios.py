"""Scenarios: each runs one operation of the system. The proof repeats it with a fault at each of its AWS calls."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest

from saxaul.ledger.actions import Action, Owner, Reversal
from saxaul.log.leaves import TreeLeaf, parse
from saxaul.storage.leaves import LEAF_PREFIX
from saxaul.storage.table import Item, python
from tests.builders import APP, DAY
from tests.proof.calls import call_and_post, entries_without_marks
from tests.proof.facilities import BILLION, ROOF, FacilityModel, accepted, assert_agrees, register, taken_back, told
from tests.proof.faults import Fault
from tests.proof.twin import APPS, CHANGED_TYPES, HONEST, HOSTILE, TYPES, USERS, Message, Twin, make_message, reversing
from tests.proof.world import CALENDAR

HOUR = 3600


class Scenario(NamedTuple):
    """A run that is repeated with faults.

    ``prepare`` sets up the ledger without faults. ``act`` is the operation during which faults strike. ``outcome``
    returns what must then be the same as without faults; None stands for all items of the ledger (``final_items``).
    """

    prepare: Callable[[Twin], None]
    act: Callable[[Twin], None]
    outcome: Callable[[Twin], list[str]] | None = None

    def result(self, twin: Twin) -> list[str]:
        return self.outcome(twin) if self.outcome else final_items(twin)


def operations_of(scenario: Scenario, patch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Run the scenario without faults. Returns the AWS calls of ``act``, and the result at the end."""
    twin = prepared(scenario, patch)
    start = len(twin.calls.operations)
    scenario.act(twin)
    twin.check()
    twin.check_that_a_replay_changes_nothing()
    return twin.calls.operations[start:], scenario.result(twin)


def play(scenario: Scenario, patch: pytest.MonkeyPatch, fault: Fault, number: int) -> list[str]:
    """Run the scenario with a fault at one AWS call of ``act``. Check the ledger, and return the result."""
    twin = prepared(scenario, patch)
    twin.calls.arm(fault, after=number)
    scenario.act(twin)
    assert twin.calls.struck == [fault]
    twin.check()
    return scenario.result(twin)


def prepared(scenario: Scenario, patch: pytest.MonkeyPatch) -> Twin:
    """Return a twin that ``prepare`` has set up, with newly started workers."""
    twin = Twin(patch)
    scenario.prepare(twin)
    twin.world.start_workers()
    return twin


def final_items(twin: Twin) -> list[str]:
    """Return the items of the ledger without random values.

    Certificates and orders get fixed names. Marks, seals and what follows from a seal or a certificate are left out.
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
    if item["pk"].startswith(LEAF_PREFIX):
        leaf = parse(item["leaf"].encode())
        assert isinstance(leaf, TreeLeaf)
        certain = leaf._replace(particulars="", previous=str(bool(leaf.previous)))
        return {name: value for name, value in item.items() if name != "list_name"} | {"leaf": certain}
    kept = {name: value for name, value in item.items() if name not in {"mark", "trees"}}
    if not item["sk"].startswith("TREE#"):
        return kept | {"trees": item.get("trees")}
    return kept | {"trees": [_without_hashes(tree) for tree in item["trees"]]}


def _without_hashes(tree: Item) -> Item:
    kept = {name: value for name, value in tree.items() if name != "seal"}
    return kept | ({"chain": tree["chain"] | {"previous": ""}} if "chain" in tree else {})


def _ride(
    user_id: str, action_id: str, twin: Twin, type_: str = "bus_ride", quantity: int = 1, days: int = 1
) -> Message:
    return make_message(user_id, action_id, type_, twin.world.now - days * DAY, quantity)


def _action(
    twin: Twin,
    user_id: str,
    action_id: str,
    type_: str,
    quantity: float | str = 1,
    *,
    days: int = 0,
    app: str = HONEST,
    is_total: bool = False,
    evidence: str = "",
) -> Action:
    owner, occurred_at = Owner("user", user_id), twin.world.now - days * DAY
    return Action(app, owner, action_id, type_, Decimal(str(quantity)), occurred_at, is_total, evidence)


def _send(twin: Twin, *actions: Action) -> None:
    """Deliver each action in a batch of its own."""
    for action in actions:
        twin.deliver([Message(action.app, (action,))])


def _rides(twin: Twin) -> None:
    """Deliver a ride of two days ago for each user: ripe, and not harvested."""
    twin.deliver([_ride(user_id, f"ride-{user_id}", twin, quantity=9, days=2) for user_id in USERS])


def _a_batch(twin: Twin) -> None:
    """Deliver messages for several users and periods, with repeats, and reversals before and after actions."""
    mei, bao = USERS
    early = _action(twin, mei, "overtaken", "walking", 20)
    mixed = Message(
        APP,
        (
            _action(twin, mei, "c-1", "cycling", 4),
            _action(twin, mei, "c-2", "cycling", 4),
            _action(twin, mei, "w-1", "walking", 200, days=1),
            _action(twin, bao, "y-1", "leave_the_car", 50),
            _action(twin, bao, "beside", "cycling", 3),
        ),
    )
    again = Message(APP, (_action(twin, mei, "c-1", "cycling", 4), _action(twin, mei, "c-2", "cycling", 9)))
    ride = _action(twin, mei, f"ride-{mei}", "bus_ride", 9, days=2)
    twin.deliver([mixed, again, reversing(early), reversing(ride), _ride(bao, "ride-2", twin)])
    beside = mixed.actions[-1]
    twin.deliver([Message(APP, (early, _action(twin, bao, "c-3", "cycling", 5))), reversing(beside)])


def _with_reversals(twin: Twin) -> None:
    """Deliver actions together with their reversals. A fault may delay the actions, so that the reversals are early."""
    mei, _ = USERS
    walk = _action(twin, mei, "walk", "walking", 30)
    ride = _action(twin, mei, "ride", "bus_ride", evidence="ticket")
    rival = _action(twin, mei, "rival", "train_ride", 5, app=HOSTILE, evidence="ticket")
    twin.deliver([Message(HOSTILE, (rival,))])
    twin.deliver([reversing(walk), Message(APP, (walk, ride)), reversing(ride)])


def _entries(twin: Twin) -> list[str]:
    periods = [period for user_id in USERS for period in twin.world.periods_of(user_id)]
    return sorted(repr((period.key.window, *found)) for period in periods for found in period.entries.items())


def _small(twin: Twin) -> None:
    """Two apps report tiny quantities, and actions per action that are too small to earn."""
    mei, bao = USERS
    for number, app in enumerate(APPS * 2):
        _send(
            twin,
            _action(twin, mei, f"step-{number}", "walking", "0.999999", app=app),
            _action(twin, mei, f"train-{number}", "train_ride", number + 1, app=app),
            _action(twin, bao, f"bike-{number}", "cycling", "4.35", app=app),
        )


def _older_rules(twin: Twin) -> None:
    """Let one app use up the caps, so that the other app's actions are withheld. Then change the types."""
    mei, _ = USERS
    _rides(twin)
    _send(
        twin,
        _action(twin, mei, "first", "cycling", 5, app=HOSTILE),
        _action(twin, mei, "second", "cycling", "2.5"),
        _action(twin, mei, "third", "cycling", 3),
        _action(twin, mei, "car", "leave_the_car", 38, app=HOSTILE),
        _action(twin, mei, "other-car", "leave_the_car", 7),
    )
    for type_ in ("cycling", "leave_the_car"):
        twin.change_type(type_, CHANGED_TYPES[type_])


def _pay_what_was_withheld(twin: Twin) -> None:
    mei, _ = USERS
    _send(twin, _action(twin, mei, "fourth", "cycling", 2))
    twin.deliver([reversing(_action(twin, mei, "first", "cycling", 5, app=HOSTILE))])
    twin.deliver([reversing(_action(twin, mei, "car", "leave_the_car", 38, app=HOSTILE))])


def _claim_and_reverse(twin: Twin) -> None:
    """Claim evidence with two apps, other types and dates: worth less, worth more, and worth the same. Then reverse."""
    mei, _ = USERS
    low = _action(twin, mei, "low", "cycling", 3, evidence="e-1")
    high = _action(twin, mei, "high", "bus_ride", 1, app=HOSTILE, evidence="e-1", days=1)
    same = _action(twin, mei, "same", "bus_ride", 1, evidence="e-1", days=3)
    again = _action(twin, mei, "again", "bus_ride", 1, app=HOSTILE, evidence="e-1")
    _send(twin, low, high, same, again)
    too_many = _action(twin, mei, "too-many", "bus_ride", 9, app=HOSTILE, evidence="e-1")
    _send(twin, too_many)
    order = [high, same, again, too_many, low]
    for action, next_best in zip(order, [["same"], ["again"], ["too-many"], ["low"], []], strict=True):
        assert _counting(twin, mei, "e-1") == [action.action_id]
        twin.deliver([reversing(action)])
        assert _counting(twin, mei, "e-1") == next_best


def _counting(twin: Twin, user_id: str, evidence_id: str) -> list[str]:
    """Return the ids of the actions that count among those with an evidence."""
    entries = [line for period in twin.world.periods_without_faults(user_id) for line in period.entries.items()]
    return [name.partition(":")[2] for name, entry in entries if entry.evidence_id == evidence_id and entry.counts]


def _squat(twin: Twin) -> None:
    """Claim the evidence of another app with a type whose cap is used up: before the claim, and after it."""
    mei, bao = USERS
    for user_id, evidence, before in ((mei, "e-1", True), (bao, "e-2", False)):
        walk = _action(twin, user_id, "walk", "walking", 150)
        squat = _action(twin, user_id, "squat", "walking", 200, app=HOSTILE, evidence=evidence)
        claim = _action(twin, user_id, "claim", "cycling", 4, evidence=evidence)
        for action in [walk, squat, claim] if before else [squat, claim, walk]:
            _send(twin, action)
        assert {line.action_id for line in twin.model.reports.lines if line.void} >= {"squat"}
    twin.deliver([reversing(_action(twin, mei, "claim", "cycling", 4)), reversing(walk)])


def _free_a_cap(twin: Twin) -> None:
    """Claim the evidence of another app while its cap is used up, and then reverse what had used the cap."""
    mei, _ = USERS
    used = [_action(twin, mei, f"used-{number}", "train_ride", 3, app=HOSTILE) for number in range(2)]
    squat = _action(twin, mei, "squat", "walking", 2, app=HOSTILE, evidence="e-1")
    claim = _action(twin, mei, "claim", "train_ride", 3, evidence="e-1")
    _send(twin, *used, squat, claim)
    assert _counting(twin, mei, "e-1") == ["squat"]
    twin.deliver([reversing(used[0])])
    assert _counting(twin, mei, "e-1") == ["claim"]


def _need_one_cap_twice(twin: Twin) -> None:
    """Claim two evidences so that exchanging one of the claims earns nothing, but exchanging both earns more."""
    mei, _ = USERS
    _send(
        twin,
        _action(twin, mei, "squat-1", "train_ride", 3, app=HOSTILE, evidence="e-1"),
        _action(twin, mei, "squat-2", "cycling", 1, app=HOSTILE, evidence="e-2"),
        *(_action(twin, mei, f"train-{number}", "train_ride", 3) for number in range(2)),
        _action(twin, mei, "bike", "cycling", 4),
        _action(twin, mei, "claim-1", "cycling", 1, evidence="e-1"),
        _action(twin, mei, "claim-2", "walking", 10, evidence="e-2"),
    )
    assert _counting(twin, mei, "e-1") == ["claim-1"]
    assert _counting(twin, mei, "e-2") == ["claim-2"]


def _early(twin: Twin) -> None:
    """Reverse actions of types with each length of window before they arrive, of two apps with the same ids."""
    mei, _ = USERS
    actions = [_action(twin, mei, type_, type_, 2, days=1) for type_ in ("bus_ride", "walking", "leave_the_car")]
    twin.deliver([reversing(action) for action in actions])
    twin.deliver([reversing(_action(twin, mei, "fourth", "cycling", days=1))])
    _send(twin, *actions, *(action._replace(app=HOSTILE) for action in actions))


def _raise(twin: Twin) -> None:
    """Raise running totals of two apps under one cap, with lower reports in between."""
    mei, _ = USERS

    def total(quantity: int, app: str = APP) -> Action:
        return _action(twin, mei, "steps", "walking", quantity, app=app, is_total=True)

    _send(twin, total(20), _action(twin, mei, "walk", "walking", 70, app=HOSTILE), total(5), total(90, HOSTILE))
    twin.deliver([Message(APP, (total(60), total(10), total(80)))])
    _send(twin, total(70), _action(twin, mei, "steps", "walking", 99, is_total=True, days=1))


def _overflow(twin: Twin) -> None:
    """Let the hostile app flood two types until its share is full. Then let both apps report."""
    mei, _ = USERS
    for type_, quantity in (("walking", "0.3"), ("cycling", "0.7")):
        flood = tuple(_action(twin, mei, f"{type_}-{n}", type_, quantity, app=HOSTILE) for n in range(7))
        twin.deliver([Message(HOSTILE, flood)])
    summed = _action(twin, mei, "cycling-4", "cycling", "0.7", app=HOSTILE)
    _send(twin, _action(twin, mei, "honest-walk", "walking", 150), _action(twin, mei, "honest-ride", "cycling", 4))
    twin.deliver([reversing(summed), Message(HOSTILE, (summed,))])
    more = tuple(_action(twin, mei, f"more-{n}", "walking", 3, app=HOSTILE) for n in range(3))
    twin.deliver([Message(HOSTILE, more), Message(HOSTILE, more)])
    twin.deliver([reversing(_action(twin, mei, "honest-walk", "walking", 150))])


def _take_back_sums(twin: Twin) -> None:
    """Reverse a sum of the hostile app, while it goes on reporting. Then deliver the reversal again.

    The actions that come after the reversal are added to another sum, which the repeated reversal does not touch. A sum
    that does not exist cannot be reversed, not even before it exists.
    """
    mei, _ = USERS

    def flood(name: str, number: int) -> Message:
        actions = (_action(twin, mei, f"{name}-{n}", "cycling", "0.3", app=HOSTILE) for n in range(number))
        return Message(HOSTILE, tuple(actions))

    def taking_back(number: str = "", type_: str = "cycling") -> Message:
        sum_id = f"{CALENDAR.day_of(twin.world.now)}/{type_}/1//1{number}"
        return Message(HOSTILE, (), (Reversal(HOSTILE, Owner("user", mei), sum_id, "fraud", twin.world.now),))

    twin.deliver([flood("first", 10)])
    _send(twin, _action(twin, mei, "honest-ride", "cycling", 4))
    first = twin.accepted(taking_back())
    twin.deliver([taking_back("~2")])
    twin.deliver([taking_back(type_="bus_ride")])
    twin.deliver([first])
    twin.deliver([flood("second", 2)])
    twin.deliver([first])
    twin.deliver([flood("third", 1)])
    twin.deliver([taking_back("~2")])
    twin.deliver([flood("first", 10), flood("fourth", 1)])


def _repeat_an_id(twin: Twin) -> None:
    """Report an id with several dates, and reverse one after the other.

    One of the repeats claims evidence that actions of the hostile app claim too.
    """
    mei, _ = USERS
    _send(
        twin,
        _action(twin, mei, "twice", "bus_ride", 1, days=1),
        _action(twin, mei, "rival", "train_ride", 4, app=HOSTILE, evidence="e-1"),
    )
    twin.wait(HOUR)
    _send(
        twin,
        _action(twin, mei, "twice", "bus_ride", 3, evidence="e-1"),
        _action(twin, mei, "twice", "bus_ride", 1, days=1, app=HOSTILE),
        _action(twin, mei, "twice", "cycling", 1, days=1),
        _action(twin, mei, "twice", "cycling", 1),
    )
    twin.deliver([reversing(_action(twin, mei, "rival", "train_ride", 4, app=HOSTILE))])
    _send(twin, _action(twin, mei, "rival-2", "train_ride", 4, app=HOSTILE, evidence="e-1"))
    twin.deliver([reversing(_action(twin, mei, "twice", "bus_ride", 1, days=1))])
    twin.deliver([reversing(_action(twin, mei, "twice", "cycling", 1))])


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
    """Send a request, its repeat, another one with the same key, one for too many trees, and two with a limit.

    One of the limits is too low for the price. Then settle the queue.
    """
    mei, bao = USERS
    twin.request(mei, "key-1", "saxaul-alxa", 2)
    twin.request(mei, "key-1", "saxaul-alxa", 2)
    twin.request(mei, "key-1", "willow-yili", 2)
    twin.request(bao, "key-1", "saxaul-alxa", 10)
    twin.request(bao, "key-2", "willow-yili", 1, max_points=89)
    twin.request(bao, "key-2", "willow-yili", 1, max_points=90)
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


def _change_while_queued(twin: Twin) -> None:
    """Accept actions, change their types, accept further ones, and deliver all of them, the later ones first."""
    mei, bao = USERS
    steps = _action(twin, mei, "steps", "walking", 30, is_total=True)
    actions = [
        _action(twin, mei, "before", "bus_ride", 30),
        _action(twin, bao, "before", "cycling", 4),
        _action(twin, bao, "car", "leave_the_car", 35, evidence="trip"),
        steps,
    ]
    old = [twin.accepted(Message(HONEST, (action,))) for action in actions]
    for type_ in TYPES:
        twin.change_type(type_, CHANGED_TYPES[type_])
    later = [
        _action(twin, mei, "after", "bus_ride", 30),
        _action(twin, bao, "after", "cycling", 4, app=HOSTILE),
        _action(twin, bao, "taxi", "train_ride", 5, app=HOSTILE, evidence="trip"),
        steps._replace(quantity=Decimal(50)),
    ]
    for message in [*(Message(action.app, (action,)) for action in later), *old]:
        twin.deliver([message])
    twin.deliver([reversing(actions[0]), reversing(later[1])])


def _registered(twin: Twin) -> None:
    register(twin.world, "100")


def _report_a_facility(twin: Twin) -> None:
    """Report a billion in one action, in several, on two days and by another app. Reverse some of them."""
    world, now = twin.world, twin.world.now
    with twin.calls.undisturbed():
        catalog = world.catalog_store.catalog(max_age=0)
    model = FacilityModel(HONEST, Fraction(100))
    reported = [
        (HONEST, "first", "40", now),
        (HOSTILE, "theirs", str(BILLION), now),
        (HONEST, "billion", str(BILLION), now),
        (HONEST, "yesterday", "60", now - DAY),
        (HOSTILE, "more", "5", now - DAY),
    ]
    for app, action_id, quantity, at in reported:
        twin.accrue(accepted(world, catalog, app, told(action_id, quantity, at)))
        model.report(app, action_id, quantity, CALENDAR.windows_of(at).day)
    for app, action_id in ((HOSTILE, "first"), (HONEST, "first"), (HONEST, "yesterday")):
        twin.accrue(taken_back(world, catalog, app, action_id, now - DAY * (action_id == "yesterday")))
        model.reverse(app, action_id)
    world.without_faults(lambda: assert_agrees(world.periods.between(ROOF, "", "9999"), model))


SCENARIOS: Mapping[str, Scenario] = {
    "a batch is accrued": Scenario(_rides, _a_batch),
    "actions arrive together with their reversals": Scenario(_rides, _with_reversals, _entries),
    "small actions add up": Scenario(_rides, _small),
    "a reversal pays what a cap withheld": Scenario(_older_rules, _pay_what_was_withheld),
    "evidence is claimed by two apps and reversed": Scenario(_rides, _claim_and_reverse),
    "an app claims evidence with a type whose cap is used up": Scenario(_rides, _squat),
    "a reversal frees a cap for a claim": Scenario(_rides, _free_a_cap),
    "two evidences need the same cap": Scenario(_rides, _need_one_cap_twice),
    "reversals arrive before their actions": Scenario(_rides, _early),
    "running totals are raised": Scenario(_rides, _raise),
    "a share overflows": Scenario(_rides, _overflow),
    "sums are taken back": Scenario(_rides, _take_back_sums),
    "an id is reported with other dates": Scenario(_rides, _repeat_an_id),
    "types change while actions are queued": Scenario(_rides, _change_while_queued),
    "a facility reports more than is plausible": Scenario(_registered, _report_a_facility),
    "calls are accepted and posted": Scenario(_rides, call_and_post, entries_without_marks),
    "late messages reopen closed periods": Scenario(_closed, _late),
    "points are harvested": Scenario(_rides_until_today, _harvest),
    "points are harvested and periods are closed": Scenario(_harvest_and_close, _harvest),
    "trees are requested": Scenario(_rides, _request),
    "redemptions are settled": Scenario(_requested, _settle),
    "reserved trees are ordered": Scenario(_reserved, _order),
    "ordered trees are planted": Scenario(_ordered, _plant),
}
