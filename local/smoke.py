"""Asks the real API of a stack, over HTTP, for what every client needs, and says which step failed.

The check of the functions invokes them directly. This one takes the way of a client: the name of the host, the token,
the gateway with its authorizer, and the responses as they arrive. It writes nothing but what each call writes: the use
of limits. The person whom it asks for is called ``saxaul-check``, and nobody is.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Self

import httpx

from local.client import open_client
from local.console import console, exit_with, progress, shown
from local.failures import flat
from saxaul.catalog.clients import OPERATOR
from saxaul.http.request import CHECK
from saxaul.log.notes import VerifierKey, open_note, parse_note
from saxaul.log.verdicts import NotVerifiedError
from saxaul_client import Client as AnyClient
from saxaul_client import OperatorClient, SaxaulError

LAGS: Final = 150.0
"""Seconds within which a step must succeed that lags behind a first deployment: the name of the token's host must
become known, and a search finds new entries after the CatalogDelay."""

SETTLES: Final = 20.0
"""Seconds within which every other step must succeed: a gateway that was changed serves the change within seconds."""

_PAUSE: Final = 2.0
_FIRST: Final = "a token of the operator"
_SEARCHED: Final = "green"
_PROBLEM: Final = "application/problem+json"
_ORIGIN: Final = "https://app.example"


class SmokeError(Exception):
    """A step failed. The message says what was asked and answered, as a clause."""


class Step(NamedTuple):
    """A step: what it asks for, and what asks. It returns a remark, or nothing. It must succeed within ``patience``."""

    about: str
    ask: Callable[[], str | None]
    patience: float = SETTLES


class SmokeTest:
    """The steps, for one stack.

    Args:
        known: how to reach the stack.
        finds: whether a search for "green" must find something, because the stack has the default catalog.
        transport: replaces the network in tests.
    """

    def __init__(
        self, known: Mapping[str, Any], *, finds: bool = True, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._known = known
        self._finds = finds
        self._operator = open_client(OperatorClient, OPERATOR)
        self._app: AnyClient | None = None
        self._http = httpx.Client(timeout=35, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in (self._operator, self._app, self._http):
            if client is not None:
                client.close()

    def steps(self) -> list[Step]:
        """Return the steps in their order. Each uses what the earlier ones have found."""
        preflight = [] if self._known["endpoint_url"] else [Step("a preflight request of a browser", self._preflight)]
        return [
            Step(_FIRST, self._token, LAGS),
            Step("the OpenAPI document", self._document),
            Step("the public totals", self._impact),
            Step(f"a search for {_SEARCHED!r}", self._search, LAGS),
            Step("the public log", self._log),
            Step("a wallet, as an app", self._wallet),
            Step("a wallet without a token", self._without_token),
            Step("an invalid request", self._rubbish),
            *preflight,
        ]

    def _token(self) -> None:
        ask_for_a_token(self._operator, self._known)

    def _document(self) -> None:
        document = self._json("GET", "/openapi.json")
        if not document.get("paths"):
            raise SmokeError("GET /openapi.json describes no path")

    def _impact(self) -> None:
        self._json("GET", "/impact")

    def _search(self) -> None:
        found = self._json("GET", f"/suggestions?q={_SEARCHED}", headers=self._as(self._operator))["suggestions"]
        if self._finds and not found:
            raise SmokeError(f"GET /suggestions found nothing for {_SEARCHED!r}")

    def _log(self) -> None:
        told = self._json("GET", "/log")
        address = f"{told['url']}/checkpoint"
        response = self._send("GET", address)
        if not told["size"] and response.status_code in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND):
            return  # the log has no leaf yet, so no checkpoint
        self._expect(response, httpx.codes.OK, f"GET {address}")
        try:
            open_note(parse_note(response.content), [VerifierKey.parse(told["vkey"])])
        except (ValueError, NotVerifiedError) as error:
            raise SmokeError(f"GET {address} is not signed by the key of the log: {flat(error)}") from None

    def _wallet(self) -> str | None:
        app = self._first_party_app()
        if app is None:
            return "not asked: this machine has no secret of a first-party app; see make secret"
        self._app = self._app or open_client(AnyClient, app)
        wallet = self._json("GET", f"/users/{CHECK}/wallet", headers=self._as(self._app))
        if wallet.get("user_id") != CHECK:
            raise SmokeError(f"GET /users/{CHECK}/wallet is about somebody else")
        return None

    def _first_party_app(self) -> str | None:
        """Return the id of an active first-party app that may read wallets, and of which this machine has a secret."""
        here = self._known["clients"]
        for app in self._operator.apps():
            is_fit = app.kind == "first_party" and app.state == "active" and "wallets.read" in app.scopes
            if is_fit and app.app_id in here:
                return app.app_id
        return None

    def _without_token(self) -> None:
        self._problem(f"/users/{CHECK}/wallet", httpx.codes.UNAUTHORIZED, "unauthorized")

    def _rubbish(self) -> None:
        self._problem("/impact?from=rubbish", httpx.codes.BAD_REQUEST, "invalid_parameter")

    def _preflight(self) -> None:
        sent = {"origin": _ORIGIN, "access-control-request-method": "GET"}
        response = self._send("OPTIONS", self._url(f"/users/{CHECK}/wallet"), sent)
        self._expect(response, httpx.codes.OK, f"OPTIONS /users/{CHECK}/wallet")
        allowed = response.headers.get("access-control-allow-origin")
        if allowed != "*":
            raise SmokeError(f"OPTIONS /users/{CHECK}/wallet allows the origin {allowed}, and not every one")

    def _problem(self, path: str, status: int, code: str) -> None:
        """Ask for what must be refused."""
        response = self._send("GET", self._url(path))
        self._expect(response, status, f"GET {path}")
        kind, found = response.headers.get("content-type", ""), _code_of(response)
        if kind.partition(";")[0] != _PROBLEM or found != code:
            told = f"{found or 'no code'} as {kind or 'no media type'}"
            raise SmokeError(f"GET {path} answered with {told}, and not with {code} as {_PROBLEM}")

    def _json(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        response = self._send(method, self._url(path), headers)
        self._expect(response, httpx.codes.OK, f"{method} {path}")
        try:
            return response.json()
        except ValueError:
            raise SmokeError(f"{method} {path} did not answer with JSON") from None

    def _url(self, path: str) -> str:
        return f"{self._known['api_url']}{path}"

    def _as(self, client: AnyClient) -> dict[str, str]:
        return {"authorization": client.authorization()}

    def _send(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            return self._http.request(method, url, headers=headers)
        except httpx.HTTPError as error:
            raise SmokeError(f"{method} {url} got no answer: {flat(error) or type(error).__name__}") from None

    def _expect(self, response: httpx.Response, status: int, about: str) -> None:
        if response.status_code != status:
            code = _code_of(response)
            told = f"{response.status_code}{f' {code}' if code else ''}"
            request_id = response.headers.get("x-amzn-requestid", "none")
            raise SmokeError(f"{about} answered {told}, and not {status} (request id {request_id})")


def _code_of(response: httpx.Response) -> str:
    try:
        found = response.json()
    except ValueError:
        return ""
    return str(found.get("code", "")) if isinstance(found, dict) else ""


def smoke(known: Mapping[str, Any], *, finds: bool, advice: list[str]) -> None:
    """Take all steps, and print one line. Ends the program if one does not succeed in its time, and says which.

    ``finds`` is as for ``SmokeTest``. ``advice`` says what to do if a step fails.
    """
    remarks = []
    with SmokeTest(known, finds=finds) as test:
        steps = test.steps()
        with progress("testing the API over HTTP", "steps", len(steps)) as tell:
            for number, step in enumerate(steps, start=1):
                if remark := take(step, advice):
                    remarks.append(f"{step.about}: {remark}")
                tell(number)
    for remark in remarks:
        console.print(f"[yellow]![/] {shown(remark)}")


def wait_for_a_token(known: Mapping[str, Any], advice: list[str]) -> None:
    """Wait until the operator gets a token: the name of a new pool's host becomes known within a minute or two."""
    with open_client(OperatorClient, OPERATOR) as operator:
        take(Step(_FIRST, lambda: ask_for_a_token(operator, known), LAGS), advice)


def ask_for_a_token(operator: OperatorClient, known: Mapping[str, Any]) -> None:
    """Let the operator get a token.

    Raises:
        SmokeError: it got none.
    """
    try:
        operator.authorization()
    except SaxaulError as error:
        raise SmokeError(f"{known['token_url']} gave none: {flat(error)}") from None


def take(step: Step, advice: list[str]) -> str | None:
    """Take a step, and return its remark. Ends the program if it does not succeed in its time."""
    try:
        return until_it_succeeds(step.ask, step.patience)
    except (SmokeError, SaxaulError) as error:
        exit_with(f"The API failed the step {step.about}: {flat(error)}.", advice)


def until_it_succeeds(ask: Callable[[], str | None], patience: float) -> str | None:
    """Return what a step returns. Repeat it if it fails, for at most the seconds of ``patience``.

    Raises:
        SmokeError, SaxaulError: it still fails.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return ask()
        except (SmokeError, SaxaulError):
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)
