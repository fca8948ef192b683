"""An erasure ends the same, with exact numbers, whatever crashes or repeats, and whatever others do meanwhile."""

import random
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from saxaul.ledger.actions import Owner
from saxaul.races import ContendedError
from saxaul.services.erase_items import LittleTimeError
from saxaul.services.erase_person import STALLED_AFTER
from saxaul.storage.erasures import Erasures
from saxaul.trees.report_rules import apply_inspections
from tests.builders import inspection, make_action
from tests.proof.erasing import NEIGHBOUR, PERSON, Household, Saved
from tests.proof.faults import Calls, Fault, Killed, Unreliable
from tests.proof.world import ERASE_QUEUE, ERASURE_DELAY


@cache
def furnished() -> Saved:
    with pytest.MonkeyPatch.context() as patch:
        household = Household(patch)
        household.furnish()
        return household.saved()


@pytest.fixture
def household(monkeypatch: pytest.MonkeyPatch) -> Household:
    return make_household(monkeypatch)


def make_household(patch: pytest.MonkeyPatch) -> Household:
    household = Household(patch)
    household.load(furnished())
    return household


def unreliable(household: Household) -> Calls:
    """Let the AWS calls of the workers fail as the test arms it."""
    calls = Calls()
    world = household.world
    vars(world).update({name: Unreliable(client, calls) for name, client in world.reliable_clients.items()})
    return calls


def surviving(household: Household, calls: Calls) -> Callable[[Callable[[], object]], object]:
    """Return what repeats the work of a worker until it is done, as a redelivery does."""

    def survive(work: Callable[[], object]) -> None:
        for _ in range(20):
            try:
                work()
            except (ClientError, BotoCoreError, ContendedError):
                continue
            except Killed:
                calls.revive()
                household.world.start_workers()
            else:
                return
        raise AssertionError("the work is never done")

    return survive


@cache
def undisturbed() -> tuple[dict[str, Any], dict[str, int], tuple[str, ...]]:
    """Return the totals and the numbers of an erasure that nothing disturbs, and the AWS calls that it makes."""
    with pytest.MonkeyPatch.context() as patch:
        household = make_household(patch)
        calls = unreliable(household)
        household.begin()
        del calls.operations[:]
        household.erase()
        operations = tuple(calls.operations)
        household.check()
        return household.totals(), dict(household.erased()), operations


def assert_ended_as_undisturbed(household: Household, neighbour: list[Any]) -> None:
    totals, numbers, _ = undisturbed()
    household.check()
    assert dict(household.erased()) == numbers
    assert household.totals() == totals
    assert household.others() == neighbour


def test_the_receipt_has_the_numbers_of_what_named_the_person(household: Household) -> None:
    held = household.numbers()

    household.begin()
    household.erase()

    household.check()
    assert household.erased() == held
    assert set(held) == {
        *("period", "evidence", "early_reversal", "grant", "participation", "wallet"),
        *("redemption", "certificate", "ordered_tree"),
    }


def test_the_public_totals_lose_only_the_trees_that_were_never_ordered(household: Household) -> None:
    def reserved(totals: dict[str, Any]) -> int:
        return sum(int(number) for item in totals.values() for number in item.get("trees", {}).values())

    before = household.totals()
    household.begin()
    household.erase()

    after = household.totals()
    assert reserved(before) - reserved(after) == 2
    assert [item.get("acts") for item in after.values()] == [item.get("acts") for item in before.values()]
    assert [item.get("persons") for item in after.values()] == [item.get("persons") for item in before.values()]


@pytest.mark.parametrize(
    "fault", [fault for fault in Fault if fault is not Fault.OVERTAKEN], ids=lambda fault: fault.name
)
def test_a_fault_at_any_call_changes_nothing_of_the_end(fault: Fault) -> None:
    operations = undisturbed()[2]
    assert len(operations) > 30
    for number, operation in enumerate(operations):
        if not fault.applies_to(operation):
            continue
        with pytest.MonkeyPatch.context() as patch:
            household = make_household(patch)
            calls = unreliable(household)
            household.begin()
            neighbour = household.others()
            calls.arm(fault, after=number)

            household.erase(surviving(household, calls))

            assert_ended_as_undisturbed(household, neighbour)


def test_two_workers_at_once_erase_and_count_everything_once() -> None:
    struck = 0
    for number in range(len(undisturbed()[2])):
        with pytest.MonkeyPatch.context() as patch:
            household = make_household(patch)
            calls = unreliable(household)
            name = household.begin()
            neighbour = household.others()
            calls.rival = partial(household.run, name)
            calls.arm(Fault.OVERTAKEN, after=number)

            household.erase(surviving(household, calls))

            assert_ended_as_undisturbed(household, neighbour)
            struck += len(calls.struck)
    assert struck > 30


@pytest.mark.parametrize("seed", range(5))
def test_any_number_of_messages_in_any_order_ends_the_same(seed: int, household: Household) -> None:
    rng = random.Random(seed)
    name = household.begin()
    neighbour = household.others()
    queue = household.world.queue.queues[ERASE_QUEUE]
    sent = list(queue)
    for _ in range(60):
        household.step(rng.choice(sent))
        sent += [body for body in queue if body not in sent]
        household.world.without_faults(household.stream)
        household.world.now += rng.choice([0, 1, 45])

    household.erase()

    assert_ended_as_undisturbed(household, neighbour)
    assert household.world.erasing.run(name, lambda: None) == "nothing"


