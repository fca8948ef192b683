"""Each call that counts what a client uses fails in every way. Nobody is refused for it, and the limits hold on."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from saxaul.catalog.clients import RegisteredClient
from saxaul.limits import SECOND
from saxaul.problems import TooManyRequests
from saxaul.services.meter_calls import Metering
from saxaul.storage.table import Table
from saxaul.storage.usage import UsageStore
from tests.builders import NOON, make_calendar
from tests.clocks import StoppedClock
from tests.integration.log_lines import written_lines
from tests.proof.faults import Calls, Fault, Killed, Unreliable
from tests.proof.memory_dynamodb import MemoryDynamoDB, Raw, refusal

RATE = 10
A_DAY = 1000
CLIENT = RegisteredClient(name="alipay", role="app", trust="first_party", calls_per_second=RATE, actions_per_day=A_DAY)
ERRORS = {Fault.FAILED, Fault.LOST, Fault.TIMED_OUT, Fault.THROTTLED}
FAULTS = [fault for fault in Fault if fault.applies_to("update_item")]


class Moving(StoppedClock):
    """A clock that a test moves by tenths of a second."""

    tenths = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.tenths * SECOND // 10


class Workers:
    """Two workers whose calls to the table may fail. A killed worker is replaced, and its client repeats the call."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.calls = Calls()
        self.clock = Moving(NOON)
        table = Unreliable(MemoryDynamoDB(), self.calls)
        patch.setattr("saxaul.storage.table.dynamodb", lambda: table)
        self.limits = [self.started(), self.started()]

    def started(self) -> Metering:
        return Metering(UsageStore(Table("Activity", self.clock)), make_calendar(), self.clock)

    def lets_through(self, worker: int, take: Callable[[Metering], None]) -> bool:
        try:
            take(self.limits[worker])
        except TooManyRequests:
            return False
        except Killed:
            self.calls.revive()
            self.limits[worker] = self.started()
            return self.lets_through(worker, take)
        return True


class Use(NamedTuple):
    """A use of a limit: one step of it, how many steps at once are under the limit, and how many are over it.

    ``over`` leaves room for the uses that a fault may count twice, or not at all.
    """

    take: Callable[[Metering], None]
    under: int
    over: int


USES = {
    "calls": Use(lambda limits: limits.take_call(CLIENT), under=RATE, over=2 * RATE),
    "actions": Use(lambda limits: limits.take_actions("alipay", A_DAY, 100), under=9, over=12),
}


def operations_of(use: Use, patch: pytest.MonkeyPatch) -> list[str]:
    workers = Workers(patch)
    for number in range(use.under):
        assert workers.lets_through(number % 2, use.take)
    return workers.calls.operations


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", USES)
def test_after_any_fault_a_client_under_its_limit_is_let_through_and_one_over_it_is_refused(
    name: str, fault: Fault, subtests: pytest.Subtests
) -> None:
    use = USES[name]
    with pytest.MonkeyPatch.context() as patch:
        operations = operations_of(use, patch)
    assert set(operations) == {"update_item"}
    for number in range(len(operations)):
        with subtests.test(f"call {number}"), pytest.MonkeyPatch.context() as patch, written_lines(patch) as lines:
            workers = Workers(patch)
            workers.calls.rival = partial(workers.lets_through, 1, use.take)
            workers.calls.arm(fault, after=number)
            under = [workers.lets_through(step % 2, use.take) for step in range(use.under)]
            workers.clock.tenths += (
                10 if name == "actions" else 1
            )  # after an error, this worker does not count for a second
            over = [workers.lets_through(step % 2, use.take) for step in range(use.over * (1 + len(operations)))]

            assert workers.calls.struck == [fault]
            assert all(under)
            assert not all(over)
            warned = [line for line in lines.taken() if "a limit cannot be checked" in line]
            assert len(warned) == (1 if fault in ERRORS else 0)


def throttled(item: str) -> Callable[[str, Raw], bool]:
    """Return what makes each write of a client's item fail as DynamoDB answers it if the item has too many writes."""

    def refuse(operation: str, request: Raw) -> bool:
        if request["Key"]["pk"] == {"S": item}:
            raise refusal(ClientError, operation, "ProvisionedThroughputExceededException")
        return False

    return refuse


def hanging(_operation: str, _request: Raw) -> bool:
    raise ReadTimeoutError(endpoint_url="memory")


OTHER = CLIENT.model_copy(update={"name": "taobao"})
OF_THE_OTHER = {
    "calls": lambda limits: limits.take_call(OTHER),
    "actions": lambda limits: limits.take_actions("taobao", A_DAY, 100),
}


@pytest.mark.parametrize("name", USES)
def test_a_client_whose_count_is_throttled_is_let_through_and_another_one_over_its_limit_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use, workers = USES[name], Workers(monkeypatch)
    workers.calls.refused = throttled(f"{name.upper()}#alipay")
    passed = {"alipay": 0, "taobao": 0}
    for _ in range(use.over):
        passed["alipay"] += workers.lets_through(0, use.take)
        passed["taobao"] += workers.lets_through(0, OF_THE_OTHER[name])

    assert passed["alipay"] == use.over
    assert use.under <= passed["taobao"] < use.over


def test_actions_are_counted_while_the_calls_of_the_same_client_are_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers(monkeypatch)
    workers.calls.refused = throttled("CALLS#alipay")
    for _ in range(12):
        assert workers.lets_through(0, USES["calls"].take)

    assert sum(workers.lets_through(0, USES["actions"].take) for _ in range(12)) == 10


def test_a_throttled_client_is_counted_again_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, use = Workers(monkeypatch), USES["calls"]
    workers.calls.refused = throttled("CALLS#alipay")
    assert all(workers.lets_through(0, use.take) for _ in range(use.over))
    assert len(workers.calls.operations) == 1

    workers.calls.refused = lambda _operation, _request: False
    workers.clock.tenths = 10

    assert not all(workers.lets_through(0, use.take) for _ in range(use.over))


def test_a_table_that_does_not_answer_refuses_nobody_and_is_asked_once_a_second_for_all_clients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers(monkeypatch)
    workers.calls.refused = hanging
    for tenth in range(100):
        workers.clock.tenths = tenth
        for _ in range(RATE):
            for name, use in USES.items():
                assert workers.lets_through(0, use.take)
                assert workers.lets_through(0, OF_THE_OTHER[name])

    assert len(workers.calls.operations) == 10
