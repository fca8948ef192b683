"""The handler of every function behind the REST API. It parses the event, calls the route and returns a response.

If a path needs a token, API Gateway has already checked the token and its scope. Before a route runs, the handler
checks what the table of routes (access.py) requires: that the client of the token is registered, has the right role
and, if it is a third-party app, has a grant of the person in the path or in the query. If the token has a username, it
must be equal to the user id in the path or in the query. Every error response is an application/problem+json document.
"""

import base64
import json
from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from saxaul.catalog.clients import RegisteredClient
from saxaul.catalog.entries import LANGUAGES, Language
from saxaul.catalog.faults import bounded_lines, shortened
from saxaul.deadline import DEADLINE, OutOfTimeError, UnansweredError
from saxaul.http.access import Access, Data, access_to
from saxaul.http.languages import preferred_language
from saxaul.http.parameters import header_values, path_parameter, query_values
from saxaul.http.sizes import fits_response
from saxaul.ledger.grants import Cover
from saxaul.ledger.identifiers import is_identifier
from saxaul.observability import logger
from saxaul.problems import Forbidden, InternalError, InvalidRequest, NotFound, Problem, Unavailable
from saxaul.races import ContendedError, OverloadedError
from saxaul.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SCOPES_OF = "saxaul"
"""The identifier of the resource server in Cognito, with which the names of scopes in a token begin."""

ApiEvent = dict[str, Any]
"""The Lambda proxy event that API Gateway sends."""


class Request(NamedTuple):
    """An HTTP request, as API Gateway passed it on.

    Attributes:
        registered: the registered client of the token, if there is one.
        person: the user id in the query, if the table of routes lets the query name a person, and the client may reach
            this person.
    """

    event: ApiEvent
    registered: RegisteredClient | None = None
    person: str | None = None

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
        return _checked_identifier(name, self.path(name))

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name. The values of a repeated header are joined by commas (RFC 9110)."""
        values = header_values(self.event, name)
        return ", ".join(values) if values else None

    @property
    def body_length(self) -> int:
        """The number of characters of the body, as API Gateway passed it on."""
        return len(self.event.get("body") or "")

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
    def client_id(self) -> str:
        """Return the client id in the token. Without a token, it is empty."""
        return self._claims.get("client_id", "")

    @property
    def caller(self) -> RegisteredClient:
        """Return the registered client that sent the request.

        Raises:
            Forbidden: the client is not registered in this stack.
        """
        if self.registered is None:
            raise Forbidden(
                "unknown_client",
                "The client of the token is not registered in this stack; use a token of a registered client.",
            )
        return self.registered

    @property
    def has_username(self) -> bool:
        """Whether the token belongs to one person, and not to a client alone."""
        return "username" in self._claims

    @property
    def username_or_client(self) -> str:
        """Return the username in the token, or, if it has none, the name of the token's client."""
        return self._claims.get("username") or self.caller.name

    @property
    def app(self) -> str:
        """Return the name of the app that sent the request. The table of routes says which routes are for apps."""
        return self.caller.name

    @property
    def user_id(self) -> str:
        """Return the user id in the path.

        Raises:
            Forbidden: the token has the username of another user.
        """
        return self._own(self.identifier("user_id"))

    def user_id_in(self, parameter: str) -> str:
        """Return the user id in a query parameter.

        Raises:
            Forbidden: the token has the username of another user.
            InvalidRequest: the value cannot be an identifier, or the parameter was sent more than once.
        """
        values = query_values(self.event, parameter)
        if len(values) != 1:
            raise InvalidRequest("invalid_parameter", f"{parameter} must be sent exactly once.")
        return self._own(_checked_identifier(parameter, values[0]))

    def has_scope(self, scope: str) -> bool:
        """Return whether the token has a scope of the API. A token without the claim ``scope`` has none."""
        return f"{SCOPES_OF}/{scope}" in self._claims.get("scope", "").split(" ")

    def _own(self, user_id: str) -> str:
        username = self._claims.get("username")
        if username is not None and username != user_id:
            raise Forbidden("not_yours", "A token with a username can be used only for that user.")
        return user_id

    @property
    def base_url(self) -> str:
        """Return the public address of the API: the configured one, or else the one that API Gateway has in the event.

        API Gateway answers only to its own domain names. The Host header is not used, because a client can send any
        text in it, and the address is shown to others, who may have it from a cache.
        """
        context: Mapping[str, Any] = self.event["requestContext"]
        if configured := settings().public_url:
            return configured.replace("{api_id}", context["apiId"]).rstrip("/")
        # The path is the stage, or the base path of a custom domain, followed by the path of the resource.
        segments = self.event["resource"].count("/")
        base = context["path"].rstrip("/").rsplit("/", segments)[0]
        return f"https://{context['domainName']}{base}"

    @property
    def _claims(self) -> Mapping[str, str]:
        claims: Mapping[str, str] = (self.event["requestContext"].get("authorizer") or {}).get("claims") or {}
        return claims


