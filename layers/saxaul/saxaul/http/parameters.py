"""Path parameters and headers in the events of API Gateway.

A REST API passes path parameters on as they were sent, still percent-encoded. An HTTP API decodes them, and so does
the emulator; the events of both have a ``version``. Header names keep the case in which they were sent.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from saxaul.problems import InvalidRequest

_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DECODED = "1.0"
"""The ``version`` of an event whose path parameters are already decoded. An event of a REST API has none."""


def decoded(event: Mapping[str, Any], name: str) -> str:
    """Return a path parameter, decoded exactly once. A ``+`` stays a plus sign.

    Raises:
        InvalidRequest: the parameter is not percent-encoded UTF-8.
    """
    value: str = event["pathParameters"][name]
    if event.get("version") == _DECODED:
        return value
    broken = InvalidRequest("invalid_parameter", f"{name} in the path must be percent-encoded UTF-8.")
    if _BROKEN.search(value):
        raise broken
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise broken from None


def header_values(event: Mapping[str, Any], name: str) -> list[str]:
    """Return the values of a header in the order sent. ``name`` is in lower case; the sent name may be in any case."""
    several: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    single: Mapping[str, str] = event.get("headers") or {}
    found = [value for key, values in several.items() if key.lower() == name for value in values]
    return found or [value for key, value in single.items() if key.lower() == name]
