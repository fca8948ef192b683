"""The public log of a stack in this process: the files bucket in moto's S3, a key in memory, and the sequencer."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from saxaul.log.notes import VerifierKey
from saxaul.services.sequence_log import sequencing
from saxaul.settings import settings
from saxaul.storage import clients, objects
from tests.clocks import StoppedClock
from tests.integration.moto_objects import Requests
from tests.proof.memory_kms import MemoryKMS

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
    """Give a stack a files bucket and a signing key."""
    region = clients.dynamodb().meta.region_name
    clients.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
    kms = MemoryKMS()
    monkeypatch.setattr("saxaul.storage.signing.kms", lambda: kms)
    monkeypatch.setattr(objects, "_session", lambda _: Requests())
    checkpoints = clients.sqs().create_queue(QueueName="CheckpointQueue")["QueueUrl"]
    leaves = clients.sqs().create_queue(QueueName="LogQueue")["QueueUrl"]
    for name, value in {
        "FILES_BUCKET": BUCKET,
        "FILES_URL": FILES_URL,
        "CHECKPOINT_QUEUE_URL": checkpoints,
        "LOG_QUEUE_URL": leaves,
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield PublishedFiles(clock)
