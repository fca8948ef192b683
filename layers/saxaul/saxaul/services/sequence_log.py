"""The sequencer: takes pending leaves into the tree of the public log, and publishes the tree.

A run goes through three steps. It may be killed between any two calls, and several may run at once: the next run
completes what is committed, and does nothing twice.

1. It commits the order of a batch, and the size and root of its tree, in one transaction in the ledger. Whoever loses
   the race for the head has written nothing.
2. It writes the tiles, the bundles of entries and the positions of the leaves. They follow from what is committed.
3. It signs the committed tree, and publishes the checkpoint, if that is still the one that was read.

So nothing is signed that is not committed, and no file is written that does not follow from it. Without KMS, a run goes
on with the steps 1 and 2, and a later run publishes. What was read once is used until a race is lost.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.log.leaves import CountLeaf, TreeLeaf, parse_statement
from saxaul.log.merkle import leaf_hash
from saxaul.log.tiles import HASH_BYTES, TILE_WIDTH, tile_path, tiles_between
from saxaul.log.verdicts import RefusedError
from saxaul.log.witnesses import parse_witnesses
from saxaul.observability import logger
from saxaul.races import ContendedError, LostRaceError, OverloadedError, Result, attempts, retry_lost_races
from saxaul.services import wiring
from saxaul.services.publish_log import BrokenLogError, Publishing, Seen
from saxaul.settings import settings
from saxaul.storage.leaves import PENDING_LISTS, StoredLeaf
from saxaul.storage.log_files import LogFiles
from saxaul.storage.objects import ObjectError
from saxaul.storage.sequence import MAX_LEAVES, Batch, Head, SequenceStore, oldest_unpublished
from saxaul.storage.signing import KeyUnavailableError, SigningKey
from saxaul.trees.leaf_refs import LeafRef, in_order

SEQUENCING_SECONDS = 30
"""After so many seconds, a run begins no further batch. The next run continues; half of the timeout is left."""

_RETRYABLE = (KeyUnavailableError, ObjectError, ContendedError, OverloadedError)
"""The errors after which a later run can continue: AWS did not answer, or another run won every race."""

_MOST_NAMED = 10
"""The most malformed leaves that one log line names."""


class Sequenced(NamedTuple):
    """What a run did.

    Attributes:
        leaves: how many leaves it committed, without the counts.
        batches: how many batches it committed.
        size: the size of the published tree.
        oldest_s: how many seconds the oldest statement waits that is not published; 0 if all are.
        error: why it stopped before all was done; empty if it did not.
    """

    leaves: int = 0
    batches: int = 0
    size: int = 0
    oldest_s: int = 0
    error: str = ""


class NextBatch(NamedTuple):
    """The next batch that was committed; None if no leaf could be taken in. ``blocked`` counts those that wait."""

    seen: Seen
    batch: Batch | None
    blocked: int = 0


class Sequencing(NamedTuple):
    """The sequencer of one log. ``first_origin`` becomes the name of the log with its first leaf, and then stays."""

    store: SequenceStore
    files: LogFiles
    publishing: Publishing
    first_origin: str
    calendar: Calendar
    clock: Clock

    def run(self) -> Sequenced:
        """Take in pending leaves until SEQUENCING_SECONDS have passed, and publish the tree.

        Raises:
            BrokenLogError: what is published does not fit what is committed.
        """
        done, is_all = Sequenced(), False
        ends_at, taken = self.clock.elapsed() + SEQUENCING_SECONDS, set[LeafRef]()
        try:
            seen = retry_lost_races(self.publishing.read, self.clock)
            try:
                while self.clock.elapsed() < ends_at and not is_all:
                    seen, batch, blocked = self._retried(seen, partial(self._one_batch, taken=taken))
                    taken.update(batch.refs if batch else ())
                    done = done._replace(leaves=len(taken), batches=done.batches + bool(batch))
                    is_all = batch is None
                is_all = is_all and not blocked
            except _RETRYABLE as error:
                logger.warning("the run could not take in all leaves", extra={"error": repr(error)})
                done = done._replace(error=repr(error))
            done = done._replace(size=self._retried(seen, self._publish))
        except _RETRYABLE as error:
            logger.warning("the log could not be published", extra={"error": repr(error)})
            done = done._replace(error=repr(error))
        if is_all and not done.error:
            return done
        now = self.clock.now()
        return done._replace(oldest_s=now - oldest_unpublished(self.store, now))

    def _retried(self, seen: Seen, step: Callable[[Seen], Result]) -> Result:
        """Take a step from what was read. If it loses a race, read again, and repeat it.

        Raises:
            ContendedError: every attempt lost a race.
        """
        for attempt in attempts(self.clock):
            with suppress(LostRaceError):
                return step(self.publishing.read() if attempt else seen)
        raise ContendedError

    def _one_batch(self, seen: Seen, taken: Collection[LeafRef]) -> NextBatch:
        """Complete the last batch, and commit the next one.

        ``taken`` has the leaves that this run has taken in already, which the index may still list.

        Raises:
            LostRaceError: another run has written the head.
        """
        head, blocked = self._written(seen.head), set[LeafRef]()
        while refs := [one.ref for one in self.store.pending(MAX_LEAVES - PENDING_LISTS, blocked.union(taken))]:
            known = self.store.leaves({*refs, *(ref.before for ref in refs if ref.number > 1)})
            known |= self.store.leaves({ref for leaf in known.values() for ref in leaf.must_follow} - known.keys())
            leaves = _parsed(known)
            integrated = {ref for ref, leaf in known.items() if leaf.position is not None}
            needed = {ref: known[ref].needed for ref in refs if ref in leaves}
            chosen = in_order(needed, integrated)
            if chosen:
                batch, after = self._next(head, {ref: known[ref].text for ref in chosen}, leaves)
                return NextBatch(seen._replace(head=self.store.commit(after, batch)), batch)
            blocked.update(refs)
        return NextBatch(seen._replace(head=head), None, len(blocked))

    def _next(
        self, head: Head, chosen: Mapping[LeafRef, bytes], leaves: Mapping[LeafRef, TreeLeaf]
    ) -> tuple[Batch, Head]:
        """Return the batch of the chosen leaves, and the head after it. ``leaves`` also has the leaves before them."""
        counts = head.counts
        for ref in chosen:
            counts = counts.after(leaves[ref], leaves[ref.before].state if ref.number > 1 else "")
        now = self.clock.now()
        count = CountLeaf(*counts, size=head.size + len(chosen), counted_at=self.calendar.rfc3339(now))
        edge, _ = tiles_between(head.edge, [*map(leaf_hash, chosen.values()), count.hash])
        root, origin = edge.root(), head.origin or self.first_origin
        batch = Batch(head.size, tuple(chosen), count, root, now)
        return batch, head._replace(origin=origin, size=edge.size, root=root, counts=counts)

    def _written(self, head: Head) -> Head:
        """Write the files and the positions of the last batch, if they are not written yet. Return the head after it.

        They are the same whoever writes them, and whenever, because they follow from the ledger alone.

        Raises:
            BrokenLogError: a leaf was changed after it was committed.
            LostRaceError: another run has written the head.
        """
        if head.is_written:
            return head
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

    def _publish(self, seen: Seen) -> int:
        return self.publishing.publish(seen._replace(head=self._written(seen.head)))


def _parsed(known: Mapping[LeafRef, StoredLeaf]) -> dict[LeafRef, TreeLeaf]:
    """Return the leaves that can be taken in. One that is malformed stays pending, and so do those after it."""
    leaves, faults = dict[LeafRef, TreeLeaf](), dict[str, str]()
    for ref, leaf in known.items():
        try:
            leaves[ref] = parse_statement(leaf.text, ref.certificate)
        except RefusedError as error:
            faults[ref.text] = str(error)
    if faults:
        extra = {"malformed": len(faults), "leaves": dict(sorted(faults.items())[:_MOST_NAMED])}
        logger.error("leaves are malformed", extra=extra)
    return leaves


@cache
def sequencing() -> Sequencing:
    """Return the sequencer of this process."""
    store, files = SequenceStore(wiring.ledger()), LogFiles(settings().files_bucket)
    publishing = Publishing(
        store=store,
        files=files,
        key=SigningKey(settings().signing_key),
        witnesses=parse_witnesses(settings().witnesses),
        checkpoint_queue_url=settings().checkpoint_queue_url,
        clock=wiring.clock(),
    )
    return Sequencing(
        store=store,
        files=files,
        publishing=publishing,
        first_origin=wiring.public_log().first_origin,
        calendar=settings().calendar,
        clock=wiring.clock(),
    )


def read_again() -> None:
    """Drop what this process has cached, for the check after a deployment."""
    sequencing.cache_clear()
