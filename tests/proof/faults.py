"""Calls to AWS that go wrong: at one call of a run, in every way that DynamoDB and SQS know.

What botocore repeats by itself lies below: a fault here is what storage sees when that did not help,
and ``REPEATED`` is what it sees when that did help. ``test_botocore.py`` shows that botocore behaves so.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.proof.memory_dynamodb import CanceledError, ConflictError, Raw, refusal

WRITES = ("put_item", "transact_write_items", "batch_write_item", "send_message", "put_object", "put_events")
BATCHES = {
    "batch_get_item": ("RequestItems", "UnprocessedKeys"),
    "batch_write_item": ("RequestItems", "UnprocessedItems"),
}


class Killed(BaseException):
    """The process ended here. Nothing may catch it."""


class Fault(Enum):
    """What becomes of a call."""

    FAILED = "failed before it took effect"
    LOST = "took effect, and its answer was lost"
    TIMED_OUT = "timed out before it took effect"
    THROTTLED = "was throttled"
    CONFLICTED = "met another transaction"
    UNPROCESSED = "left half of its batch unprocessed"
    REPEATED = "took effect, and botocore repeated it"
    KILLED_BEFORE = "was never made: the process was killed"
    KILLED_AFTER = "was the last one before the process was killed"
    OVERTAKEN = "came after another worker had done all of the same"

    def applies_to(self, operation: str) -> bool:
        """Whether it makes a difference to that operation."""
        match self:
            case Fault.CONFLICTED:
                return operation in {"put_item", "transact_write_items"}
            case Fault.UNPROCESSED:
                return operation in BATCHES
            case Fault.LOST | Fault.REPEATED | Fault.KILLED_AFTER:
                return operation in WRITES
            case _:
                return True


class Calls:
    """All calls of a run, counted. Those that are armed go wrong once, those that are refused each time."""

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.struck: list[Fault] = []
        self._armed: list[tuple[int, Fault]] = []
        self._dead = False
        self.refused: Callable[[str, Raw], bool] = lambda _operation, _request: False
        self.rival: Callable[[], object] = lambda: None

    def arm(self, fault: Fault, after: int = 0) -> None:
        """Let the call fail that comes after that many more, the first one that the fault applies to."""
        self._armed.append((len(self.operations) + after, fault))

    @property
    def armed(self) -> int:
        return len(self._armed)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """What is armed waits until afterwards."""
        armed, self._armed = self._armed, []
        count = len(self.operations)
        yield
        del self.operations[count:]
        self._armed = armed

    def revive(self) -> None:
        """A new process."""
        self._dead = False

    def make(self, operation: str, call: Callable[..., Any], /, **request: Any) -> Any:  # noqa: ANN401 - any call of boto3
        if self._dead:
            raise Killed
        number = len(self.operations)
        self.operations.append(operation)
        if self.refused(operation, request):
            raise _error(Fault.FAILED, operation, request)
        due = [armed for armed in self._armed if number >= armed[0] and armed[1].applies_to(operation)]
        if not due:
            return call(**request)
        self._armed.remove(due[0])
        fault = due[0][1]
        self.struck.append(fault)
        return self._strike(fault, operation, call, request)

    def _strike(self, fault: Fault, operation: str, call: Callable[..., Any], request: Raw) -> Any:  # noqa: ANN401
        match fault:
            case Fault.UNPROCESSED:
                return _half(operation, call, request)
            case Fault.REPEATED:
                return _repeated(operation, call, request)
            case Fault.OVERTAKEN:
                with self.undisturbed():
                    self.rival()
                return call(**request)
            case Fault.LOST | Fault.KILLED_AFTER:
                with suppress(ClientError):  # a refusal is an answer too
                    call(**request)
        self._dead = fault in {Fault.KILLED_BEFORE, Fault.KILLED_AFTER}
        raise Killed if self._dead else _error(fault, operation, request)


class Unreliable:
    """A client of boto3 whose calls may go wrong."""

    def __init__(self, client: Any, calls: Calls) -> None:  # noqa: ANN401 - either of the clients in memory
        self._client = client
        self._calls = calls

    @property
    def exceptions(self) -> Any:  # noqa: ANN401 - classes that boto3 makes when it runs
        return self._client.exceptions

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return partial(self._calls.make, operation, getattr(self._client, operation))

    def get_paginator(self, operation: str) -> "UnreliablePaginator":
        return UnreliablePaginator(operation, self._client.get_paginator(operation), self._calls)


class UnreliablePaginator:
    """Each page is a call of its own."""

    def __init__(self, operation: str, paginator: Any, calls: Calls) -> None:  # noqa: ANN401
        self._operation = operation
        self._paginator = paginator
        self._calls = calls

    def paginate(self, **query: Any) -> Iterator[Raw]:  # noqa: ANN401
        pages = self._paginator.paginate(**query)
        yield self._calls.make(self._operation, partial(next, pages))
        for page in pages:
            yield self._calls.make(self._operation, dict, **page)


def _error(fault: Fault, operation: str, request: Raw) -> Exception:
    match fault:
        case Fault.LOST:
            return ConnectionClosedError(endpoint_url="memory")
        case Fault.TIMED_OUT:
            return ReadTimeoutError(endpoint_url="memory")
        case Fault.THROTTLED if operation == "transact_write_items":
            return _canceled(request, "ThrottlingError")
        case Fault.THROTTLED if operation == "send_message":
            return refusal(ClientError, operation, "RequestThrottled")
        case Fault.THROTTLED:
            return refusal(ClientError, operation, "ProvisionedThroughputExceededException")
        case Fault.CONFLICTED if operation == "transact_write_items":
            return _canceled(request, "TransactionConflict")
        case Fault.CONFLICTED:
            return refusal(ConflictError, operation)
        case _:
            return refusal(ClientError, operation, "InternalServerError")


def _canceled(request: Raw, code: str) -> ClientError:
    """The last write of a transaction is to blame; DynamoDB names no code for the others."""
    others = [{"Code": "None"} for _ in request["TransactItems"][1:]]
    return refusal(CanceledError, "TransactWriteItems", CancellationReasons=[*others, {"Code": code}])


def _half(operation: str, call: Callable[..., Raw], request: Raw) -> Raw:
    """Serve the first half of a batch, and name the rest; of one there is no half."""
    wanted, left = BATCHES[operation]
    served: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for table, asked in request[wanted].items():
        listed = asked["Keys"] if isinstance(asked, Mapping) else asked
        middle = (len(listed) + 1) // 2
        for part, chosen in ((served, listed[:middle]), (rest, listed[middle:])):
            if chosen:
                part[table] = {**asked, "Keys": chosen} if isinstance(asked, Mapping) else chosen
    return call(**{wanted: served}) | {left: rest}


def _repeated(operation: str, call: Callable[..., Any], request: Raw) -> Any:  # noqa: ANN401
    """The answer to the second of two requests. DynamoDB knows a transaction again by its token, and writes it once."""
    answer = call(**request)
    return answer if operation == "transact_write_items" else call(**request)
