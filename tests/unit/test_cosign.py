"""Cosignatures of witnesses, with witnesses that answer over HTTP on this machine in every wrong way."""

import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from saxaul.log import merkle
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.notes import COSIGNATURE, Signature, SignedNote, VerifierKey, cosigned_message, open_note, parse_note
from saxaul.log.tiles import Edge, tile_path, tiles_between
from saxaul.log.witnesses import Witness, offer_of, parse_witnesses
from saxaul.services.cosign import Cosigned, Cosigning, LostCheckpointError
from saxaul.storage import witnesses
from saxaul.storage.log_files import CHECKPOINT, PREFIX, LogFiles
from tests.clocks import StoppedClock
from tests.proof.faults import Calls
from tests.proof.memory_files import MemoryFiles

ORIGIN = "files.example/log"
NOON = 1_781_000_000
Answer = tuple[int, bytes]


class FakeWitness:
    """A witness. ``answer`` gets the body of a request, and returns the status and the body of the answer."""

    def __init__(self, name: str = "witness.example/w") -> None:
        self.private_key = Ed25519PrivateKey.generate()
        self.key = VerifierKey.of(name, self.private_key.public_key().public_bytes_raw(), COSIGNATURE)
        self.known = 0
        self.root = merkle.root([])
        self.asked: list[str] = []
        self.answer: Callable[[str], Answer] = self.cosign

    def cosign(self, body: str) -> Answer:
        """Answer as the specification demands."""
        self.asked.append(body)
        head, _, note = body.partition("\n\n")
        old, *proof = head.splitlines()
        checkpoint = Checkpoint.parse(parse_note(note.encode()).text)
        if int(old.removeprefix("old ")) != self.known:
            return 409, f"{self.known}\n".encode()
        path = [b64decode(line) for line in proof]
        if self.known:
            merkle.check_consistency(self.known, self.root, checkpoint.size, checkpoint.root, path)
        self.known, self.root = checkpoint.size, checkpoint.root
        return 200, self.signature_of(checkpoint.text).line.encode()

    def signature_of(self, text: str, at: int = NOON) -> Signature:
        signed = self.private_key.sign(cosigned_message(text, at))
        return Signature(self.key.name, self.key.key_id, at.to_bytes(8, "big") + signed)


