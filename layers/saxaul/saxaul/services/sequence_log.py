"""The sequencer: takes pending leaves into the tree of the public log, and publishes the tree.

A run goes through three steps. It may be killed between any two calls, and several may run at once: the next run
completes what is committed, and does nothing twice.

1. It commits the order of a batch, and the size and root of its tree, in one transaction in the ledger. Whoever loses
   the race for the head has written nothing.
2. It writes the tiles, the bundles of entries and the positions of the leaves. They follow from what is committed.
3. It signs the committed tree, and publishes the checkpoint, if that is still the one that was read.

So nothing is signed that is not committed, and no file is written that does not follow from it. Without KMS, a run goes
on with the steps 1 and 2, and a later run publishes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.leaves import CountLeaf, TreeLeaf, parse
from saxaul.log.merkle import leaf_hash
from saxaul.log.notes import Signature, SignedNote, VerifierKey
from saxaul.log.tiles import HASH_BYTES, TILE_WIDTH, tile_path, tiles_between
from saxaul.log.verdicts import RefusedError
from saxaul.observability import logger
from saxaul.races import ContendedError, LostRaceError, OverloadedError, retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.leaves import PENDING_LISTS, StoredLeaf
from saxaul.storage.log_files import LogFiles, ReadCheckpoint
from saxaul.storage.objects import ObjectError
from saxaul.storage.queues import send_checkpoint
from saxaul.storage.sequence import MAX_LEAVES, Batch, Head, Published, SequenceStore
from saxaul.storage.signing import KeyUnavailableError, SigningKey
from saxaul.trees.leaf_refs import LeafRef

SEQUENCING_SECONDS = 30
"""After so many seconds, a run begins no further batch. The next run continues; half of the timeout is left."""

UNPUBLISHED_SECONDS = 600
"""After so many seconds, a statement should be published. Usually it is after a few."""

_NOT_NOW = (KeyUnavailableError, ObjectError, ContendedError, OverloadedError)
"""The errors after which a later run can continue: AWS did not answer, or other runs won every race."""


class BrokenLogError(Exception):
    """What is published does not fit what is committed. Nothing more is signed until somebody has found out why."""


class LateLogError(Exception):
    """A statement waits for more than UNPUBLISHED_SECONDS to be published."""


class Sequenced(NamedTuple):
    """What a run did.

    Attributes:
        leaves: how many leaves it committed, without the counts.
        batches: how many batches it committed.
        size: the size of the published tree.
        error: why it stopped before all was done; empty if it did not.
    """

    leaves: int = 0
    batches: int = 0
    size: int = 0
    error: str = ""


class Sequencing(NamedTuple):
    """The sequencer of one log. ``origin`` is the name of the log in its checkpoints."""

    store: SequenceStore
    files: LogFiles
    key: SigningKey
    origin: str
    checkpoint_queue_url: str
    calendar: Calendar
    clock: Clock

    def run(self) -> Sequenced:
        """Take in pending leaves until SEQUENCING_SECONDS have passed, and publish the tree.

        Raises:
            BrokenLogError: what is published does not fit what is committed, or the log has another origin.
        """
        done = Sequenced()
        ends_at, taken = self.clock.elapsed() + SEQUENCING_SECONDS, set[LeafRef]()
        try:
            retry_lost_races(self._check, self.clock)
            while self.clock.elapsed() < ends_at and (batch := self._one_batch(taken)):
                taken.update(batch.refs)
                done = done._replace(leaves=len(taken), batches=done.batches + 1)
        except _NOT_NOW as error:
            logger.warning("the run could not take in all leaves", extra={"error": repr(error)})
            done = done._replace(error=repr(error))
        try:
            return done._replace(size=retry_lost_races(self._publish, self.clock))
        except _NOT_NOW as error:
            logger.warning("the log could not be published", extra={"error": repr(error)})
            return done._replace(error=repr(error))

    def check_lateness(self) -> None:
        """Check how long the oldest statement that is not published waits.

        Raises:
            LateLogError: it waits for more than UNPUBLISHED_SECONDS.
        """
        age = self.clock.now() - oldest_unpublished(self.store, self.clock.now())
        if age > UNPUBLISHED_SECONDS:
            raise LateLogError(f"a statement about a tree waits for {age} s to be published in the log")

    def _check(self) -> None:
        """Check that what is published fits what is committed, before anything is written.

        It may not, if the table was restored from a backup. Then the same indexes would get other leaves.

        Raises:
            BrokenLogError: it does not fit.
            LostRaceError: another run has committed and published in the meantime.
            ObjectError: S3 did not answer.
        """
        self._check_published(self._checkpoint(), self.store.published(), self.store.head())

    def _one_batch(self, taken: Collection[LeafRef]) -> Batch | None:
        """Complete the last batch, and commit the next one. Return it, or None if no leaf can be taken in.

        ``taken`` has the leaves that this run has taken in already, which the index may still list.

        Raises:
            ContendedError: every attempt lost a race against other runs.
        """

        def attempt() -> Batch | None:
            head = self._written_head()
            found = self._next_batch(head, taken)
            if found is None:
                return None
            batch, after = found
            self.store.commit(after, batch)
            return batch

        return retry_lost_races(attempt, self.clock)

    def _written_head(self) -> Head:
        """Return the committed tree, after all its files and positions were written.

        Raises:
            BrokenLogError: the log has another origin, or a leaf of it was changed.
            LostRaceError: another run has written the head.
        """
        head = self.store.head()
        if head.origin not in ("", self.origin):
            raise BrokenLogError(
                f"the log is named {head.origin!r}, and must not become {self.origin!r}; "
                f"set the parameter LogOrigin to {head.origin}"
            )
        return head if head.is_written else self._write(head)

    def _write(self, head: Head) -> Head:
        """Write the files and the positions of the last batch. They are the same whoever writes them, and whenever."""
        start = head.edge.size
        first = start - start % TILE_WIDTH
        entries = self.store.entries(first, head.size)
        hashes = [leaf_hash(entry.text) for entry in entries]
        edge, tiles = tiles_between(head.edge, hashes[start - first :])
        if edge.root() != head.root:
            raise BrokenLogError(f"the leaves of the log from {start} on do not have the root that was committed")
        for offset in range(0, len(entries), TILE_WIDTH):
            n, texts = (first + offset) // TILE_WIDTH, [entry.text for entry in entries[offset : offset + TILE_WIDTH]]
            if tiles[tile_path(0, n, len(texts))] != b"".join(hashes[offset : offset + TILE_WIDTH]):
                raise BrokenLogError(f"an earlier leaf of the log, in bundle {n}, was changed")
            self.files.put_bundle(n, texts)
        known = {tile_path(level, n, len(tile) // HASH_BYTES) for level, n, tile in head.edge.partial_tiles()}
        for path, tile in tiles.items():
            if path not in known:
                self.files.put_tile(path, tile)
        self.store.put_positions(
            entry.leaf._replace(position=index)
            for index, entry in enumerate(entries, first)
            if entry.leaf and entry.leaf.position is None
        )
        return self.store.put_head(head._replace(edge=edge))

    def _next_batch(self, head: Head, taken: Collection[LeafRef]) -> tuple[Batch, Head] | None:
        """Return the next batch and the head after it. None if no leaf can be taken in now."""
        refs = [pending.ref for pending in self.store.pending(MAX_LEAVES - PENDING_LISTS, taken)]
        known = self.store.leaves({*refs, *(ref.before for ref in refs if ref.number > 1)})
        known |= self.store.leaves({ref for leaf in known.values() for ref in leaf.must_follow} - known.keys())
        leaves = dict(_parsed(known))
        chosen = in_order([ref for ref in refs if ref in leaves], known)
        if not chosen:
            return None
        counts = head.counts
        for ref in chosen:
            counts = counts.after(leaves[ref], leaves[ref.before].state if ref.number > 1 else "")
        now = self.clock.now()
        count = CountLeaf(*counts, size=head.size + len(chosen), counted_at=self.calendar.rfc3339(now))
        hashes = [*(leaf_hash(known[ref].text) for ref in chosen), count.hash]
        edge, _ = tiles_between(head.edge, hashes)
        batch = Batch(head.size, tuple(chosen), count, edge.root(), now)
        return batch, head._replace(origin=self.origin, size=edge.size, root=edge.root(), counts=counts)

    def _publish(self) -> int:
        """Publish the committed tree, if it is not published yet, and return its size.

        Raises:
            BrokenLogError: what is published does not fit what is committed.
            LostRaceError: the checkpoint or the counts were written by another run, or with cosignatures.
            KeyUnavailableError, ObjectError: KMS or S3 did not answer.
        """
        head, published, found = self._written_head(), self.store.published(), self._checkpoint()
        key = VerifierKey.of(self.origin, self.key.public_key)
        self._check_published(found, published, head)
        if not head.size:
            return 0
        if found is None or found.checkpoint.size < head.size:
            text = Checkpoint(head.origin, head.size, head.root).text
            signature = Signature(key.name, key.key_id, self.key.sign(text.encode()))
            self.files.publish(SignedNote(text, (signature,)), found.etag if found else "")
        if published.size < head.size:
            send_checkpoint(self.checkpoint_queue_url, head.size)
            self.store.put_published(Published(head.size, head.counts, self.clock.now(), published.version))
        return head.size

    def _checkpoint(self) -> ReadCheckpoint | None:
        try:
            return self.files.checkpoint()
        except RefusedError as error:
            raise BrokenLogError(f"the published checkpoint cannot be read: {error}") from None

    def _check_published(self, found: ReadCheckpoint | None, published: Published, head: Head) -> None:
        """Check that the published tree is a beginning of the committed one, so that no two trees are ever signed."""
        size = max(published.size, found.checkpoint.size if found else 0)
        if size > head.size:
            if self.store.head().size >= size:
                raise LostRaceError  # another run was faster
            raise BrokenLogError(f"{size} leaves are published, but the ledger has only {head.size}")
        if found is None:
            return
        origin, size, root = found.checkpoint
        if origin != head.origin:
            raise BrokenLogError(f"the published checkpoint is of {origin!r}, and not of {head.origin!r}")
        committed = self.store.batch_before(size)
        if committed is None or committed.root != root:
            raise BrokenLogError(f"the published tree of {size} leaves was not committed")


def in_order(refs: Iterable[LeafRef], known: Mapping[LeafRef, StoredLeaf]) -> list[LeafRef]:
    """Return the pending leaves that can be taken in, each after all that must be in the log before it.

    These are the statement before it about its certificate, and those that freed its tag, its place or its photo. Other
    leaves keep the order in which they are given.

    Args:
        refs: pending leaves, oldest first. Those that have a position are left out.
        known: all of them as they are stored, and the leaves that must be in the log before them, as far as they exist.
    """
    chosen: dict[LeafRef, None] = {}
    rest = [ref for ref in refs if known[ref].position is None]

    def is_in_log(ref: LeafRef) -> bool:
        return ref in chosen or (ref in known and known[ref].position is not None)

    while True:
        blocked = []
        for ref in rest:
            before = known[ref].must_follow | ({ref.before} if ref.number > 1 else set())
            if all(map(is_in_log, before)):
                chosen[ref] = None
            else:
                blocked.append(ref)
        if len(blocked) == len(rest):
            return list(chosen)
        rest = blocked


def oldest_unpublished(store: SequenceStore, now: int) -> int:
    """Return when the oldest statement was recorded that is not published, in seconds; ``now`` if all are published.

    Of a statement that has a position, it is when the position was committed.
    """
    published, head, pending = store.published(), store.head(), store.oldest_pending()
    committed = now if published.size >= head.size else store.committed_after(published.size)
    return min(committed, now if pending is None else pending)


def _parsed(known: Mapping[LeafRef, StoredLeaf]) -> Iterator[tuple[LeafRef, TreeLeaf]]:
    """Yield the leaves that can be taken in. One that is malformed stays pending, and so do those after it."""
    for ref, leaf in known.items():
        try:
            parsed = parse(leaf.text)
        except RefusedError as error:
            logger.error("a leaf is malformed", extra={**ref._asdict(), "error": str(error)})
            continue
        if isinstance(parsed, TreeLeaf) and parsed.certificate == ref.certificate:
            yield ref, parsed
        else:
            logger.error("a leaf is not about its certificate", extra=ref._asdict())


@cache
def sequencing() -> Sequencing:
    """Return the sequencer of this process."""
    return Sequencing(
        SequenceStore(wiring.ledger()),
        LogFiles(settings().files_bucket),
        SigningKey(settings().signing_key),
        wiring.public_log().origin,
        settings().checkpoint_queue_url,
        settings().calendar,
        wiring.clock(),
    )


def read_again() -> None:
    """Drop what this process has cached, for the check after a deployment."""
    sequencing.cache_clear()
