"""Each AWS call of each scenario fails in every way.

The ledger adds up after the fault, and retries end in the same state as a run without faults.
"""

import pytest

from tests.proof.faults import Fault
from tests.proof.scenarios import SCENARIOS, operations_of, play


@pytest.mark.parametrize("name", SCENARIOS)
def test_after_any_fault_retries_end_in_the_state_of_a_run_without_faults(name: str, subtests: pytest.Subtests) -> None:
    scenario = SCENARIOS[name]
    with pytest.MonkeyPatch.context() as patch:
        operations, undisturbed = operations_of(scenario, patch)
    for fault in Fault:
        for number, operation in enumerate(operations):
            if fault.applies_to(operation):
                with subtests.test(f"call {number}, {operation}, {fault.value}"), pytest.MonkeyPatch.context() as patch:
                    assert play(scenario, patch, fault, number) == undisturbed
