"""Sends requests as they are, once, and returns the responses as they are, for tests of the API itself."""

import json
from typing import Any, Self

import httpx

from local.client import open_client
from saxaul_client import Client as TypedClient


class Client:
    """Calls the API of the stack as one of the OAuth clients in its file, or as the given one."""

    def __init__(self, client: str | TypedClient, scopes: str = "") -> None:
        self._tokens = open_client(TypedClient, client, scopes.split()) if isinstance(client, str) else client
        self._http = httpx.Client(base_url=self._tokens.api_url, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._tokens.close()

    def call(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """Send the body as JSON, and the keyword arguments as headers."""
        content = None if body is None else json.dumps(body).encode()
        sent = {"authorization": self.authorization(), "content-type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, path, content=content, headers=sent | named)

    def call_or_exit(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of the response. The call must succeed."""
        response = self.call(method, path, body, **headers)
        assert response.is_success, f"{method} {path} returned {response.status_code}: {response.text}"
        return response.json()

    def authorization(self) -> str:
        """Return the Authorization header of this client."""
        return self._tokens.authorization()
