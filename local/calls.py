"""Many API calls: in parallel, repeated while the API is too busy, and only a few ahead of the completed ones."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import httpx

from local.client import Client

_AHEAD = 4
_TRIES = 6
_FIRST_PAUSE = 0.25

Given = TypeVar("Given")
Got = TypeVar("Got")


class StoppedError(Exception):
    """The replay cannot continue. The message says what to do."""


def answered(client: Client, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """Return the response to a call that is safe to repeat; repeat the call while the API is too busy.

    Raises:
        StoppedError: the API did not answer, or refused the call.
    """
    for attempt in range(_TRIES):
        try:
            answer = client.call(method, path, body)
        except httpx.TransportError as error:
            said = f"did not answer ({type(error).__name__})"
        else:
            if answer.is_success:
                return answer.json()
            said = f"answered {answer.status_code}: {answer.text[:300]}"
            if answer.status_code < 500 and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:  # noqa: PLR2004
                break
        time.sleep(_FIRST_PAUSE * 2**attempt)
    raise StoppedError(f"{method} {path} {said}. Is the stack running? `make up` starts or updates it.")


def in_parallel(call: Callable[[Given], Got], things: Iterable[Given], workers: int) -> Iterator[Got]:
    """Call a function in several threads and yield the results in order; take things only a few ahead of the results.

    Raises:
        StoppedError: ``things`` or a call raised it; the results of the other calls are yielded first.
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
                while len(underway) >= workers * _AHEAD or (underway and underway[0].done()):
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
