"""Makes many API calls in parallel, and retries a call while the API is too busy."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import httpx

from local.client import Client

_LOOKAHEAD = 4
"""How many calls per thread may be submitted whose results are not yielded yet."""

_TRIES = 6
_FIRST_PAUSE = 0.25

Given = TypeVar("Given")
Got = TypeVar("Got")


class StoppedError(Exception):
    """The program cannot continue. The message says why, and what to do."""


def call_with_retries(client: Client, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON of the response to a call. The call must be safe to repeat.

    The call is retried if the API does not respond, or responds with 429 or a 5XX status, up to six attempts in all.

    Raises:
        StoppedError: every attempt failed, or the API refused the call.
    """
    for attempt in range(_TRIES):
        try:
            response = client.call(method, path, body)
        except httpx.TransportError as error:
            failure = f"did not respond ({type(error).__name__})"
        else:
            if response.is_success:
                return response.json()
            failure = f"returned {response.status_code}: {response.text[:300]}"
            if response.status_code < 500 and response.status_code != httpx.codes.TOO_MANY_REQUESTS:  # noqa: PLR2004
                break
        time.sleep(_FIRST_PAUSE * 2**attempt)
    raise StoppedError(
        f"{method} {path} {failure}. Is the stack running? `make up` starts or updates the laptop stack."
    )


def in_parallel(call: Callable[[Given], Got], things: Iterable[Given], workers: int) -> Iterator[Got]:
    """Call a function with each thing, in several threads, and yield the results in the order of the things.

    At any time, at most ``4 * workers`` things have been taken whose results are not yielded yet.

    Raises:
        StoppedError: ``things`` or a call raised it. The results of the other calls in progress are yielded first.
    """
    underway: deque[Future[Got]] = deque()
    stopped: StoppedError | None = None
    coming = iter(things)
    with ThreadPoolExecutor(workers) as pool:
        try:
            while stopped is None:
                try:
                    underway.append(pool.submit(call, next(coming)))
                except StopIteration:
                    break
                except StoppedError as error:
                    stopped = error
                while len(underway) >= workers * _LOOKAHEAD or (underway and underway[0].done()):
                    try:
                        yield underway.popleft().result()
                    except StoppedError as error:
                        stopped = error
            while underway:
                try:
                    yield underway.popleft().result()
                except StoppedError as error:
                    stopped = error
        finally:
            for future in underway:
                future.cancel()
    if stopped:
        raise stopped
