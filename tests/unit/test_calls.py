"""Parallel API calls: results keep their order, only a few calls run ahead, and an error stops the program."""

from collections.abc import Iterator

import pytest

from local.calls import StoppedError, in_parallel, stop_on_failure
from saxaul_client import UnreachableError


def test_an_error_of_the_client_stops_a_program_with_a_sentence_that_says_what_to_do() -> None:
    with pytest.raises(StoppedError, match=r"no response\. Is the stack running\?"), stop_on_failure():
        raise UnreachableError("no response")


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
