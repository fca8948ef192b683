"""Sends requests with a token, repeats them, and turns refusals into errors."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from urllib.parse import quote, unquote, urlsplit

import httpx

from saxaul_client.clock import Clock
from saxaul_client.errors import AnswerError, Problem, SaxaulError
from saxaul_client.reading import parsed
from saxaul_client.retries import Budget, Retries, exchange, retry_after
from saxaul_client.tokens import Tokens

TIMEOUT = httpx.Timeout(35, connect=5)
"""Seconds. API Gateway gives up after 29, so a later response never comes."""

_LONGEST_DETAIL = 1000
_NOT_MODIFIED = 304
_VISIBLE = re.compile(r"[!-~]+")
_ONE_SLASH = re.compile("/(?!/)")
_DOT_SEGMENTS = (".", "..")
_PARAMETER = re.compile(r"\{([a-z_]+)\}")


class Connection:
    """Sends the requests of a client. Threads may share it."""

    def __init__(
        self,
        api_url: str,
        token_url: str | None,
        client_id: str | None,
        client_secret: str | None,
        *,
        scopes: Sequence[str],
        timeout: httpx.Timeout | float,
        retries: Retries,
        transport: httpx.BaseTransport | None,
        clock: Clock,
    ) -> None:
        self.api_url = _checked(api_url, "api_url").rstrip("/")
        self._origin = _origin(_address(self.api_url))
        self._retries = retries
        self._clock = clock
        # A redirect is not followed: it could carry the token or the secret to another host.
        self._http = httpx.Client(timeout=timeout, transport=transport, follow_redirects=False)
        self._tokens: Tokens | None = None
        if token_url and client_id and client_secret:
            auth = httpx.BasicAuth(client_id, client_secret)
            self._tokens = Tokens(self._http, _checked(token_url, "token_url"), auth, " ".join(scopes), clock)
        elif token_url or client_id or client_secret:
            raise ValueError("token_url, client_id and client_secret are needed together")

    def close(self) -> None:
        self._http.close()

    def authorization(self) -> str:
        """Return the Authorization header, with a token that is valid for at least a minute, or half of its life."""
        return self._bearer(Budget(self._retries, self._clock))

    def request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        *,
        query: Mapping[str, object],
        headers: Mapping[str, str],
        body: object,
        public: bool,
        see_other: bool = False,
    ) -> httpx.Response:
        """Return the response to a request if its status is 2XX or 304, or 303 if ``see_other``.

        Raises:
            SaxaulError: the call failed; see ``saxaul_client.errors``.
            ValueError: the path, one of its parameters, the query or a header cannot be sent.
        """
        url = self._url(_filled(path, parameters), query)
        sent = {"accept": "application/json", **{name: _header(name, value) for name, value in headers.items()}}
        content = None
        if body is not None:
            content = json.dumps(body, allow_nan=False, default=_number).encode()
            sent["content-type"] = "application/json"
        budget = Budget(self._retries, self._clock)

        def send(authorization: Mapping[str, str]) -> httpx.Response:
            request = self._http.build_request(method, url, headers={**sent, **authorization}, content=content)
            return exchange(lambda: self._http.send(request), budget, self._clock)

        try:
            response = send({}) if public else self._with_token(send, budget)
            if see_other and response.status_code == httpx.codes.SEE_OTHER:
                return response
            return _accepted(response, self._clock)
        except SaxaulError as error:
            error.route = error.route or f"{method} {path}"
            raise

    def upload(self, url: str, fields: Mapping[str, str], content: bytes) -> None:
        """Send a form with a file. It gets no token: who has the form may upload.

        Raises:
            SaxaulError: the upload failed; see ``saxaul_client.errors``.
        """
        address = _other_address(url, "the address of the form")
        budget = Budget(self._retries, self._clock)

        def send() -> httpx.Response:
            return self._http.send(self._http.build_request("POST", address, data=fields, files={"file": content}))

        try:
            _accepted(exchange(send, budget, self._clock), self._clock)
        except SaxaulError as error:
            error.route = "POST of a form to S3"
            raise

    def download(self, url: str) -> bytes:
        """Return what a link leads to. It gets no token: who has the link may read.

        Raises:
            SaxaulError: the download failed; see ``saxaul_client.errors``.
        """
        _other_address(url.partition("?")[0], "the link")
        budget = Budget(self._retries, self._clock)
        try:
            response = exchange(lambda: self._http.send(self._http.build_request("GET", url)), budget, self._clock)
            return _accepted(response, self._clock).content
        except SaxaulError as error:
            error.route = "GET of a link to S3"
            raise

    def _url(self, path: str, query: Mapping[str, object]) -> httpx.URL:
        """Return the address of a path. A token may be sent to it: it has the scheme, host and port of ``api_url``."""
        named = {name: _encodable(str(value), name) for name, value in query.items() if value is not None}
        url = _address(self.api_url + path, named)
        if _origin(url) != self._origin:
            raise ValueError("the path must not lead to another host than api_url")
        return url

    def _with_token(self, send: Callable[[Mapping[str, str]], httpx.Response], budget: Budget) -> httpx.Response:
        """Send a request with a token, and once more with a new one if the API no longer accepts the token."""
        bearer = self._bearer(budget)
        response = send({"authorization": bearer})
        if response.status_code == httpx.codes.UNAUTHORIZED:
            response = send({"authorization": self._bearer(budget, other_than=bearer.removeprefix("Bearer "))})
        return response

    def _bearer(self, budget: Budget, other_than: str = "") -> str:
        if self._tokens is None:
            raise ValueError("this client has no credentials, so it can only read what is public")
        return f"Bearer {self._tokens.token(budget, other_than=other_than)}"


def _accepted(response: httpx.Response, clock: Clock) -> httpx.Response:
    if response.is_success or response.status_code == _NOT_MODIFIED:
        return response
    if response.status_code < httpx.codes.BAD_REQUEST:
        raise AnswerError(f"the response has status {response.status_code}; redirects are not followed")
    raise _problem(response, clock)


def _problem(response: httpx.Response, clock: Clock) -> Problem:
    """Return the problem in a response. API Gateway's own answers have only a ``message``, and a proxy's no JSON."""
    try:
        found = parsed(response.content)
    except AnswerError:
        found = None
    members = dict(found) if isinstance(found, dict) else {}
    message = members.pop("message", None)
    texts = {name: members.pop(name, None) for name in ("code", "title", "detail")}
    code, title, detail = (value if isinstance(value, str) else "" for value in texts.values())
    members.pop("status", None)
    errors = members.pop("errors", None)
    return Problem(
        response.status_code,
        code,
        title or response.reason_phrase,
        (detail or (message if isinstance(message, str) else ""))[:_LONGEST_DETAIL],
        errors=tuple(str(error) for error in errors) if isinstance(errors, list) else (),
        members=members,
        request_id=response.headers.get("x-amzn-requestid"),
        retry_after=retry_after(response, clock.now()),
    )


def _checked(url: str, name: str) -> str:
    """Return an address to which a secret may be sent: HTTPS, or this machine. The errors do not repeat it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    local = host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError(f"{name} must begin with https://, or lead to this machine")
    if parts.username or parts.password or not host or parts.query or parts.fragment:
        raise ValueError(f"{name} must have a host, and no user, query or fragment")
    return url


