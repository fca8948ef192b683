"""A witness of c2sp.org/tlog-witness, with a key of its own and without any code of saxaul.

It cosigns a checkpoint only if that is signed by the log's key and consistent with the last one that it has cosigned.
It keeps its state in memory, so it forgets what it has seen when it is stopped.
"""

import re
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.static_log import serving
from tests.vectors.tiled_log import COSIGNED, SIGNED, Key

_SIGNATURE = re.compile(r"— ([^ +]+) ([A-Za-z0-9+/=]+)")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_MOST_HASHES = 63
_LARGEST_REQUEST = 65_536


class Seen(NamedTuple):
    """The latest checkpoint of a log that the witness has cosigned. ``text`` has both signatures."""

    size: int
    root: bytes
    text: str


class Answer(NamedTuple):
    status: int
    body: str = ""
    media_type: str = "text/plain; charset=utf-8"


class RefusalError(Exception):
    """The witness does not cosign a checkpoint. ``answer`` is its response."""

    def __init__(self, status: int, body: str = "", media_type: str = "text/plain; charset=utf-8") -> None:
        super().__init__(status)
        self.answer = Answer(status, body, media_type)


class Witness:
    """``logs`` has the verifier key of each known log, by its origin. More can be added while the witness runs."""

    def __init__(self, name: str, logs: Mapping[str, str] | None = None) -> None:
        self.key = Key(name, COSIGNED)
        self.logs = dict(logs or {})
        self.seen: dict[str, Seen] = {}
        self.answers: list[Answer] = []
        self._lock = Lock()

    @property
    def vkey(self) -> str:
        return self.key.vkey

    def add_checkpoint(self, request: bytes) -> Answer:
        """Answer the request add-checkpoint."""
        try:
            old, hashes, text, lines = _parsed(request)
            origin, size, root = _stated(text)
            self._check_signature(origin, text, lines)
            with self._lock:  # between the check of the old size and the new state, nobody else changes it
                self._check_progress(origin, old, hashes, size, root)
                cosignature = self.key.line(text, int(time.time()))
                ours = "".join(f"{line}\n" for line in lines if line.startswith(f"— {self._name(origin)} "))
                self.seen[origin] = Seen(size, root, f"{text}\n{ours}{cosignature}")
            answer = Answer(200, cosignature)
        except RefusalError as refusal:
            answer = refusal.answer
        self.answers.append(answer)
        return answer

    def checkpoint(self, origin_hash: str) -> Answer:
        """Answer a monitor that asks for the latest checkpoint of the log with this hash of its origin."""
        for origin, seen in self.seen.items():
            if sha256(origin.encode()).hexdigest() == origin_hash:
                return Answer(200, seen.text)
        return Answer(404)

    def _name(self, origin: str) -> str:
        return self.logs[origin].split("+", 1)[0]

    def _check_signature(self, origin: str, text: str, lines: list[str]) -> None:
        if origin not in self.logs:
            raise RefusalError(404)
        name, key_id, key = _parsed_key(self.logs[origin])
        signatures = [
            b64decode(found[2]) for line in lines if (found := _SIGNATURE.fullmatch(line)) and found[1] == name
        ]
        ours = [signature[4:] for signature in signatures if signature[:4] == key_id]
        if not ours:
            raise RefusalError(403)
        for signature in ours:
            try:
                key.verify(signature, text.encode())
            except InvalidSignature:
                raise RefusalError(403) from None

    def _check_progress(self, origin: str, old: int, hashes: list[bytes], size: int, root: bytes) -> None:
        if old > size:
            raise RefusalError(400)
        seen = self.seen.get(origin)
        known = seen.size if seen else 0
        if old != known:
            raise RefusalError(409, f"{known}\n", "text/x.tlog.size")
        if size == 0 and root != sha256().digest():
            raise RefusalError(422)
        if old in (0, size):
            if hashes or (seen and old == size and root != seen.root):
                raise RefusalError(422)
        elif not seen or not is_consistent(old, seen.root, size, root, hashes):
            raise RefusalError(422)


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, hashes: list[bytes]) -> bool:
    """Check a consistency proof between two trees of different sizes (RFC 9162, section 2.1.4.2)."""
    proof = [old_root, *hashes] if old & (old - 1) == 0 else list(hashes)
    if not proof:
        return False
    first, last = old - 1, size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    of_old = of_new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            of_old, of_new = node_hash(sibling, of_old), node_hash(sibling, of_new)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            of_new = node_hash(of_new, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and of_old == old_root and of_new == root


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _parsed(request: bytes) -> tuple[int, list[bytes], str, list[str]]:
    """Return the old size, the hashes of the proof, the text of the checkpoint and its signature lines."""
    try:
        head, _, note = request.decode().partition("\n\n")
        text, _, signatures = note.rpartition("\n\n")
        first, *proof = head.split("\n")
        hashes = [b64decode(line, validate=True) for line in proof]
    except ValueError:
        raise RefusalError(400) from None
    old = first.removeprefix("old ")
    if not first.startswith("old ") or not _DECIMAL.fullmatch(old) or not text or not signatures.endswith("\n"):
        raise RefusalError(400)
    if len(hashes) > _MOST_HASHES or any(len(sibling) != 32 for sibling in hashes):
        raise RefusalError(400)
    return int(old), hashes, f"{text}\n", signatures.splitlines()


def _stated(text: str) -> tuple[str, int, bytes]:
    """Return the origin, the size and the root that a checkpoint states."""
    origin, size, root, *extensions = [*text.split("\n"), "", ""]
    if not origin or not _DECIMAL.fullmatch(size) or not all(extensions[:-3]):
        raise RefusalError(400)
    try:
        root_hash = b64decode(root, validate=True)
    except ValueError:
        raise RefusalError(400) from None
    if len(root_hash) != 32:
        raise RefusalError(400)
    return origin, int(size), root_hash


def _parsed_key(vkey: str) -> tuple[str, bytes, Ed25519PublicKey]:
    name, key_id, encoded = vkey.split("+", 2)
    key = b64decode(encoded)
    assert key[0] == SIGNED
    return name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(key[1:])


@contextmanager
def running(witness: Witness) -> Iterator[str]:
    """Let a witness answer over HTTP, and yield its submission prefix, which is its monitoring prefix too."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _LARGEST_REQUEST))
            self._answer(witness.add_checkpoint(request) if self.path == "/add-checkpoint" else Answer(404))

        def do_GET(self) -> None:
            origin_hash, _, rest = self.path.removeprefix("/").partition("/")
            self._answer(witness.checkpoint(origin_hash) if rest == "checkpoint" else Answer(404))

        def _answer(self, answer: Answer) -> None:
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as url:
        yield url
