"""Checks a response against the OpenAPI document: its status, its media type, its body, its code and its headers.

The document is generated once for each test process, from the code that the tests run.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from local.json_schemas import closed
from local.openapi import CODES, JSON_LINES, document

_OF_THE_GATEWAY = frozenset({404})
"""The statuses of requests that no operation answers."""


def check_response(method: str, path: str, status: int, headers: Mapping[str, str], body: Any) -> None:  # noqa: ANN401 - any JSON value
    """Check a response of an operation. ``body`` is the parsed JSON, or text if the media type is another.

    Raises:
        AssertionError: the document does not describe such a response.
    """
    operation = _paths().get(path, {}).get(method.lower())
    if operation is None:
        assert status in _OF_THE_GATEWAY, f"{method} {path} is not in the document, and answers {status}"
        return
    response = _resolved(operation["responses"].get(str(status)))
    assert response is not None, f"{method} {path} answers {status}, which is not in the document: {body!r}"
    documented = {name.lower() for name in response.get("headers", {})}
    undocumented = {"etag", "location", "content-language", "retry-after"} & headers.keys() - documented
    assert not undocumented, f"{method} {path} has the headers {undocumented} with {status}"
    described = {name.lower(): _resolved(header) for name, header in response.get("headers", {}).items()}
    missing = {name for name, header in described.items() if header.get("required")} - headers.keys()
    assert not missing, f"{method} {path} lacks the headers {missing} with {status}"
    content = response.get("content")
    if content is None:
        assert body == "", f"{method} {path} has a body with {status}"
        return
    media = headers["content-type"].partition(";")[0]
    assert media in content, f"{method} {path} answers {status} as {media}, which is not in the document"
    if media.endswith("json") or media == JSON_LINES:
        parsed = [json.loads(line) for line in body.splitlines()] if media == JSON_LINES else body
        error = best_match(_validator(method, path, status, media).iter_errors(parsed))
        assert error is None, f"{method} {path} answers {status}: {error.json_path}: {error.message}"


@cache
def _document() -> dict[str, Any]:
    return document()


def _paths() -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = _document()["paths"]
    return paths


def _resolved(part: Any) -> Any:  # noqa: ANN401 - a response or a header, or a reference to one
    if not part or "$ref" not in part:
        return part
    _, components, kind, name = part["$ref"].split("/")
    return _document()[components][kind][name]


@cache
def _closed_components() -> dict[str, Any]:
    return {"schemas": closed(_document()["components"]["schemas"])}


@cache
def _validator(method: str, path: str, status: int, media: str) -> Draft202012Validator:
    response = _resolved(_paths()[path][method.lower()]["responses"][str(status)])
    described = response["content"][media]["schema"]
    schema = closed(described["contentSchema"] if media == JSON_LINES else described)
    if CODES in response:
        schema = schema | {"properties": {"code": {"enum": response[CODES]}, "status": {"const": status}}}
    return Draft202012Validator(schema | {"components": _closed_components()})
