"""The handler of every function behind the REST API. It parses the event, calls the route and returns a response.

If a path needs a token, API Gateway has already checked the token and its scope. The client id in the token identifies
the app, the partner or the operator that sent the request. If the path contains a user id and the token has a username,
the two must be equal. Every error response is an application/problem+json document.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from time import perf_counter
from typing import TYPE_CHECKING, Any

from saxaul.catalog.entries import LANGUAGES, Language
from saxaul.http.parameters import header_values, path_parameter
from saxaul.ledger.actions import is_identifier
from saxaul.observability import logger
from saxaul.problems import Forbidden, InternalError, InvalidRequest, NotFound, Problem
from saxaul.settings import Caller, settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ApiEvent = dict[str, Any]
"""The Lambda proxy event that API Gateway sends."""


@dataclass(frozen=True)
class Request:
    """An HTTP request, as API Gateway passed it on."""

    event: ApiEvent

    def path(self, name: str) -> str:
        """Return a path parameter after percent-decoding.

        Raises:
            InvalidRequest: the parameter is not percent-encoded UTF-8.
        """
        return path_parameter(self.event, name)

    @property
    def query(self) -> Mapping[str, str]:
        return self.event.get("queryStringParameters") or {}

    def identifier(self, name: str) -> str:
        """Return a path parameter that must be an identifier.

        Raises:
            InvalidRequest: the value cannot be an identifier.
        """
        value = self.path(name)
        if not is_identifier(value):
            allowed = "1 to 128 characters from A-Z, a-z, 0-9 and ._~@:+=-, and must not be '.' or '..'."
            raise InvalidRequest("invalid_parameter", f"{name} must have {allowed}")
        return value

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name. The values of a repeated header are joined by commas (RFC 9110)."""
        values = header_values(self.event, name)
        return ", ".join(values) if values else None

    def json(self) -> Any:  # noqa: ANN401 - any JSON value; the route checks it
        """Return the parsed JSON body.

        Raises:
            InvalidRequest: the body is not JSON.
        """
        body = self.event.get("body") or ""
        try:
            text = base64.b64decode(body) if self.event.get("isBase64Encoded") else body
            return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
        except (ValueError, ArithmeticError, RecursionError):
            raise InvalidRequest("invalid_json", "The body must be a valid JSON document.") from None

    @property
    def caller(self) -> Caller:
        """Return the app, partner or operator that the token's client belongs to.

        Raises:
            Forbidden: the client is not registered in this stack.
        """
        caller = settings().callers.get(self._claims.get("client_id", ""))
        if caller is None:
            raise Forbidden(
                "unknown_client",
                "The client of the token is not registered in this stack; use a token of a registered client.",
            )
        return caller

    @property
    def username_or_client(self) -> str:
        """Return the username in the token, or, if it has none, the name of the token's client.

        Raises:
            Forbidden: the token has no username, and its client is not registered in this stack.
        """
        return self._claims.get("username") or self.caller.name

    @property
    def app(self) -> str:
        """Return the name of the app that sent the request.

        Raises:
            Forbidden: the client is not an app.
        """
        if self.caller.role != "app":
            raise Forbidden("not_an_app", "Only apps can send this request; use the token of an app.")
        return self.caller.name

    @property
    def user_id(self) -> str:
        """Return the user id in the path.

        Raises:
            Forbidden: the token has the username of another user.
        """
        user_id = self.identifier("user_id")
        username = self._claims.get("username")
        if username is not None and username != user_id:
            raise Forbidden("not_yours", "A token with a username can be used only for the paths of that user.")
        return user_id

    @property
    def base_url(self) -> str:
        """Return the public address of the API: the configured one, or else the address that the client used."""
        context: Mapping[str, Any] = self.event["requestContext"]
        if configured := settings().public_url:
            return configured.replace("{api_id}", context["apiId"]).rstrip("/")
        # The path is the stage, or the base path of a custom domain, followed by the path of the resource.
        segments = self.event["resource"].count("/")
        base = context["path"].rstrip("/").rsplit("/", segments)[0]
        return f"https://{context.get('domainName') or self.header('host')}{base}"

    @property
    def _claims(self) -> Mapping[str, str]:
        claims: Mapping[str, str] = (self.event["requestContext"].get("authorizer") or {}).get("claims") or {}
        return claims


