"""One DynamoDB table: items as plain Python values, and conditional writes (optimistic locking).

An item that can change has a version, ``v``. A write names the version that was read. If a concurrent write has changed
the item since, DynamoDB refuses the write and returns the current item.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from saxaul.clock import Clock
from saxaul.races import LostRaceError, OverloadedError, attempts
from saxaul.storage.attributes import attribute_value, python_value
from saxaul.storage.clients import dynamodb

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Item = dict[str, Any]

BATCH_GET = 100
"""The most items that DynamoDB reads in one batch."""

BATCH_WRITE = 25
"""The most items that DynamoDB writes in one batch."""

TRANSACTION_WRITES = 100
"""The most writes of one transaction."""

FOREST_PAGE = 25
"""How many keys of the index ``Forest`` are read at a time for the trees of a person."""

IS_NEW = "attribute_not_exists(pk)"
IS_AS_EXPECTED = "v = :expected_version"


class Key(NamedTuple):
    pk: str
    sk: str


def wallet_key(user_id: str) -> Key:
    """Return the key of a person's wallet. It is here because several modules need it."""
    return Key(f"USER#{user_id}", "WALLET")


def stock_key(project_id: str) -> Key:
    """Return the key of a project's stock. It is here for the same reason."""
    return Key(f"PROJECT#{project_id}", "STOCK")


class ItemMovedError(LostRaceError):
    """A concurrent write changed the item first, or is in progress. ``winner`` is the item now stored, or None."""

    def __init__(self, winner: Item | None) -> None:
        super().__init__("the item is no longer what was read")
        self.winner = winner


