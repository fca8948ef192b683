"""Canonical JSON (RFC 8785): each value has one possible spelling, so its hash and its signature are reproducible.

This module accepts only strings, integers, booleans, null, lists, and objects with ASCII names. For these, RFC 8785
gives the same text as ``json.dumps`` with sorted names. The other rules of RFC 8785 are for fractions, which the log
does not contain.
"""

import hashlib
import json
from typing import Any

Json = Any
"""A value that JSON can hold."""

_EXACT = 2**53
"""The absolute value of an integer must be smaller than this. Some JSON readers do not read larger ones exactly."""

MAX_DEPTH = 32
"""The most levels of lists and objects inside one another. A certificate has six, and a page of the log has five.

The limit keeps every recursion over a value far below the recursion limit of Python, wherever the value is used.
"""

_TOO_DEEP = f"it has more than {MAX_DEPTH} levels of lists and objects"


class NotCanonicalError(ValueError):
    """The bytes or the value are not canonical JSON. The message says why."""


def encode(value: Json) -> bytes:
    """Return the canonical text of a value, in UTF-8.

    Raises:
        NotCanonicalError: the value contains something that this module does not accept.
    """
    _check(value, MAX_DEPTH)
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
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


def _check(value: Json, levels: int) -> None:
    """Check a value that may have at most this many levels of lists and objects."""
    match value:
        case None | bool() | str():
            return
        case int() if abs(value) < _EXACT:
            return
        case list() | tuple() | dict() if not levels:
            raise NotCanonicalError(_TOO_DEEP)
        case list() | tuple() if type(value) in (list, tuple):  # a record would lose the names of its fields
            for element in value:
                _check(element, levels - 1)
        case dict():
            for name, element in value.items():
                if not (isinstance(name, str) and name.isascii()):
                    raise NotCanonicalError("it has a member name that is not ASCII")
                _check(element, levels - 1)
        case _:
            raise NotCanonicalError(f"it contains an unsupported value of type {type(value).__name__}")
