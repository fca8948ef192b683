"""DynamoDB and SQS throttle many calls in a row: the work is delayed, and it ends as in a run without faults."""

import pytest

from saxaul.races import ATTEMPTS
from tests.proof.faults import Fault
from tests.proof.scenarios import SCENARIOS, begun, ended, operations_of

THROTTLED_CALLS = 3 * ATTEMPTS
"""Far more calls than one attempt makes before it gives up, so queues must deliver again and apps must retry."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_persistent_throttling_delays_the_work_and_changes_nothing(name: str, subtests: pytest.Subtests) -> None:
    scenario = SCENARIOS[name]
    with pytest.MonkeyPatch.context() as patch:
        operations, undisturbed = operations_of(scenario, patch)
    for number, operation in enumerate(operations):
        with subtests.test(f"from call {number}, {operation}"), pytest.MonkeyPatch.context() as patch:
            twin = begun(scenario, patch)
            for _ in range(THROTTLED_CALLS):
                twin.calls.arm(Fault.THROTTLED, after=number)
            scenario.act(twin)
            assert twin.calls.struck == [Fault.THROTTLED] * THROTTLED_CALLS
            twin.check()
            assert ended(twin) == undisturbed
