"""A log as the service publishes it, with certificates of its trees, made in memory and served over HTTP."""

import gzip
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from saxaul.log.canonical_json import Json, encode
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.counts import Counts
from saxaul.log.leaves import CountLeaf, TreeLeaf, parse
from saxaul.log.merkle import leaf_hash
from saxaul.log.notes import COSIGNATURE, Signature, SignedNote, VerifierKey, cosigned_message
from saxaul.log.particulars import Particulars
from saxaul.log.tiles import Edge, bundle, entries_path, inclusion_proof, tile_path, tiles_between
from saxaul.log.tlog_proofs import TlogProof
from tests.tree_leaves import make_count_leaf, make_tree_leaf

ORIGIN = "files.trees.example/log"
LINK = "https://partner.example/树/1.jpg"
PARTICULARS = Particulars.create(
    species={"en": "Saxaul", "zh": "梭梭"},
    latin="Haloxylon ammodendron",
    place={"en": "Alxa, Inner Mongolia", "zh": "内蒙古阿拉善"},
    partner="Alxa SEE Foundation",
    requested_at="2026-06-01T09:00:00+08:00",
    dedication="For Mei 梅",
)


@dataclass
class Signer:
    """A key pair of a log or of a witness."""

    name: str
    type: int = 1
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def key(self) -> VerifierKey:
        return VerifierKey.of(self.name, self.private.public_key().public_bytes_raw(), self.type)

    def sign(self, text: str, timestamp: int = 1_781_950_000) -> Signature:
        if self.type == COSIGNATURE:
            signed = timestamp.to_bytes(8, "big") + self.private.sign(cosigned_message(text, timestamp))
        else:
            signed = self.private.sign(text.encode())
        return Signature(self.name, self.key.key_id, signed)


def make_tree_life(events: Sequence[str], number: int = 0, **first: Any) -> list[TreeLeaf]:  # noqa: ANN401
    """Return the leaves of a whole life. ``events`` come after the planting; ``withdrawn`` corrects a death.

    Each planting and inspection has a photo of its own, and a replacement has a tag and a place of its own.
    """
    planted = make_tree_leaf(
        certificate=f"CERT-{number:04}",
        tag=f"AX-{number:04}",
        lat=f"38.{number:04}000",
        photo=photo_of(number, 0),
        particulars=PARTICULARS.commitment,
        **first,
    )
    leaves, change, since, place = [planted], planted, 0, planted
    for step, event in enumerate(events, 1):
        at = f"2026-07-01T{step // 60:02}:{step % 60:02}:00+08:00"
        statement = "corrected" if event == "withdrawn" else event
        state = {"withdrawn": "alive", "corrected": leaves[-1].state, "dedication_erased": leaves[-1].state}
        changed: dict[str, Any] = {"photo": photo_of(number, step)}
        if statement == "replaced":
            changed |= {"tag": f"AX-{number:04}-{step}", "lon": f"105.{step:07}", "planted_at": at}
        if statement in ("corrected", "dedication_erased"):
            changed["photo"] = place.photo
        if event == "corrected":
            changed |= {"lat": f"39.{number:04}{step:03}", "link": hashlib.sha256(LINK.encode()).hexdigest()}
        leaf = place._replace(link="", previous=change.hash.hex(), since=since, recorded_at=at, occurred_at=at)
        leaf = leaf._replace(event=statement, state=state.get(event, statement), **changed)  # type: ignore[arg-type]
        leaves.append(leaf)
        place = leaf if statement in ("replaced", "corrected") else place
        change, since = (leaf, 0) if leaf.is_in_chain else (change, since + 1)
    return leaves


def photo_of(number: int, step: int) -> str:
    return hashlib.sha256(f"photo {number} {step}".encode()).hexdigest()


