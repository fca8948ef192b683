"""Reads a log from memory as the verifier and the monitor read one over HTTP, and returns their last line."""

from collections.abc import Callable, Mapping
from pathlib import Path

from saxaul.log.fetching import LogReader, MissingFileError
from saxaul.log.monitor import follow
from saxaul.log.notes import VerifierKey
from saxaul.log.policy import Policy
from saxaul.log.verdicts import NotVerifiedError
from saxaul.log.verify import verify
from tests.vectors.tiled_log import Key, Log

Files = dict[str, bytes]


class MemoryReader(LogReader):
    """Reads the files of a log by their paths."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__("https://log.example/log")
        self.files = files
        self.read: set[str] = set()

    def _fetch(self, path: str, most: int) -> bytes:
        self.read.add(path)
        if path not in self.files or len(self.files[path]) > most:
            raise MissingFileError(f"{path} is missing")
        return self.files[path]


def published(log: Log, size: int = 0) -> Files:
    """Return the files of a log of this size, or of all its leaves."""
    size = size or len(log.leaves)
    return log.files(size) | {"checkpoint": log.checkpoint(size).encode()}


def last_line(check: Callable[[], str]) -> str:
    """Return the line that a check ends with, also if it does not succeed."""
    try:
        return check()
    except NotVerifiedError as reason:
        return f"{reason.word}: {reason}."


def verified(
    certificate: bytes, key: Key, files: Files | None = None, state: Path | None = None, policy: str = ""
) -> str:
    """Verify a certificate, with the log if its files are given, and return the last line."""
    parsed = Policy.parse(policy.encode()) if policy else None
    log = MemoryReader(files) if files is not None else None
    known = VerifierKey.parse(key.vkey)
    return last_line(lambda: list(verify(certificate, known, log=log, policy=parsed, state=state))[-1])


def monitored(files: Files, key: Key, state: Path) -> str:
    """Let a monitor with this state follow a log, and return its line."""
    return last_line(lambda: follow(MemoryReader(files), VerifierKey.parse(key.vkey), state).line)