def test_an_erasure_that_has_little_time_goes_on_with_the_next_message(household: Household) -> None:
    household.begin()
    neighbour = household.others()
    outcomes = []
    while not household.is_finished():
        outcomes.append(household.world.erasing.run(name_in(household), one_transaction()))
        household.world.without_faults(household.stream)
        household.world.now += 30
        assert len(outcomes) < 100

    assert outcomes.count("goes on") == 5, "a transaction each"
    assert_ended_as_undisturbed(household, neighbour)


def one_transaction() -> Callable[[], None]:
    """Return what leaves a message the time for one transaction."""
    left = iter([None])

    def check_time() -> None:
        if next(left, "over") == "over":
            raise LittleTimeError

    return check_time


def name_in(household: Household) -> str:
    [name] = {
        pk.removeprefix("ERASED#") for pk, _ in household.world.store.tables["Ledger"] if pk.startswith("ERASED#")
    }
    return name


class Neighbours:
    """What other workers, apps and partners do while a person is erased. ``act`` does one thing, another one each time.

    Until the delay of the erasure is over, they also write what they had read of the person before its mark.
    """

    def __init__(self, household: Household, seed: int) -> None:
        self.household, self.world = household, household.world
        self._rng = random.Random(seed)
        self._began_at = household.world.now
        self._numbers = count()
        self.did: Counter[str] = Counter()

    def act(self) -> None:
        self.household.stream()
        acts = [self.post, self.request, self.settle, self.order, self.plant, self.inspect]
        act = self._rng.choice(acts)
        act()
        self.did[act.__name__] += 1
        self.household.stream()
        self.household.stream()

    def _owner(self) -> Owner:
        is_late = self.world.now < self._began_at + ERASURE_DELAY
        return self._rng.choice([PERSON, NEIGHBOUR]) if is_late else NEIGHBOUR

    def post(self) -> None:
        action = make_action(f"more-{next(self._numbers)}", owner=self._owner())
        with pytest.MonkeyPatch.context() as patch:
            if action.owner == PERSON:  # the worker looked for a mark before there was one
                patch.setattr(Erasures, "find_many", lambda *_: {})
            self.household.post([action])

    def request(self) -> None:
        self.household.request(self._owner(), f"more-{next(self._numbers)}")

    def settle(self) -> None:
        assert self.world.settle(self.world.queue.sent[-3:]) == []

    def order(self) -> None:
        self.household.nursery.batch()

    def plant(self) -> None:
        self.household.nursery.plant({})

    def inspect(self) -> None:
        for order in self.household.nursery.announced:
            held = self.world.redemptions.of_order(order)
            trees = [held[tree.redemption_id].tree(tree.number) for tree in order.trees]
            planted = [tree.number for tree in trees if tree.planting and tree.order_id == order.order_id]
            self.household.nursery.report(order, apply_inspections, [inspection(number) for number in planted])


def counting_erased(household: Household, patch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what each transaction takes from the person."""
    erased: Counter[str] = Counter()
    store = household.world.store
    transact = store.transact_write_items

    def counted(**request: Any) -> Any:  # noqa: ANN401 - passed on
        before = household.numbers()
        response = transact(**request)
        erased.update(before - household.numbers())
        return response

    patch.setattr(store, "transact_write_items", counted)
    return erased


def test_others_who_work_at_any_call_lose_nothing_and_leave_nothing_of_the_person() -> None:
    did: Counter[str] = Counter()
    for number in range(len(undisturbed()[2]) + 20):
        with pytest.MonkeyPatch.context() as patch:
            household = make_household(patch)
            erased = counting_erased(household, patch)
            calls = unreliable(household)
            household.begin()
            neighbours = Neighbours(household, number)
            calls.rival = neighbours.act
            for later in (0, 1, 5, 9):
                calls.arm(Fault.OVERTAKEN, after=number + later)

            household.erase(surviving(household, calls))

            household.check()
            assert household.erased() == erased
            did += neighbours.did
    assert set(did) == {"post", "request", "settle", "order", "plant", "inspect"}


def test_nothing_is_deleted_before_the_delay_is_over(household: Household) -> None:
    household.begin()
    held = household.numbers()
    queue = household.world.queue.queues[ERASE_QUEUE]

    assert household.step(queue.pop()) == "waits"
    household.world.now += ERASURE_DELAY - 1
    assert household.step(queue.pop()) == "early"

    assert household.numbers() == held
    household.world.now += ERASURE_DELAY + 1
    household.erase()
    assert household.numbers() != held


def test_a_lost_message_is_sent_again(household: Household) -> None:
    household.begin()
    household.world.queue.queues[ERASE_QUEUE].clear()
    assert household.world.erasing.sweep() == 0

    household.world.now += STALLED_AFTER + 1

    assert household.world.erasing.sweep() == 1
    household.erase()
    household.check()
    assert household.world.erasing.sweep() == 0
