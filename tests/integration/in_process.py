"""Sends HTTP requests to the functions in this process, as API Gateway does.

The token of a request is the client id of a registered client. It has all scopes.
"""

import json
import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import requests

from saxaul.http.endpoint import Endpoint
from tests.contract.conformance import Answer
from tests.integration.stack import HANDLERS, SCOPES, api_event, invoke

BASE_URL = "https://api.example/v1"


class Route(NamedTuple):
    """A method and a path, and the function that serves them. Without ``is_public``, a request needs a token."""

    method: str
    path: str
    function: str
    is_public: bool

    @property
    def pattern(self) -> str:
        return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path))


ROUTES = [
    Route(method, path, function, operation.access.scope is None)
    for function, module in HANDLERS.items()
    if isinstance(module.handler, Endpoint)
    for operation in module.handler.operations
    for method, path in operation.routes
]


def send(request: requests.PreparedRequest) -> Answer:
    """Send a request, and return its answer."""
    address = urlsplit(str(request.url))
    path = address.path.removeprefix(urlsplit(BASE_URL).path)
    for route in ROUTES:
        found = re.fullmatch(route.pattern, path)
        if not found or route.method != request.method:
            continue
        token = request.headers.get("authorization")
        if not route.is_public and token is None:
            return _refusal(request, 401, "unauthorized")
        values = {name: unquote(value, errors="surrogateescape") for name, value in found.groupdict().items()}
        return _answer(request, invoke(route.function, _event(request, route, values, address.query, token)))
    return _refusal(request, 404, "unknown_path")


def _event(
    request: requests.PreparedRequest, route: Route, path: dict[str, str], query: str, token: str | bytes | None
) -> dict[str, Any]:
    sent = parse_qs(query, keep_blank_values=True)
    headers = {name: str(value) for name, value in request.headers.items() if name.lower() != "authorization"}
    event = api_event(
        route.method,
        route.path,
        path=path,
        query={name: values[-1] for name, values in sent.items()},
        headers=headers,
    )
    event["multiValueQueryStringParameters"] = sent or None
    body = request.body
    event["body"] = body.decode(errors="replace") if isinstance(body, bytes) else body
    if token and not route.is_public:
        event["requestContext"]["authorizer"] = {"claims": {"client_id": token, "scope": SCOPES}}
    return event


def _answer(request: requests.PreparedRequest, result: dict[str, Any]) -> Answer:
    headers = {name: [value] for name, value in result["headers"].items()}
    return Answer(result["statusCode"], headers, result["body"].encode(), request, elapsed=0.0, verify=False)


def _refusal(request: requests.PreparedRequest, status: int, code: str) -> Answer:
    """Return what API Gateway answers by itself, as the template says."""
    problem = {"title": "Refused", "status": status, "code": code, "detail": "API Gateway refuses the request."}
    return Answer(
        status,
        {"content-type": ["application/problem+json"], "access-control-allow-origin": ["*"]},
        json.dumps(problem).encode(),
        request,
        elapsed=0.0,
        verify=False,
    )
