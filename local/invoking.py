"""Invokes a function of a running stack, as Lambda's Invoke does, and says what became of it."""

import base64
import json
from collections.abc import Mapping
from contextlib import closing
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.config import Config

from local.client import client_arguments_of_stack
from local.versions import LIVE

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

SERVER_ERROR = 500
"""The lowest status of a response that says that the function failed."""

_REFUSED = 400
"""The lowest status of a response that refuses a request."""

_LEEWAY_SECONDS = 10
"""Seconds for which an answer is awaited after the function must have ended."""

_LONGEST_SECONDS = 900
"""The longest that Lambda lets a function run."""


class Invocation(NamedTuple):
    """What became of one invocation of a function."""

    function: str
    """The logical id of the function in the template, such as ``ViewForest``."""
    answer: Any
    """What the function returned, or Lambda's description of the error that ended it."""
    is_error: bool
    """Whether an error ended the function: one that it raised, a failed import, or its time-out."""
    log: tuple[str, ...]
    """The lines that it logged, oldest first, and below them the traceback of an error. Lambda keeps the last 4 KB."""
    seconds: float
    """How long the call took."""
    version: str = ""
    """The version of the function that answered, such as ``4``; empty if it was not invoked on a stack."""

    @property
    def status(self) -> int | None:
        """The HTTP status of a response to API Gateway. None for any other answer."""
        status = self.answer.get("statusCode") if isinstance(self.answer, dict) else None
        return status if isinstance(status, int) and not self.is_error else None

    @property
    def returned_messages(self) -> list[str]:
        """The ids of the messages that the function could not process, and gave back to their queue or stream."""
        found = self.answer.get("batchItemFailures") if isinstance(self.answer, dict) else None
        return [str(failure.get("itemIdentifier")) for failure in found or ()]

    @property
    def records(self) -> list[dict[str, Any] | None]:
        """The fields of each line of ``log`` that the function logged as JSON, and None for each other line."""
        return [_record_in(line) for line in self.log]

    @property
    def failure(self) -> str | None:
        """Why the invocation failed, as one phrase; None if it did not. A refused request (4xx) is no failure."""
        if self.is_error:
            described = self.answer if isinstance(self.answer, dict) else {}
            kind, message = described.get("errorType", "Error"), described.get("errorMessage", self.answer)
            return f"{kind}: {message}"
        if self.status is not None and self.status >= SERVER_ERROR:
            return f"the status of its response is {self.status}"
        if self.returned_messages:
            return f"it could not process {', '.join(self.returned_messages)}"
        return None

    def fault(self, *, is_example: bool) -> str | None:
        """Why the invocation failed, or None. An example of the project must not be refused either."""
        if self.failure is None and is_example and self.status is not None and self.status >= _REFUSED:
            return f"the status of its response is {self.status}"
        return self.failure


def invoke(
    known: Mapping[str, Any], function: str, event: bytes, timeout: float = _LONGEST_SECONDS + _LEEWAY_SECONDS
) -> Invocation:
    """Invoke a function of a stack with an event, and wait until it has ended.

    Args:
        known: how to reach the stack, as :func:`local.client.stack` returns it.
        function: the logical id of the function.
        event: the event, as JSON.
        timeout: the seconds after which the call is given up; by default more than any function may take.

    Raises:
        BotoCoreError, ClientError: Lambda could not be reached, did not answer in time, or refused the call.
    """
    with closing(lambda_client(known, timeout)) as client:
        return invoke_with(client, function, known["functions"][function], event)


def lambda_client(known: Mapping[str, Any], timeout: float, connections: int = 1) -> "LambdaClient":
    """Return a client for Lambda that gives up an answer after ``timeout`` seconds, and repeats no call.

    ``connections`` is from how many threads it is used at the same time.
    """
    config = Config(read_timeout=timeout, retries={"max_attempts": 0}, max_pool_connections=connections)
    return boto3.client("lambda", **_arguments(known, config))


def invoke_with(client: "LambdaClient", function: str, name: str, event: bytes) -> Invocation:
    """Invoke what clients reach of the function with the logical id ``function`` and the physical name ``name``.

    Like :func:`invoke`.
    """
    began = perf_counter()
    answered = client.invoke(FunctionName=name, Qualifier=LIVE, Payload=event, LogType="Tail")
    payload = answered["Payload"].read()
    seconds = perf_counter() - began
    log = base64.b64decode(answered.get("LogResult", "")).decode("utf-8", "replace")
    lines = tuple(line for line in log.splitlines() if line.strip())
    return Invocation(
        function,
        json.loads(payload or b"null"),
        "FunctionError" in answered,
        lines,
        seconds,
        answered.get("ExecutedVersion", ""),
    )


def _record_in(line: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _arguments(known: Mapping[str, Any], config: Config) -> dict[str, Any]:
    arguments = client_arguments_of_stack(known)
    return {**arguments, "config": config.merge(arguments["config"]) if "config" in arguments else config}
