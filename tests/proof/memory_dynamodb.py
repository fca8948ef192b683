"""The DynamoDB and SQS calls that storage makes, in memory and fast enough for thousands of steps.

It uses DynamoDB's own item format, raises botocore's own errors, and supports only the expressions that storage
uses. ``test_memory_contract.py`` compares it with moto, and ``test_statements.py`` compares its PartiQL with MiniStack.
"""

import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from saxaul.storage.table import BATCH_GET, BATCH_WRITE
from tests import partiql

Raw = dict[str, Any]

MAX_TRANSACTION = 100

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<=": operator.le,
    ">=": operator.ge,
    ">": operator.gt,
}
_deserialize = TypeDeserializer().deserialize


class ConditionError(ClientError):
    """A ``ConditionalCheckFailedException``."""


class CanceledError(ClientError):
    """A ``TransactionCanceledException``."""


class ConflictError(ClientError):
    """A ``TransactionConflictException``."""


class Exceptions:
    """The part of a boto3 client's ``exceptions`` that storage uses."""

    ConditionalCheckFailedException = ConditionError
    TransactionCanceledException = CanceledError
    TransactionConflictException = ConflictError


CODES: Mapping[type[ClientError], str] = {
    kind: code for code, kind in vars(Exceptions).items() if not code.startswith("_")
}


class Name(NamedTuple):
    pk: str
    sk: str


def refusal(kind: type[ClientError], operation: str, code: str = "", **details: Any) -> ClientError:  # noqa: ANN401 - any part of a response
    error: Any = {"Error": {"Code": code or CODES[kind], "Message": "refused in memory"}, **details}
    return kind(error, operation)


