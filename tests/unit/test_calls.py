"""Many API calls to the laptop stack: repeated while it is too busy, and only a few ahead of the completed ones."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import httpx
import pytest

from local import calls
from local.calls import StoppedError, answered, in_parallel

if TYPE_CHECKING:
    from local.client import Client


class Api:
    """Returns the next of these responses for each call, or raises it if it is an exception."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)

    def call(self, *_: object) -> httpx.Response:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_FIRST_PAUSE", 0)


def ask(*answers: httpx.Response | Exception) -> object:
    return answered(cast("Client", Api(*answers)), "GET", "/impact")


def test_a_call_is_repeated_while_the_api_is_too_busy() -> None:
    assert ask(httpx.Response(429), httpx.ConnectError("no"), httpx.Response(503), httpx.Response(200, json=7)) == 7


def test_a_refused_call_is_not_repeated() -> None:
    with pytest.raises(StoppedError, match="GET /impact answered 403: no"):
        ask(httpx.Response(403, text="no"))


def test_the_error_for_an_unreachable_api_asks_whether_the_stack_is_running() -> None:
    with pytest.raises(StoppedError, match=r"did not answer \(ConnectError\)\. Is the stack running\?"):
        ask(*[httpx.ConnectError("no")] * 6)


def test_things_are_taken_only_a_few_ahead_of_the_results_which_keep_their_order() -> None:
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

    given = in_parallel(lambda thing: thing, things(), workers=3)

    assert [next(given) for _ in range(20)] == list(range(20))
    with pytest.raises(StoppedError, match="stands still"):
        next(given)
