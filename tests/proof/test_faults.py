"""Every call to AWS goes wrong, in every way: the ledger adds up even then, and trying again ends as if nothing had."""

import pytest

from tests.proof.faults import Fault
from tests.proof.scenarios import SCENARIOS, begun, ended


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_call_goes_wrong_all_is_done_once_in_the_end(name: str, subtests: pytest.Subtests) -> None:
    scenario = SCENARIOS[name]
    with pytest.MonkeyPatch.context() as patch:
        twin = begun(scenario, patch)
        start = len(twin.calls.operations)
        scenario.act(twin)
        operations, undisturbed = twin.calls.operations[start:], ended(twin)

    for fault in Fault:
        for number, operation in enumerate(operations):
            if fault.applies_to(operation):
                with subtests.test(f"call {number}, {operation}, {fault.value}"), pytest.MonkeyPatch.context() as patch:
                    twin = begun(scenario, patch)
                    twin.calls.arm(fault, after=number)
                    scenario.act(twin)
                    assert twin.calls.struck == [fault]
                    twin.check()
                    assert ended(twin) == undisturbed
