"""A log of any size on disk, made in bounded memory, and a server that serves it and counts what it sends."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread

from saxaul.log.counts import Counts
from saxaul.log.leaves import CountLeaf, TreeLeaf
from saxaul.log.merkle import leaf_hash
from saxaul.log.tiles import HASH_BYTES, TILE_WIDTH, Edge, bundle, entries_path, inclusion_proof, tile_path
from saxaul.log.tlog_proofs import TlogProof
from tests.vectors.tiled_log import Key, base64

BATCH = 100
"""A count comes after as many leaves, with itself: what one run of the sequencer adds."""

INSPECTED = 10
"""One leaf in as many is an inspection of the tree that was planted right before."""

_BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)


class LogOnDisk:
    """Writes the files of a log to a folder. Memory does not grow with the log: it holds one bundle and the edge.

    The leaves that :meth:`add` appends are kept, and the newest count, so that certificates can show them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = Key("log.example/trees")
        self._kept: dict[int, bytes] = {}
        self._edge, self._counts = Edge(), Counts()
        self._bundle: list[bytes] = []
        self._planted: TreeLeaf | None = None
        self._newest = b""

    @property
    def size(self) -> int:
        return self._edge.size

    def add(self, leaf: bytes) -> int:
        """Append a planting or an inspection that found the tree alive, and return its index."""
        if b'"event":"planted"' in leaf:
            self._counts = Counts(self._counts.planted + 1, 0, self._counts.planted + 1)
        self._kept[self.size] = leaf
        self._append(leaf)
        return self.size - 1

    def leaf(self, index: int) -> bytes:
        return self._newest if index == self.size - 1 else self._kept[index]

    def grow(self, size: int) -> None:
        """Append plantings, inspections and counts of other trees up to a size. The last leaf is a count."""
        while self.size < size:
            is_count = self.size % BATCH == BATCH - 1 or self.size == size - 1
            if is_count:
                self._append(CountLeaf(*self._counts, self.size, self._now()).text)
            elif self.size % INSPECTED == INSPECTED - 1 and self._planted:
                self._append(self._inspection(self._planted).text)
                self._planted = None
            else:
                self._planted = self._planting()
                self._counts = self._counts.after(self._planted, "")
                self._append(self._planted.text)

    def publish(self) -> str:
        """Write the partial tiles of the size and its checkpoint, as the sequencer does. Return the checkpoint."""
        for level, n, tile in self._edge.partial_tiles():
            self._write(tile_path(level, n, len(tile) // HASH_BYTES), tile)
        if self._bundle:
            self._write_bundle()
        text = f"{self.key.name}\n{self.size}\n{base64(self._edge.root())}\n"
        checkpoint = f"{text}\n{self.key.line(text)}"
        self._write("checkpoint", checkpoint.encode())
        return checkpoint

    def proof(self, index: int, size: int, checkpoint: str) -> str:
        """Return the text of a tlog-proof, made from the tiles on disk."""
        path = inclusion_proof(size, index, lambda *tile: (self.folder / tile_path(*tile)).read_bytes())
        return TlogProof(index, tuple(path), checkpoint).text

    def _append(self, text: bytes) -> None:
        self._newest = text
        self._bundle.append(text)
        for level, n, tile in self._edge.append(leaf_hash(text)):
            self._write(tile_path(level, n), tile)
        if len(self._bundle) == TILE_WIDTH:
            self._write_bundle()
            self._bundle = []

    def _write_bundle(self) -> None:
        path = entries_path((self.size - 1) // TILE_WIDTH, len(self._bundle))
        self._write(path, gzip.compress(bundle(self._bundle), 6))

    def _write(self, path: str, data: bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def _now(self) -> str:
        return (_BEGINNING + timedelta(seconds=self.size)).isoformat()

    def _planting(self) -> TreeLeaf:
        number, at = self.size, self._now()
        return TreeLeaf(
            certificate=f"{number:012}-X",
            project_id="saxaul-alxa",
            by="Alxa SEE Foundation",
            event="planted",
            state="planted",
            occurred_at=at,
            recorded_at=at,
            planted_at=at,
            tag=f"AX-{number:07}",
            lat=f"{50 + number % 10_000 / 10_000:.7f}",
            lon=f"{100 + number // 10_000 / 10_000:.7f}",
            photo=_digest(f"photo {number}"),
            link="",
            particulars=_digest(f"particulars {number}"),
            previous="",
            since=0,
        )

    def _inspection(self, planted: TreeLeaf) -> TreeLeaf:
        at, photo = self._now(), _digest(f"photo {self.size}")
        inspected = planted._replace(event="alive", state="alive", occurred_at=at, recorded_at=at)
        return inspected._replace(photo=photo, previous=planted.hash.hex())


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


class Counted:
    """How many requests a server has answered, and how many bytes the bodies had, as they were sent."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.requests = self.bytes = 0

    def add(self, sent: int) -> None:
        with self._lock:
            self.requests += 1
            self.bytes += sent

    def take(self) -> tuple[int, int]:
        """Return both numbers, and begin again with zero."""
        with self._lock:
            taken = self.requests, self.bytes
            self.requests = self.bytes = 0
            return taken


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, Counted]]:
    """Serve the files of a log on a free port of this machine. Yields the URL of the log, and what was sent."""
    counted = Counted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            file = folder / self.path.removeprefix("/")
            body = file.read_bytes() if file.is_file() else b""
            counted.add(len(body))
            self.send_response(200 if body else 404)
            if self.path.startswith("/tile/entries/"):
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", counted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
