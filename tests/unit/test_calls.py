"""Parallel API calls: a call is repeated while the API is too busy, and only a few calls run ahead of the results."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import httpx
import pytest

from local import calls
from local.calls import StoppedError, call_with_retries, in_parallel

if TYPE_CHECKING:
    from local.client import Client


class ScriptedApi:
    """Returns the given responses one after the other, and raises those that are exceptions."""

    def __init__(self, *responses: httpx.Response | Exception) -> None:
        self.responses = list(responses)

    def call(self, *_: object) -> httpx.Response:
        response = self.responses.pop(0)
        if isinstance(response, Exception):
            raise response
        return response


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_FIRST_PAUSE", 0)


def call_api(*responses: httpx.Response | Exception) -> object:
    return call_with_retries(cast("Client", ScriptedApi(*responses)), "GET", "/impact")


def test_a_call_is_repeated_while_the_api_is_too_busy() -> None:
    assert (
        call_api(httpx.Response(429), httpx.ConnectError("no"), httpx.Response(503), httpx.Response(200, json=7)) == 7
    )


def test_a_refused_call_is_not_repeated() -> None:
    with pytest.raises(StoppedError, match="GET /impact returned 403: no"):
        call_api(httpx.Response(403, text="no"))


def test_the_error_for_an_unreachable_api_asks_whether_the_stack_is_running() -> None:
    with pytest.raises(StoppedError, match=r"did not respond \(ConnectError\)\. Is the stack running\?"):
        call_api(*[httpx.ConnectError("no")] * 6)


def test_results_keep_the_order_of_the_things_and_things_are_read_only_a_few_ahead() -> None:
    taken = 0

    def things() -> Iterator[int]:
        nonlocal taken
        for number in range(1_000):
            taken = number
            yield number

    ahead = []
    for done, number in enumerate(in_parallel(lambda thing: thing, things(), workers=3)):
        assert number == done
        ahead.append(taken - done)

    assert len(ahead) == 1_000
    assert max(ahead) < 12


def test_the_results_of_earlier_calls_are_yielded_before_the_error() -> None:
    def things() -> Iterator[int]:
        yield from range(20)
        raise StoppedError("stands still")

    results = in_parallel(lambda thing: thing, things(), workers=3)

    assert [next(results) for _ in range(20)] == list(range(20))
    with pytest.raises(StoppedError, match="stands still"):
        next(results)
