"""A call that a function's policy does not allow fails the test in which the function makes it."""

import pytest

from tests.integration.policies import CALLS, Access

ALLOWED = Access("dynamodb:BatchGetItem", "LedgerTable", frozenset({"IMPACT#2026-06", "IMPACT#2026-06#1"}))


def test_calls_that_the_policy_allows_are_accepted() -> None:
    with CALLS.of("view_impact"):
        CALLS.check([ALLOWED])


@pytest.mark.parametrize(
    "call",
    [
        ALLOWED._replace(action="dynamodb:PutItem"),
        ALLOWED._replace(resource="LedgerTable/index/Listing"),
        ALLOWED._replace(partitions=frozenset({"IMPACT#2026-06", "USER#u-42"})),
        ALLOWED._replace(partitions=None),
    ],
)
def test_a_call_with_another_action_resource_or_partition_is_refused(call: Access) -> None:
    with pytest.raises(AssertionError, match="view_impact"), CALLS.of("view_impact"):
        CALLS.check([ALLOWED, call])
