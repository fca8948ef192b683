"""The state of a monitor: what it must know of a log to follow it, in one SQLite file.

A transaction is either in the file or not, also if the process or the machine stops in its middle. So a reader always
finds the state after some confirmed part of the log.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from .counts import Counts
from .leaves import CountLeaf
from .lives import KeyedEvidence, Life
from .merkle import CompactRange
from .notes import VerifierKey

_APPLICATION = 0x5A58_4C47
"""Marks an SQLite file as the state of a monitor."""

_VERSION = 1
_HASH_BYTES = 32
_CACHE_KB = 64 * 1024

_TABLES = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE lives (certificate TEXT PRIMARY KEY, position INTEGER, hash BLOB, life TEXT) WITHOUT ROWID",
    "CREATE TABLE evidence (kind TEXT, value TEXT, certificate TEXT, PRIMARY KEY (kind, value)) WITHOUT ROWID",
    "CREATE TABLE tree_ends (size INTEGER PRIMARY KEY, root BLOB NOT NULL)",
)


class StateFileError(Exception):
    """The file cannot be used as the state of a monitor of this log. The message says why."""


class KnownTree(NamedTuple):
    """What is known of a certificate's tree.

    Attributes:
        position: the index of its newest leaf in the log.
        hash: the hash of that leaf.
    """

    life: Life
    position: int
    hash: bytes


class MonitorState:
    """What a monitor knows of a log. Use :meth:`open`.

    Attributes:
        tree: the tree of all leaves that were read.
        counts: the numbers of trees after these leaves.
        counted_at: the time in the newest count; empty if there is none.
        seen_size: the size of the largest checkpoint whose leaves were all read; 0 if there is none.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.tree = CompactRange()
        self.counts = Counts()
        self.counted_at = ""
        self.seen_size = 0

    @classmethod
    @contextmanager
    def open(cls, file: Path, key: VerifierKey, *, must_exist: bool = False) -> Iterator[Self]:
        """Open a state, or begin one if the file is missing and need not exist. It is closed at the end.

        Raises:
            StateFileError: the file is not a state, is one of another log, or cannot be read or written.
        """
        if must_exist and not file.is_file():
            raise StateFileError(f"{file} does not exist: saxaul-log monitor makes it")
        try:
            database = sqlite3.connect(file, timeout=0.5, isolation_level=None)
        except sqlite3.Error as error:
            raise StateFileError(f"{file} cannot be opened: {error}") from None
        try:
            state = cls(database)
            state._prepare(file, key, is_reader=must_exist)
            yield state
        except sqlite3.Error as error:
            is_busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            reason = "another run uses it" if is_busy else str(error)
            raise StateFileError(f"{file} cannot be used as the state of a monitor: {reason}") from None
        finally:
            database.close()

    def _prepare(self, file: Path, key: VerifierKey, *, is_reader: bool) -> None:
        database = self._database
        database.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        if not is_reader:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")  # one run at a time
            database.execute("BEGIN EXCLUSIVE")
            database.execute("COMMIT")
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not tables and not is_reader:
            self._begin(key)
        elif application != _APPLICATION or version != _VERSION:
            raise StateFileError(f"{file} is not the state of a monitor of this version")
        about = dict(database.execute("SELECT name, value FROM about"))
        if about.get("vkey") != key.text:
            raise StateFileError(f"{file} follows another log or key: {about.get('vkey')}")
        try:
            hashes = bytes(about["peaks"])
            if len(hashes) % _HASH_BYTES:
                raise ValueError("a hash was cut")  # noqa: TRY301 - the same as other damage
            peaks = [hashes[start : start + _HASH_BYTES] for start in range(0, len(hashes), _HASH_BYTES)]
            self.tree = CompactRange(about["size"], peaks)
            self.counts = Counts(*json.loads(about["counts"]))
            self.counted_at, self.seen_size = str(about["counted_at"]), int(about["seen_size"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise StateFileError(f"{file} was damaged") from None

    def _begin(self, key: VerifierKey) -> None:
        with self.writing():
            for table in _TABLES:
                self._database.execute(table)
            self._database.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {_VERSION}")
            self._set(vkey=key.text, seen_size=0, seen="")
            self.write_tree(self.tree)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write all that happens in this context in one transaction, or nothing of it if an error ends it."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def write_tree(self, tree: CompactRange) -> None:
        """Write the tree of all leaves that were read, and the counts after them."""
        self.tree = tree
        self._set(
            size=tree.size, peaks=b"".join(tree.peaks), counts=json.dumps(self.counts), counted_at=self.counted_at
        )

    def write_seen(self, size: int, note: str) -> None:
        """Write the checkpoint whose leaves were all read."""
        self.seen_size = size
        self._set(seen_size=size, seen=note)

    def write_tree_end(self, tree: CompactRange, count: CountLeaf) -> None:
        """Note a tree that ends with a count, as each published tree does."""
        self.counted_at = count.counted_at
        self._database.execute("INSERT INTO tree_ends VALUES (?, ?)", (tree.size, tree.root()))

    def is_tree_end(self, size: int, root: bytes) -> bool:
        """Return whether the leaves that were read have a tree of this size and root that ends with a count."""
        row = self._database.execute("SELECT root FROM tree_ends WHERE size = ?", (size,)).fetchone()
        return row is not None and row[0] == root

    def known(self, certificate: str) -> KnownTree | None:
        """Return what is known of a certificate's tree; None if the log has no leaf about it."""
        row = self._database.execute(
            "SELECT life, position, hash FROM lives WHERE certificate = ?", (certificate,)
        ).fetchone()
        if row is None:
            return None
        try:
            return KnownTree(Life(*json.loads(row[0])), row[1], row[2])
        except (TypeError, ValueError):
            raise StateFileError(f"what the state knows of {certificate} was damaged") from None

    def write_life(self, life: Life, position: int, leaf_hash: bytes) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO lives VALUES (?, ?, ?, ?)",
            (life.certificate, position, leaf_hash, json.dumps(life, ensure_ascii=False, separators=(",", ":"))),
        )

    def owner(self, kind: str, value: str) -> str | None:
        """Return the certificate to whose tree a tag, a place or a photo belongs."""
        row = self._database.execute(
            "SELECT certificate FROM evidence WHERE kind = ? AND value = ?", (kind, value)
        ).fetchone()
        return str(row[0]) if row else None

    def take(self, kind: str, value: str, certificate: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO evidence VALUES (?, ?, ?)", (kind, value, certificate))

    def free(self, freed: Iterable[KeyedEvidence]) -> None:
        self._database.executemany("DELETE FROM evidence WHERE kind = ? AND value = ?", freed)

    def _set(self, **values: str | int | bytes) -> None:
        self._database.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", values.items())
