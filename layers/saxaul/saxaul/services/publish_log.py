"""Publishes the committed tree of the log, after a check that it fits what is published already."""

from collections.abc import Collection
from functools import cache, partial
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.notes import Signature, SignedNote, VerifierKey, open_note
from saxaul.log.verdicts import RefusedError
from saxaul.log.witnesses import Witness, without_cosignature
from saxaul.races import LostRaceError
from saxaul.storage.log_files import LogFiles, ReadCheckpoint
from saxaul.storage.queues import send_checkpoint
from saxaul.storage.sequence import Head, Published, SequenceStore
from saxaul.storage.signing import SigningKey


class BrokenLogError(Exception):
    """What is published does not fit what is committed. Nothing more is signed until somebody has found out why."""


class Seen(NamedTuple):
    """The committed tree, and what is published of it, as a run has read them."""

    head: Head
    published: Published
    checkpoint: ReadCheckpoint | None


class Publishing(NamedTuple):
    """What publishes one log. Without ``witnesses``, nobody is asked to cosign it."""

    store: SequenceStore
    files: LogFiles
    key: SigningKey
    witnesses: Collection[Witness]
    checkpoint_queue_url: str
    clock: Clock

    def read(self) -> Seen:
        """Read what is published and what is committed, and check that they fit, before anything is written.

        They may not, if the table was restored from a backup. Then the same indexes would get other leaves. Each item
        is read before the one that is written before it. So none can be behind the one that is read earlier.

        Raises:
            BrokenLogError: they do not fit.
            ObjectError: S3 did not answer.
        """
        published, checkpoint = self.store.published(), self._checkpoint()
        head = self.store.head()
        self._check_published(checkpoint, published, head)
        return Seen(head, published, checkpoint)

    def publish(self, seen: Seen) -> int:
        """Publish the committed tree, if it is not published yet, and return its size. Ask for missing cosignatures.

        All its files must be written.

        Raises:
            BrokenLogError: what is published does not fit what is committed, or somebody else signed it.
            LostRaceError: another run has published.
            KeyUnavailableError, ObjectError: KMS or S3 did not answer.
            ContendedError: others published before each attempt.
        """
        head, public_key = seen.head, self.key.public_key  # an empty log reads it too, for the check after a deployment
        if not head.size:
            return 0
        key = VerifierKey.of(head.origin, public_key)
        signed = cache(partial(self._signed, head, key))  # the same text always gets the same signature

        def newer(found: ReadCheckpoint | None) -> SignedNote | None:
            if found is not seen.checkpoint:
                self._check_published(found, seen.published, head)
            _check_signature(found, key)
            return signed() if found is None or found.checkpoint.size < head.size else None

        note = self.files.replace_checkpoint(seen.checkpoint, newer, self.clock)
        if seen.published.size < head.size:
            self.store.put_published(Published(head.size, head.counts, self.clock.now(), seen.published.version))
        if note and without_cosignature(self.witnesses, note):
            send_checkpoint(self.checkpoint_queue_url, head.size)
        return head.size

    def _signed(self, head: Head, key: VerifierKey) -> SignedNote:
        text = Checkpoint(head.origin, head.size, head.root).text
        return SignedNote(text, (Signature(key.name, key.key_id, self.key.sign(text.encode())),))

    def _checkpoint(self) -> ReadCheckpoint | None:
        try:
            return self.files.checkpoint()
        except RefusedError as error:
            raise BrokenLogError(f"the published checkpoint cannot be read: {error}") from None

    def _check_published(self, found: ReadCheckpoint | None, published: Published, head: Head) -> None:
        """Check that the published tree is a beginning of the committed one, so that no two trees are ever signed.

        A checkpoint that was published must be there: it is the only witness of what a ledger that was restored from a
        backup has forgotten. So a deleted one is not signed again, whatever the answer of S3 is.

        Raises:
            BrokenLogError: it is not.
            LostRaceError: another run has committed and published in the meantime.
        """
        size = max(published.size, found.checkpoint.size if found else 0)
        if size > head.size:
            if self.store.head().size >= size:
                raise LostRaceError  # another run was faster
            raise BrokenLogError(f"{size} leaves are published, but the ledger has only {head.size}")
        if found is None and published.size:
            raise BrokenLogError(f"the checkpoint of {size} leaves is missing, or must not be read")
        if found is None:
            return
        origin, size, root = found.checkpoint
        if origin != head.origin:
            raise BrokenLogError(f"the published checkpoint is of {origin!r}, and not of {head.origin!r}")
        committed = head if size == head.size else self.store.batch_before(size)
        if committed is None or committed.root != root:
            raise BrokenLogError(f"the published tree of {size} leaves was not committed")


def _check_signature(found: ReadCheckpoint | None, key: VerifierKey) -> None:
    """Check that the log has signed the published checkpoint, if there is one.

    Raises:
        BrokenLogError: it has not.
    """
    try:
        is_signed = found is None or bool(open_note(found.note, [key]))
    except RefusedError:
        is_signed = False
    if not is_signed:
        raise BrokenLogError("the published checkpoint has no valid signature by the key of the log")
