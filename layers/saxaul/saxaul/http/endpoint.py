"""The common endpoint of the functions behind the REST API: it parses the event, calls the route and responds.

If a path needs a token, API Gateway has already checked the token and its scope. The endpoint identifies the caller by
the client of the token. A token with a username reaches only the paths of that user. Every refusal is an
application/problem+json document.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from time import perf_counter
from typing import TYPE_CHECKING, Any

from saxaul.catalog.entries import LANGUAGES, Language
from saxaul.http.parameters import decoded, header_values
from saxaul.ledger.actions import is_identifier
from saxaul.observability import logger
from saxaul.problems import Forbidden, InternalError, InvalidRequest, NotFound, Problem
from saxaul.settings import Caller, settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ApiEvent = dict[str, Any]
"""The proxy event of the REST API."""


@dataclass(frozen=True)
class Request:
    """A request that API Gateway let through."""

    event: ApiEvent

    def path(self, name: str) -> str:
        """Return a path parameter, decoded.

        Raises:
            InvalidRequest: the percent-encoding is broken.
        """
        return decoded(self.event, name)

    @property
    def query(self) -> Mapping[str, str]:
        return self.event.get("queryStringParameters") or {}

    def identifier(self, name: str) -> str:
        """Return a path parameter that is an identifier.

        Raises:
            InvalidRequest: the value cannot be an identifier.
        """
        value = self.path(name)
        if not is_identifier(value):
            allowed = "1 to 128 characters from A-Z, a-z, 0-9 and ._~@:+=-, and must not be '.' or '..'."
            raise InvalidRequest("invalid_parameter", f"{name} must have {allowed}")
        return value

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name. If it was sent repeatedly, commas join the values (RFC 9110)."""
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
        """Return the identity of the client of the token.

        Raises:
            Forbidden: the stack does not know the client.
        """
        caller = settings().callers.get(self._claims.get("client_id", ""))
        if caller is None:
            raise Forbidden(
                "unknown_client", "This stack does not know the client of the token; use a token of one of its clients."
            )
        return caller

    @property
    def who(self) -> str:
        """Return the username in the token, or, if it has none, the name of the token's client.

        Raises:
            Forbidden: the token has no username, and the stack does not know its client.
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
        person = self._claims.get("username")
        if person is not None and person != user_id:
            raise Forbidden("not_yours", "A token with a username can be used only for the paths of that user.")
        return user_id

    @property
    def base_url(self) -> str:
        """Return the public address of the API: the configured one, or else the address that was called."""
        context: Mapping[str, Any] = self.event["requestContext"]
        if configured := settings().public_url:
            return configured.replace("{api_id}", context["apiId"]).rstrip("/")
        # The path begins with the stage, or with the base path of a custom domain; the resource follows.
        own = self.event["resource"].count("/")
        base = context["path"].rstrip("/").rsplit("/", own)[0]
        return f"https://{context.get('domainName') or self.header('host')}{base}"

    @property
    def _claims(self) -> Mapping[str, str]:
        claims: Mapping[str, str] = (self.event["requestContext"].get("authorizer") or {}).get("claims") or {}
        return claims


@dataclass(frozen=True)
class Response:
    """A response. A text body is sent as it is, any other body as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Request], Response]
Handler = Callable[[ApiEvent, "LambdaContext"], dict[str, Any]]


def endpoint(routes: Mapping[tuple[str, str], Route]) -> Handler:
    """Return a Lambda handler that serves routes by method and path, such as ``("GET", "/users/{user_id}/wallet")``."""

    def handler(event: ApiEvent, context: "LambdaContext") -> dict[str, Any]:
        began = perf_counter()
        request = Request(event)
        method, resource = event["httpMethod"], event["resource"]
        try:
            response = _answer(routes, request, method, resource)
        except Problem as problem:
            response = _refusal(problem)
        except Exception:  # noqa: BLE001 - a client must never get a stack trace
            logger.exception("unexpected failure", extra={"request_id": context.aws_request_id})
            response = _refusal(
                InternalError(
                    "internal_error", "The request failed because of an error on our side; it is safe to send it again."
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
            "body": sendable(response.body),
        }

    return handler


def language_of(request: Request) -> Language:
    """Return the language that the query string names; English if it names none.

    Raises:
        InvalidRequest: the API does not support this language.
    """
    asked = request.query.get("lang", "en")
    for language in LANGUAGES:
        if language == asked:
            return language
    raise InvalidRequest("invalid_parameter", f"lang must be one of {', '.join(LANGUAGES)}.")


def whole_number(request: Request, name: str, default: int, most: int, *, least: int = 1) -> int:
    """Return a whole number from the query string.

    Raises:
        InvalidRequest: the value is not a whole number from ``least`` to ``most``.
    """
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise InvalidRequest("invalid_parameter", f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def _answer(routes: Mapping[tuple[str, str], Route], request: Request, method: str, resource: str) -> Response:
    route = routes.get((method, resource))
    if route is None:
        raise NotFound("unknown_path", f"The API has no endpoint {method} {resource}.")
    return route(request)


def _refusal(problem: Problem) -> Response:
    members = {"title": problem.title, "status": problem.status, "code": problem.code, "detail": problem.detail}
    errors = {"errors": problem.errors} if problem.errors else {}
    return Response(members | errors, problem.status, {"content-type": "application/problem+json"})


def sendable(body: Any) -> str:  # noqa: ANN401 - a text or any JSON value
    """Return a body as text that UTF-8 can encode. A response may repeat a lone surrogate that the client sent."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
