"""Builds events in the form in which AWS invokes the functions: requests of API Gateway, and batches of a queue."""

import json
from collections.abc import Mapping
from typing import Any

from saxaul.http.request import CHECK

_HOST = "check.invalid"


def request_event(
    method: str,
    resource: str,
    claims: Mapping[str, Any] | None,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    key: str = "",
) -> dict[str, Any]:
    """Return a request of the check as API Gateway passes requests on.

    Args:
        method, resource: the operation, such as ``GET`` and ``/users/{user_id}/wallet``.
        claims: those of the token; None for a request without a token.
        path: the values of the parameters in the resource.
        query: the parameters of the query, each given once.
        body: a JSON object, or None.
        key: the Idempotency-Key, if there is one.
    """
    called = resource.format_map(path or {})
    headers = {"Accept": "application/json", "Host": _HOST, **({"Idempotency-Key": key} if key else {})}
    return {
        "resource": resource,
        "path": called,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": path,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/v1{called}",
            "stage": "v1",
            "domainName": _HOST,
            "apiId": CHECK,
            "identity": {"sourceIp": "127.0.0.1"},
            **({"authorizer": {"claims": claims}} if claims else {}),
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def queue_event(*bodies: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch of messages of a queue, with ids that nothing else has."""
    return {
        "Records": [{"messageId": f"{CHECK}-{number}", "body": json.dumps(body)} for number, body in enumerate(bodies)]
    }
