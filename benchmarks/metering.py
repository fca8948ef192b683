"""Counts what AWS would bill, at the client: production code stays as it is.

Every DynamoDB request is asked to tell its consumed capacity. Where it tells nothing, DynamoDB's own rules are applied:

- a refused condition is billed all the same: one write unit (an item of up to 1 KB), or two for each item of a
  transaction;
- the emulator is silent on BatchGetItem: half a unit for each 4 KB of each item, and for each key that has none;
  a whole one where the read is consistent.
"""

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
READ_BLOCK = 4 * 1024
"""Bytes that one read unit reads."""

CHUNK = 64 * 1024
"""Bytes of payload that one SQS request is billed for."""


class Meter:
    """What the clients that it is attached to have used.

    ``counts`` has ``write_units``, ``dynamodb_requests``, ``sqs_requests`` (as billed), each operation by its name, and
    its capacity as ``<operation>.units``. Requests are counted as they are sent, those that are sent again included.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = Lock()

    def attach(self, dynamodb: "DynamoDBClient", sqs: "SQSClient") -> None:
        dynamodb.meta.events.register("provide-client-params.dynamodb", _ask_for_capacity)  # type: ignore[arg-type] # may answer
        dynamodb.meta.events.register("before-send.dynamodb", self._dynamodb_sent)
        dynamodb.meta.events.register("after-call.dynamodb", self._dynamodb_answered)
        sqs.meta.events.register("provide-client-params.sqs", self._sqs_asked)
        sqs.meta.events.register("after-call.sqs.ReceiveMessage", self._sqs_received)

    @contextmanager
    def measured(self) -> Iterator[Counter[str]]:
        """What is used within; the counter that it gives is filled when it ends."""
        before, used = self.counts.copy(), Counter[str]()
        yield used
        used.update({name: self.counts[name] - before[name] for name in self.counts})

    def _add(self, **amounts: float) -> None:
        with self._lock:
            for name, amount in amounts.items():
                self.counts[name] += amount  # type: ignore[assignment]  # a Counter holds units of a half as well

    def _dynamodb_sent(self, **_: object) -> None:
        self._add(dynamodb_requests=1)

    def _dynamodb_answered(
        self,
        parsed: dict[str, Any],
        model: Any,  # noqa: ANN401 - botocore's
        context: dict[str, Any],
        **_: object,
    ) -> None:
        units = capacity_units(parsed) or units_of_batch(context.get("batch", {}), parsed.get("Responses", {}))
        self._add(**{model.name: 1, f"{model.name}.units": units}, write_units=units if model.name in WRITES else 0)

    def _sqs_asked(self, params: dict[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        if model.name != "ReceiveMessage":
            bodies = [entry.get("MessageBody", "") for entry in params.get("Entries", [params])]
            self._add(sqs_requests=chunks(bodies), **{model.name: 1})

    def _sqs_received(self, parsed: dict[str, Any], **_: object) -> None:
        self._add(sqs_requests=chunks(message["Body"] for message in parsed.get("Messages", [])), ReceiveMessage=1)


def capacity_units(parsed: dict[str, Any]) -> float:
    """The capacity units of an answer, or of a refusal."""
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


def units_of_batch(asked: dict[str, Any], found: dict[str, Any]) -> float:
    """The read units of a BatchGetItem."""
    units = 0.0
    for table, request in asked.items():
        items = found.get(table, [])
        blocks = sum(ceil(size_of(python(item)) / READ_BLOCK) for item in items) + len(request["Keys"]) - len(items)
        units += blocks * (1 if request.get("ConsistentRead") else 0.5)
    return units


def chunks(bodies: Iterable[str]) -> int:
    """The requests that SQS bills for a payload."""
    return max(1, ceil(sum(len(body.encode()) for body in bodies) / CHUNK))


def _ask_for_capacity(
    params: dict[str, Any],
    model: Any,  # noqa: ANN401 - botocore's
    context: dict[str, Any],
    **_: object,
) -> dict[str, Any]:
    if model.name == "BatchGetItem":
        context["batch"] = params["RequestItems"]
    if "ReturnConsumedCapacity" in model.input_shape.members:
        return {**params, "ReturnConsumedCapacity": "TOTAL"}
    return params
