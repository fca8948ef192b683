"""The public log of a stack in this process, as the sequencer publishes it."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from saxaul.log.notes import VerifierKey
from saxaul.services.sequence_log import sequencing
from saxaul.settings import settings
from saxaul.storage import clients
from tests.clocks import StoppedClock

BUCKET = "files"
FILES_URL = "https://files.trees.example"
LOG_URL = f"{FILES_URL}/log"


class PublishedFiles(NamedTuple):
    """The public log, as tests make and read it."""

    clock: StoppedClock

    def publish(self) -> None:
        """Take all statements into the log and publish it. No process has an older checkpoint in memory after it."""
        done = sequencing().run()
        assert not done.error
        self.clock.instant += 3

    def key(self) -> VerifierKey:
        return VerifierKey.parse(f"{vkey()}")

    def remove(self, name: str) -> None:
        clients.s3().delete_object(Bucket=BUCKET, Key=name)


def vkey() -> str:
    from saxaul.services.read_log import log_reading  # noqa: PLC0415 - its settings are those of the stack

    return log_reading().vkey()


def public_files(clock: StoppedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishedFiles]:
    """Name the address of the files bucket of a stack."""
    monkeypatch.setenv("FILES_URL", FILES_URL)
    settings.cache_clear()
    yield PublishedFiles(clock)