class TransactionRefusedError(LostRaceError):
    """A transaction wrote nothing. ``reasons`` has DynamoDB's code for each write: "None" for a write without fault."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons


class Table:
    """The reads and writes that the other modules of this package use."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock

    def make_client(self) -> None:
        """Make the client now, and not with the first call."""
        dynamodb()

    def get(self, key: Key) -> Item | None:
        """Read one item consistently. Return None if it does not exist."""
        found = dynamodb().get_item(TableName=self.name, Key=_raw_key(key), ConsistentRead=True)
        return python(found["Item"]) if "Item" in found else None

    def get_many(self, keys: Iterable[Key], *, consistent: bool, only: str = "") -> dict[Key, Item]:
        """Return the items that exist under these keys; if ``only`` is not empty, with only these attributes.

        Raises:
            OverloadedError: DynamoDB left a part of a batch unread, and ``races.ATTEMPTS`` requests in a row made no
                progress.
        """
        wanted = [_raw_key(key) for key in dict.fromkeys(keys)]
        batches = [wanted[start : start + BATCH_GET] for start in range(0, len(wanted), BATCH_GET)]
        reading: Any = {"ConsistentRead": consistent} | _projection(only)
        items = (item for batch in batches for item in self._get_batch(batch, reading))
        return {Key(item["pk"], item["sk"]): item for item in items}

    def _get_batch(self, keys: Any, reading: Any) -> Iterator[Item]:  # noqa: ANN401 - DynamoDB's own notation
        left = attempts(self.clock)
        while keys:
            if next(left, None) is None:
                raise OverloadedError
            request: Any = {self.name: {"Keys": keys, **reading}}
            answer = dynamodb().batch_get_item(RequestItems=request)
            yield from map(python, answer["Responses"].get(self.name, []))
            unprocessed = answer["UnprocessedKeys"]
            rest = unprocessed[self.name]["Keys"] if unprocessed else []
            left = attempts(self.clock, first=1) if len(rest) < len(keys) else left
            keys = rest

    def query(self, pk: str, first: str, last: str, only: str = "", *, consistent: bool = True) -> Iterator[Item]:
        """Read the items of a partition with sort keys from ``first`` to ``last``, both included.

        If ``only`` is not empty, DynamoDB sends only these attributes. It reads and bills the whole items all the same.
        """
        condition = "pk = :pk AND sk BETWEEN :first AND :last"
        values = {":pk": pk, ":first": first, ":last": last}
        return self._query(condition, values, ConsistentRead=consistent, **_projection(only))

    def query_back(self, pk: str, after: str, before: str) -> Iterator[Item]:
        """Yield items with sort keys between ``after`` and ``before`` (excluded), last first. Reads two at a time."""
        found = self._query(
            "pk = :pk AND sk BETWEEN :after AND :before",
            {":pk": pk, ":after": after, ":before": before},
            ScanIndexForward=False,
            Limit=2,
        )
        return (item for item in found if after < item["sk"] < before)

    def last(self, pk: str) -> Item | None:
        """Read the item of a partition with the highest sort key consistently. Return None if there is none."""
        found = self._query(
            "pk = :pk",
            {":pk": pk},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
        )
        return next(found, None)

    def listed(self, list_name: str, limit: int, *, backwards: bool = False, before: str = "") -> Iterator[Item]:
        """Return the keys of the first ``limit`` items of a list in the index ``Listing``. The index may lag behind.

        With ``backwards``, return the last items, last first. With ``before``, return only items whose position in the
        list (``list_order``) is lower than ``before``.
        """
        condition, values = "list_name = :list_name", {":list_name": list_name}
        if before:
            condition, values = f"{condition} AND list_order < :before", values | {":before": before}
        found = self._query(condition, values, IndexName="Listing", ScanIndexForward=not backwards, Limit=limit)
        return islice(found, limit)

    def forest(self, pk: str, first: str, last: str, at_a_time: int = FOREST_PAGE) -> Iterator[Item]:
        """Yield the keys of a partition's items in the index ``Forest``, from ``last`` backwards to ``first``.

        Both are positions in the index (``forest_order``) and included. The index may lag behind. Reads ``at_a_time``
        keys with each query.
        """
        return self._query(
            "pk = :pk AND forest_order BETWEEN :first AND :last",
            {":pk": pk, ":first": first, ":last": last},
            IndexName="Forest",
            ScanIndexForward=False,
            Limit=at_a_time,
        )

    def indexed(self, index: str, name: str, value: str) -> Iterator[Key]:
        """Yield the keys of the items whose attribute ``name``, the hash key of an index, has this value."""
        return (Key(item["pk"], item["sk"]) for item in self._indexed(index, name, value))

    def first_indexed(self, index: str, name: str, value: str) -> Item | None:
        """Return what an index has of the first item whose attribute ``name``, its hash key, has this value, if any."""
        return next(self._indexed(index, name, value, Limit=1), None)

    def _indexed(self, index: str, name: str, value: str, **options: Any) -> Iterator[Item]:  # noqa: ANN401 - boto3's own
        names = {"#name": name}
        return self._query(
            "#name = :value", {":value": value}, IndexName=index, ExpressionAttributeNames=names, **options
        )

    def _query(self, condition: str, values: Item, **options: Any) -> Iterator[Item]:  # noqa: ANN401 - boto3's own
        """Yield the items that meet a key condition. ``options`` are further arguments of the call.

        A paginator of botocore would do the same, but would take as long as a third of a query.
        """
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": raw(values),
            **options,
        }
        while True:
            page = dynamodb().query(**request)
            yield from map(python, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def put(self, item: Item, expected_version: int) -> None:
        """Write an item, if the stored item has the expected version. Version 0 means that the item must not exist yet.

        Raises:
            ItemMovedError: the item is not at that version, or a transaction is writing it.
        """
        client = dynamodb()
        try:
            client.put_item(**self._put(item, expected_version))
        except client.exceptions.ConditionalCheckFailedException as refusal:
            winner: Any = refusal.response.get("Item")
            raise ItemMovedError(python(winner) if winner else None) from None
        except client.exceptions.TransactionConflictException:
            raise ItemMovedError(self.get(Key(item["pk"], item["sk"]))) from None

    def put_if(self, item: Item, condition: str, **values: Any) -> None:  # noqa: ANN401 - any value of an item
        """Write an item, if the stored item meets a condition, which may name values. The item gets no version.

        Raises:
            ItemMovedError: the stored item does not meet the condition.
        """
        client = dynamodb()
        compared: Any = _compared({f":{name}": value for name, value in values.items()})
        try:
            client.put_item(TableName=self.name, Item=raw(item), ConditionExpression=condition, **compared)
        except client.exceptions.ConditionalCheckFailedException:
            raise ItemMovedError(None) from None

    def update(self, key: Key, expression: str, condition: str, values: Item) -> Item:
        """Update an item, if the stored item meets a condition. Return the new values of the updated attributes.

        Raises:
            ItemMovedError: the stored item does not meet the condition.
        """
        client = dynamodb()
        try:
            updated = client.update_item(
                TableName=self.name,
                Key=_raw_key(key),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues=raw(values),
                ReturnValues="UPDATED_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except client.exceptions.ConditionalCheckFailedException as refusal:
            winner: Any = refusal.response.get("Item")
            raise ItemMovedError(python(winner) if winner else None) from None
        return python(updated["Attributes"])

    def replace(self, item: Item) -> None:
        """Write an item without a condition. The last write wins."""
        dynamodb().put_item(TableName=self.name, Item=raw(item))

    def delete(self, key: Key) -> None:
        """Delete an item. If there is none, change nothing."""
        dynamodb().delete_item(TableName=self.name, Key=_raw_key(key))

    def put_all(self, items: Sequence[Item]) -> None:
        """Write items in batches, without conditions. Use this only for items that every writer would write alike.

        Raises:
            OverloadedError: DynamoDB left a part of a batch unwritten, and ``races.ATTEMPTS`` requests in a row made no
                progress.
        """
        requests = [{"PutRequest": {"Item": raw(item)}} for item in items]
        for start in range(0, len(requests), BATCH_WRITE):
            self._write_batch(requests[start : start + BATCH_WRITE])

    def _write_batch(self, requests: Any) -> None:  # noqa: ANN401 - DynamoDB's own notation
        left = attempts(self.clock)
        while requests:
            if next(left, None) is None:
                raise OverloadedError
            unprocessed = dynamodb().batch_write_item(RequestItems={self.name: requests})["UnprocessedItems"]
            rest = unprocessed[self.name] if unprocessed else []
            left = attempts(self.clock, first=1) if len(rest) < len(requests) else left
            requests = rest

    def put_write(self, item: Item, expected_version: int) -> "TransactWriteItemTypeDef":
        """Return the same conditional write as :meth:`put` makes, for a transaction."""
        return {"Put": self._put(item, expected_version)}

    def replace_write(self, item: Item) -> "TransactWriteItemTypeDef":
        """Return a write of an item without a condition, for a transaction."""
        return {"Put": {"TableName": self.name, "Item": raw(item)}}

    def put_if_write(self, item: Item, condition: str, values: Item) -> "TransactWriteItemTypeDef":
        """Return a write of an item without a version, for a transaction, if the stored item meets a condition."""
        put: Any = {"TableName": self.name, "Item": raw(item), "ConditionExpression": condition}
        return {"Put": put | _compared(values)}

    def delete_write(self, key: Key) -> "TransactWriteItemTypeDef":
        """Return the deletion of an item, if there is one, for a transaction."""
        return {"Delete": {"TableName": self.name, "Key": _raw_key(key)}}

    def erase_write(self, key: Key, expected_version: int | None) -> "TransactWriteItemTypeDef":
        """Return the deletion of an item, for a transaction, on condition that it still has a version.

        None is the version of an item that has none: then it must exist.
        """
        delete: Any = {
            "TableName": self.name,
            "Key": _raw_key(key),
            "ConditionExpression": IS_AS_EXPECTED if expected_version is not None else "attribute_exists(pk)",
        }
        versions = {} if expected_version is None else {":expected_version": expected_version}
        return {"Delete": delete | _compared(versions)}

    def check_write(self, key: Key, expected_version: int) -> "TransactWriteItemTypeDef":
        """Return a check for a transaction: an item still has a version. Version 0 means that it does not exist."""
        check: Any = {
            "TableName": self.name,
            "Key": _raw_key(key),
            "ConditionExpression": IS_AS_EXPECTED if expected_version else IS_NEW,
        }
        return {
            "ConditionCheck": check | _compared({":expected_version": expected_version} if expected_version else {})
        }

    def update_write(self, key: Key, expression: str, condition: str, values: Item) -> "TransactWriteItemTypeDef":
        """Return a conditional update for a transaction."""
        return {
            "Update": {
                "TableName": self.name,
                "Key": _raw_key(key),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": raw(values),
            }
        }

    def count_write(self, key: Key) -> "TransactWriteItemTypeDef":
        """Return a write for a transaction that increases the version of an item, or creates it with version 1."""
        return {
            "Update": {
                "TableName": self.name,
                "Key": _raw_key(key),
                "UpdateExpression": "ADD v :one",
                "ExpressionAttributeValues": raw({":one": 1}),
            }
        }

    def _put(self, item: Item, expected_version: int) -> Any:  # noqa: ANN401 - the arguments of both put_item and a transaction's Put
        return {
            "TableName": self.name,
            "Item": raw({**item, "v": expected_version + 1}),
            "ConditionExpression": IS_AS_EXPECTED if expected_version else IS_NEW,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        } | _compared({":expected_version": expected_version} if expected_version else {})


def _compared(values: Item) -> dict[str, Any]:
    """Return the values of a condition as an argument of a call, which must not be empty."""
    return {"ExpressionAttributeValues": raw(values)} if values else {}


def _projection(only: str) -> dict[str, str]:
    return {"ProjectionExpression": only} if only else {}


def transact(writes: Sequence["TransactWriteItemTypeDef"]) -> None:
    """Make all writes in one transaction.

    Raises:
        TransactionRefusedError: the condition of a write failed, or a concurrent write of the same item is in progress.
    """
    client = dynamodb()
    try:
        client.transact_write_items(TransactItems=writes)
    except client.exceptions.TransactionCanceledException as refusal:
        raise TransactionRefusedError([reason["Code"] for reason in refusal.response["CancellationReasons"]]) from None


def item_written_by(write: "TransactWriteItemTypeDef") -> Key:
    """Return the key of the item that a write of a transaction concerns."""
    [details] = write.values()
    named: Any = details
    raw_key = named["Item"] if "Item" in named else named["Key"]
    return Key(raw_key["pk"]["S"], raw_key["sk"]["S"])


def python(raw_item: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
    """Return an item as plain values: text, Decimal, bytes, bool, None, lists and dicts."""
    return {name: python_value(value) for name, value in raw_item.items()}


def raw(item: Item) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    """Return an item in DynamoDB's notation.

    Raises:
        TypeError, ArithmeticError: DynamoDB cannot store a value, such as a float or a number of more than 38 digits.
    """
    return {name: attribute_value(value) for name, value in item.items()}


def _raw_key(key: Key) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}
