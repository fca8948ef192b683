"""Access tokens: one request for many calls, whichever threads make them."""

import re
import threading
from collections.abc import Mapping
from concurrent.futures import Future

import httpx

from saxaul_client.clock import Clock
from saxaul_client.errors import AnswerError, TokenError
from saxaul_client.reading import parsed
from saxaul_client.retries import Budget, exchange

_TOKEN = re.compile(r"[!-~]{1,16384}")
_ERROR = re.compile(r"[a-z_]{1,64}")
_MARGIN = 60.0
"""Seconds before the end of a token at which it is renewed; at most half of its life."""

_LIFE = 300.0
"""Seconds that a token is used if the response does not say how long it lasts."""


class Tokens:
    """Gets tokens by the client credentials grant (RFC 6749, section 4.4), and keeps the newest one."""

    def __init__(self, http: httpx.Client, url: str, auth: httpx.BasicAuth, scopes: str, clock: Clock) -> None:
        self._http = http
        self._url = url
        self._auth = auth
        self._form = {"grant_type": "client_credentials"} | ({"scope": scopes} if scopes else {})
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._underway: Future[str] | None = None

    def token(self, budget: Budget, *, other_than: str = "") -> str:
        """Return a valid token, and not one that the API has refused (``other_than``).

        If several threads need a new token, one of them requests it, and all get its result or its error.

        Raises:
            TokenError: the token endpoint refused the client.
            UnreachableError: the token endpoint did not answer.
            AnswerError: its response has no token.
        """
        with self._lock:
            if self._token and self._token != other_than and self._clock.monotonic() < self._renew_at:
                return self._token
            underway, mine = self._underway, Future[str]()
            if underway is None:
                self._underway = mine
        if underway is not None:
            return underway.result()
        try:
            token, life = self._granted(budget)
        except BaseException as error:
            with self._lock:
                self._underway = None
            mine.set_exception(error)
            raise
        with self._lock:
            self._token, self._renew_at = token, self._clock.monotonic() + life - min(_MARGIN, life / 2)
            self._underway = None
        mine.set_result(token)
        return token

    def _granted(self, budget: Budget) -> tuple[str, float]:
        """Return a new token and the seconds that it lasts."""
        response = exchange(
            lambda: self._http.post(
                self._url, data=self._form, auth=self._auth, headers={"accept": "application/json"}
            ),
            budget,
            self._clock,
        )
        document = _document(response)
        if not response.is_success:
            error = document.get("error")
            known = error if isinstance(error, str) and _ERROR.fullmatch(error) else "no token"
            raise TokenError(f"the token endpoint returned {response.status_code}: {known}")
        token, life, kind = document.get("access_token"), document.get("expires_in", _LIFE), document.get("token_type")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token) or str(kind or "bearer").lower() != "bearer":
            raise AnswerError("the response of the token endpoint has no bearer token")
        if isinstance(life, bool) or not isinstance(life, int | float) or not 0 < life < 10**9:
            life = _LIFE
        return token, float(life)


def _document(response: httpx.Response) -> Mapping[str, object]:
    try:
        document = parsed(response.content)
    except AnswerError:
        return {}
    return document if isinstance(document, dict) else {}
