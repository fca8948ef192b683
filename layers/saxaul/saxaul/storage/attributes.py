"""Converts plain Python values to the attribute values of DynamoDB, and back.

boto3 has such converters too (``boto3.dynamodb.types``), but importing any module of boto3 imports its file transfers
for S3, which no function uses. That would add up to 45 ms to each cold start. boto3's also take three times as long,
and accrual converts thousands of values in each batch. A test compares both.
"""

from base64 import b64decode
from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any

_NUMBERS = Context(Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])
"""The numbers that DynamoDB stores exactly: 38 digits, from 1e-130 to 9.9e125."""


_NUMBER_BYTES = 21
"""The bytes of the longest number."""

_SURE_CHARACTERS = 38
"""A finite number of at most this many characters, without an exponent, is one that DynamoDB stores exactly."""


def attribute_value(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    """Return a value in the notation of DynamoDB. It may be None, a bool, a number, text, bytes, a list or a mapping.

    Raises:
        TypeError: the value has another type, such as float, a set or a named tuple.
        ArithmeticError: DynamoDB cannot store this number exactly.
    """
    kind = type(value)  # the most frequent types first, because a match of classes takes longer
    if kind is str:
        return {"S": value}
    if kind is int or kind is Decimal:
        return {"N": _number(value)}
    if kind is dict:
        return {"M": {name: attribute_value(member) for name, member in value.items()}}
    if kind is list or kind is tuple:
        return {"L": [attribute_value(member) for member in value]}
    if kind is bytes:
        return {"B": value}
    return _other_value(value)


def _other_value(value: object) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": str(value)}
        case Mapping():
            return attribute_value(dict(value))
        case bytearray():
            return {"B": bytes(value)}
        case _:
            raise TypeError(f"DynamoDB has no type for {type(value).__name__}")


def _number(value: int | Decimal) -> str:
    text = str(value)
    if len(text) <= _SURE_CHARACTERS and "E" not in text and (isinstance(value, int) or value.is_finite()):
        return text
    number = _NUMBERS.create_decimal(value)
    if not number.is_finite():
        raise TypeError(f"DynamoDB has no number {number}")
    return str(number)


def python_value(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any value that DynamoDB can store
    """Return a value that DynamoDB sent, as a plain Python value. Numbers become ``Decimal``, binary values ``bytes``.

    Sets, which only somebody writes by hand, become frozen sets. So an item with one is refused by what reads it, and
    does not stop the read of other items.
    """
    ((kind, content),) = attribute.items()
    if kind == "S" or kind == "BOOL":  # noqa: PLR1714 - faster than a lookup in a set
        return content
    if kind == "N":
        return Decimal(content)
    if kind == "M":
        return {name: python_value(member) for name, member in content.items()}
    if kind == "L":
        return [python_value(member) for member in content]
    if kind == "B":
        return b64decode(content) if isinstance(content, str) else content  # text, if wire.py parsed the response
    if kind == "NULL":
        return None
    return frozenset(python_value({kind.removesuffix("S"): member}) for member in content)


def stored_bytes(value: Any) -> int:  # noqa: ANN401 - any value of an item, or an item
    """Return about how many bytes DynamoDB counts for a value, and never fewer. A number counts as the longest one."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Mapping):
        return 3 + sum(1 + len(name.encode()) + stored_bytes(member) for name, member in value.items())
    if isinstance(value, list | tuple | frozenset):
        return 3 + sum(1 + stored_bytes(member) for member in value)
    return _NUMBER_BYTES if isinstance(value, int | Decimal) or value is None else len(value)
