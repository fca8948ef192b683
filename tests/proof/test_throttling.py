"""DynamoDB and SQS throttle many calls in a row. The work is delayed, but ends in the same state as without faults."""

import pytest

from saxaul.races import ATTEMPTS
from tests.proof.faults import Fault
from tests.proof.scenarios import SCENARIOS, operations_of, prepared

THROTTLED_CALLS = 3 * ATTEMPTS
"""More calls than one attempt makes before it gives up, so queues must redeliver and apps must repeat requests."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_persistent_throttling_delays_the_work_and_changes_nothing(name: str, subtests: pytest.Subtests) -> None:
    scenario = SCENARIOS[name]
    with pytest.MonkeyPatch.context() as patch:
        operations, undisturbed = operations_of(scenario, patch)
    for number, operation in enumerate(operations):
        with subtests.test(f"from call {number}, {operation}"), pytest.MonkeyPatch.context() as patch:
            twin = prepared(scenario, patch)
            for _ in range(THROTTLED_CALLS):
                twin.calls.arm(Fault.THROTTLED, after=number)
            scenario.act(twin)
            assert twin.calls.struck == [Fault.THROTTLED] * THROTTLED_CALLS
            twin.check()
            assert scenario.result(twin) == undisturbed
