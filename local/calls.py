"""Makes many API calls in parallel."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from saxaul_client import SaxaulError

_LOOKAHEAD = 4
"""How many calls per thread may be submitted whose results are not yielded yet."""

Given = TypeVar("Given")
Got = TypeVar("Got")


class StoppedError(Exception):
    """The program cannot continue. The message says why, and what to do."""


@contextmanager
def stop_on_failure() -> Iterator[None]:
    """Turn an error of the API's client into one that stops a program.

    Raises:
        StoppedError: the API did not answer any attempt, or refused the call.
    """
    try:
        yield
    except SaxaulError as error:
        raise StoppedError(f"{error}. Is the stack running? `make up` starts or updates the laptop stack.") from error


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
