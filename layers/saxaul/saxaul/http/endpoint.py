"""The endpoint of the functions behind the REST API: parse the event, call the route, answer.

API Gateway checked the token and its scope before. The endpoint knows the caller by the token's client,
and lets a person reach only their own paths. Every refusal is an application/problem+json document.
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
"""The REST API's proxy event."""


@dataclass(frozen=True)
class Request:
    """A call that API Gateway let through."""

    event: ApiEvent

    def path(self, name: str) -> str:
        """A part of the path, decoded.

        Raises:
            InvalidRequest: its percent-encoding is broken.
        """
        return decoded(self.event, name)

    @property
    def query(self) -> Mapping[str, str]:
        return self.event.get("queryStringParameters") or {}

    def identifier(self, name: str) -> str:
        """A part of the path that names something.

        Raises:
            InvalidRequest: nothing can have that name.
        """
        value = self.path(name)
        if not is_identifier(value):
            allowed = "1 to 128 letters, digits and characters of ._~@:+=-, and is neither . nor .."
            raise InvalidRequest("invalid_parameter", f"{name} has {allowed}")
        return value

    def header(self, name: str) -> str | None:
        """A header by its name in lower case. One that was sent more than once is a list, as RFC 9110 joins it."""
        values = header_values(self.event, name)
        return ", ".join(values) if values else None

    def json(self) -> Any:  # noqa: ANN401 - whatever the caller sent; the route checks it
        """The body as JSON.

        Raises:
            InvalidRequest: it is not JSON.
        """
        body = self.event.get("body") or ""
        try:
            text = base64.b64decode(body) if self.event.get("isBase64Encoded") else body
            return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
        except (ValueError, ArithmeticError, RecursionError):
            raise InvalidRequest("invalid_json", "The body is not JSON.") from None

    @property
    def caller(self) -> Caller:
        """Who calls, by the token's client.

        Raises:
            Forbidden: the client is not one of the stack's.
        """
        caller = settings().callers.get(self._claims.get("client_id", ""))
        if caller is None:
            raise Forbidden("unknown_client", "This client is not registered.")
        return caller

    @property
    def who(self) -> str:
        """The person of the token, or its client by name.

        Raises:
            Forbidden: the client is not one of the stack's.
        """
        return self._claims.get("username") or self.caller.name

    @property
    def app(self) -> str:
        """The calling app.

        Raises:
            Forbidden: the caller is no app.
        """
        if self.caller.role != "app":
            raise Forbidden("not_an_app", "This call is for apps.")
        return self.caller.name

    @property
    def user_id(self) -> str:
        """The user whose path this is.

        Raises:
            Forbidden: a person asks for another person's path.
        """
        user_id = self.identifier("user_id")
        person = self._claims.get("username")
        if person is not None and person != user_id:
            raise Forbidden("not_yours", "A person's token reaches that person's paths only.")
        return user_id

    @property
    def base_url(self) -> str:
        """Where the API is, as the public knows it: what the operator says, or the address that was called."""
        context: Mapping[str, Any] = self.event["requestContext"]
        if configured := settings().public_url:
            return configured.replace("{api_id}", context["apiId"]).rstrip("/")
        # Before the resource stands the stage, or what a custom domain maps to it.
        own = self.event["resource"].count("/")
        base = context["path"].rstrip("/").rsplit("/", own)[0]
        return f"https://{context.get('domainName') or self.header('host')}{base}"

    @property
    def _claims(self) -> Mapping[str, str]:
        claims: Mapping[str, str] = (self.event["requestContext"].get("authorizer") or {}).get("claims") or {}
        return claims


@dataclass(frozen=True)
class Response:
    """An answer: text as it is, and anything else as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Request], Response]
Handler = Callable[[ApiEvent, "LambdaContext"], dict[str, Any]]


def endpoint(routes: Mapping[tuple[str, str], Route]) -> Handler:
    """A Lambda handler that serves routes by method and path, such as ``("GET", "/users/{user_id}/wallet")``."""

    def handler(event: ApiEvent, context: "LambdaContext") -> dict[str, Any]:
        began = perf_counter()
        request = Request(event)
        method, resource = event["httpMethod"], event["resource"]
        try:
            response = _answer(routes, request, method, resource)
        except Problem as problem:
            response = _refusal(problem)
        except Exception:  # noqa: BLE001 - a caller never gets a stack trace
            logger.exception("unexpected failure", extra={"request_id": context.aws_request_id})
            response = _refusal(InternalError("internal_error", "This failed on our side; trying again is safe."))
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
    """The language that the query string asks for; English where it does not.

    Raises:
        InvalidRequest: the programme does not speak it.
    """
    asked = request.query.get("lang", "en")
    for language in LANGUAGES:
        if language == asked:
            return language
    raise InvalidRequest("invalid_parameter", f"lang must be one of {', '.join(LANGUAGES)}.")


def whole_number(request: Request, name: str, default: int, most: int, *, least: int = 1) -> int:
    """A whole number of the query string.

    Raises:
        InvalidRequest: it is no such number.
    """
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise InvalidRequest("invalid_parameter", f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def _answer(routes: Mapping[tuple[str, str], Route], request: Request, method: str, resource: str) -> Response:
    route = routes.get((method, resource))
    if route is None:
        raise NotFound("unknown_path", f"There is no {method} {resource}.")
    return route(request)


def _refusal(problem: Problem) -> Response:
    members = {"title": problem.title, "status": problem.status, "code": problem.code, "detail": problem.detail}
    errors = {"errors": problem.errors} if problem.errors else {}
    return Response(members | errors, problem.status, {"content-type": "application/problem+json"})


def sendable(body: Any) -> str:  # noqa: ANN401 - text, or what JSON can hold
    """A body as text that UTF-8 can carry: an answer may repeat half a character that a caller sent."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
