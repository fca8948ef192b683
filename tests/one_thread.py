"""Runs what the services give to other threads at once, in the thread of the test. So a run can be repeated exactly.

It also spares a test the start of a thread for each batch, which takes longer than what the thread does.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest


class OneThread(Executor):
    """An executor that has run a call when ``submit`` returns. Its error is raised where the result is asked for."""

    def __init__(self, _threads: int) -> None: ...

    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> "Future[Any]":  # noqa: ANN401 - of any function
        future = Future[Any]()
        try:
            future.set_result(function(*args, **named))
        except BaseException as error:  # noqa: BLE001 - a thread also keeps any error for whoever asks for its result
            future.set_exception(error)
        return future


def run_in_one_thread(patch: pytest.MonkeyPatch) -> None:
    """Let the services that write in several threads write in that of the test."""
    for service in ("accrue", "take_reports"):
        patch.setattr(f"saxaul.services.{service}.ThreadPoolExecutor", OneThread)
