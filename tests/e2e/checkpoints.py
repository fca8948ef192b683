"""Keeps the checkpoints that a stack publishes, so that a later test can compare every two of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import httpx

_PAUSE = 1.0
"""Seconds between two requests for the checkpoint."""


@contextmanager
def collected(log_url: str, folder: Path) -> Iterator[None]:
    """Write each checkpoint that the log publishes meanwhile to the folder. The name of a file is its size."""
    is_over = Event()

    def collect() -> None:
        while not is_over.wait(_PAUSE):
            try:
                answer = httpx.get(f"{log_url}/checkpoint", timeout=30)
            except httpx.HTTPError:
                continue  # the machine is busy, or the stack is being deployed
            if answer.status_code == httpx.codes.OK:
                (folder / answer.text.split("\n")[1]).write_text(answer.text, "utf-8")

    thread = Thread(target=collect)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