@dataclass(frozen=True)
class Response:
    """An HTTP response. A body that is a string is sent as it is, any other body as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Request], Response]
Handler = Callable[[ApiEvent, "LambdaContext"], dict[str, Any]]


def endpoint(routes: Mapping[tuple[str, str], Route]) -> Handler:
    """Return a Lambda handler for these routes, by method and path, such as ``("GET", "/users/{user_id}/wallet")``."""

    def handler(event: ApiEvent, context: "LambdaContext") -> dict[str, Any]:
        began = perf_counter()
        request = Request(event)
        method, resource = event["httpMethod"], event["resource"]
        try:
            response = _call_route(routes, request, method, resource)
        except Problem as problem:
            response = _refusal(problem)
        except Exception:  # noqa: BLE001 - a client must never get a stack trace
            logger.exception("unexpected failure", extra={"request_id": context.aws_request_id})
            response = _refusal(
                InternalError(
                    "internal_error", "The request failed because of an error on our side; it is safe to repeat it."
                )
            )
        logger.info(
            f"{method} {resource}",
            extra={
                "status": response.status,
                "code": response.body.get("code") if response.status >= InvalidRequest.status else None,
                "ms": round((perf_counter() - began) * 1000, 1),
                "request_id": context.aws_request_id,
            },
        )
        return {
            "statusCode": response.status,
            "headers": {
                "content-type": "application/json",
                "access-control-allow-origin": "*",
                "access-control-expose-headers": "ETag,Location,Retry-After",
                "cache-control": "no-store",
                **response.headers,
            },
            "body": utf8_text(response.body),
        }

    return handler


def language_of(request: Request) -> Language:
    """Return the language in the query parameter ``lang``. The default is English.

    Raises:
        InvalidRequest: the API does not support this language.
    """
    requested = request.query.get("lang", "en")
    for language in LANGUAGES:
        if language == requested:
            return language
    raise InvalidRequest("invalid_parameter", f"lang must be one of {', '.join(LANGUAGES)}.")


def whole_number(request: Request, name: str, default: int, maximum: int, *, minimum: int = 1) -> int:
    """Return the whole number in a query parameter, or ``default`` if the parameter is missing.

    Raises:
        InvalidRequest: the value is not a whole number from ``minimum`` to ``maximum``.
    """
    return checked_number(name, request.query.get(name, str(default)), maximum, minimum=minimum)


def checked_number(name: str, text: str, maximum: int, *, minimum: int = 1) -> int:
    """Return the whole number that a parameter contains.

    Raises:
        InvalidRequest: the text is not a whole number from ``minimum`` to ``maximum``.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(maximum)) and minimum <= int(text) <= maximum):
        raise InvalidRequest("invalid_parameter", f"{name} must be a whole number from {minimum} to {maximum}.")
    return int(text)


def _call_route(routes: Mapping[tuple[str, str], Route], request: Request, method: str, resource: str) -> Response:
    route = routes.get((method, resource))
    if route is None:
        raise NotFound("unknown_path", f"The API has no endpoint {method} {resource}.")
    return route(request)


def _refusal(problem: Problem) -> Response:
    members = {"title": problem.title, "status": problem.status, "code": problem.code, "detail": problem.detail}
    errors = {"errors": problem.errors} if problem.errors else {}
    return Response(members | errors, problem.status, {"content-type": "application/problem+json"})


def utf8_text(body: Any) -> str:  # noqa: ANN401 - a text or any JSON value
    """Return a body as text that UTF-8 can encode.

    UTF-8 cannot encode a lone surrogate (half of a UTF-16 pair). A client may send one, and the response may contain
    what the client sent, so each lone surrogate becomes a question mark.
    """
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
