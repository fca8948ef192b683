"""The public log of a stack in this process: its files in moto's S3, and its sequencer."""

from typing import NamedTuple

from saxaul.log.notes import VerifierKey
from saxaul.services.read_log import log_reading
from saxaul.services.sequence_log import sequencing
from saxaul.storage import clients
from tests.clocks import StoppedClock

BUCKET = "files"
FILES_URL = f"https://{BUCKET}.example"
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
        return VerifierKey.parse(vkey())

    def remove(self, name: str) -> None:
        clients.s3().delete_object(Bucket=BUCKET, Key=name)

    def replace(self, name: str, body: bytes) -> None:
        clients.s3().put_object(Bucket=BUCKET, Key=name, Body=body)


def vkey() -> str:
    return log_reading().vkey()