@contextmanager
def serving(witness: FakeWitness) -> Iterator[Witness]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/prefix/add-checkpoint"
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, answer = witness.answer(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Witness(witness.key, f"http://127.0.0.1:{server.server_port}/prefix/")
    finally:
        server.shutdown()
        server.server_close()


class World:
    """A published log, and the service that asks witnesses."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.files = MemoryFiles(patch, Calls())
        self.hashes: list[bytes] = []
        self.edge = Edge()

    def grow(self, leaves: int) -> None:
        hashes = [merkle.leaf_hash(bytes([number % 256])) for number in range(leaves)]
        self.hashes += hashes
        self.edge, tiles = tiles_between(self.edge, hashes)
        for path, tile in tiles.items():
            self.files.put(PREFIX + path, tile)
        text = Checkpoint(ORIGIN, self.edge.size, self.edge.root()).text
        note = SignedNote(text, (Signature(ORIGIN, b"1234", b"\1" * 64),))
        self.files.put(CHECKPOINT, note.message.encode())

    def service(self, *found: Witness) -> Cosigning:
        return Cosigning(LogFiles("files"), found, StoppedClock(NOON), {})

    @property
    def note(self) -> SignedNote:
        return parse_note(self.files.objects[CHECKPOINT].body)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost")
    made = World(monkeypatch)
    made.grow(300)
    return made


def reason(world: World, answer: Callable[[str], Answer]) -> str:
    """Return why a witness with this answer did not cosign."""
    fake = FakeWitness()
    fake.answer = answer
    with serving(fake) as witness:
        cosigned = world.service(witness).cosign()
    assert len(world.note.signatures) == 1
    return cosigned.missing[fake.key.name]


def test_each_witness_cosigns_and_its_cosignature_is_published_with_the_checkpoint(world: World) -> None:
    fakes = [FakeWitness("witness.example/1"), FakeWitness("witness.example/2")]
    with serving(fakes[0]) as first, serving(fakes[1]) as second:
        cosigned = world.service(first, second).cosign()

    assert cosigned == Cosigned(300, ["witness.example/1", "witness.example/2"], {})
    found = open_note(world.note, [fake.key for fake in fakes])
    assert [(one.key.name, one.timestamp) for one in found] == [(fake.key.name, NOON) for fake in fakes]


def test_a_witness_that_has_cosigned_is_not_asked_again(world: World) -> None:
    fake = FakeWitness()
    with serving(fake) as witness:
        world.service(witness).cosign()
        assert world.service(witness).cosign() == Cosigned(300, [fake.key.name], {})
    assert len(fake.asked) == 1


@pytest.mark.parametrize("knows_size", [True, False])
def test_the_next_checkpoint_comes_with_a_proof_from_the_size_that_the_witness_knows(
    world: World, knows_size: bool
) -> None:
    fake = FakeWitness()
    with serving(fake) as witness:
        service = world.service(witness)
        service.cosign()
        world.grow(70_000)
        if not knows_size:
            service = world.service(witness)
        assert service.cosign().missing == {}
    assert fake.known == 70_300
    assert len(fake.asked) == (2 if knows_size else 3)


def test_the_offer_has_the_form_of_the_specification() -> None:
    note = SignedNote("a\n", (Signature("k", b"1234", b"s"),))
    assert offer_of(5, [b"\0" * 32], note) == f"old 5\n{'A' * 43}=\n\n{note.message}"


def test_a_witness_that_is_away_delays_no_other_and_is_named(world: World) -> None:
    fake = FakeWitness()
    away = Witness(FakeWitness("witness.example/away").key, "http://127.0.0.1:1")
    with serving(fake) as witness:
        cosigned = world.service(away, witness).cosign()

    assert (cosigned.by, list(cosigned.missing)) == ([fake.key.name], ["witness.example/away"])
    assert len(world.note.signatures) == 2


def test_a_slow_witness_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "LONGEST_REQUEST", 0.3)
    witnesses._session.cache_clear()  # noqa: SLF001 - it has the timeout

    def slow(_: str) -> Answer:
        time.sleep(1)
        return 200, b""

    assert reason(world, slow) == "ReadTimeoutError"
    witnesses._session.cache_clear()  # noqa: SLF001


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((422, b""), "the status 422"),
        ((404, b"<html>"), "the status 404"),
        ((302, b""), "the status 302"),
        ((500, b"\xff" * 100_000), "the status 500"),
        ((409, b"<html>"), "not with the size"),
        ((409, b"-1\n"), "not with the size"),
        ((409, b"0301\n"), "not with the size"),
        ((409, b"301\n"), "knows a tree of 301 leaves"),
        ((409, b"7\n"), "another size in each of 3 answers"),
        ((200, b"<html><body>" + b"welcome " * 10_000), "no valid cosignature"),
        ((200, b"\xff\xfe"), "no valid cosignature"),
        ((200, b""), "no valid cosignature"),
    ],
)
def test_an_answer_without_a_cosignature_is_a_reason(world: World, answer: Answer, expected: str) -> None:
    assert expected in reason(world, lambda _: answer)


def test_a_cosignature_by_another_key_or_of_another_text_is_refused(world: World) -> None:
    text, other = world.note.text, FakeWitness()
    assert "no valid" in reason(world, lambda _: (200, other.signature_of(text).line.encode()))

    fake = FakeWitness()
    wrong = [fake.signature_of("other\n1\nAAA=\n"), fake.signature_of(text, at=0)]
    stolen = other.signature_of(text)._replace(key_id=fake.key.key_id)
    for signature in (*wrong, stolen):
        fake.answer = lambda _, line=signature.line: (200, line.encode())  # type: ignore[misc] # a default argument
        with serving(fake) as witness:
            assert "no valid" in world.service(witness).cosign().missing[fake.key.name]
    assert len(world.note.signatures) == 1


def test_of_an_answer_with_many_lines_only_the_cosignature_is_taken(world: World) -> None:
    fake, other = FakeWitness(), FakeWitness("other.example")
    text = world.note.text
    lines = [other.signature_of(text).line, "not a line\n", fake.signature_of(text).line, "— x y\n"]
    fake.answer = lambda _: (200, "".join(lines).encode())
    with serving(fake) as witness:
        world.service(witness).cosign()
    assert [signature.name for signature in world.note.signatures] == [ORIGIN, fake.key.name]


def test_a_cosignature_is_not_added_to_a_later_checkpoint(world: World) -> None:
    fake = FakeWitness()

    def late(body: str) -> Answer:
        world.grow(5)
        return fake.cosign(body)

    fake.answer = late
    with serving(fake) as witness:
        world.service(witness).cosign()
    assert (Checkpoint.parse(world.note.text).size, len(world.note.signatures)) == (305, 1)


def test_cosignatures_that_others_published_meanwhile_are_kept(world: World) -> None:
    fake, other = FakeWitness(), FakeWitness("other.example")

    def late(body: str) -> Answer:
        note = world.note
        added = SignedNote(note.text, (*note.signatures, other.signature_of(note.text)))
        world.files.put(CHECKPOINT, added.message.encode())
        return fake.cosign(body)

    fake.answer = late
    with serving(fake) as witness:
        world.service(witness).cosign()
    assert [signature.name for signature in world.note.signatures] == [ORIGIN, "other.example", fake.key.name]


def test_only_a_laptop_stack_may_reach_a_witness_without_encryption(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert reason(world, lambda _: (200, b"")) == "only a laptop stack may use http"


def test_a_checkpoint_that_is_lost_is_an_error_and_offered_to_nobody(world: World) -> None:
    del world.files.objects[CHECKPOINT]
    fake = FakeWitness()
    with serving(fake) as witness, pytest.raises(LostCheckpointError):
        world.service(witness).cosign()
    assert fake.asked == []


def test_without_witnesses_no_file_is_read(world: World) -> None:
    assert world.service().cosign() == Cosigned(0, [], {})
    assert world.files.calls.operations == []


@pytest.mark.parametrize("refused", ["get_object", "put_object"])
def test_without_s3_every_witness_is_missing(world: World, refused: str) -> None:
    world.files.calls.refused = lambda operation, _request: operation == refused
    fake = FakeWitness()
    with serving(fake) as witness:
        cosigned = world.service(witness).cosign()
    assert (cosigned.size, cosigned.by, list(cosigned.missing)) == (0, [], [fake.key.name])
    assert "ObjectError" in cosigned.missing[fake.key.name]


def test_a_tile_that_s3_does_not_send_costs_only_the_cosignature_that_needs_it(world: World) -> None:
    behind, current = FakeWitness("witness.example/behind"), FakeWitness("witness.example/current")
    with serving(behind) as first:
        world.service(first).cosign()
    world.grow(5)
    for name in [name for name in world.files.objects if "/tile/" in name]:
        del world.files.objects[name]

    with serving(behind) as first, serving(current) as second:
        cosigned = world.service(first, second).cosign()
    assert cosigned.by == [current.key.name]
    assert list(cosigned.missing) == [behind.key.name]


def test_the_parameter_names_each_witness_with_its_key_and_its_address() -> None:
    key = FakeWitness().key
    assert parse_witnesses("") == []
    assert parse_witnesses(f"{key.text} https://w.example") == [Witness(key, "https://w.example")]
    with pytest.raises(ValueError, match="an address after each"):
        parse_witnesses(key.text)
    of_a_log = VerifierKey.of("log.example", key.public_key)
    with pytest.raises(ValueError, match="not one for cosignatures"):
        parse_witnesses(f"{of_a_log.text} https://w.example")
    with pytest.raises(ValueError, match="vkey"):
        parse_witnesses("nonsense https://w.example")


def test_the_tiles_that_a_proof_needs_are_those_of_the_published_size(world: World) -> None:
    assert PREFIX + tile_path(0, 1, 44) in world.files.objects
