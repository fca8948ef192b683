"""Reads the log group of a stack with CloudWatch Logs Insights, which also searches a large hour in a few seconds."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

MOST_LINES = 10_000
"""The most lines that one query of Insights returns."""

PATIENCE = 20.0
"""Seconds to wait for the result of a query. Usually it is there after one or two."""

_PAUSE = 0.25
_RUNNING = {"Scheduled", "Running"}


class UnfinishedQueryError(Exception):
    """A query failed, or did not end in time. The message is one sentence."""


class LogLine(NamedTuple):
    """A line that a function logged: when, in seconds since 1970 by the clock of AWS, and its fields."""

    at: float
    fields: dict[str, Any]


class Lines(NamedTuple):
    """The lines that a query found. ``matched`` is how many there are; ``found`` may lack some of them."""

    found: list[LogLine]
    matched: int


class LogGroup:
    """The log group of a stack."""

    def __init__(
        self, client: "CloudWatchLogsClient", name: str, pause: Callable[[float], object] = time.sleep
    ) -> None:
        self._client = client
        self._name = name
        self._pause = pause

    def find(
        self,
        pattern: str,
        since: float,
        until: float,
        limit: int = MOST_LINES,
        *,
        oldest_first: bool = False,
        stream: str = "",
    ) -> Lines:
        """Return the lines of a time span whose JSON matches a regular expression, newest first.

        The time is that of AWS, in seconds since 1970. Lines that are not a JSON object are left out. If ``stream`` is
        named, only streams whose name contains it are searched.

        Raises:
            UnfinishedQueryError: the query failed, or did not end in time.
        """
        order = "asc" if oldest_first else "desc"
        of_stream = f" | filter @logStream like /{stream}/" if stream else ""
        query = (
            f"fields @timestamp, @message | filter @message like /{pattern}/{of_stream}"
            f" | sort @timestamp {order} | limit {limit}"
        )
        started = self._client.start_query(
            logGroupName=self._name, startTime=int(since), endTime=int(until) + 1, queryString=query
        )
        result = self._result(started["queryId"])
        rows = [{field["field"]: field["value"] for field in row} for row in result["results"]]
        lines = [line for row in rows if (line := _line_of(row))]
        return Lines(lines, int(result["statistics"]["recordsMatched"]))

    def _result(self, query_id: str) -> Any:  # noqa: ANN401 - boto3's own
        for _ in range(round(PATIENCE / _PAUSE)):
            result = self._client.get_query_results(queryId=query_id)
            if result["status"] not in _RUNNING:
                break
            self._pause(_PAUSE)
        if result["status"] == "Complete":
            return result
        if result["status"] in _RUNNING:
            with suppress(self._client.exceptions.InvalidParameterException):  # it ended just now
                self._client.stop_query(queryId=query_id)
            raise UnfinishedQueryError(f"The query of {self._name} did not end within {PATIENCE:g} seconds.")
        raise UnfinishedQueryError(f"The query of {self._name} ended as {result['status']}.")


def _line_of(row: dict[str, str]) -> LogLine | None:
    try:
        fields = json.loads(row["@message"])
    except ValueError:
        return None
    at = datetime.fromisoformat(row["@timestamp"]).replace(tzinfo=UTC).timestamp()
    return LogLine(at, fields) if isinstance(fields, dict) else None
