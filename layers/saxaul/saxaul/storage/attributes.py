"""Converts plain Python values to the attribute values of DynamoDB, and back.

boto3 has such converters too (``boto3.dynamodb.types``), but importing any module of boto3 imports its file transfers
for S3, which no function uses. That would add up to 45 ms to each cold start. A test compares both.
"""

from collections.abc import Mapping
from decimal import Clamped, Context, Decimal, Inexact, Overflow, Rounded, Underflow
from typing import Any

_NUMBERS = Context(Emin=-128, Emax=126, prec=38, traps=[Clamped, Overflow, Inexact, Rounded, Underflow])
"""The numbers that DynamoDB stores exactly: 38 digits, from 1e-130 to 9.9e125."""


def attribute_value(value: object) -> dict[str, Any]:
    """Return a value in the notation of DynamoDB. It may be None, a bool, a number, text, bytes, a list or a mapping.

    Raises:
        TypeError: the value has another type, such as float or a set.
        ArithmeticError: DynamoDB cannot store this number exactly.
    """
    match value:
        case str():
            return {"S": value}
        case bool():  # before int, because a bool is an int too
            return {"BOOL": value}
        case int() | Decimal():
            number = _NUMBERS.create_decimal(value)
            if not number.is_finite():
                raise TypeError(f"DynamoDB has no number {number}")
            return {"N": str(number)}
        case None:
            return {"NULL": True}
        case bytes() | bytearray():
            return {"B": value}
        case Mapping():
            return {"M": {name: attribute_value(member) for name, member in value.items()}}
        case list() | tuple():
            return {"L": [attribute_value(member) for member in value]}
        case _:
            raise TypeError(f"DynamoDB has no type for {type(value).__name__}")


def python_value(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any value that DynamoDB can store
    """Return a value that DynamoDB sent, as a plain Python value. Numbers become ``Decimal``, binary values ``bytes``.

    Raises:
        TypeError: the attribute is a set.
    """
    ((kind, content),) = attribute.items()
    match kind:
        case "S" | "BOOL" | "B":
            return content
        case "N":
            return _NUMBERS.create_decimal(content)
        case "M":
            return {name: python_value(member) for name, member in content.items()}
        case "L":
            return [python_value(member) for member in content]
        case "NULL":
            return None
        case _:
            raise TypeError(f"Saxaul stores no attributes of the type {kind}")
