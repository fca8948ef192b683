"""The two forms of PartiQL statements that storage writes, as DynamoDB runs them.

The in-memory DynamoDB uses this, and so do the tests on moto, which ignores the conditions of statements. A test
compares it with MiniStack (``tests/proof/test_statements.py``).
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from saxaul.storage.batches import MAX_STATEMENTS

Raw = dict[str, Any]

_INSERT = re.compile(r"INSERT INTO \"([\w.-]+)\" VALUE \{((?:'\w+':\?,?)+)\}")
_UPDATE = re.compile(r"UPDATE \"([\w.-]+)\" ((?:(?:SET \"\w+\"=\?|REMOVE \"\w+\") )+)WHERE pk=\? AND sk=\? AND v=\?")
_STEP = re.compile(r"(SET|REMOVE) \"(\w+)\"")


class Run(NamedTuple):
    """The result of one statement: its table, its response, and the item to store if it took effect."""

    table: str
    response: Raw
    item: Raw | None


def table_of(statement: Raw) -> str:
    found = _INSERT.fullmatch(statement["Statement"]) or _UPDATE.fullmatch(statement["Statement"])
    assert found, f"unsupported statement: {statement['Statement']}"
    return found[1]


def key_of(statement: Raw) -> tuple[str, str]:
    """Return the ``pk`` and the ``sk`` of the item that a statement writes."""
    if _INSERT.fullmatch(statement["Statement"]):
        item = _inserted(statement)
        return item["pk"]["S"], item["sk"]["S"]
    pk, sk, _ = statement["Parameters"][-3:]
    return pk["S"], sk["S"]


def run(statement: Raw, stored: Callable[[str, tuple[str, str]], Raw | None], *, returns_items: bool = True) -> Run:
    """Run one statement. ``stored`` returns the item under a key, or None.

    ``returns_items``: whether a failed condition returns the stored item. DynamoDB does so since 2026.
    """
    table = table_of(statement)
    current = stored(table, key_of(statement))
    if _INSERT.fullmatch(statement["Statement"]):
        if current:
            return _refused(table, "DuplicateItem")
        return Run(table, {"TableName": table}, _inserted(statement))
    if current is None or current.get("v") != statement["Parameters"][-1]:
        is_wanted = statement.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return _refused(table, "ConditionalCheckFailed", current if is_wanted and returns_items else None)
    return Run(table, {"TableName": table}, _updated(statement, current))


def refused(code: str, item: Raw | None = None) -> Raw:
    """Return the response of a statement that was refused."""
    return {"Error": {"Code": code, "Message": "refused in a test"} | ({"Item": item} if item else {})}


def is_batch(statements: list[Raw]) -> bool:
    """Return whether DynamoDB accepts the statements as one batch, which writes no item twice."""
    return 0 < len(statements) <= MAX_STATEMENTS and len(set(map(key_of, statements))) == len(statements)


def _refused(table: str, code: str, item: Raw | None = None) -> Run:
    return Run(table, refused(code, item) | {"TableName": table}, None)


def _inserted(statement: Raw) -> Raw:
    found = _INSERT.fullmatch(statement["Statement"])
    assert found
    return dict(zip(re.findall(r"'(\w+)'", found[2]), statement["Parameters"], strict=True))


def _updated(statement: Raw, current: Raw) -> Raw:
    found = _UPDATE.fullmatch(statement["Statement"])
    assert found
    item, values = dict(current), iter(statement["Parameters"])
    for step, name in _STEP.findall(found[2]):
        if step == "SET":
            item[name] = next(values)
        else:
            item.pop(name, None)
    return item
