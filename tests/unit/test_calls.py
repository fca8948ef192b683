"""Many calls of the laptop stack's API: repeated while it is too busy, and never far ahead of what is done."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import httpx
import pytest

from local import calls
from local.calls import StoppedError, answered, in_parallel

if TYPE_CHECKING:
    from local.client import Client


class Api:
    """Answers each call with the next of these; an exception is raised."""

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


def test_a_busy_api_is_asked_again() -> None:
    assert ask(httpx.Response(429), httpx.ConnectError("no"), httpx.Response(503), httpx.Response(200, json=7)) == 7


def test_a_refused_call_is_not_repeated() -> None:
    with pytest.raises(StoppedError, match="GET /impact answered 403: no"):
        ask(httpx.Response(403, text="no"))


def test_an_api_that_does_not_come_back_ends_in_a_sentence() -> None:
    with pytest.raises(StoppedError, match=r"did not answer \(ConnectError\)\. Is the stack running\?"):
        ask(*[httpx.ConnectError("no")] * 6)


def test_things_are_taken_only_a_little_ahead_of_what_is_done_and_come_back_in_order() -> None:
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


def test_what_was_called_before_things_stopped_coming_is_given() -> None:
    def things() -> Iterator[int]:
        yield from range(20)
        raise StoppedError("stands still")

    given = in_parallel(lambda thing: thing, things(), workers=3)

    assert [next(given) for _ in range(20)] == list(range(20))
    with pytest.raises(StoppedError, match="stands still"):
        next(given)
