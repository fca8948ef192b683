"""Orders, announcements and reports stay correct if the worker is killed at any of its AWS calls."""

import random
from typing import Any

import pytest
from saxaul.services.append_log import LogWriter

from saxaul.log.entries import LogEntry
from saxaul.storage.orders import Orders
from saxaul.trees.manifests import manifest_key
from saxaul.trees.report_rules import apply_confirmations
from saxaul.trees.states import State
from tests.builders import NOON, confirmation, make_redemption
from tests.proof.fuse import Fuse, install, survive
from tests.proof.nursery import Nursery

Summary = dict[tuple[str, int], list[str]]

FAILURES = (0, 1, 3, 0, 2, 0, 0)
"""How often planting fails for each of the seven trees. After its third failure, a tree is refunded."""

INSPECTIONS = (("alive",), (), (), ("dead",), ("dead", "replaced"), ("alive", "dead", "replaced"), ())


def run_programme(nursery: Nursery) -> Summary:
    """Order, plant and inspect seven trees of four redemptions, with new workers after each kill.

    Returns the states of each tree.
    """
    numbers = [
        (redemption.redemption_id, index, tree.number)
        for redemption in nursery.redemptions()
        for index, tree in enumerate(redemption.trees)
    ]
    failures = {number: times for (_, _, number), times in zip(numbers, FAILURES, strict=True)}
    found = {number: states for (_, _, number), states in zip(numbers, INSPECTIONS, strict=True)}
    for _ in range(3):
        survive(nursery.world, nursery.batch)
        survive(nursery.world, lambda: nursery.plant(failures))
    survive(nursery.world, lambda: nursery.inspect(found))
    nursery.world.without_faults(nursery.check)
    histories = {
        tree.number: [step.state.value for step in tree.history]
        for redemption in nursery.redemptions()
        for tree in redemption.trees
    }
    return {(redemption_id, index): histories[number] for redemption_id, index, number in numbers}


def make_nursery(patch: pytest.MonkeyPatch) -> Nursery:
    nursery = Nursery(patch)
    for number, trees in enumerate((2, 1, 3, 1)):
        nursery.reserve(f"u-{number % 3}", f"key-{number}", trees)
    return nursery


def undisturbed() -> tuple[Summary, int]:
    """Return the result of a run without a kill, and the number of its AWS calls."""
    with pytest.MonkeyPatch.context() as patch:
        nursery = make_nursery(patch)
        fuse = Fuse(lambda _: False, takes_effect=False)
        install(nursery.world, fuse)
        return run_programme(nursery), fuse.calls


EXPECTED, CALLS = undisturbed()


def test_the_run_reaches_every_state_of_a_tree() -> None:
    assert {state for life in EXPECTED.values() for state in life} == {
        *("reserved", "ordered", "planted", "alive", "dead", "replaced", "refunded")
    }
    assert CALLS > 100


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before the call", "after the call took effect"])
def test_a_worker_killed_at_any_call_leaves_nothing_undone_or_done_twice(takes_effect: bool) -> None:
    for call_number in range(1, CALLS + 1):
        with pytest.MonkeyPatch.context() as patch:
            nursery = make_nursery(patch)
            install(nursery.world, Fuse(call_number.__eq__, takes_effect=takes_effect))

            assert run_programme(nursery) == EXPECTED, f"killed at call {call_number} of {CALLS}"
            assert all(order.announced_at is not None for order in nursery.orders())


@pytest.mark.parametrize("seed", range(10))
def test_workers_that_are_killed_many_times_reach_the_same_result(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    nursery = make_nursery(monkeypatch)
    install(nursery.world, Fuse(lambda _: rng.random() < 0.04, takes_effect=seed % 2 == 0))

    assert run_programme(nursery) == EXPECTED


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before the call", "after the call took effect"])
def test_after_a_kill_halfway_each_of_a_thousand_redemptions_is_in_exactly_one_order(
    takes_effect: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    nursery = Nursery(monkeypatch)
    for module in ("saxaul.trees.orders", "saxaul.services.place_orders"):
        monkeypatch.setattr(f"{module}.MAX_REDEMPTIONS", 98)
    for number in range(1000):
        nursery.world.redemptions.add(make_redemption(f"r-{number}", user_id=f"u-{number}").reserved(NOON + number))

    killed: list[int] = []

    def orders() -> int:
        return sum(name.pk.startswith("ORDER#") for name in nursery.world.store.tables["Ledger"])

    install(nursery.world, Fuse(lambda _: orders() == 5 and not killed, takes_effect=takes_effect))
    monkeypatch.setattr(nursery.world, "start_workers", lambda: killed.append(orders()))

    survive(nursery.world, nursery.batch)

    assert killed == [5]

    numbers = [tree.number for order in nursery.orders() for tree in order.trees]
    manifests = [nursery.world.bucket.objects[manifest_key(order.order_id, "csv")] for order in nursery.orders()]
    assert [len(order.trees) for order in nursery.orders()] == [98] * 10 + [20]
    assert len(numbers) == len(set(numbers)) == 1000
    assert sum(len(manifest.splitlines()) - 1 for manifest in manifests) == 1000
    assert {redemption.state for redemption in nursery.redemptions()} == {State.ORDERED}
    assert all(redemption.trees[0].orders == (redemption.trees[0].order_id,) for redemption in nursery.redemptions())


def test_two_batches_at_once_leave_each_tree_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    nursery = make_nursery(monkeypatch)
    [project_id] = nursery.projects
    write, rivals = Orders.write, [lambda: nursery.world.placing.place(project_id)]

    def overtaken(orders: Orders, batch: object) -> object:
        if rivals:
            rivals.pop()()
        return write(orders, batch)  # type: ignore[arg-type] # passed on unchanged

    monkeypatch.setattr(Orders, "write", overtaken)

    nursery.batch()

    nursery.check()
    assert all(len(tree.orders) == 1 for redemption in nursery.redemptions() for tree in redemption.trees)


def test_two_batches_in_the_same_second_have_different_deduplication_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    nursery = make_nursery(monkeypatch)
    names: list[str] = []
    monkeypatch.setattr(
        nursery.world.queue, "send_message", lambda **message: names.append(message["MessageDeduplicationId"])
    )

    for _ in range(2):
        nursery.world.scheduling.start_batch()

    assert len(names) == len(set(names)) == 2


def test_an_order_that_was_never_announced_is_announced_by_the_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    nursery = make_nursery(monkeypatch)
    with monkeypatch.context() as broken:
        broken.setattr(nursery.world, "eventbridge", None)
        with pytest.raises(AttributeError):
            nursery.batch()
    assert nursery.announced == []

    nursery.batch()

    assert len(nursery.announced) == len(nursery.orders()) == 2
    nursery.check()


def test_two_concurrent_reports_for_one_order_are_both_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    nursery = make_nursery(monkeypatch)
    nursery.batch()
    order = nursery.announced[0]
    first, second = (confirmation(tree.number) for tree in order.trees[:2])
    append, rivals = LogWriter.append, [lambda: nursery.report(order, apply_confirmations, [second])]

    def overtaken(log: LogWriter, *arguments: Any) -> LogEntry:  # noqa: ANN401 - passed on
        if rivals:
            rivals.pop()()
        return append(log, *arguments)

    monkeypatch.setattr(LogWriter, "append", overtaken)

    assert nursery.report(order, apply_confirmations, [first]).accepted == 1

    nursery.check()
    held = nursery.world.redemptions.of_order(order)
    states = [held[tree.redemption_id].tree(tree.number).state for tree in order.trees[:2]]
    assert states == [State.PLANTED, State.PLANTED]
