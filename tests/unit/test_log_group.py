"""The log group of a stack is read with queries that end, and that find the lines of the functions."""

import json
import re
from typing import Any, cast

import pytest

from operations import status_reading
from operations.log_group import PATIENCE, Lines, LogGroup, LogLine, UnfinishedQueryError
from saxaul.observability import log_line

AT = "2026-06-05 00:00:01.250"


class Logs:
    """Answers the calls of one query: with each of these states in turn, and with the last one from then on."""

    class exceptions:  # noqa: N801 - boto3's own
        class InvalidParameterException(Exception):  # noqa: N818 - boto3's own
            pass

    def __init__(self, *states: str, rows: list[tuple[str, str]] | None = None) -> None:
        self.states = list(states)
        self.rows = rows or []
        self.started: list[dict[str, Any]] = []
        self.stopped = 0

    def start_query(self, **query: Any) -> dict[str, str]:  # noqa: ANN401 - boto3's own
        self.started.append(query)
        return {"queryId": "q-1"}

    def get_query_results(self, queryId: str) -> dict[str, Any]:  # noqa: N803 - boto3's own
        assert queryId == "q-1"
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        rows = [
            [{"field": "@timestamp", "value": at}, {"field": "@message", "value": message}] for at, message in self.rows
        ]
        return {"status": state, "results": rows, "statistics": {"recordsMatched": 12.0}}

    def stop_query(self, queryId: str) -> None:  # noqa: N803 - boto3's own
        assert queryId == "q-1"
        self.stopped += 1
        raise self.exceptions.InvalidParameterException


def found(logs: Logs, waited: list[float] | None = None) -> Lines:
    pauses = [] if waited is None else waited
    return LogGroup(cast("Any", logs), "/saxaul/test", pauses.append).find("a|b", 1000.5, 4600.5, 7)


def test_a_query_is_bounded_in_time_and_lines_and_its_lines_are_read_as_json() -> None:
    logs, waited = Logs("Scheduled", "Running", "Complete", rows=[(AT, '{"code":"not_found"}')]), list[float]()

    lines = found(logs, waited)

    assert lines == Lines([LogLine(1780617601.25, {"code": "not_found"})], matched=12)
    assert len(waited) == 2
    [query] = logs.started
    assert (query["startTime"], query["endTime"]) == (1000, 4601)
    assert query["queryString"].endswith("| filter @message like /a|b/ | sort @timestamp desc | limit 7")


def test_lines_that_are_no_object_of_json_are_left_out() -> None:
    logs = Logs("Complete", rows=[(AT, "START RequestId: 1"), (AT, "[1]"), (AT, "{")])

    assert found(logs) == Lines([], matched=12)


def test_a_query_that_does_not_end_is_stopped_and_named() -> None:
    logs, waited = Logs("Running"), list[float]()

    with pytest.raises(UnfinishedQueryError, match="/saxaul/test did not end within 20 seconds"):
        found(logs, waited)

    assert sum(waited) == PATIENCE
    assert logs.stopped == 1


@pytest.mark.parametrize("state", ["Failed", "Cancelled", "Timeout", "Unknown"])
def test_a_query_that_fails_is_named(state: str) -> None:
    with pytest.raises(UnfinishedQueryError, match=f"ended as {state}"):
        found(Logs(state))


def line(message: str, **fields: object) -> str:
    """Return a line as the logger of the functions writes it."""
    own = {"level": "INFO", "location": "__call__:1", "message": message, "timestamp": AT, "service": "saxaul"}
    return log_line(own | fields)


@pytest.mark.parametrize(
    ("pattern", "written", "is_found"),
    [
        ("_REFUSALS", line("GET /log", status=200, code=None), False),
        ("_REFUSALS", line("GET /log", status=404, code="not_found"), True),
        ("_REFUSALS", line("POST /actions", status=202, code=None, refused={"unknown_type": 1}), True),
        ("_REFUSALS", line("unexpected failure", exception=json.dumps({"code": "x"}, separators=(",", ":"))), False),
        ("_TALLIED", line("tallied", records=3, changes=0, oldest_changed_s=4), True),
        ("_TALLIED", line("tallied", records=3, changes=0, oldest_changed_s=-1), True),
        ("_TALLIED", line("tallied", records=1, changes=1, oldest_changed_s=None), False),
        ("_TALLIED", line("tallied", records=0, changes=0, oldest_changed_s=4), False),
        ("_TALLIED", line("accrued", messages=1, posted=2), False),
        ("_POSTED", line("accrued", messages=1, posted=20), True),
        ("_POSTED", line("accrued", messages=1, posted=0), False),
        ("_POSTED", line("accrued", messages=1, replayed=2), False),
        ("_POSTED", line("tallied", records=1), False),
    ],
)
def test_each_pattern_finds_its_lines_and_no_others(pattern: str, written: str, is_found: bool) -> None:
    assert bool(re.search(getattr(status_reading, pattern), written)) == is_found