def _address(url: str, query: Mapping[str, str] | None = None) -> httpx.URL:
    try:
        address = httpx.URL(url)
        return address.copy_with(params=query) if query else address
    except httpx.InvalidURL as error:
        raise ValueError(f"the address cannot be used: {error}") from None


def _other_address(url: str, name: str) -> str:
    """Return an address that the API has sent, if it is one to which a client may send something."""
    try:
        return _checked(url, name)
    except ValueError as error:
        raise AnswerError(str(error)) from None


def _origin(url: httpx.URL) -> tuple[str, bytes, bytes]:
    """Return the scheme, the user, and the host with its port."""
    return url.scheme, url.userinfo, url.netloc


def _filled(path: str, parameters: Mapping[str, str]) -> str:
    """Return the path with its parameters, each percent-encoded.

    A path that does not begin with a slash could change the host in the address, and dot segments are removed from it.
    """
    named = set(_PARAMETER.findall(path))
    if named != parameters.keys():
        raise ValueError(f"the parameters of {path} are {', '.join(sorted(named)) or 'none'}")
    for name, value in parameters.items():
        if value in ("", *_DOT_SEGMENTS):
            raise ValueError(f"{name} must not be empty, '.' or '..'")
        _encodable(value, name)
    filled = _PARAMETER.sub(lambda found: quote(parameters[found[1]], safe=""), _encodable(path, "the path"))
    segments = re.split("[?#]", filled, maxsplit=1)[0].split("/")
    if not _ONE_SLASH.match(filled):
        raise ValueError("the path must begin with one slash")
    if any(unquote(segment) in _DOT_SEGMENTS for segment in segments):
        raise ValueError("the path must not have the segments '.' or '..'")
    return filled


def _encodable(text: str, name: str) -> str:
    """Return a text if UTF-8 can encode it. Python's own error would show the text, which may be the id of a person."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{name} must not have a lone surrogate, which is no character")
    return text


def _header(name: str, value: str) -> str:
    if not all(_VISIBLE.fullmatch(part) for part in value.split(" ")):
        raise ValueError(f"{name} must consist of visible ASCII characters")
    return value


def _number(value: object) -> float:
    """Return a ``Decimal`` that the API sent as a JSON number again. It has at most 15 digits, which a float holds."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
