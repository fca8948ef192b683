"""A year of a small programme in this process: after each day, the API shows what the plain model says.

The tables and the queues are those of the proof (tests/proof/memory_dynamodb.py), because moto is too slow for a year.
"""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
import requests

from saxaul.settings import settings
from tests.clocks import StoppedClock
from tests.integration.conftest import new_stack
from tests.integration.in_process import BASE_URL, send
from tests.integration.stack import Stack, call, deliver, event_of, invoke
from tests.integration.test_impact import raw_record, tally
from tests.proof.memory_dynamodb import MemoryDynamoDB, MemorySQS, Name, Raw
from tests.year.living import Year
from tests.year.script import every_day, new_programme, steps

YEAR = 2027


class InProcess:
    """The product in this process."""

    def __init__(self, stack: Stack, store: MemoryDynamoDB, queues: MemorySQS) -> None:
        self._clock = stack.clock
        self._store = store
        self._queues = queues
        self._seen: dict[Name, Raw] = {}
        self.faults = stack.faults

    def go_to(self, instant: int) -> None:
        assert instant >= self._clock.instant
        self._clock.instant = instant
        invoke("schedule_orders", event_of("schedule_orders"))
        self.settle()

    def settle(self) -> None:
        queues = {
            settings().action_queue_url: "accrue_points",
            settings().redemption_queue_url: "settle_redemptions",
            settings().planting_queue_url: "place_orders",
            settings().log_queue_url: "sequence_log",
        }
        for url, function in queues.items():
            while bodies := self._queues.queues.pop(url, []):
                assert deliver(function, bodies) == []

    def tally(self) -> bool:
        """Deliver the stream of the ledger, and then what was written meanwhile, until nothing changes any more."""
        while records := list(self._changes()):
            tally(*records)
        return True

    def _changes(self) -> Iterator[Any]:
        """Yield the changes of the ledger since the last time, as records of its stream."""
        for name, item in [*self._store.tables["Ledger"].items()]:
            before = self._seen.get(name)
            if before is not item:
                self._seen[name] = item
                yield raw_record(before, item)

    def call(self, who: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()} | {"authorization": f"{who}-client"}
        answer = send(requests.Request(method, BASE_URL + path, named, json=cast("Any", body)).prepare())
        return answer.status_code, answer.json()


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch, clock: StoppedClock) -> Iterator[InProcess]:
    store, queues = MemoryDynamoDB(), MemorySQS()
    for module in ("saxaul.storage.table", "saxaul.storage.batches", "operations.ledger_reading"):
        monkeypatch.setattr(f"{module}.dynamodb", lambda: store)
    monkeypatch.setattr("saxaul.storage.queues.sqs", lambda: queues)
    with new_stack(monkeypatch, clock) as stack:
        yield InProcess(stack, store, queues)


@pytest.mark.slow
def test_each_day_of_a_year_is_as_the_plain_model_says(product: InProcess) -> None:
    seed = random.randrange(2**32)
    times = every_day(YEAR, seed)
    paper = new_programme(YEAR)
    year = Year(product, paper, "y")

    year.begin(times[0] - timedelta(days=1))
    played = year.play(steps(times, seed))

    assert (played, product.faults()) == (366, []), seed
    planted = sum(tree.state == "planted" for tree in paper.trees.values())
    assert call("prove_trees", "GET", "/log").body["planted"] == planted > 0, seed
    assert year.happened.keys() >= {
        *("accepted", "too_old", "in_future", "reserved", "sold_out", "insufficient_points")
    }, seed
    assert year.kinds_cut_by_a_cap() == {"ride", "walk", "bill", "repair"}, seed
