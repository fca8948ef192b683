"""Follows a log from where it stopped, and checks what the log says.

A run fetches the newest checkpoint, checks that it extends what was seen before, and reads the entries that are new.
It checks each leaf: a certificate is planted once, its events follow the rules of :mod:`saxaul.log.lives`, no tag,
place or photo belongs to two trees, and each count equals the numbers counted again.

What must be known for the next run is in one SQLite file. Entries are written to it in parts, each in one transaction
together with the tree that it leads to, so a run that is killed loses nothing and leaves nothing half done. The
entries themselves are not kept, and memory does not grow with the log.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .certificates import open_checkpoint
from .checkpoints import Checkpoint
from .counts import Counts
from .fetching import LogReader
from .leaves import CountLeaf, TreeLeaf, parse
from .lives import evidence_changes, name_of, next_life
from .merkle import CompactRange, leaf_hash
from .notes import VerifierKey, open_note
from .policy import Policy
from .scanning import check_extends, confirmed_entries, newest_checkpoint
from .states import MonitorState
from .verdicts import IncompleteError, RefusedError


class Followed(NamedTuple):
    """What a run found: the log as of its newest checkpoint.

    Attributes:
        added: the number of leaves that are new since the run before.
        cosigned: the number of witnesses of the policy that cosigned the checkpoint.
    """

    origin: str
    size: int
    added: int
    counts: Counts
    counted_at: str
    cosigned: int

    @property
    def line(self) -> str:
        counts = self.counts
        counted = f", counted {self.counted_at}" if self.counted_at else ""
        witnesses = f", cosigned by {self.cosigned}" if self.cosigned else ""
        return (
            f"OK {self.origin} at {self.size}, {self.added} new{counted}{witnesses}: "
            f"{counts.planted} planted, {counts.dead} dead, {counts.standing} standing"
        )


def follow(reader: LogReader, key: VerifierKey, file: Path, policy: Policy | None = None) -> Followed:
    """Follow a log up to its newest checkpoint.

    Raises:
        StateFileError: the file is not the state of a monitor of this log, or another run uses it.
        IncompleteError: a file of the log cannot be fetched, the policy asks for more cosignatures, or the checkpoint
            is older than one that was seen before.
        RefusedError: the log contradicts what was seen before, or a leaf breaks a rule.
    """
    with MonitorState.open(file, key) as state:
        note, checkpoint = newest_checkpoint(reader, key)
        cosigned = require_quorum(note.message.encode(), key, policy)
        _check_not_back(checkpoint, state)
        log_tree, size_before = state.tree, state.tree.size
        check_extends(log_tree.size, log_tree.root(), checkpoint, reader)
        for grown, texts in confirmed_entries(log_tree, checkpoint, reader):
            with state.writing():
                _take(log_tree, texts, state)
                state.write_tree(grown)
            log_tree = grown
        if checkpoint.size and not state.is_tree_end(checkpoint.size, checkpoint.root):
            raise RefusedError(f"the last leaf of the tree of {checkpoint.size} leaves is not a count")
        with state.writing():
            state.write_seen(checkpoint.size, note.message)
        added = checkpoint.size - size_before
        return Followed(checkpoint.origin, checkpoint.size, added, state.counts, state.counted_at, cosigned)


def require_quorum(message: bytes, key: VerifierKey, policy: Policy | None) -> int:
    """Return how many witnesses of a policy cosigned a checkpoint.

    Raises:
        IncompleteError: the policy asks for more.
        RefusedError: a cosignature of one of them is not valid.
    """
    if policy is None:
        return 0
    note, _ = open_checkpoint(message, key)
    witnesses = [verified.key for verified in open_note(note, policy.witnesses.values())]
    if missing := policy.missing(witnesses):
        raise IncompleteError(f"the checkpoint has too few cosignatures yet: the policy asks for {missing}")
    return len(witnesses)


def _check_not_back(checkpoint: Checkpoint, state: MonitorState) -> None:
    """Check that a checkpoint is not smaller than one that was seen before, nor than what was read."""
    most_seen = max(state.seen_size, state.tree.size)
    if checkpoint.size >= most_seen:
        return
    if state.is_tree_end(checkpoint.size, checkpoint.root):
        raise IncompleteError(
            f"the log shows an older checkpoint, of {checkpoint.size} leaves: {most_seen} were seen before"
        )
    raise RefusedError(f"the log shows another tree of {checkpoint.size} leaves, after {most_seen} were seen")


def _take(log_tree: CompactRange, texts: Iterable[bytes], state: MonitorState) -> None:
    """Check confirmed entries that follow the tree of a log, and write what they change."""
    log_tree = log_tree.copy()
    for text in texts:
        position, hashed = log_tree.size, leaf_hash(text)
        try:
            leaf = parse(text)
            if isinstance(leaf, TreeLeaf):
                _take_statement(position, hashed, leaf, state)
            else:
                _check_count(position, leaf, state.counts)
        except RefusedError as error:
            raise RefusedError(f"leaf {position} of the log: {error}") from None
        log_tree.append(hashed)
        if isinstance(leaf, CountLeaf):
            state.write_tree_end(log_tree, leaf)


def _take_statement(position: int, hashed: bytes, leaf: TreeLeaf, state: MonitorState) -> None:
    known = state.known(leaf.certificate)
    life = known.life if known else None
    next_one = next_life(life, leaf)
    changes = evidence_changes(life, leaf)
    state.free(changes.freed)
    for kind, value in changes.taken:
        owner = state.owner(kind, value)
        if owner is not None:  # also if it is an earlier tree of the same certificate
            raise RefusedError(f"{name_of(leaf)} has a {kind} that belongs to {owner}")
        state.take(kind, value, leaf.certificate)
    state.counts = state.counts.after(leaf, life.state if life else "")
    state.write_life(next_one, position, hashed)


def _check_count(position: int, leaf: CountLeaf, counts: Counts) -> None:
    if leaf.size != position:
        raise RefusedError(f"the count is of {leaf.size} leaves")
    if leaf.counts != counts:
        raise RefusedError(
            f"it counts {leaf.planted} planted and {leaf.dead} dead, counted again {counts.planted} and {counts.dead}"
        )