class Response(NamedTuple):
    """An HTTP response. A body that is a string is sent as it is, any other body as JSON.

    ``language`` is what ``language_of`` returned for the request, or None if the response is the same in each language.
    """

    body: Any
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    language: Language | None = None


_NOT_MODIFIED = 304
_MAX_DETAIL_BYTES = 1000
_MAX_ERRORS = 50
"""The most errors that a problem lists. An entry has at most 10 of its own, and those of its references come on top."""

_RETRY_SECONDS = "2"
_BUSY = Unavailable("busy", "The request could not be finished in time; repeat it unchanged after a few seconds.")

Route = Callable[[Request], Response]
Handler = Callable[[ApiEvent, "LambdaContext"], dict[str, Any]]
FindClient = Callable[[str], RegisteredClient | None]
"""Returns the registered client with a client id."""
CoversOf = Callable[[str, str], Collection[Cover]]
"""Returns what the grant of a person, named by user id, to an app covers."""


def _no_client(client_id: str) -> RegisteredClient | None:  # noqa: ARG001 - for any client
    return None


def _no_covers(user_id: str, app: str) -> Collection[Cover]:  # noqa: ARG001 - for any grant
    return ()


def endpoint(
    routes: Mapping[tuple[str, str], Route], find_client: FindClient = _no_client, covers_of: CoversOf = _no_covers
) -> Handler:
    """Return a Lambda handler for these routes, by method and path, such as ``("GET", "/users/{user_id}/wallet")``.

    Each route must be in the table of routes. A function that gives no ``find_client`` can serve only public routes,
    and without ``covers_of`` no third-party app reaches a person.

    Raises:
        LookupError: a route is not in the table of routes.
    """
    required = access_to(routes)

    def handler(event: ApiEvent, context: "LambdaContext") -> dict[str, Any]:
        began = perf_counter()
        method, resource = event["httpMethod"], event["resource"]
        DEADLINE.set(context.get_remaining_time_in_millis() / 1000)
        try:
            access = _access_to(required, method, resource)
            response = routes[method, resource](_admitted(Request(event), access, find_client, covers_of))
        except Problem as problem:
            response = _refusal(problem)
        except (ContendedError, OutOfTimeError, OverloadedError, UnansweredError) as error:
            logger.warning(
                "could not finish in time", extra={"error": repr(error), "request_id": context.aws_request_id}
            )
            response = _refusal(_BUSY)
        except Exception:  # noqa: BLE001 - a client must never get a stack trace
            logger.exception("unexpected failure", extra={"request_id": context.aws_request_id})
            response = _refusal(
                InternalError(
                    "internal_error", "The request failed because of an error on our side; it is safe to repeat it."
                )
            )
        finally:
            DEADLINE.clear()
        body = utf8_text(response.body)
        if not fits_response(body):
            logger.error("the response is too large", extra={"status": response.status, "characters": len(body)})
            response = _refusal(_too_large(method))
            body = utf8_text(response.body)
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
                "access-control-expose-headers": "ETag,Location,Retry-After,Deprecation,Sunset,Link",
                "cache-control": "no-store",
                "x-content-type-options": "nosniff",
                **response.headers,
                **_language_headers(response),
            },
            "body": body,
        }

    return handler


def language_of(request: Request) -> Language:
    """Return the language in the query parameter ``lang``, or else the one that ``Accept-Language`` prefers.

    A route that calls this function puts the language into its response.

    Raises:
        InvalidRequest: ``lang`` is a language that the API does not support.
    """
    requested = request.query.get("lang")
    if requested is None:
        return preferred_language(request.header("accept-language") or "")
    for language in LANGUAGES:
        if language == requested:
            return language
    raise InvalidRequest("invalid_parameter", f"lang must be one of {', '.join(LANGUAGES)}.")


