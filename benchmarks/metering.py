"""Count what AWS would bill, by hooks on the AWS clients. The production code does not change.

The meter asks DynamoDB to return the consumed capacity with every response. If a response has none, the meter applies
DynamoDB's rules:

- A write whose condition failed is billed too: one write unit (for an item of up to 1 KB), or two for each item of a
  transaction.
- A statement of a batch costs one write unit for each KB of the item that it writes, as with PutItem. The emulator
  reports one unit for each statement, whatever it writes. Accrual's statements set all attributes of the item, and no
  item of the benchmark shrinks.
- A write of a receipt costs one write unit for each KB of the item, and one for the index of waiting receipts, which
  the item enters or leaves.
- BatchGetItem, for which the emulator reports no capacity, costs half a read unit for each 4 KB of each item, and half
  a unit for each key without an item. A consistent read costs twice as much.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Any

from benchmarks.engine import ACTIVITY
from operations.ledger_reading import size_of
from saxaul.ledger.entries import Entry
from saxaul.storage.periods import from_item, to_item
from saxaul.storage.table import Item, python

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
STATEMENTS = "BatchExecuteStatement"
WRITE_BLOCK = 1024
"""How many bytes of an item one write unit covers."""

READ_BLOCK = 4 * 1024
"""How many bytes of an item one read unit covers."""

INDEX_UNITS = 1
"""The write units of the keys that the index of waiting receipts gets or loses."""

CHUNK = 64 * 1024
"""Bytes of payload per billed SQS request."""


class Meter:
    """Counts the usage of the clients that it is attached to.

    ``counts`` has ``write_units``, of which ``receipt_units`` are for receipts; ``unmarked_units``, which the
    statements would cost if the entries of periods had no marks of receipts; ``dynamodb_requests``; ``sqs_requests``
    (as billed); the number of calls of each operation by its name; and its capacity as ``<operation>.units``. Requests
    are counted when they are sent, retries included.
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
        items = [written_item(statement) for statement in self._statements]
        written, unmarked = sum(map(units_of_item, items)), sum(units_of_item(without_marks(item)) for item in items)
        read = sum(units_of_batch(asked, found) for asked, found in self._reads)
        self._add(**{f"{STATEMENTS}.units": written, "write_units": written, "BatchGetItem.units": read})
        self._add(unmarked_units=unmarked)
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
        units = context["receipts"] if "receipts" in context else capacity_units(parsed)
        if "receipts" in context:
            self._add(receipt_units=units)
        if "batch" in context:
            with self._lock:
                self._reads.append((context["batch"], parsed.get("Responses", {})))
        self._add(**{model.name: 1, f"{model.name}.units": units}, write_units=units if model.name in WRITES else 0)

    def _dynamodb_asked(
        self,
        params: dict[str, Any],
        model: Any,  # noqa: ANN401 - a type of botocore
        context: dict[str, Any],
        **_: object,
    ) -> None:
        if receipts := written_receipts(params):
            context["receipts"] = sum(units_of_item(python(receipt)) + INDEX_UNITS for receipt in receipts)
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


def written_receipts(params: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the receipts that a request writes, in DynamoDB's notation."""
    match params:
        case {"TableName": str(table), "Item": dict(item)} if table == ACTIVITY:
            return [item]
        case {"RequestItems": {"Activity": list(requests)}}:
            return [request["PutRequest"]["Item"] for request in requests]
    return []


def written_item(statement: dict[str, Any]) -> Item:
    """Return the item that a statement writes, which sets all of its attributes."""
    names = re.findall(r"'(\w+)':\?|\"?(\w+)\"?=\?", statement["Statement"])
    return python(dict(zip((one or other for one, other in names), statement["Parameters"], strict=True)))


def units_of_item(item: Item) -> int:
    """Return the write units of an item."""
    return ceil(size_of(item) / WRITE_BLOCK)


def unmarked(entry: Entry) -> Entry:
    """Return an entry without the marks of receipts."""
    return replace(entry, receipt="", raised_by="", reversed_by="")


def without_marks(item: Item) -> Item:
    """Return the item of a period as it would be if its entries had no marks of receipts."""
    period = from_item(item)
    entries = {name: unmarked(entry) for name, entry in period.entries.items()}
    return {**to_item(replace(period, entries=entries)), "v": item["v"]}


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
