"""Strict parsers of single values. Each refuses any other spelling of the same value, and says why."""

import binascii
import re
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from .canonical_json import Json
from .degrees import DEGREE_DECIMALS, degrees
from .verdicts import RefusedError

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
"""A time in RFC 3339, but only in the form that the service writes: upper case, whole seconds, with an offset.

Without an offset, each verifier would read the time in its own time zone.
"""

_HASH = re.compile(r"[0-9a-f]{64}")
_DEGREES = re.compile(rf"-?(0|[1-9][0-9]{{0,2}})\.[0-9]{{{DEGREE_DECIMALS}}}")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_LARGEST = 2**63
"""A size or an index is smaller than this, because programs in other languages read it as 64 bits with a sign."""


def parse_object(document: Json, what: str, names: str) -> dict[str, Any]:
    """Return a JSON object that must have exactly the members in ``names``. ``what`` names the object in the reason.

    Raises:
        RefusedError: the document is not such an object.
    """
    if not isinstance(document, dict) or document.keys() != set(names.split()):
        raise RefusedError(f"{what} does not have exactly the members {names}")
    return dict(document)


def parse_text(value: Json, what: str) -> str:
    """Return a value that must be text.

    Raises:
        RefusedError: it is not text.
    """
    if not isinstance(value, str):
        raise RefusedError(f"{what} is not text")
    return value


def parse_count(value: Json, what: str) -> int:
    """Return a value that must be an integer of at least 0.

    Raises:
        RefusedError: it is another value, such as true.
    """
    if type(value) is not int or value < 0:
        raise RefusedError(f"{what} is not a number of at least 0")
    return value


def parse_hash(value: Json, what: str) -> str:
    """Return a value that must be a hash or a salt.

    Raises:
        RefusedError: it is not 64 hexadecimal digits in lower case.
    """
    if not (isinstance(value, str) and _HASH.fullmatch(value)):
        raise RefusedError(f"{what} is not 64 hexadecimal digits in lower case")
    return value


def parse_time(value: Json, what: str) -> str:
    """Return a value that must be a time.

    Raises:
        RefusedError: it is not a time in the form that the service writes.
    """
    try:
        is_time = bool(isinstance(value, str) and _TIME.fullmatch(value) and datetime.fromisoformat(value))
    except ValueError:
        is_time = False  # there is no such day
    if not is_time:
        raise RefusedError(f"{what} is not a time in RFC 3339, to the second and with an offset from UTC")
    return str(value)


def parse_degrees(value: Json, most: int, what: str) -> str:
    """Return a value that must be degrees as :func:`saxaul.log.degrees.degrees` writes them, so zero has no sign.

    Raises:
        RefusedError: it is another text, or more than ``most`` degrees from zero.
    """
    text = parse_text(value, what)
    if not (_DEGREES.fullmatch(text) and abs(float(text)) <= most and text == degrees(float(text))):
        raise RefusedError(f"{what} is not degrees from -{most} to {most} with {DEGREE_DECIMALS} decimals")
    return text


def parse_decimal(text: str, what: str) -> int:
    """Return a number that must be written in ASCII digits without leading zeros.

    Raises:
        RefusedError: it is written otherwise, or does not fit into 63 bits.
    """
    if not _DECIMAL.fullmatch(text) or int(text) >= _LARGEST:
        raise RefusedError(f"{what} is not a decimal number of at most 63 bits")
    return int(text)


def parse_base64(text: str, what: str, length: int | None = None) -> bytes:
    """Return the bytes of a base64 text, which must have this length.

    Raises:
        RefusedError: the text is not the one spelling that base64 (RFC 4648, section 4) has for its bytes.
    """
    try:
        value = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(f"{what} is not base64") from None
    if b64encode(value).decode() != text:  # its unused bits are not zero
        raise RefusedError(f"{what} is not base64")
    if length is not None and len(value) != length:
        raise RefusedError(f"{what} has {len(value)} bytes, not {length}")
    return value
