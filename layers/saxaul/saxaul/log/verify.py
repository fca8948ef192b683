"""Checks a certificate, alone or against the log, and says as of when it is true."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from .canonical_json import Json
from .certificates import CheckedCertificate, check_certificate, parse_certificate
from .checkpoints import Checkpoint
from .fetching import LogReader
from .leaves import CountLeaf, TreeLeaf, parse
from .lives import name_of
from .merkle import CompactRange
from .monitor import require_quorum
from .notes import SignedNote, VerifierKey, open_note
from .policy import Policy
from .scanning import check_extends, confirmed_entries, newest_checkpoint, tree_before
from .states import MonitorState
from .verdicts import IncompleteError, NotInLogError, RefusedError, printable


def verify(
    certificate: bytes,
    key: VerifierKey,
    *,
    log: LogReader | None = None,
    policy: Policy | None = None,
    state: Path | None = None,
) -> Iterator[str]:
    """Check a certificate, and yield the lines to print. The last one begins with VERIFIED AS OF.

    Args:
        key: the public key of the log.
        log: if given, every leaf of the log after the newest shown one is read, so that none about this tree is hidden.
        policy: the witnesses that must have cosigned the checkpoints.
        state: the state of a monitor of this log. It is asked instead of the leaves that the monitor has read.

    Raises:
        RefusedError: a statement of the certificate is not in the log, or it hides one.
        IncompleteError: the log or its newest files cannot be fetched, or there are too few cosignatures.
        NotInLogError: the certificate has no proofs.
        StateFileError: the file is not the state of a monitor of this log.
    """
    document = parse_certificate(certificate)
    if not document["proofs"]:
        _check_not_logged(str(document["certificate"]), key, log=log, policy=policy, state=state)
    checked = check_certificate(document, key)
    require_quorum(checked.note.message.encode(), key, policy)
    yield from map(printable, _lines_about(checked))
    size, times = checked.checkpoint.size, [checked.count.counted_at, *_cosigned_at(checked.note, policy)]
    start = checked.shown[-1].position + 1
    seen = [_SeenTree(size, checked.checkpoint.root, "of the certificate")]
    if state:
        followed, counted_at = _check_by_state(checked, key, state)
        seen.append(_SeenTree.of_monitor(followed))
        size, start = max(size, followed.size), max(start, followed.size)
        times.append(counted_at)
    if log:
        note, checkpoint, counted_at = _newest_checkpoint(log, key, policy, seen, start, checked.number)
        size = checkpoint.size
        times += [counted_at, *_cosigned_at(note, policy)]
    if not (state or log):
        yield "Only the log shows whether something was recorded after the newest event above: add --log or --state."
    newest = max(filter(None, times), key=datetime.fromisoformat)
    yield printable(f"VERIFIED AS OF {size}, {newest}{'' if state or log else '; later events were not checked'}")


class _SeenTree(NamedTuple):
    """The tree of a log, with which the log must still begin. ``where`` says where it was seen."""

    size: int
    root: bytes
    where: str

    @classmethod
    def of_monitor(cls, tree: CompactRange) -> "_SeenTree":
        return cls(tree.size, tree.root(), "that the monitor read")


def _check_not_logged(
    number: str, key: VerifierKey, *, log: LogReader | None, policy: Policy | None, state: Path | None
) -> None:
    """Check that a log has nothing about a certificate without proofs.

    Raises:
        NotInLogError: the log has nothing about it, or none was given.
        RefusedError: the log has a leaf about it.
    """
    start, where, seen = 0, "", list[_SeenTree]()
    if state:
        with MonitorState.open(state, key, must_exist=True) as monitor:
            start = monitor.tree.size
            seen.append(_SeenTree.of_monitor(monitor.tree))
            if monitor.known(number):
                raise RefusedError("the certificate has no proofs, but its tree is in the log")
        where = f": the log of {start} leaves has nothing about it"
    if log:
        _, checkpoint, _ = _newest_checkpoint(log, key, policy, seen, start, number)
        where = f": the log of {checkpoint.size} leaves has nothing about it"
    raise NotInLogError(f"the certificate has no proofs{where}")


def _check_by_state(checked: CheckedCertificate, key: VerifierKey, file: Path) -> tuple[CompactRange, str]:
    """Check that a monitor knows nothing newer, and return the tree that it read, and the time of its count."""
    with MonitorState.open(file, key, must_exist=True) as state:
        checkpoint, newest = checked.checkpoint, checked.shown[-1]
        if state.tree.size < checkpoint.size:
            raise IncompleteError(
                f"the monitor has read {state.tree.size} leaves, fewer than the {checkpoint.size} of the certificate: "
                "run it again"
            )
        if not state.is_tree_end(checkpoint.size, checkpoint.root):
            raise RefusedError(f"the monitor knows another log of {checkpoint.size} leaves than the certificate")
        known = state.known(checked.number)
        if known is None or (known.position, known.hash) != (newest.position, newest.leaf.hash):
            later = f"leaf {known.position}, after which the tree is {known.life.state}" if known else "all leaves"
            raise RefusedError(f"the certificate hides a later event: {later}; fetch the certificate again")
        return state.tree, state.counted_at


def _newest_checkpoint(
    log: LogReader, key: VerifierKey, policy: Policy | None, seen: Sequence[_SeenTree], start: int, number: str
) -> tuple[SignedNote, Checkpoint, str]:
    """Read the log from ``start`` on, and check that no leaf there is about this certificate.

    Return the newest checkpoint with its note, and the time of its count. The log must begin with the ``seen`` trees.
    """
    note, checkpoint = newest_checkpoint(log, key)
    for tree in seen:
        if checkpoint.size < tree.size:
            raise IncompleteError(
                f"the log shows {checkpoint.size} leaves, fewer than the {tree.size} {tree.where}: fetch it again"
            )
    require_quorum(note.message.encode(), key, policy)
    for tree in seen:
        if tree.size:
            check_extends(tree.size, tree.root, checkpoint, log)
    return note, checkpoint, _read_on(log, checkpoint, start, number) if checkpoint.size else ""


def _read_on(log: LogReader, checkpoint: Checkpoint, start: int, number: str) -> str:
    """Check that no leaf from ``start`` on is about this certificate. Return the time of the last leaf, a count."""
    log_tree = tree_before(min(start, checkpoint.size - 1), checkpoint, log)
    newest: TreeLeaf | CountLeaf | None = None
    for grown, texts in confirmed_entries(log_tree, checkpoint, log):
        for position, text in enumerate(texts, grown.size - len(texts)):
            newest = parse(text)
            if position >= start and isinstance(newest, TreeLeaf) and newest.certificate == number:
                raise RefusedError(
                    f"the certificate hides {name_of(newest)} which is leaf {position} of the log: "
                    "fetch the certificate again"
                )
    if not isinstance(newest, CountLeaf):
        raise RefusedError(f"the last leaf of the tree of {checkpoint.size} leaves is not a count")
    return newest.counted_at


def _cosigned_at(note: SignedNote, policy: Policy | None) -> list[str]:
    """Return the times of the cosignatures of a policy's witnesses, in RFC 3339."""
    verified = open_note(note, policy.witnesses.values()) if policy else []
    return [_shown_time(signature.timestamp) for signature in verified if signature.timestamp is not None]


def _shown_time(timestamp: int) -> str:
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):  # beyond the year 9999
        return ""


def _lines_about(checked: CheckedCertificate) -> Iterator[str]:
    document, count = checked.document, checked.count
    yield f"Certificate {checked.number}: {_text(document['species'])} in {_text(document['place'])}."
    yield f"By {_text(document['partner'])}, requested {_text(document['requested_at'])}, now {checked.life.state}."
    for position, leaf in checked.shown:
        by = f", stated by {leaf.by}" if leaf.by else ""
        yield f"{leaf.event} {leaf.occurred_at}: leaf {position}, recorded {leaf.recorded_at}{by}."
    if checked.left_out:
        what = "inspection that found" if checked.left_out == 1 else "inspections that found"
        yield f"The certificate leaves out {checked.left_out} {what} the tree alive and changed nothing."
    if any(leaf.link for _, leaf in checked.shown):
        yield "A link in it is no evidence: what it leads to may change."
    yield (
        f"Log {checked.checkpoint.origin} at {checked.checkpoint.size}, counted {count.counted_at}: "
        f"{count.planted} planted, {count.dead} dead, {count.standing} standing."
    )


def _text(value: Json) -> str:
    return str(value)
