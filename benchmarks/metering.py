"""Count what AWS would bill, by hooks on the AWS clients. The production code does not change.

The meter asks DynamoDB to return the consumed capacity with every response. If a response has none, the meter applies
DynamoDB's rules:

- A write whose condition failed is billed too: one write unit (for an item of up to 1 KB), or two for each item of a
  transaction.
- A statement of a batch costs one write unit for each KB of the item that it writes, as with PutItem. The emulator
  reports one unit for each statement, whatever it writes. Accrual's statements set all attributes of the item, and no
  item of the benchmark shrinks.
- BatchGetItem, for which the emulator reports no capacity, costs half a read unit for each 4 KB of each item, and half
  a unit for each key without an item. A consistent read costs twice as much.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Any

from operations.ledger_reading import size_of
from saxaul.storage.table import python

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
STATEMENTS = "BatchExecuteStatement"
WRITE_BLOCK = 1024
"""How many bytes of an item one write unit covers."""

READ_BLOCK = 4 * 1024
"""How many bytes of an item one read unit covers."""

CHUNK = 64 * 1024
"""Bytes of payload per billed SQS request."""


class Meter:
    """Counts the usage of the clients that it is attached to.

    ``counts`` has ``write_units``, ``dynamodb_requests``, ``sqs_requests`` (as billed), the number of calls of each
    operation by its name, and the capacity of each operation as ``<operation>.units``. Requests are counted when they
    are sent, retries included.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()
        self._statements: list[dict[str, Any]] = []
        self._reads: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def attach(self, dynamodb: "DynamoDBClient", sqs: "SQSClient") -> None:
        # the stubs do not allow a handler that returns parameters
        dynamodb.meta.events.register("provide-client-params.dynamodb", _ask_for_capacity)  # type: ignore[arg-type]
        dynamodb.meta.events.register("provide-client-params.dynamodb", self._dynamodb_asked)
        dynamodb.meta.events.register("before-send.dynamodb", self._dynamodb_sent)
        dynamodb.meta.events.register("after-call.dynamodb", self._dynamodb_answered)
        sqs.meta.events.register("provide-client-params.sqs", self._sqs_asked)
        sqs.meta.events.register("after-call.sqs.ReceiveMessage", self._sqs_received)

    @contextmanager
    def measured(self) -> Iterator[Counter[str]]:
        """Count the usage of the ``with`` block. The yielded counter is filled when the block ends."""
        self._statements.clear()  # of requests before the block
        self._reads.clear()
        before, used = self.counts.copy(), Counter[str]()
        yield used
        # Units that must be computed are computed only now, so that this takes none of the measured time.
        written = sum(map(units_of_statement, self._statements))
        read = sum(units_of_batch(asked, found) for asked, found in self._reads)
        self._add(**{f"{STATEMENTS}.units": written, "write_units": written, "BatchGetItem.units": read})
        used.update({name: self.counts[name] - before[name] for name in self.counts})

    def _add(self, **amounts: float) -> None:
        with self._lock:
            for name, amount in amounts.items():
                self.counts[name] += amount  # type: ignore[assignment]  # a Counter can hold half units too

    def _dynamodb_sent(self, **_: object) -> None:
        self._add(dynamodb_requests=1)

    def _dynamodb_answered(
        self,
        parsed: dict[str, Any],
        model: Any,  # noqa: ANN401 - a type of botocore
        context: dict[str, Any],
        **_: object,
    ) -> None:
        if model.name == STATEMENTS:
            self._add(**{STATEMENTS: 1})
            return
        units = capacity_units(parsed)
        if "batch" in context:
            with self._lock:
                self._reads.append((context["batch"], parsed.get("Responses", {})))
        self._add(**{model.name: 1, f"{model.name}.units": units}, write_units=units if model.name in WRITES else 0)

    def _dynamodb_asked(self, params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - a type of botocore
        if model.name == STATEMENTS:
            with self._lock:
                self._statements += params["Statements"]

    def _sqs_asked(self, params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - a type of botocore
        if model.name != "ReceiveMessage":
            bodies = [entry.get("MessageBody", "") for entry in params.get("Entries", [params])]
            self._add(sqs_requests=chunks(bodies), **{model.name: 1})

    def _sqs_received(self, parsed: dict[str, Any], **_: object) -> None:
        self._add(sqs_requests=chunks(message["Body"] for message in parsed.get("Messages", [])), ReceiveMessage=1)


def capacity_units(parsed: dict[str, Any]) -> float:
    """Return the capacity units of a response, or of an error."""
    match parsed:
        case {"ConsumedCapacity": list(tables)}:
            return sum(float(table["CapacityUnits"]) for table in tables)
        case {"ConsumedCapacity": dict(table)}:
            return float(table["CapacityUnits"])
        case {"Error": {"Code": "ConditionalCheckFailedException"}}:
            return 1
        case {"CancellationReasons": list(reasons)}:
            return 2 * len(reasons)
    return 0


def units_of_statement(statement: dict[str, Any]) -> float:
    """Return the write units of a statement that sets all attributes of an item."""
    names = re.findall(r"'(\w+)':\?|\"?(\w+)\"?=\?", statement["Statement"])
    attributes = dict(zip((one or other for one, other in names), statement["Parameters"], strict=True))
    return ceil(size_of(python(attributes)) / WRITE_BLOCK)


def units_of_batch(asked: dict[str, Any], found: dict[str, Any]) -> float:
    """Return the read units of a BatchGetItem."""
    units = 0.0
    for table, request in asked.items():
        items = found.get(table, [])
        blocks = sum(ceil(size_of(python(item)) / READ_BLOCK) for item in items) + len(request["Keys"]) - len(items)
        units += blocks * (1 if request.get("ConsistentRead") else 0.5)
    return units


def chunks(bodies: Iterable[str]) -> int:
    """Return the number of requests that SQS bills for a payload."""
    return max(1, ceil(sum(len(body.encode()) for body in bodies) / CHUNK))


def _ask_for_capacity(
    params: dict[str, Any],
    model: Any,  # noqa: ANN401 - a type of botocore
    context: dict[str, Any],
    **_: object,
) -> dict[str, Any]:
    if model.name == "BatchGetItem":
        context["batch"] = params["RequestItems"]
    if model.name == STATEMENTS:
        return params
    if "ReturnConsumedCapacity" in model.input_shape.members:
        return {**params, "ReturnConsumedCapacity": "TOTAL"}
    return params
