"""A year of a small programme in this process: each day, the API shows what the plain model says."""

import random
from datetime import timedelta
from typing import Any, cast

import pytest
import requests

from tests.integration.in_process import BASE_URL, send
from tests.integration.stack import Stack
from tests.year.living import Year
from tests.year.script import every_day, new_programme, steps

YEAR = 2027


class InProcess:
    """The product in this process."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def go_to(self, instant: int) -> None:
        assert instant >= self._stack.clock.instant
        self._stack.clock.instant = instant
        self._stack.run_planting_batch()

    def settle(self) -> None:
        self._stack.deliver_reported()
        assert self._stack.settle(*self._stack.receive_all(self._stack.redemptions_url)) == []

    def call(self, who: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()} | {"authorization": f"{who}-client"}
        request = requests.Request(method, BASE_URL + path, named, json=cast("Any", body))
        answer = send(request.prepare())
        return answer.status_code, answer.json()


@pytest.mark.slow
def test_each_day_of_a_year_is_as_the_plain_model_says(stack: Stack) -> None:
    seed = random.randrange(2**32)
    times = every_day(YEAR, seed)
    year = Year(InProcess(stack), new_programme(YEAR), "y")

    year.begin(times[0] - timedelta(days=1))
    played = year.play(steps(times, seed))

    assert played == 366, seed
    assert stack.faults() == []