class MemoryDynamoDB:
    """A DynamoDB client. Its tables have the keys ``pk`` and ``sk``, and the sparse indexes ``Listing`` and ``Forest``.

    While ``lagging``, eventually consistent reads return each item as it was before its last write, until ``catch_up``
    is called. While ``returns_losers``, a statement whose condition failed returns the stored item, if it asks for it.
    """

    exceptions = Exceptions

    def __init__(self) -> None:
        self.tables: defaultdict[str, dict[Name, Raw]] = defaultdict(dict)
        self.lagging = False
        self.returns_losers = True
        self._before: defaultdict[str, dict[Name, Raw | None]] = defaultdict(dict)

    def catch_up(self) -> None:
        self._before.clear()

    def get_item(self, TableName: str, Key: Raw, ConsistentRead: bool) -> Raw:  # noqa: N803 - as boto3 names them
        item = self._seen(TableName, consistent=ConsistentRead).get(_name(Key))
        return {"Item": item} if item else {}

    def batch_get_item(self, RequestItems: Mapping[str, Raw]) -> Raw:  # noqa: N803
        responses: dict[str, list[Raw]] = {}
        for table, wanted in RequestItems.items():
            names = [_name(key) for key in wanted["Keys"]]
            _validate(0 < len(names) <= BATCH_GET, "BatchGetItem", "a batch has 1 to 100 keys")
            _validate(len(set(names)) == len(names), "BatchGetItem", "a batch has no duplicate keys")
            items = self._seen(table, consistent=wanted.get("ConsistentRead", False))
            responses[table] = [_projected(items[name], wanted) for name in names if name in items]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def batch_write_item(self, RequestItems: Mapping[str, list[Raw]]) -> Raw:  # noqa: N803
        for table, requests in RequestItems.items():
            items = [request["PutRequest"]["Item"] for request in requests]
            names = {_name(item) for item in items}
            _validate(0 < len(items) <= BATCH_WRITE, "BatchWriteItem", "a batch has 1 to 25 items")
            _validate(len(names) == len(items), "BatchWriteItem", "a batch has no duplicate items")
            for item in items:
                self._write(table, item)
        return {"UnprocessedItems": {}}

    def batch_execute_statement(self, Statements: list[Raw]) -> Raw:  # noqa: N803
        _validate(partiql.is_batch(Statements), "BatchExecuteStatement", "a batch has 1 to 25 statements")
        return {"Responses": [self.execute(statement) for statement in Statements]}

    def execute(self, statement: Raw) -> Raw:
        """Run one statement of a batch."""
        table, response, item = partiql.run(
            statement, lambda table, key: self.tables[table].get(Name(*key)), returns_items=self.returns_losers
        )
        if item:
            self._write(table, item)
        return response

    def put_item(self, **put: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        current = self.tables[put["TableName"]].get(_name(put["Item"]))
        if not _holds(put, current):
            held: Raw = {"Item": current} if current and _returns_old(put) else {}
            raise refusal(ConditionError, "PutItem", **held)
        self._write(put["TableName"], put["Item"])
        return {}

    def update_item(self, **update: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        """Update an item, and return the new values of the attributes that changed."""
        table, current = update["TableName"], self.tables[update["TableName"]].get(_name(update["Key"]))
        if not _holds(update, current):
            held: Raw = {"Item": current} if current and _returns_old(update) else {}
            raise refusal(ConditionError, "UpdateItem", **held)
        before = current or update["Key"]
        after = _updated(before, update["UpdateExpression"], update["ExpressionAttributeValues"])
        self._write(table, after)
        return {"Attributes": {name: value for name, value in after.items() if before.get(name) != value}}

    def transact_write_items(self, TransactItems: list[Raw]) -> Raw:  # noqa: N803
        writes = [(kind, write) for entry in TransactItems for kind, write in entry.items()]
        targets = [(write["TableName"], _name(write.get("Item") or write["Key"])) for _, write in writes]
        _validate(0 < len(writes) <= MAX_TRANSACTION, "TransactWriteItems", "a transaction has 1 to 100 writes")
        _validate(len(set(targets)) == len(targets), "TransactWriteItems", "a transaction writes no item twice")
        reasons: list[Raw] = []
        for (_, write), (table, name) in zip(writes, targets, strict=True):
            current = self.tables[table].get(name)
            if _holds(write, current):
                reasons.append({"Code": "None"})
            else:
                held = {"Item": current} if current and _returns_old(write) else {}
                reasons.append({"Code": "ConditionalCheckFailed", **held})
        if any(reason["Code"] != "None" for reason in reasons):
            raise refusal(CanceledError, "TransactWriteItems", CancellationReasons=reasons)
        for item in [self._outcome(kind, write) for kind, write in writes if kind != "Delete"]:
            self._write(item[0], item[1])
        for table, name in [target for target, (kind, _) in zip(targets, writes, strict=True) if kind == "Delete"]:
            self.tables[table].pop(name, None)
        return {}

    def delete_item(self, TableName: str, Key: Raw) -> Raw:  # noqa: N803
        self.tables[TableName].pop(_name(Key), None)
        return {}

    def describe_table(self, TableName: str) -> Raw:  # noqa: N803 - as boto3 takes it
        """Describe a table. Like a new table, it does not say how many items it has."""
        return {"Table": {"TableName": TableName}}

    def get_paginator(self, operation: str) -> "Paginator":
        return Paginator({"scan": self.scan}[operation])

    def scan(self, **scan: Any) -> list[Raw]:  # noqa: ANN401 - as boto3 takes them
        """Return the items of a table that pass the filter, sorted by ``pk`` and ``sk``."""
        items = [*self._seen(scan["TableName"], consistent=scan["ConsistentRead"]).values()]
        if condition := scan.get("FilterExpression"):
            found = [re.fullmatch(r"begins_with\((pk|sk), (:\w+)\)", term) for term in condition.split(" OR ")]
            assert all(found), f"this client does not support the filter: {condition}"
            prefixes = [(term[1], scan["ExpressionAttributeValues"][term[2]]["S"]) for term in found if term]
            items = [item for item in items if any(item[key]["S"].startswith(prefix) for key, prefix in prefixes)]
        return sorted(items, key=_name)

    def query(self, **query: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        """Return a page of what a query finds, in its order. Without a limit, the page has all of it."""
        index = query.get("IndexName")
        consistent = query.get("ConsistentRead", False)
        _validate(not (index and consistent), "Query", "an index cannot be read consistently")
        items = self._seen(query["TableName"], consistent=consistent).values()
        values = query["ExpressionAttributeValues"]
        if index == "Forest":
            order = "forest_order"
            found = _forest(query["KeyConditionExpression"], values, items)
        elif index:
            assert index == "Listing"
            listed = _listed(query["KeyConditionExpression"], values, items)
            names = ("pk", "sk", "list_name", "list_order")
            found = [{name: item[name] for name in names} for item in listed]
            order = "list_order"
        else:
            found, order = _between(query["KeyConditionExpression"], values, items), "sk"
        backwards = not query.get("ScanIndexForward", True)

        def place(item: Raw) -> tuple[str, Name]:
            return item[order]["S"], _name(item)

        found.sort(key=place, reverse=backwards)
        if after := query.get("ExclusiveStartKey"):
            found = [
                item for item in found if (place(item) < place(after) if backwards else place(item) > place(after))
            ]
        limit = query.get("Limit", len(found) + 1)
        page: Raw = {"Items": [_projected(item, query) for item in found[:limit]]}
        if len(found) >= limit:
            page["LastEvaluatedKey"] = {name: found[limit - 1][name] for name in {"pk", "sk", order}}
        return page

    def _outcome(self, kind: str, write: Raw) -> tuple[str, Raw]:
        table: str = write["TableName"]
        if kind == "Put":
            return table, write["Item"]
        assert kind == "Update", kind
        current = self.tables[table].get(_name(write["Key"])) or write["Key"]
        return table, _updated(current, write["UpdateExpression"], write["ExpressionAttributeValues"])

    def _write(self, table: str, item: Raw) -> None:
        name = _name(item)
        self._before[table][name] = self.tables[table].get(name)
        self.tables[table][name] = item

    def _seen(self, table: str, *, consistent: bool) -> dict[Name, Raw]:
        if consistent or not self.lagging:
            return self.tables[table]
        return {name: item for name, item in (self.tables[table] | self._before[table]).items() if item}


class Paginator:
    """Returns the items of a scan in pages of the requested size."""

    def __init__(self, find: Callable[..., list[Raw]]) -> None:
        self._find = find

    def paginate(self, **query: Any) -> Iterator[Raw]:  # noqa: ANN401 - as boto3 takes them
        pagination: Mapping[str, int] = query.pop("PaginationConfig", {})
        found = self._find(**query)[: pagination.get("MaxItems")]
        size = pagination.get("PageSize") or max(1, len(found))
        for start in range(0, max(1, len(found)), size):
            page = found[start : start + size]
            yield {"Items": page, "ScannedCount": len(page)}


class MemorySQS:
    """Keeps the messages of each queue. It keeps duplicates, because a queue may deliver a message twice."""

    def __init__(self) -> None:
        self.queues: defaultdict[str, list[str]] = defaultdict(list)

    @property
    def sent(self) -> list[str]:
        return self.queues["RedemptionQueue.fifo"]

    def send_message(self, **message: Any) -> Raw:  # noqa: ANN401 - as boto3 takes them
        self.queues[message["QueueUrl"]].append(message["MessageBody"])
        return {}


def _name(item: Mapping[str, Any]) -> Name:
    return Name(item["pk"]["S"], item["sk"]["S"])


def _projected(item: Raw, reading: Raw) -> Raw:
    only = reading.get("ProjectionExpression")
    return {name: value for name, value in item.items() if name in only.split(", ")} if only else item


def _validate(holds: bool, operation: str, what: str) -> None:
    if not holds:
        raise refusal(ClientError, operation, "ValidationException", Detail=what)


def _returns_old(write: Raw) -> bool:
    return write.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"


def _holds(write: Raw, current: Raw | None) -> bool:
    item, values = current or {}, write.get("ExpressionAttributeValues", {})
    condition: str | None = write.get("ConditionExpression")
    if condition is None:
        return True
    return any(all(_term(term, item, values) for term in part.split(" AND ")) for part in condition.split(" OR "))


def _term(term: str, item: Raw, values: Raw) -> bool:
    if found := re.fullmatch(r"attribute_not_exists\((\w+)\)", term):
        return found[1] not in item
    if found := re.fullmatch(r"attribute_exists\((\w+)\)", term):
        return found[1] in item
    found = re.fullmatch(r"(\w+) (=|<=|>=|>) (:\w+)", term)
    assert found, f"this client does not support the condition: {term}"
    return found[1] in item and _COMPARISONS[found[2]](_deserialize(item[found[1]]), _deserialize(values[found[3]]))


def _updated(item: Raw, expression: str, values: Raw) -> Raw:
    outcome = dict(item)
    if found := re.fullmatch(r"(SET .+) (ADD .+)", expression):
        return _updated(_updated(item, found[1], values), found[2], values)
    if expression.startswith("ADD "):
        for name, value in (step.split(" ") for step in expression.removeprefix("ADD ").split(", ")):
            outcome[name] = {"N": str(int(item.get(name, {"N": "0"})["N"]) + int(values[value]["N"]))}
        return outcome
    for step in re.split(r", (?=\w+ = )", expression.removeprefix("SET ")):
        target, _, right = step.partition(" = ")
        if found := re.fullmatch(r":\w+", right):
            outcome[target] = values[right]
        elif found := re.fullmatch(r"if_not_exists\((\w+), (:\w+)\)", right):
            outcome[target] = item.get(found[1], values[found[2]])
        else:
            found = re.fullmatch(r"(\w+) ([+-]) (:\w+)", right)
            assert found, f"this client does not support the update: {step}"
            _validate(found[1] in item, "TransactWriteItems", "arithmetic needs an existing attribute")
            change = int(values[found[3]]["N"]) * (1 if found[2] == "+" else -1)
            outcome[target] = {"N": str(int(item[found[1]]["N"]) + change)}
    return outcome


def _listed(condition: str, values: Raw, items: Any) -> list[Raw]:  # noqa: ANN401 - a view of a table
    listed = [item for item in items if item.get("list_name") == values[":list_name"]]
    if condition == "list_name = :list_name":
        return listed
    assert condition == "list_name = :list_name AND list_order < :before", f"unsupported query: {condition}"
    return [item for item in listed if item["list_order"]["S"] < values[":before"]["S"]]


def _forest(condition: str, values: Raw, items: Any) -> list[Raw]:  # noqa: ANN401 - a view of a table
    assert condition == "pk = :pk AND forest_order BETWEEN :first AND :last", f"unsupported query: {condition}"
    indexed = [item for item in items if item["pk"] == values[":pk"] and "forest_order" in item]
    first, last = values[":first"]["S"], values[":last"]["S"]
    found = [item for item in indexed if first <= item["forest_order"]["S"] <= last]
    return [{name: item[name] for name in ("pk", "sk", "forest_order")} for item in found]


def _between(condition: str, values: Raw, items: Any) -> list[Raw]:  # noqa: ANN401 - a view of a table
    if condition == "pk = :pk":
        return [item for item in items if item["pk"] == values[":pk"]]
    found = re.fullmatch(r"pk = (:\w+) AND sk BETWEEN (:\w+) AND (:\w+)", condition)
    assert found, f"this client does not support the query: {condition}"
    pk, first, last = (values[name]["S"] for name in found.groups())
    _validate(first <= last, "Query", "BETWEEN needs its bounds in order")
    return [item for item in items if item["pk"]["S"] == pk and first <= item["sk"]["S"] <= last]
