"""Intake is killed between the two messages of a call: what was sent is posted once, under one of two receipts."""

import pytest

from saxaul.ledger.batches import missing_parts
from saxaul.storage.receipts import RECEIPT_PREFIX
from tests.proof.calls import PERSON, POSTED, Caller, told
from tests.proof.faults import Fault
from tests.proof.twin import Twin
from tests.proof.world import ACTION_QUEUE


def missing_by_receipt(twin: Twin) -> dict[str, list[int]]:
    """Return by receipt the numbers of the parts that are missing."""
    receipts = {key.pk.removeprefix(RECEIPT_PREFIX) for key in twin.world.store.tables["Activity"]}
    return {receipt: missing_parts(twin.world.receipts.parts_of(receipt)) for receipt in receipts}


def test_a_call_of_which_one_message_was_sent_is_posted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = Twin(monkeypatch)
    caller = Caller(twin)
    actions = [told(twin, f"free-{number}", "leave_the_car") for number in range(2)]
    twin.calls.arm(Fault.KILLED_AFTER, after=operations_before_the_first_send(monkeypatch))

    caller.report_in_two_messages([POSTED, POSTED], *actions)
    queued = len(twin.world.queue.queues[ACTION_QUEUE])
    caller.deliver()
    caller.check()

    assert twin.calls.struck == [Fault.KILLED_AFTER]
    assert queued == 3
    assert sorted(missing_by_receipt(twin).values()) == [[], [1]]
    [period] = twin.world.periods.between(PERSON, "", "9999-12-31")
    assert len(period.entries) == 2


def operations_before_the_first_send(monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many AWS calls a call of two messages makes before it sends the first one."""
    with monkeypatch.context() as patch:
        twin = Twin(patch)
        start = len(twin.calls.operations)
        actions = [told(twin, f"free-{number}", "leave_the_car") for number in range(2)]
        Caller(twin).report_in_two_messages([POSTED, POSTED], *actions)
        return twin.calls.operations[start:].index("send_message")
