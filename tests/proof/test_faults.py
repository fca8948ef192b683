"""Every call to AWS goes wrong, in every way: the ledger adds up even then, and trying again ends as if nothing had."""

import pytest

from tests.proof.faults import Fault
from tests.proof.scenarios import SCENARIOS, operations_of, play


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_call_goes_wrong_all_is_done_once_in_the_end(name: str, subtests: pytest.Subtests) -> None:
    scenario = SCENARIOS[name]
    with pytest.MonkeyPatch.context() as patch:
        operations, undisturbed = operations_of(scenario, patch)
    for fault in Fault:
        for number, operation in enumerate(operations):
            if fault.applies_to(operation):
                with subtests.test(f"call {number}, {operation}, {fault.value}"), pytest.MonkeyPatch.context() as patch:
                    assert play(scenario, patch, fault, number) == undisturbed
