"""Sequencers on a ledger, a bucket, a queue and a key in memory, and what must always be true of their log."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.log import merkle
from saxaul.log.counts import Counts
from saxaul.log.leaves import CountLeaf, TreeLeaf, parse
from saxaul.log.notes import COSIGNATURE, VerifierKey, open_note, parse_note
from saxaul.log.tiles import TILE_WIDTH, entries_path, tile_path
from saxaul.log.witnesses import Witness
from saxaul.services.publish_log import Publishing
from saxaul.services.sequence_log import Sequenced, Sequencing
from saxaul.storage.leaves import Leaves, StoredLeaf, leaf_key
from saxaul.storage.log_files import CHECKPOINT, LogFiles
from saxaul.storage.sequence import SequenceStore
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import Table, transact
from saxaul.trees.leaf_refs import LeafRef
from tests.builders import make_calendar
from tests.clocks import StoppedClock
from tests.proof.faults import Calls, Unreliable
from tests.proof.memory_dynamodb import MemoryDynamoDB, MemorySQS
from tests.proof.memory_files import MemoryFiles
from tests.proof.memory_kms import MemoryKMS
from tests.tree_leaves import make_tree_leaf

NOON = 1_781_000_000
ORIGIN = "files.example/log"
QUEUE = "CheckpointQueue"
WITNESS = VerifierKey.of("witness.example", b"\1" * 32, COSIGNATURE)


class CatchingUp(StoppedClock):
    """A clock whose ``sleep`` lets the index catch up with the table."""

    def __init__(self, instant: int, store: MemoryDynamoDB) -> None:
        super().__init__(instant)
        self._store = store

    def sleep(self, seconds: float) -> None:  # noqa: ARG002 - for any duration
        self._store.catch_up()


def make_sequencer(
    store: SequenceStore, calendar: Calendar, clock: Clock, witnesses: Sequence[Witness] = (), origin: str = ORIGIN
) -> Sequencing:
    """Return a sequencer of a new process."""
    files = LogFiles("files")
    publishing = Publishing(store, files, SigningKey("key"), witnesses, QUEUE, clock)
    return Sequencing(store, files, publishing, origin, calendar, clock)


class LogWorld:
    """A ledger with leaves, and workers that take them into the log. ``calls`` counts and disturbs all AWS calls."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch, self.calls = patch, Calls()
        self.store, self.queue, self.kms = MemoryDynamoDB(), MemorySQS(), MemoryKMS()
        self.files = MemoryFiles(patch, self.calls)
        patch.setattr("saxaul.storage.table.dynamodb", lambda: Unreliable(self.store, self.calls))
        patch.setattr("saxaul.storage.queues.sqs", lambda: Unreliable(self.queue, self.calls))
        patch.setattr("saxaul.storage.signing.kms", lambda: Unreliable(self.kms, self.calls))
        self.clock = CatchingUp(NOON, self.store)
        self.table = Table("Ledger", self.clock)
        self.sequence = SequenceStore(self.table)
        self.witnesses = [Witness(WITNESS, "https://witness.example")]
        self.leaves = Leaves(self.table)
        self._lives: dict[str, list[TreeLeaf]] = {}
        self.stated: list[TreeLeaf] = []

    def worker(self, origin: str = ORIGIN) -> Sequencing:
        """Return a sequencer of a new process, for a log with ``witnesses``."""
        return make_sequencer(self.sequence, make_calendar(), self.clock, self.witnesses, origin)

    def run(self) -> Sequenced:
        return self.worker().run()

    def state(self, certificate: str, event: str, after: Iterable[LeafRef] = (), **changed: Any) -> LeafRef:  # noqa: ANN401
        """Write a statement as a pending leaf, and return its name. Repeating it would be another statement."""
        life = self._lives.setdefault(certificate, [])
        last = next((number for number in reversed(range(len(life))) if life[number].is_in_chain), None)
        state = life[-1].state if life and event in ("corrected", "dedication_erased") else None
        leaf = make_tree_leaf(
            event,
            certificate=certificate,
            tag=f"tag of {certificate}",
            previous="" if last is None else life[last].hash.hex(),
            since=0 if last is None else len(life) - 1 - last,
            **({"state": state} if state else {}),
            **changed,
        )
        life.append(leaf)
        self.stated.append(leaf)
        stored = StoredLeaf(certificate, len(life), leaf.text, must_follow=frozenset(after))
        with self.calls.undisturbed():
            transact([self.leaves.add_write(stored, self.clock.now())])
        return stored.ref

    def settle(self) -> None:
        """Let the index catch up, and run until there is nothing to do."""
        self.store.catch_up()
        with self.calls.undisturbed():
            while self.run().batches:
                pass

    def position_of(self, ref: LeafRef) -> int | None:
        item = self.table.get(leaf_key(ref))
        return int(item["position"]) if item and "position" in item else None

    def check(self) -> None:
        """Check all that must be true of a log at any time."""
        with self.calls.undisturbed():
            self._check_checkpoints(self._check_leaves())

    def check_all_published(self) -> None:
        """Check that nothing is left to be done, and all that must be true at any time."""
        self.check()
        with self.calls.undisturbed():
            head, published = self.sequence.head(), self.sequence.published()
            assert self.sequence.oldest_pending() is None
        assert {leaf.text for leaf in self.stated} == {text for text in self._texts(head.size) if b'"tree"' in text}
        assert head.is_written
        assert (published.size, published.counts) == (head.size, head.counts)
        if head.size:
            assert self.files.checkpoints[-1] == (ORIGIN, head.size, head.root)
            told = {json.loads(body)["size"] for body in self.queue.queues[QUEUE]}
            assert head.size in told, "the witnesses are not asked"

    def _texts(self, size: int) -> list[bytes]:
        with self.calls.undisturbed():
            return [entry.text for entry in self.sequence.entries(0, size)] if size else []

    def _check_leaves(self) -> list[bytes]:
        """Check the committed leaves, and return their texts: none is there twice, each is after its predecessor."""
        texts = self._texts(self.sequence.head().size)
        trees = [leaf for leaf in map(parse, texts) if isinstance(leaf, TreeLeaf)]
        assert len({leaf.text for leaf in trees}) == len(trees), "a leaf is in the log twice"
        for certificate, life in self._lives.items():
            logged = [leaf for leaf in trees if leaf.certificate == certificate]
            assert logged == life[: len(logged)], "a leaf comes before its predecessor"
        counts, states = Counts(), dict[str, Any]()
        for index, leaf in enumerate(map(parse, texts)):
            if isinstance(leaf, CountLeaf):
                assert (leaf.counts, leaf.size) == (counts, index)
            else:
                counts = counts.after(leaf, states.get(leaf.certificate, ""))
                states[leaf.certificate] = leaf.state
        return texts

    def _check_checkpoints(self, texts: list[bytes]) -> None:
        """Check each checkpoint that was ever published against a naive reckoning, and so each pair of them."""
        hashes = [merkle.leaf_hash(text) for text in texts]
        key = VerifierKey.of(ORIGIN, SigningKey("key").public_key)
        for note in self.files.published:
            assert open_note(parse_note(note), [key])
        found = self.files.checkpoints
        for earlier, later in pairwise(found):
            assert earlier.size <= later.size, "the checkpoint went backwards"
        for checkpoint in set(found):
            assert checkpoint.root == merkle.root(hashes[: checkpoint.size]), (
                "a checkpoint is not of the committed tree"
            )
            assert isinstance(parse(texts[checkpoint.size - 1]), CountLeaf)
            self._check_files(checkpoint.size, texts, hashes)
        assert len(set(self.kms.signed)) == len({message.split(b"\n")[1] for message in self.kms.signed}), (
            "two trees of one size were signed"
        )
        if CHECKPOINT in self.files.objects:
            assert self.sequence.published().size <= found[-1].size

    def _check_files(self, size: int, texts: list[bytes], hashes: list[bytes]) -> None:
        level, roots = 0, hashes[:size]
        while roots:
            for n in range(0, len(roots), TILE_WIDTH):
                tile = roots[n : n + TILE_WIDTH]
                assert self.files.read_tile(tile_path(level, n // TILE_WIDTH, len(tile))) == b"".join(tile)
                if level == 0:
                    entries = self.files.entries(entries_path(n // TILE_WIDTH, len(tile)))
                    assert entries == texts[n : min(n + TILE_WIDTH, size)]
            level += 1
            full = len(roots) // TILE_WIDTH
            roots = [merkle.root(roots[n * TILE_WIDTH : (n + 1) * TILE_WIDTH]) for n in range(full)]
