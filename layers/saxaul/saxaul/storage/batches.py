"""Conditional writes of many items in few requests, with BatchExecuteStatement of DynamoDB.

A batch has up to 25 statements in PartiQL. Each is one conditional write and has an outcome of its own: the response
has the status 200 even if all of them failed. A write costs the same write units as with PutItem.

- A new item is written with INSERT, which fails if the item exists (``DuplicateItem``).
- A known item is written with UPDATE and a condition on its version. This fails if the item has another version or does
  not exist (``ConditionalCheckFailed``). The statement sets all attributes of the item, and removes those that an item
  of its kind may have had before.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from saxaul.races import ThrottledError
from saxaul.storage.clients import dynamodb
from saxaul.storage.table import Item, ItemMovedError, Table, python, raw

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

MAX_STATEMENTS = 25
"""The most statements that DynamoDB runs in one batch."""

MAX_BYTES = 1024 * 1024
"""The most bytes of items in one batch, except that a batch has at least one item.

DynamoDB accepts 25 items of 400 KB, but a request of 10 MB may take longer than the client waits for its response.
"""

_MOVED = {"ConditionalCheckFailed", "DuplicateItem", "TransactionConflict", "InternalServerError"}
"""The statement was refused because of a concurrent write, or may have taken effect. The item must be read again."""

_THROTTLED = {"ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded"}


class Write(NamedTuple):
    """A conditional write of an item.

    Attributes:
        item: the item without its version, ``v``.
        version: the version that the stored item must have; 0 if there must be no item yet.
        size: about how many bytes the item has.
    """

    item: Item
    version: int
    size: int


class StatementRefusedError(Exception):
    """DynamoDB refused one write of a batch, and would refuse it again. Nothing was written."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


Outcome = ItemMovedError | ThrottledError | StatementRefusedError | None
"""What became of a write: None if it took effect, or else why it may not have.

``ItemMovedError`` has the stored item as ``winner`` if DynamoDB has returned it. If not, ``winner`` is None, and the
item must be read again. ``ThrottledError`` means that the item is as it was.
"""


def batches(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Divide writes into batches that DynamoDB accepts. The writes of a batch must be of different items."""
    batch: list[Write] = []
    size = 0
    for write in writes:
        if batch and (len(batch) == MAX_STATEMENTS or size + write.size > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(write)
        size += write.size
    if batch:
        yield batch


def write_batch(table: Table, writes: Sequence[Write], attributes: Sequence[str]) -> list[Outcome]:
    """Write the items of one batch, and return the outcome of each write.

    ``attributes`` are those that items of this kind may have, besides ``pk``, ``sk`` and ``v``.

    Raises:
        ClientError, UnansweredError: the request failed. Each write may have taken effect or not.
    """
    statements = [_statement(table.name, write, attributes) for write in writes]
    try:
        responses = dynamodb().batch_execute_statement(Statements=statements)["Responses"]
    except ClientError as refused:
        if len(writes) > 1 and refused.response["Error"]["Code"] == "ValidationException":
            # One malformed statement makes DynamoDB refuse the whole batch. It must not hold up the others.
            return [outcome for write in writes for outcome in _write_alone(table, write, attributes)]
        raise
    return [_outcome_of(response) for response in responses]


def _write_alone(table: Table, write: Write, attributes: Sequence[str]) -> list[Outcome]:
    try:
        return write_batch(table, [write], attributes)
    except ClientError as refused:
        error = refused.response["Error"]
        return [StatementRefusedError(error["Code"], error.get("Message", ""))]


def _outcome_of(response: Any) -> Outcome:  # noqa: ANN401 - DynamoDB's own notation
    error = response.get("Error")
    if error is None:
        return None
    code = error["Code"]
    if code in _MOVED:
        winner = error.get("Item")
        return ItemMovedError(python(winner) if winner else None)
    if code in _THROTTLED:
        return ThrottledError(code)
    return StatementRefusedError(code, error.get("Message", ""))


def _statement(table: str, write: Write, attributes: Sequence[str]) -> "BatchStatementRequestTypeDef":
    values: Any = raw({**write.item, "v": write.version + 1})
    if not write.version:
        return {"Statement": _insert(table, tuple(values)), "Parameters": [*values.values()]}
    pk, sk = values.pop("pk"), values.pop("sk")
    removed = tuple(name for name in attributes if name not in values)
    return {
        "Statement": _update(table, tuple(values), removed),
        "Parameters": [*values.values(), pk, sk, {"N": str(write.version)}],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


@lru_cache
def _insert(table: str, names: tuple[str, ...]) -> str:
    values = ",".join(f"'{name}':?" for name in names)
    return f'INSERT INTO "{table}" VALUE {{{values}}}'


@lru_cache
def _update(table: str, names: tuple[str, ...], removed: tuple[str, ...]) -> str:
    """Return an UPDATE. Names are quoted, because some of them are reserved words, such as ``full``."""
    steps = [*(f'SET "{name}"=?' for name in names), *(f'REMOVE "{name}"' for name in removed)]
    return f'UPDATE "{table}" {" ".join(steps)} WHERE pk=? AND sk=? AND v=?'