def _language_headers(response: Response) -> Mapping[str, str]:
    """Return the headers that tell caches and readers about the language of a response.

    A response with status 304 has no body, so it does not name the language of one (RFC 9110, section 15.4.5).
    """
    if response.language is None:
        return {}
    varying = {"vary": ", ".join([*filter(None, [response.headers.get("vary")]), "Accept-Language"])}
    return varying if response.status == _NOT_MODIFIED else varying | {"content-language": response.language}


def day_in(request: Request, name: str) -> date | None:
    """Return the date in a query parameter, or None if the parameter is missing.

    Raises:
        InvalidRequest: the value is not a date from 2000 to 2099.
    """
    text = request.query.get(name)
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if day.isoformat() != text or not 2000 <= day.year < 2100:  # noqa: PLR2004 - no programme runs outside these years
        raise InvalidRequest("invalid_parameter", f"{name} must be a date such as 2026-06-05, from 2000 to 2099.")
    return day


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


def _access_to(required: Mapping[tuple[str, str], Access], method: str, resource: str) -> Access:
    access = required.get((method, resource))
    if access is None:
        raise NotFound("unknown_path", f"The API has no endpoint {method} {resource}.")
    return access


def _admitted(request: Request, access: Access, find_client: FindClient, covers_of: CoversOf) -> Request:
    """Check what the table of routes requires of a request, and return the request with its client.

    The grants of persons in a body are checked where the body is read, because each item is refused by itself.

    Raises:
        Forbidden: the client is not registered, may not send this request, or may not reach the person in the path or
            in the query.
        InvalidRequest: the user id in the path or in the query cannot be an identifier.
    """
    if access.scope is None:
        return request
    admitted = Request(request.event, find_client(request.client_id))
    client = admitted.caller
    access.check_client(client)
    if access.data is Data.PERSONS_IN_BODY and admitted.has_username:
        raise Forbidden("not_yours", "A token with a username can be used only for the paths of that user.")
    if access.names_a_person:
        _require_grant(client, admitted.user_id, access.cover, covers_of)
    if access.optional and query_values(request.event, access.optional.parameter):
        parameter, scope, cover = access.optional
        if not admitted.has_scope(scope):
            raise Forbidden("forbidden", f"A request with {parameter} needs the scope {scope} too.")
        person = admitted.user_id_in(parameter)
        _require_grant(client, person, cover, covers_of)
        return admitted._replace(person=person)
    return admitted


def _require_grant(client: RegisteredClient, user_id: str, cover: Cover | None, covers_of: CoversOf) -> None:
    """Check that a client may reach a person. A cover of None requires no grant.

    Raises:
        Forbidden: the client is a third-party app, and the person has no grant for it that has the cover.
    """
    if cover and client.needs_grants and cover not in covers_of(user_id, client.name):
        raise Forbidden(
            "not_granted", f"This person has no grant that lets {client.name} {cover}; ask the person for one."
        )


def _checked_identifier(name: str, value: str) -> str:
    if not is_identifier(value):
        allowed = "1 to 128 characters from A-Z, a-z, 0-9 and ._~@:+=-, and must not be '.' or '..'."
        raise InvalidRequest("invalid_parameter", f"{name} must have {allowed}")
    return value


def _refusal(problem: Problem) -> Response:
    detail = shortened(problem.detail, _MAX_DETAIL_BYTES)
    members = {"title": problem.title, "status": problem.status, "code": problem.code, "detail": detail}
    errors = {"errors": bounded_lines(problem.errors, _MAX_ERRORS)} if problem.errors else {}
    retry = {"retry-after": _RETRY_SECONDS} if problem.status == Unavailable.status else {}
    return Response(members | errors, problem.status, {"content-type": "application/problem+json", **retry})


def _too_large(method: str) -> InvalidRequest:
    done = "" if method == "GET" else "The request was carried out, but its response is too large to be returned. "
    return InvalidRequest(
        "response_too_large",
        f"{done}The response would be larger than 5.5 MB. Request less: a smaller limit, fewer items, or fewer days.",
    )


def utf8_text(body: Any) -> str:  # noqa: ANN401 - a text or any JSON value
    """Return a body as text that UTF-8 can encode.

    UTF-8 cannot encode a lone surrogate (half of a UTF-16 pair). A client may send one, and the response may contain
    what the client sent, so each lone surrogate becomes a question mark.
    """
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace").decode()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