@dataclass
class PublishedLog:
    """A log with its files. Each :meth:`publish` adds leaves and a count, and a checkpoint."""

    signer: Signer = field(default_factory=lambda: Signer(ORIGIN))
    texts: list[bytes] = field(default_factory=list)
    edge: Edge = field(default_factory=Edge)
    files: dict[str, bytes] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    note: SignedNote = field(default_factory=lambda: SignedNote(""))

    def publish(
        self, *leaves: TreeLeaf | bytes, witnesses: Sequence[Signer] = (), count: CountLeaf | None = None
    ) -> "PublishedLog":
        for leaf in leaves:
            if isinstance(leaf, TreeLeaf):
                self.counts = self.counts.after(leaf, self.states.get(leaf.certificate, ""))  # type: ignore[arg-type]
                self.states[leaf.certificate] = leaf.state
        added = [leaf if isinstance(leaf, bytes) else leaf.text for leaf in leaves]
        last = count or make_count_leaf(self.counts, len(self.texts) + len(added))
        return self.add([*added, last.text], witnesses)

    def add(self, texts: Sequence[bytes], witnesses: Sequence[Signer] = ()) -> "PublishedLog":
        """Publish these entries, whatever they are."""
        before = len(self.texts)
        self.texts += texts
        self.edge, tiles = tiles_between(self.edge, map(leaf_hash, texts))
        self.files |= tiles
        for n in range(before // 256, -(-len(self.texts) // 256)):
            entries = self.texts[n * 256 : n * 256 + 256]
            self.files[entries_path(n, len(entries))] = bundle(entries)
        text = Checkpoint(self.signer.name, self.edge.size, self.edge.root()).text
        self.note = SignedNote(text, tuple(signer.sign(text) for signer in (self.signer, *witnesses)))
        self.files["checkpoint"] = self.note.message.encode()
        return self

    def read_tile(self, level: int, n: int, width: int) -> bytes:
        return self.files[tile_path(level, n, width)]

    def proof(self, index: int) -> dict[str, Json]:
        path = tuple(inclusion_proof(self.edge.size, index, self.read_tile))
        return {
            "leaf": self.texts[index].decode(),
            "tlog_proof": TlogProof(index, path, self.note.message).text,
        }

    def certificate(
        self, number: str, *, newest: int = 12, particulars: Particulars = PARTICULARS, **changed: Json
    ) -> bytes:
        """Return the certificate of a tree. Of the inspections it shows the newest ones, and always the last."""
        return encode(self.document(number, newest=newest, particulars=particulars) | changed)

    def document(self, number: str, *, newest: int = 12, particulars: Particulars = PARTICULARS) -> dict[str, Json]:
        found = [(index, parse(text)) for index, text in enumerate(self.texts)]
        life = [(index, leaf) for index, leaf in found if isinstance(leaf, TreeLeaf) and leaf.certificate == number]
        alive = [index for index, leaf in life if not leaf.is_in_chain]
        kept = {*alive[max(0, len(alive) - newest) :], life[-1][0]}
        shown = [(index, leaf) for index, leaf in life if leaf.is_in_chain or index in kept]
        leaves = [leaf for _, leaf in shown]
        last = leaves[-1]
        planting = next(leaf for leaf in reversed(leaves) if leaf.event in ("planted", "replaced", "corrected"))
        is_erased = any(leaf.event == "dedication_erased" for leaf in leaves)
        return {
            "certificate": number,
            "state": last.state,
            "project_id": last.project_id,
            "species": particulars.species["zh"],
            "latin": particulars.latin,
            "place": particulars.place["zh"],
            "partner": particulars.partner,
            "dedication": None if is_erased else particulars.dedication,
            "requested_at": particulars.requested_at,
            "planted_at": last.planted_at,
            "tree": {"tag": last.tag, "lat": float(last.lat), "lon": float(last.lon), **evidence_of_leaf(planting)},
            "history": [
                {
                    "event": leaf.event,
                    "state": leaf.state,
                    "at": leaf.occurred_at,
                    "recorded_at": leaf.recorded_at,
                    **evidence_of_leaf(leaf),
                }
                for leaf in leaves
            ],
            "particulars": particulars.committed_fields(),
            "salt": None if is_erased else particulars.salt,
            "proofs": [self.proof(index) for index, _ in shown],
            "count": self.proof(self.edge.size - 1),
        }


def evidence_of_leaf(leaf: TreeLeaf) -> dict[str, Json]:
    url = f"https://files.trees.example/photos/{leaf.photo}"
    return {
        "photo": {"sha256": leaf.photo, "url": url} if leaf.photo else None,
        "link": LINK if leaf.link else None,
    }


UNPROVEN: Mapping[str, Json] = {
    "certificate": "CERT-0001",
    "state": "ordered",
    "project_id": "saxaul-alxa",
    "species": "Saxaul",
    "latin": "Haloxylon ammodendron",
    "place": "Alxa",
    "partner": "Alxa SEE Foundation",
    "dedication": "",
    "requested_at": "2026-06-01T09:00:00+08:00",
    "planted_at": None,
    "tree": None,
    "history": [],
    "particulars": None,
    "salt": None,
    "proofs": [],
    "count": None,
}
"""A certificate of a tree that is not in the log yet."""


@contextmanager
def served(files: Mapping[str, bytes], *, packs: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Serve files over HTTP. Yield their prefix, and the list of the paths that are asked for."""
    asked: list[str] = []

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix("/log/")
            asked.append(path)
            found = files.get(path)
            body = b"<Error/>" if found is None else found
            self.send_response(404 if found is None else 200)
            if packs and found is not None and "entries" in path:
                body = gzip.compress(body)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/log", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
