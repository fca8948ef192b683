"""A file of JSON lines that a command writes while it works, so that a later run can go on after a crash.

Each line is on disk before the command goes on. If a crash cut the last line, that line is dropped. Only one process at
a time has the file, and only its owner may read it, because it can name persons.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


class InUseError(Exception):
    """Another process has the file."""


class DamagedError(Exception):
    """A complete line of the file is no JSON object."""


class JsonLines:
    """An open file. ``records`` are its lines, those that are appended included."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self.records = [_object_in(line, path) for line in _complete_lines(file)]

    def append(self, record: dict[str, Any]) -> None:
        """Write a line to the disk.

        Raises:
            OSError: it could not be written, such as on a full disk. A part of it may have been.
        """
        self._file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records.append(record)

    def restart(self, records: Iterable[dict[str, Any]]) -> None:
        """Replace all lines by others."""
        self._file.truncate(0)
        self.records.clear()
        for record in records:
            self.append(record)

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)


@contextmanager
def opened(path: Path) -> Iterator[JsonLines]:
    """Open a file, or create it.

    Raises:
        InUseError: another process has it.
        DamagedError: it is no file of JSON lines.
        OSError: it cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUseError(f"another process is at work with {path}") from None
        if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise InUseError(f"another process has just ended its work with {path}")
        yield JsonLines(path, file)


def _complete_lines(file: BinaryIO) -> list[bytes]:
    """Return the lines of the file, and cut off what follows the last line break."""
    content = file.read()
    complete = content.rfind(b"\n") + 1
    file.truncate(complete)
    return content[:complete].splitlines()


def _object_in(line: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DamagedError(f"{path} is damaged")
    return found
