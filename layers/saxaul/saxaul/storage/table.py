"""One DynamoDB table: items as plain Python values, and writes that hold only where nobody was faster.

An item that changes carries its version, ``v``. A write names the version it was made from, so a lost race is noticed,
and the item that won comes back with the refusal.
"""

from collections.abc import Iterable, Iterator, Sequence
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from saxaul.storage.clients import dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item = dict[str, Any]

BATCH_GET = 100
"""The most items that DynamoDB reads in one batch."""

BATCH_WRITE = 25
"""The most items that DynamoDB writes in one batch."""

_PAUSE = 0.05
"""Seconds to wait before asking again for what a batch left unprocessed."""

IS_NEW = "attribute_not_exists(pk)"
IS_AS_READ = "v = :read"


class Key(NamedTuple):
    pk: str
    sk: str


class LostRaceError(Exception):
    """Somebody else wrote the item first, or is about to. ``winner`` is what stands there now, if anything does."""

    def __init__(self, winner: Item | None) -> None:
        super().__init__("the item is no longer what was read")
        self.winner = winner


class TransactionRefusedError(Exception):
    """A transaction wrote nothing. ``reasons`` has DynamoDB's code for each write; ``None`` where it would hold."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


class Table:
    """The reads and writes that the records of this package are made of."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get(self, key: Key) -> Item | None:
        """One item, as of now."""
        found = dynamodb().get_item(TableName=self.name, Key=_raw_key(key), ConsistentRead=True)
        return python(found["Item"]) if "Item" in found else None

    def get_many(self, keys: Iterable[Key], *, consistent: bool) -> dict[Key, Item]:
        """The items that exist under these keys."""
        wanted = [_raw_key(key) for key in dict.fromkeys(keys)]
        found: dict[Key, Item] = {}
        while wanted:
            batch, wanted = wanted[:BATCH_GET], wanted[BATCH_GET:]
            answer = dynamodb().batch_get_item(RequestItems={self.name: {"Keys": batch, "ConsistentRead": consistent}})
            for raw in answer["Responses"].get(self.name, []):
                item = python(raw)
                found[Key(item["pk"], item["sk"])] = item
            if answer["UnprocessedKeys"]:
                sleep(_PAUSE)
                wanted += answer["UnprocessedKeys"][self.name]["Keys"]
        return found

    def query(self, pk: str, first: str, last: str) -> Iterator[Item]:
        """The items of one partition with a sort key from first to last, both included, as of now."""
        pages = (
            dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                ExpressionAttributeValues=raw({":pk": pk, ":first": first, ":last": last}),
                ConsistentRead=True,
            )
        )
        for page in pages:
            yield from map(python, page["Items"])

    def query_back(self, pk: str, after: str, before: str) -> Iterator[Item]:
        """The items of one partition with a sort key between these two, last first, read a few at a time."""
        pages = (
            dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :after AND :before",
                ExpressionAttributeValues=raw({":pk": pk, ":after": after, ":before": before}),
                ScanIndexForward=False,
                PaginationConfig={"PageSize": 2},
            )
        )
        for page in pages:
            yield from (item for item in map(python, page["Items"]) if after < item["sk"] < before)

    def last(self, pk: str) -> Item | None:
        """The item of one partition with the highest sort key, as of now."""
        pages = (
            dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self.name,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=raw({":pk": pk}),
                ConsistentRead=True,
                ScanIndexForward=False,
                PaginationConfig={"MaxItems": 1, "PageSize": 1},
            )
        )
        return next((python(item) for page in pages for item in page["Items"]), None)

    def listed(self, list_name: str, limit: int, *, backwards: bool = False, before: str = "") -> Iterator[Item]:
        """The keys of the first, or last, items of a list of the sparse index. The index may lag by a moment.

        Where ``before`` is given, only those whose place in the list is lower count.
        """
        condition, values = "list_name = :list_name", {":list_name": list_name}
        if before:
            condition, values = f"{condition} AND list_order < :before", values | {":before": before}
        pages = (
            dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=self.name,
                IndexName="Listing",
                KeyConditionExpression=condition,
                ExpressionAttributeValues=raw(values),
                ScanIndexForward=not backwards,
                PaginationConfig={"MaxItems": limit},
            )
        )
        for page in pages:
            yield from map(python, page["Items"])

    def put(self, item: Item, read: int) -> None:
        """Write an item made from version ``read`` of it; 0 where there was none.

        Raises:
            LostRaceError: the item is no longer what was read.
        """
        client = dynamodb()
        try:
            client.put_item(**self._put(item, read))
        except client.exceptions.ConditionalCheckFailedException as refusal:
            winner: Any = refusal.response.get("Item")
            raise LostRaceError(python(winner) if winner else None) from None
        except client.exceptions.TransactionConflictException:
            raise LostRaceError(self.get(Key(item["pk"], item["sk"]))) from None

    def put_all(self, items: Sequence[Item]) -> None:
        """Write items whatever stands there, in batches: for items that only ever have one content."""
        wanted: Any = [{"PutRequest": {"Item": raw(item)}} for item in items]
        while wanted:
            batch, wanted = wanted[:BATCH_WRITE], wanted[BATCH_WRITE:]
            answer = dynamodb().batch_write_item(RequestItems={self.name: batch})
            if answer["UnprocessedItems"]:
                sleep(_PAUSE)
                wanted += answer["UnprocessedItems"][self.name]

    def put_write(self, item: Item, read: int) -> "TransactWriteItemTypeDef":
        """The same write as :meth:`put`, as a part of a transaction."""
        return {"Put": self._put(item, read)}

    def update_write(self, key: Key, expression: str, condition: str, values: Item) -> "TransactWriteItemTypeDef":
        """A conditional update, as a part of a transaction."""
        return {
            "Update": {
                "TableName": self.name,
                "Key": _raw_key(key),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": raw(values),
            }
        }

    def _put(self, item: Item, read: int) -> Any:  # noqa: ANN401 - the arguments of both put_item and a transaction's Put
        return {
            "TableName": self.name,
            "Item": raw({**item, "v": read + 1}),
            "ConditionExpression": IS_AS_READ if read else IS_NEW,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        } | ({"ExpressionAttributeValues": raw({":read": read})} if read else {})


def transact(writes: Sequence["TransactWriteItemTypeDef"]) -> None:
    """Write all or nothing.

    Raises:
        TransactionRefusedError: one of the writes' conditions does not hold, or another transaction was under way.
    """
    client = dynamodb()
    try:
        client.transact_write_items(TransactItems=writes)
    except client.exceptions.TransactionCanceledException as refusal:
        raise TransactionRefusedError([it["Code"] for it in refusal.response["CancellationReasons"]]) from None


def python(raw_item: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
    return {name: _deserialize(value) for name, value in raw_item.items()}


def raw(item: Item) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    return {name: _serialize(value) for name, value in item.items()}


def _raw_key(key: Key) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize
