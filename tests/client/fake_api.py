"""An API that answers as a test says, and a clock that moves only when it is told to sleep."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from saxaul_client import AppClient, Clock, Retries

API = "https://api.test/v1"
TOKEN_URL = "https://login.test/oauth2/token"
SECRET = "s3cr3t-of-the-app"

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class StillClock(Clock):
    """Remembers the pauses. The random part of a pause is always the longest."""

    def __init__(self) -> None:
        self.at = datetime(2027, 1, 1, tzinfo=UTC)
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.at.timestamp()

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.move(seconds)

    def jitter(self, most: float) -> float:
        return most

    def move(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class FakeApi:
    """Gives the answers one after the other, and the last one again and again. Tokens are numbered.

    Attributes:
        requests: those to the API, without those for tokens.
        token_requests: those for tokens.
        token_answers: answers of the token endpoint that come before tokens.
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.token_answers: list[Answer] = []
        self.requests: list[httpx.Request] = []
        self.token_requests: list[httpx.Request] = []
        self.expires_in: object = 3600
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            if str(request.url) == TOKEN_URL:
                self.token_requests.append(request)
                if self.token_answers:
                    return given(self.token_answers.pop(0), request)
                token = {"access_token": f"token-{len(self.token_requests)}", "token_type": "Bearer"}
                return httpx.Response(200, json={**token, "expires_in": self.expires_in})
            self.requests.append(request)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return given(answer, request)

    def client(self, clock: Clock | None = None, **options: Any) -> AppClient:  # noqa: ANN401 - those of AppClient
        transport = httpx.MockTransport(self)
        used = clock or StillClock()
        return AppClient(API, TOKEN_URL, "app-id", SECRET, transport=transport, clock=used, **options)


def given(answer: Answer, request: httpx.Request) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    response = answer if isinstance(answer, httpx.Response) else answer(request)
    # A client changes a response, so an answer that is given several times is copied.
    return httpx.Response(response.status_code, headers=response.headers, content=response.content)


def ok(document: object = None) -> httpx.Response:
    return httpx.Response(200, json={} if document is None else document)


def text(content: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, text=content, headers={"content-type": "application/json"})


def refused(status: int, code: str, **headers: str) -> httpx.Response:
    document = {"title": "No", "status": status, "code": code, "detail": "Because."}
    return httpx.Response(
        status, json=document, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )


WALLET = {
    "user_id": "mei",
    "earned": 100,
    "ripening": 20,
    "harvestable": 10,
    "spendable": 50,
    "spent": 30,
    "avoided_g": 212.5,
}
ONCE = Retries(attempts=1)
