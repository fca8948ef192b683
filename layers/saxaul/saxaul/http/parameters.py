"""What API Gateway hands over of a path and of headers.

A REST API hands path parameters over as they were called, still percent-encoded. An HTTP API decodes them, and so does
the emulator; both name the version of their payload. Header names come in the case in which they were sent.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from saxaul.problems import InvalidRequest

_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DECODED = "1.0"
"""The version of a payload whose path was decoded before. A REST API's payload has no version."""


def decoded(event: Mapping[str, Any], name: str) -> str:
    """A path parameter, decoded exactly once. A ``+`` is a plus.

    Raises:
        InvalidRequest: what it was encoded from is no text in UTF-8.
    """
    value: str = event["pathParameters"][name]
    if event.get("version") == _DECODED:
        return value
    broken = InvalidRequest("invalid_parameter", f"{name} is not percent-encoded UTF-8.")
    if _BROKEN.search(value):
        raise broken
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise broken from None


def header_values(event: Mapping[str, Any], name: str) -> list[str]:
    """The values of a header in the order in which they came, whichever case each name was sent in."""
    several: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    single: Mapping[str, str] = event.get("headers") or {}
    found = [value for key, values in several.items() if key.lower() == name for value in values]
    return found or [value for key, value in single.items() if key.lower() == name]
