"""Reads what the logger of the functions writes during a test."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest

from saxaul.observability import logger

if TYPE_CHECKING:
    import logging


class Lines(io.StringIO):
    def taken(self) -> list[str]:
        """Return the lines that were written since the last call."""
        found = self.getvalue()
        self.seek(0)
        self.truncate()
        return found.splitlines(keepends=True)


@contextmanager
def written_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Yield the lines that the logger of the functions writes from now on."""
    # pytest would report the records too, and a worker of pytest-xdist cannot send a lone surrogate.
    monkeypatch.setattr("_pytest.logging.LogCaptureHandler.emit", lambda *_: None)
    written, handler = Lines(), cast("logging.StreamHandler[Any]", logger.registered_handler)
    before = handler.setStream(written)
    try:
        yield written
    finally:
        if before is not None:
            handler.setStream(before)
