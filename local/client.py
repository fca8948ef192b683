"""Finds a stack, and calls its API as an app, a partner or the operator."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx

from local.console import exit_with
from local.deployment import ADMIN, REGION, client_arguments
from local.sam import STACK_NAME, state

LAPTOP = "stack"
"""The name of the laptop stack's file: `make up` writes .local/stack.json."""

_RESERVED = {LAPTOP, "process", "env"}
"""The names of the files that `make up` writes, without .json. A deployed stack cannot use them."""


def stack_name() -> str:
    """Return the name of the selected stack: SAXAUL_STACK, or by default that of the laptop stack."""
    return os.environ.get("SAXAUL_STACK") or LAPTOP


def file_of(name: str) -> Path:
    """Return the file in which `make connect` writes how to reach the stack of that name.

    Ends the program if no stack can have that name.
    """
    if not STACK_NAME.fullmatch(name):
        exit_with(f"{name!r} is not a stack name: use a letter, then letters, digits and hyphens.")
    if name in _RESERVED:
        exit_with(f"You cannot connect to a stack named {name}: .local/{name}.json is a file of the laptop stack.")
    return state() / f"{name}.json"


def stack() -> dict[str, Any]:
    """Return how to reach the selected stack, from the file that `make up` or `make connect` wrote.

    Ends the program if there is no such file.
    """
    file = state() / f"{LAPTOP}.json" if stack_name() == LAPTOP else file_of(stack_name())
    if not file.exists() and stack_name() == LAPTOP:
        exit_with("The laptop stack is not running; start it with: make up")
    if not file.exists():
        exit_with(
            f"The stack {stack_name()} is not known here; connect to it in its region, for example: "
            f"make connect STACK={stack_name()} REGION=ap-southeast-1"
        )
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def client_arguments_of_stack(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a boto3 client for a stack, given what `stack` returned."""
    return client_arguments(known["endpoint_url"], known.get("region", REGION))


def use_stack(known: Mapping[str, Any]) -> None:
    """Point the AWS clients of this process at a stack, given what `stack` returned.

    They act on a laptop stack as its administrator, and on AWS with the credentials of the environment.
    """
    if known["endpoint_url"]:
        os.environ.update(ADMIN | {"AWS_ENDPOINT_URL": known["endpoint_url"]})
    else:
        os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
    os.environ["AWS_DEFAULT_REGION"] = known.get("region", REGION)


@contextmanager
def exit_if_unreachable() -> Iterator[None]:
    """End the program with one sentence if the API of the stack cannot be reached."""
    try:
        yield
    except httpx.TransportError as error:
        exit_with(f"{stack()['api_url']} cannot be reached: {error}")


class Client:
    """Calls the API of the selected stack as one of its OAuth clients.

    It gets a token by the client credentials grant, and a new one before the token expires.
    """

    def __init__(self, name: str, scopes: str | None = None) -> None:
        self._stack = stack()
        if name not in self._stack["clients"]:
            exit_with(f"The stack has no client {name}; its clients are {', '.join(sorted(self._stack['clients']))}.")
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
        """Make an API call. The body is sent as JSON, and the keyword arguments as headers."""
        content = None if body is None else json.dumps(body).encode()
        sent = {"authorization": self.authorization(), "content-type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.request(method, path, content=content, headers=sent | named)

    def call_or_exit(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 - JSON
        """Make an API call and return the JSON of its response; end the program if the call fails."""
        response = self.call(method, path, body, **headers)
        if not response.is_success:
            exit_with(f"{method} {path} returned {response.status_code}: {response.text}")
        return response.json()

    def authorization(self) -> str:
        """Return the Authorization header of this client."""
        if time.monotonic() > self._good_until:
            response = self._http.post(
                self._stack["token_url"],
                data={"grant_type": "client_credentials", "scope": self._scopes},
                auth=(self._credentials["client_id"], self._credentials["client_secret"]),
            )
            if not response.is_success:
                exit_with(f"{self._stack['token_url']} gave no token: {response.status_code} {response.text}")
            granted = response.json()
            self._token = granted["access_token"]
            self._good_until = time.monotonic() + granted["expires_in"] - 60
        return f"Bearer {self._token}"
