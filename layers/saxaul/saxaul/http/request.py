"""Requests as API Gateway passes them on, and the responses to them."""

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from saxaul.catalog.clients import SCOPES_OF, RegisteredClient
from saxaul.catalog.entries import LANGUAGES, Language
from saxaul.http.languages import preferred_language
from saxaul.http.parameters import header_values, path_parameter
from saxaul.http.query import Choice
from saxaul.ledger.identifiers import is_identifier
from saxaul.problems import Forbidden, InvalidRequest
from saxaul.settings import settings

ApiEvent = dict[str, Any]
"""The Lambda proxy event that API Gateway sends."""

CHECK = "saxaul-check"
"""The API that requests of the check after a deployment name. API Gateway names its own, so no client can name it."""


class Request(NamedTuple):
    """An HTTP request, as API Gateway passed it on.

    Attributes:
        registered: the registered client of the token, if there is one.
        person: the user id in the query, if the operation lets the query name a person, and the client may reach this
            person.
        reason: why an operator reads the person in the path; None if somebody else sends the request.
        erasure_id: the last erasure of a person with the user id in the path, if the operation waits for erasures;
            empty if there was none.
    """

    event: ApiEvent
    registered: RegisteredClient | None = None
    person: str | None = None
    reason: str | None = None
    erasure_id: str = ""

    def path(self, name: str) -> str:
        """Return a path parameter after percent-decoding.

        Raises:
            InvalidRequest: the parameter is not percent-encoded UTF-8.
        """
        return path_parameter(self.event, name)

    @property
    def is_of_the_check(self) -> bool:
        """Whether the check after a deployment has sent it, and no client."""
        return bool(self.event["requestContext"].get("apiId") == CHECK)

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
    def body_text(self) -> str:
        """The body, as API Gateway passed it on; empty if there is none."""
        return self.event.get("body") or ""

    def json(self) -> Any:  # noqa: ANN401 - any JSON value; the route checks it
        """Return the parsed JSON body.

        Raises:
            InvalidRequest: the body is not JSON, or an object in it has a member twice.
        """
        body = self.body_text
        try:
            text = base64.b64decode(body) if self.event.get("isBase64Encoded") else body
            return json.loads(
                text, parse_float=_exact_number, parse_constant=_refuse_constant, object_pairs_hook=_unique_members
            )
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
    def person_of_token(self) -> str | None:
        """The user id of the person to whom the token belongs; None if it belongs to a client alone.

        It is the username in the token. In the token of an operator's client, the username is that of an operator.
        """
        return None if self.caller.role == "operator" else self._claims.get("username")

    @property
    def username_or_client(self) -> str:
        """Return the username in the token, or, if it has none, the name of the token's client."""
        return self._claims.get("username") or self.caller.name

    @property
    def app(self) -> str:
        """Return the name of the app that sent the request. Operations declare who may send them."""
        return self.caller.name

    @property
    def user_id(self) -> str:
        """Return the user id in the path.

        Raises:
            Forbidden: the token has the username of another person.
        """
        return self._own(self.identifier("user_id"))

    def user_id_in(self, parameter: str) -> str:
        """Return the user id in a query parameter.

        Raises:
            Forbidden: the token has the username of another person.
            InvalidRequest: the value cannot be an identifier.
        """
        return self._own(_checked_identifier(parameter, self.query[parameter]))

    def has_scope(self, scope: str) -> bool:
        """Return whether the token has a scope of the API, and the client is still registered for it.

        A token without the claim ``scope`` has none.
        """
        return self.caller.may_use(scope) and f"{SCOPES_OF}/{scope}" in self._claims.get("scope", "").split(" ")

    def _own(self, user_id: str) -> str:
        if self.person_of_token not in (None, user_id):
            raise Forbidden("not_yours", "A token with a username can be used only for that person.")
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


LANG = Choice("lang", "The language of the texts. Without it, the header Accept-Language decides.", LANGUAGES)


def language_of(request: Request) -> Language:
    """Return the language in the query parameter ``lang``, or else the one that ``Accept-Language`` prefers.

    An operation that calls this function declares ``LANG``, and puts the language into its response.

    Raises:
        InvalidRequest: ``lang`` is a language that the API does not support.
    """
    requested = LANG.of(request)
    for language in LANGUAGES:
        if language == requested:
            return language
    return preferred_language(request.header("accept-language") or "")


def _checked_identifier(name: str, value: str) -> str:
    if not is_identifier(value):
        allowed = "1 to 128 characters from A-Z, a-z, 0-9 and ._~@:+=-, and must not be '.' or '..'."
        raise InvalidRequest("invalid_parameter", f"{name} must have {allowed}")
    return value


def _exact_number(text: str) -> Decimal | int:
    """Return a number that JSON has with a point or an exponent. ``2.0`` is a whole number, as in JSON Schema."""
    whole, _, fraction = text.partition(".")
    return int(whole) if fraction and not fraction.strip("0") else Decimal(text)


def _unique_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. If a member is there twice, readers could take different values, so it is refused."""
    made = dict(members)
    if len(made) != len(members):
        raise ValueError("an object has a member twice")
    return made


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
