"""A client of the API, as an app, a partner or the operator would write it."""

import json
import time
from typing import Any, Self

import httpx

from local.console import give_up
from local.sam import state


def stack() -> dict[str, Any]:
    """What `make up` wrote of the running stack."""
    file = state() / "stack.json"
    if not file.exists():
        give_up("No stack is running; start it with: make up")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


class Client:
    """Calls the API as one OAuth client. It gets its token by client credentials, and again before it runs out."""

    def __init__(self, name: str, scopes: str | None = None) -> None:
        self._stack = stack()
        self._credentials = self._stack["clients"][name]
        self._scopes = scopes or " ".join(self._credentials["scopes"])
        self._http = httpx.Client(base_url=self._stack["api_url"], timeout=60)
        self._token = ""
        self._good_until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Make a call; a body is sent as JSON."""
        content = None if body is None else json.dumps(body).encode()
        sent = {"authorization": self.authorization(), "content-type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, path, content=content, headers=sent | named)

    def done(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 - JSON
        """Make a call that has to succeed, and give its answer."""
        answer = self.call(method, path, body, **headers)
        if not answer.is_success:
            give_up(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json()

    def authorization(self) -> str:
        """The Authorization header of this client."""
        if time.monotonic() > self._good_until:
            answer = self._http.post(
                self._stack["token_url"],
                data={"grant_type": "client_credentials", "scope": self._scopes},
                auth=(self._credentials["client_id"], self._credentials["client_secret"]),
            )
            answer.raise_for_status()
            granted = answer.json()
            self._token = granted["access_token"]
            self._good_until = time.monotonic() + granted["expires_in"] - 60
        return f"Bearer {self._token}"
