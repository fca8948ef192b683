"""Reads JSON into frozen dataclasses, by the types of their fields.

Members that a dataclass does not have are ignored.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from saxaul_client.errors import AnswerError

Record = TypeVar("Record")

_DIGITS = 30
"""The API sends no number of more digits before or after the decimal point."""

_PLAIN: Mapping[Any, tuple[type, ...]] = {str: (str,), bool: (bool,), int: (int,), Decimal: (int, Decimal)}


def parsed(content: bytes) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON value of a body. A number with a decimal point or an exponent becomes an exact ``Decimal``.

    Raises:
        AnswerError: the body is not JSON.
    """
    try:
        return json.loads(content, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, ArithmeticError, RecursionError):
        pass  # the error of the parser holds the whole body
    raise AnswerError("the response is not valid JSON")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def read(kind: type[Record], value: object) -> Record:
    """Return a JSON object as a dataclass.

    The field ``members`` gets the whole object, for what the dataclass has no field of its own for.

    Raises:
        AnswerError: a member is missing or has another type. The message names it, and not its value.
    """
    record: Record = _record(kind, value, kind.__name__)
    return record


def read_list(kind: type[Record], value: object, name: str) -> tuple[Record, ...]:
    """Return a JSON list of objects as dataclasses, as ``read`` does. ``name`` is the name of the list."""
    if not isinstance(value, list):
        raise _wrong(name, "a list", value)
    return tuple(_record(kind, item, f"{name}[{index}]") for index, item in enumerate(value))


def _record(kind: Any, value: object, where: str) -> Any:  # noqa: ANN401 - a dataclass, and an instance of it
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    return kind(
        **{
            field.name: value if field.name == "members" else _read(hint, value[field.name], f"{where}.{field.name}")
            for field, hint in _fields(kind)
            if field.name == "members" or field.name in value or _required(field, where)
        }
    )


@cache
def _fields(kind: Any) -> tuple[tuple[Field[Any], Any], ...]:  # noqa: ANN401 - a dataclass
    hints = get_type_hints(kind)
    return tuple((field, hints[field.name]) for field in fields(kind))


def _required(field: Field[Any], where: str) -> bool:
    """Return False for a missing member that has a default, which the dataclass then uses."""
    if field.default is MISSING and field.default_factory is MISSING:
        raise AnswerError(f"{where}.{field.name} is missing")
    return False


def _read(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - the types of fields, and JSON
    if hint is Any:
        return value
    if get_origin(hint) is UnionType:
        [inner] = [option for option in get_args(hint) if option is not NoneType]
        return None if value is None else _read(inner, value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        return tuple(_read(get_args(hint)[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if get_origin(hint) is Mapping:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        return {name: _read(get_args(hint)[1], member, f"{where}.{name}") for name, member in value.items()}
    if is_dataclass(hint):
        return _record(hint, value, where)
    if hint in (datetime, date):
        return _time(hint, value, where)
    if not isinstance(value, _PLAIN[hint]) or (isinstance(value, bool) and hint is not bool):
        raise _wrong(where, hint.__name__, value)
    return _number(hint, value, where) if hint in (int, Decimal) else value


def _number(hint: Any, value: Any, where: str) -> int | Decimal:  # noqa: ANN401 - int or Decimal
    """Check the size of a number. Without the limit, the next step of a program could take gigabytes."""
    exact = Decimal(value)
    if exact and not -_DIGITS <= exact.adjusted() <= _DIGITS:
        raise AnswerError(f"{where} is a number of an impossible size")
    number: int | Decimal = exact if hint is Decimal else value
    return number


def _time(hint: Any, value: Any, where: str) -> date:  # noqa: ANN401 - date or datetime
    try:
        read_time: date = hint.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(where, "a time in RFC 3339", value) from None
    if isinstance(read_time, datetime) and read_time.tzinfo is None:
        raise _wrong(where, "a time with an offset", value)
    return read_time


def _wrong(where: str, expected: str, value: object) -> AnswerError:
    return AnswerError(f"{where} is not {expected}, but {type(value).__name__}")
