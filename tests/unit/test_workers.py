"""The workers of a stack: which of its functions read a queue or a stream, and whether Lambda runs them."""

import time
from typing import Any

import pytest

from operations.workers import PATIENCE, Worker, change, workers_of

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:"
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:saxaul-ActionQueue-1A"
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/saxaul-LedgerTable-1A/stream/2027-06-05T00:00:00.000"


FUNCTIONS = {"AccruePoints": "saxaul-AccruePoints-1A", "TallyImpact": "saxaul-TallyImpact-1A"}


class Lambda:
    """Stands for the client of Lambda, with mappings of this stack and of another one."""

    def get_paginator(self, name: str) -> "Lambda":
        assert name == "list_event_source_mappings"
        return self

    def paginate(self) -> list[Any]:
        mappings = [
            {
                "UUID": "1",
                "FunctionArn": f"{ARN}saxaul-TallyImpact-1A:live",
                "EventSourceArn": STREAM,
                "State": "Disabled",
            },
            {"UUID": "2", "FunctionArn": f"{ARN}saxaul-AccruePoints-1A", "EventSourceArn": QUEUE, "State": "Enabled"},
            {"UUID": "3", "FunctionArn": f"{ARN}other-AccruePoints-1A", "EventSourceArn": QUEUE, "State": "Enabled"},
        ]
        return [{"EventSourceMappings": mappings[:2]}, {"EventSourceMappings": mappings[2:]}]

    def get_function_concurrency(self, **asked: str) -> dict[str, int]:
        return {"ReservedConcurrentExecutions": 0} if "AccruePoints" in asked["FunctionName"] else {}


def test_the_workers_are_those_of_the_stack_also_if_an_alias_is_mapped() -> None:
    client: Any = Lambda()

    assert workers_of(client, FUNCTIONS) == [
        Worker("AccruePoints", "saxaul-AccruePoints-1A", "2", "saxaul-ActionQueue-1A", "Enabled", 0),
        Worker("TallyImpact", "saxaul-TallyImpact-1A", "1", "stream of saxaul-LedgerTable-1A", "Disabled", None),
    ]


def test_a_worker_runs_if_it_is_enabled_and_lambda_may_start_it() -> None:
    worker = Worker("AccruePoints", "a", "1", "q", "Enabled", None)

    assert worker.is_running
    assert worker._replace(state="Enabling", reserved=5).is_running
    assert not worker._replace(state="Disabling").is_running
    assert not worker._replace(reserved=0).is_running


class Changing:
    """Stands for the client of Lambda, whose mappings take ``looks`` looks until they have changed.

    Attributes:
        calls: what it was asked to do, with the id of the mapping or the name of the function, in their order.
    """

    def __init__(self, looks: dict[str, int]) -> None:
        self.calls: list[tuple[str, str]] = []
        self._left, self._wanted = dict(looks), ""

    def update_event_source_mapping(self, **asked: Any) -> None:  # noqa: ANN401 - as boto3 has it
        self._wanted = "Enabled" if asked["Enabled"] else "Disabled"
        self.calls.append((self._wanted, asked["UUID"]))

    def delete_function_concurrency(self, **asked: str) -> None:
        self.calls.append(("no reserved concurrency", asked["FunctionName"]))

    def get_event_source_mapping(self, **asked: str) -> dict[str, str]:
        uuid = asked["UUID"]
        self.calls.append(("look", uuid))
        self._left[uuid] -= 1
        return {"State": "Updating" if self._left[uuid] else self._wanted}


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let no time pass but that of ``time.sleep``, and return the pauses."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    return pauses


SLOW = Worker("AccruePoints", "a", "1", "q", "Enabled", None)
QUICK = Worker("TallyImpact", "t", "2", "s", "Enabled", 0)


def test_all_workers_are_told_to_stop_before_the_first_is_waited_for(
    waited: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    client: Any = Changing({"1": 3, "2": 1})

    change(client, [SLOW, QUICK], run=False)

    looks = [uuid for what, uuid in client.calls if what == "look"]
    assert client.calls[:2] == [("Disabled", "1"), ("Disabled", "2")]
    assert looks == ["1", "2", "1", "1"]
    assert len(waited) == 2
    assert capsys.readouterr().out == "TallyImpact: stopped\nAccruePoints: stopped\n"


def test_starting_also_takes_a_reserved_concurrency_of_0_away(waited: list[float]) -> None:
    client: Any = Changing({"1": 1, "2": 1})

    change(client, [SLOW, QUICK], run=True)

    assert [call for call in client.calls if call[0] != "look"] == [
        ("Enabled", "1"),
        ("no reserved concurrency", "t"),
        ("Enabled", "2"),
    ]
    assert waited == []


def test_a_worker_that_does_not_stop_in_time_is_named_and_the_others_are_stopped(
    waited: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    client: Any = Changing({"1": 10**6, "2": 1})

    with pytest.raises(SystemExit):
        change(client, [SLOW, QUICK], run=False)

    said = capsys.readouterr()
    assert sum(waited) > PATIENCE
    assert said.out == "TallyImpact: stopped\n"
    assert "AccruePoints" in said.err
    assert "TallyImpact" not in said.err
