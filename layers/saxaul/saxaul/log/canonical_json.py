"""Canonical JSON (RFC 8785): one value, one text, so that what is hashed and signed serializes reproducibly.

Only text, whole numbers, truth, null, lists and objects with ASCII names are taken. For these, RFC 8785 is what Python
writes anyway once the names are sorted; it is fractions that need its rules, and nothing here has any.
"""

import hashlib
import json
from typing import Any

Json = Any
"""A value that JSON can hold."""

_EXACT = 2**53
"""Whole numbers beyond this are not the same everywhere that JSON is read."""


class NotCanonicalError(ValueError):
    """Bytes or a value that have no place in canonical JSON; the message says why."""


def encode(value: Json) -> bytes:
    """The one text of a value, in UTF-8.

    Raises:
        NotCanonicalError: it holds something other than this module takes.
    """
    _check(value)
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise NotCanonicalError("half a character stands in it") from None


def decode(text: bytes) -> Json:
    """The value of a canonical text.

    Raises:
        NotCanonicalError: it is no JSON, or not the one text of its value.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise NotCanonicalError("it is not JSON") from None
    try:
        is_canonical = encode(value) == text
    except RecursionError:
        raise NotCanonicalError("it is nested too deeply") from None
    if not is_canonical:
        raise NotCanonicalError("it is not canonical JSON (RFC 8785)")
    return value


def digest(value: Json) -> str:
    """SHA-256 of the one text of a value, in hexadecimal."""
    return hashlib.sha256(encode(value)).hexdigest()


def _check(value: Json) -> None:
    match value:
        case None | bool() | str():
            return
        case int() if abs(value) < _EXACT:
            return
        case list() | tuple():
            for element in value:
                _check(element)
        case dict():
            for name, element in value.items():
                if not (isinstance(name, str) and name.isascii()):
                    raise NotCanonicalError("a name in it is not of ASCII")
                _check(element)
        case _:
            raise NotCanonicalError(f"there is no place for a {type(value).__name__} in it")
