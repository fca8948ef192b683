"""Path parameters, query parameters and headers in the events of API Gateway.

API Gateway offers two products: REST APIs and HTTP APIs. A REST API, which Saxaul uses on AWS, does not decode path
parameters: they arrive percent-encoded, as the client sent them. An HTTP API decodes them, and so does the emulator on
a laptop. Events from an HTTP API or the emulator have a field ``version``; events from a REST API do not. Header names
arrive in the case in which they were sent.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from saxaul.problems import InvalidRequest

_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DECODED = "1.0"
"""The ``version`` of an event whose path parameters are already decoded."""


def path_parameter(event: Mapping[str, Any], name: str) -> str:
    """Return a path parameter, percent-decoded exactly once. A ``+`` stays a plus sign.

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


def query_names(event: Mapping[str, Any]) -> list[str]:
    """Return the names of the query parameters, in the order in which they were first sent."""
    several: Mapping[str, list[str]] = event.get("multiValueQueryStringParameters") or {}
    single: Mapping[str, str] = event.get("queryStringParameters") or {}
    return list({**several, **single})


def query_values(event: Mapping[str, Any], name: str) -> list[str]:
    """Return all values of a query parameter, in the order in which they were sent."""
    several: Mapping[str, list[str]] = event.get("multiValueQueryStringParameters") or {}
    single: Mapping[str, str] = event.get("queryStringParameters") or {}
    return several.get(name) or ([single[name]] if name in single else [])


def header_values(event: Mapping[str, Any], name: str) -> list[str]:
    """Return all values of a header, in the order in which they were sent. ``name`` must be in lower case.

    The name in the request may be in any case.
    """
    several: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    single: Mapping[str, str] = event.get("headers") or {}
    found = [value for key, values in several.items() if key.lower() == name for value in values]
    return found or [value for key, value in single.items() if key.lower() == name]
