"""Canonical JSON (RFC 8785): each value has one possible spelling, so its hash and its signature are reproducible.

This module accepts only strings, finite numbers, booleans, null, lists, and objects with ASCII names. For these,
RFC 8785 gives the same text as ``json.dumps`` with sorted names, except for fractions. The log contains no fractions,
and a certificate only those of its coordinates.
"""

import hashlib
import json
from decimal import Decimal
from typing import Any

Json = Any
"""A value that JSON can hold."""

_EXACT = 2**53
"""The absolute value of a number must be smaller than this. Some JSON readers do not read larger integers exactly."""

MAX_DEPTH = 32
"""The most levels of lists and objects inside one another. A certificate has six, and a page of the log has five.

The limit keeps every recursion over a value far below the recursion limit of Python, wherever the value is used.
"""

_SMALLEST_PLAIN = -6
"""A fraction with at least six zeros after its decimal point is written with an exponent."""

_compact = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_TOO_DEEP = f"it has more than {MAX_DEPTH} levels of lists and objects"


class NotCanonicalError(ValueError):
    """The bytes or the value are not canonical JSON. The message says why."""


def encode(value: Json) -> bytes:
    """Return the canonical text of a value, in UTF-8.

    Raises:
        NotCanonicalError: the value contains something that this module does not accept.
    """
    has_fractions = _check(value, MAX_DEPTH)
    try:
        return (_text(value) if has_fractions else _compact(value)).encode()
    except UnicodeEncodeError:
        raise NotCanonicalError("it contains an unpaired surrogate") from None


def decode(text: bytes) -> Json:
    """Return the value of a canonical text.

    Raises:
        NotCanonicalError: the text is not JSON, or not the canonical text of its value.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise NotCanonicalError(_TOO_DEEP) from None
    except ValueError:
        raise NotCanonicalError("it is not JSON") from None
    if encode(value) != text:
        raise NotCanonicalError("it is not canonical JSON (RFC 8785)")
    return value


def digest(value: Json) -> str:
    """Return the SHA-256 of the canonical text of a value, in hexadecimal."""
    return hashlib.sha256(encode(value)).hexdigest()


def _text(value: Json) -> str:
    """Return the canonical text of a value that has been checked, as ``json.dumps`` does, but also of fractions."""
    match value:
        case float():
            return _fraction(value)
        case list() | tuple():
            return f"[{','.join(map(_text, value))}]"
        case dict():
            return f"{{{','.join(f'{_text(name)}:{_text(value[name])}' for name in sorted(value))}}}"
        case _:
            return _compact(value)


def _fraction(value: float) -> str:
    """Return the shortest text of a number, as RFC 8785 takes it from ECMAScript (Number::toString)."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    shown, minus = "".join(map(str, digits)), "-" if sign and value else ""
    point = len(shown) + int(exponent)  # the place of the decimal point, counted from the first digit
    if point >= len(shown):
        return f"{minus}{shown:0<{point}}"
    if point > 0:
        return f"{minus}{shown[:point]}.{shown[point:]}"
    if point > _SMALLEST_PLAIN:
        return f"{minus}0.{'0' * -point}{shown}"
    more = f".{shown[1:]}" if shown[1:] else ""
    return f"{minus}{shown[0]}{more}e{point - 1}"


def _check(value: Json, levels: int) -> bool:
    """Check a value that may have at most this many levels of lists and objects. Return whether it has fractions."""
    match value:
        case None | bool() | str():
            return False
        case int() if abs(value) < _EXACT:
            return False
        case float() if abs(value) < _EXACT:  # no infinity, and no value that is not a number
            return True
        case list() | tuple() | dict() if not levels:
            raise NotCanonicalError(_TOO_DEEP)
        case list() | tuple() if type(value) in (list, tuple):  # a record would lose the names of its fields
            return sum(_check(element, levels - 1) for element in value) > 0  # any() would not check them all
        case dict():
            for name in value:
                if not (isinstance(name, str) and name.isascii()):
                    raise NotCanonicalError("it has a member name that is not ASCII")
            return sum(_check(element, levels - 1) for element in value.values() if type(element) is not str) > 0
        case _:
            raise NotCanonicalError(f"it contains an unsupported value of type {type(value).__name__}")
