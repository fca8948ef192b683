"""Injects faults into AWS calls: one call of a run fails in one of the ways that DynamoDB and SQS can fail.

botocore retries below this layer. A fault here is what storage sees after botocore's retries have failed, and
``REPEATED`` is what it sees after a retry has succeeded. ``test_botocore.py`` shows that botocore behaves like this.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import Enum
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests import partiql
from tests.proof.memory_dynamodb import CanceledError, ConflictError, Raw, refusal

STATEMENTS = "batch_execute_statement"
WRITES = (
    "put_item",
    "update_item",
    STATEMENTS,
    "transact_write_items",
    "batch_write_item",
    "send_message",
    "put_object",
    "put_events",
)
BATCHES = {
    "batch_get_item": ("RequestItems", "UnprocessedKeys"),
    "batch_write_item": ("RequestItems", "UnprocessedItems"),
}


class Killed(BaseException):
    """The process was killed at this call. This is not an ``Exception``, so ``except Exception`` does not catch it."""


class Fault(Enum):
    """What happens to an AWS call."""

    FAILED = "fails before it takes effect"
    LOST = "takes effect, but its response is lost"
    TIMED_OUT = "times out before it takes effect"
    THROTTLED = "is throttled"
    CONFLICTED = "conflicts with another transaction"
    UNPROCESSED = "leaves half of its batch unprocessed"
    UNSURE = "reports internal errors for half of its statements, of which some took effect"
    REPEATED = "takes effect, and botocore repeats it"
    KILLED_BEFORE = "is not made, because the process is killed before it"
    KILLED_AFTER = "takes effect, and then the process is killed"
    OVERTAKEN = "runs after another worker has done the same work"

    def applies_to(self, operation: str) -> bool:
        """Return whether the fault makes a difference to that operation."""
        match self:
            case Fault.CONFLICTED:
                return operation in {"put_item", STATEMENTS, "transact_write_items"}
            case Fault.UNPROCESSED:
                return operation in {*BATCHES, STATEMENTS}
            case Fault.UNSURE:
                return operation == STATEMENTS
            case Fault.LOST | Fault.REPEATED | Fault.KILLED_AFTER:
                return operation in WRITES
            case _:
                return True


class Calls:
    """Counts the AWS calls of a run. An armed fault strikes one call. Calls for which ``refused`` is true fail."""

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.struck: list[Fault] = []
        self._armed: list[tuple[int, Fault]] = []
        self._dead = False
        self.refused: Callable[[str, Raw], bool] = lambda _operation, _request: False
        self.rival: Callable[[], object] = lambda: None

    def arm(self, fault: Fault, after: int = 0) -> None:
        """Arm a fault. It strikes the first call that it applies to, after ``after`` more calls."""
        self._armed.append((len(self.operations) + after, fault))

    def disarm(self) -> None:
        """Remove the fault that was armed last."""
        self._armed.pop()

    @property
    def armed(self) -> int:
        return len(self._armed)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Inject no armed faults and count no calls inside this block."""
        armed, self._armed = self._armed, []
        count = len(self.operations)
        yield
        del self.operations[count:]
        self._armed = armed

    def revive(self) -> None:
        """Accept calls again, as a new process would."""
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
            case Fault.CONFLICTED | Fault.THROTTLED | Fault.UNPROCESSED | Fault.UNSURE if operation == STATEMENTS:
                return _partly(fault, call, request["Statements"])
            case Fault.UNPROCESSED:
                return _half(operation, call, request)
            case Fault.REPEATED:
                return _repeated(operation, call, request)
            case Fault.OVERTAKEN:
                with self.undisturbed():
                    self.rival()
                return call(**request)
            case Fault.LOST | Fault.KILLED_AFTER:
                with suppress(ClientError):  # a refusal is also a response that can be lost
                    call(**request)
        self._dead = fault in {Fault.KILLED_BEFORE, Fault.KILLED_AFTER}
        raise Killed if self._dead else _error(fault, operation, request)


class Unreliable:
    """A boto3 client whose calls may fail."""

    def __init__(self, client: Any, calls: Calls) -> None:  # noqa: ANN401 - any in-memory client
        self._client = client
        self._calls = calls

    @property
    def exceptions(self) -> Any:  # noqa: ANN401 - boto3 creates these at run time
        return self._client.exceptions

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return partial(self._calls.make, operation, getattr(self._client, operation))

    def get_paginator(self, operation: str) -> "UnreliablePaginator":
        return UnreliablePaginator(operation, self._client.get_paginator(operation), self._calls)


class UnreliablePaginator:
    """A paginator that counts each page as one AWS call."""

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
    """Return a canceled transaction. The code belongs to its last write; for the others DynamoDB says ``None``."""
    others = [{"Code": "None"} for _ in request["TransactItems"][1:]]
    return refusal(CanceledError, "TransactWriteItems", CancellationReasons=[*others, {"Code": code}])


def _half(operation: str, call: Callable[..., Raw], request: Raw) -> Raw:
    """Process the first half of a batch, rounded up, and return the rest as unprocessed."""
    request_field, unprocessed_field = BATCHES[operation]
    processed: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for table, items in request[request_field].items():
        listed = items["Keys"] if isinstance(items, Mapping) else items
        middle = (len(listed) + 1) // 2
        for part, chosen in ((processed, listed[:middle]), (rest, listed[middle:])):
            if chosen:
                part[table] = {**items, "Keys": chosen} if isinstance(items, Mapping) else chosen
    return call(**{request_field: processed}) | {unprocessed_field: rest}


def _partly(fault: Fault, call: Callable[..., Raw], statements: list[Raw]) -> Raw:
    """Run some statements of a batch, and answer for the others with the code of the fault.

    One statement conflicts, all are throttled, the second half is left unprocessed, or every second one has an internal
    error. Of these, each second one takes effect all the same.
    """
    numbers = range(len(statements))
    codes: dict[int, str] = {
        Fault.CONFLICTED: {numbers[-1]: "TransactionConflict"},
        Fault.THROTTLED: dict.fromkeys(numbers, "ProvisionedThroughputExceeded"),
        Fault.UNPROCESSED: dict.fromkeys(numbers[len(numbers) // 2 :], "ThrottlingError"),
        Fault.UNSURE: dict.fromkeys(numbers[::2], "InternalServerError"),
    }[fault]
    effective = [number for number in numbers if number not in codes or (fault is Fault.UNSURE and number % 4 == 0)]
    responses: dict[int, Raw] = {}
    if effective:
        found = call(Statements=[statements[number] for number in effective])["Responses"]
        responses = dict(zip(effective, found, strict=True))
    return {"Responses": [partiql.refused(codes[n]) if n in codes else responses[n] for n in numbers]}


def _repeated(operation: str, call: Callable[..., Any], request: Raw) -> Any:  # noqa: ANN401
    """Make a call twice and return the second response. DynamoDB writes a transaction once, because of its token."""
    response = call(**request)
    return response if operation == "transact_write_items" else call(**request)
