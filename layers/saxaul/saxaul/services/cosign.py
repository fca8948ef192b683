"""Offers the published checkpoint to witnesses, and publishes their cosignatures with it (C2SP tlog-witness).

A witness follows the log from one checkpoint to the next, and cosigns only a tree that contains the one before. So
whoever trusts the witness knows that everybody sees the same log. A witness that is away delays nothing: the checkpoint
is published already, and the other witnesses are asked at the same time. The sequencer asks for cosignatures in each
run, as long as the published checkpoint lacks one.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.log.notes import Signature, SignedNote, VerifierKey
from saxaul.log.tiles import consistency_proof
from saxaul.log.witnesses import (
    Witness,
    answered_cosignature,
    offer_of,
    parse_witnesses,
    with_signatures,
    without_cosignature,
)
from saxaul.observability import logger
from saxaul.races import ContendedError
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.log_files import LogFiles, ReadCheckpoint
from saxaul.storage.objects import ObjectError
from saxaul.storage.witnesses import WitnessUnreachableError, add_checkpoint

_ROUNDS = 3
"""How often a checkpoint is sent to a witness, if it answers each time that it knows a tree of another size."""

ASKING_SECONDS = 10
"""After so many seconds, a witness is not asked again. The last request may take 10 more."""

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,17})\n?")
_OK, _CONFLICT = 200, 409


class WitnessRefusedError(Exception):
    """A witness did not cosign a checkpoint, although it answered."""


class LostCheckpointError(Exception):
    """A checkpoint was published, but it is missing now, or this process may not read it."""


class Cosigned(NamedTuple):
    """What became of a checkpoint.

    Attributes:
        size: the size of its tree; 0 if there are no witnesses, or if S3 did not answer.
        by: the names of the witnesses whose cosignatures it has.
        missing: the reason of each other witness, by its name.
    """

    size: int
    by: list[str]
    missing: dict[str, str]


class Cosigning(NamedTuple):
    """Offers checkpoints to witnesses.

    Attributes:
        known_sizes: the size of the tree that each witness knew last, as far as this process knows. A wrong one costs
            a request.
    """

    files: LogFiles
    witnesses: Sequence[Witness]
    clock: Clock
    known_sizes: dict[VerifierKey, int]

    def published_size(self) -> int:
        """Return the size of the published tree; 0 if there is none.

        Raises:
            ObjectError: S3 did not send the checkpoint in time.
        """
        found = self.files.checkpoint()
        return found.checkpoint.size if found else 0

    def cosign(self) -> Cosigned:
        """Offer the published checkpoint to each witness whose cosignature it lacks, and publish what they answer.

        Raises:
            LostCheckpointError: there is no checkpoint, or this process may not read it.
            RefusedError: the published checkpoint, or a tile, cannot be read.
        """
        if not self.witnesses:
            return Cosigned(0, [], {})
        try:
            found = self.files.checkpoint()
            if found is None:
                raise LostCheckpointError("a checkpoint was published, but it is missing, or must not be read")
            return self._cosign(found)
        except (ObjectError, ContendedError) as error:
            logger.warning("the checkpoint could not be cosigned", extra={"error": repr(error)})
            return Cosigned(0, [], {witness.key.name: repr(error) for witness in self.witnesses})

    def _cosign(self, found: ReadCheckpoint) -> Cosigned:
        """Raise ObjectError or ContendedError if the cosignatures could not be published."""
        lacking = without_cosignature(self.witnesses, found.note)
        signatures, missing = self._ask_all(lacking, found) if lacking else ([], {})

        def cosigned(current: ReadCheckpoint | None) -> SignedNote | None:
            if current is None or current.checkpoint != found.checkpoint:
                return None  # a later checkpoint is published already
            note = with_signatures(current.note, signatures)
            return note if note != current.note else None

        self.files.replace_checkpoint(found, cosigned, self.clock)
        by = [witness.key.name for witness in self.witnesses if witness.key.name not in missing]
        return Cosigned(found.checkpoint.size, by, missing)

    def _ask_all(self, witnesses: Sequence[Witness], found: ReadCheckpoint) -> tuple[list[Signature], dict[str, str]]:
        """Ask witnesses at the same time. Return their cosignatures, and the reason of each other one by its name."""
        signatures: list[Signature] = []
        missing: dict[str, str] = {}
        with ThreadPoolExecutor(len(witnesses)) as threads:
            asked = [(witness, threads.submit(self._ask, witness, found)) for witness in witnesses]
        for witness, future in asked:
            try:
                signatures.append(future.result())
            except (WitnessUnreachableError, WitnessRefusedError, ObjectError) as error:
                missing[witness.key.name] = str(error)
                logger.warning("a witness did not cosign", extra={"witness": witness.key.name, "reason": str(error)})
        return signatures, missing

    def _ask(self, witness: Witness, found: ReadCheckpoint) -> Signature:
        """Ask one witness for its cosignature, and check it.

        Raises:
            WitnessUnreachableError, WitnessRefusedError: there is none. The message is the reason.
            ObjectError: S3 did not send a tile in time.
        """
        size = found.checkpoint.size
        old = min(self.known_sizes.get(witness.key, 0), size)
        ends_at = self.clock.elapsed() + ASKING_SECONDS
        for _ in range(_ROUNDS):
            proof = consistency_proof(old, size, self.files.read_tile)
            answer = add_checkpoint(witness.url, offer_of(old, proof, found.note))
            if answer.status == _OK:
                self.known_sizes[witness.key] = size
                cosignature = answered_cosignature(answer.body, witness.key, found.note.text)
                if cosignature is None:
                    raise WitnessRefusedError("its answer has no valid cosignature by its key")
                return cosignature
            if answer.status != _CONFLICT:
                raise WitnessRefusedError(f"it answered with the status {answer.status}")
            known = _SIZE.fullmatch(answer.body)
            if known is None:
                raise WitnessRefusedError("it answered with the status 409, and not with the size that it knows")
            old = int(known[1])
            if old > size:
                raise WitnessRefusedError(f"it knows a tree of {old} leaves, which is larger than that of {size}")
            if self.clock.elapsed() > ends_at:
                raise WitnessRefusedError(f"it took more than {ASKING_SECONDS} s to name the size that it knows")
        raise WitnessRefusedError(f"it named another size in each of {_ROUNDS} answers")


@cache
def cosigning() -> Cosigning:
    """Return the cosigning service of this process."""
    return Cosigning(
        files=LogFiles(settings().files_bucket),
        witnesses=parse_witnesses(settings().witnesses),
        clock=wiring.clock(),
        known_sizes={},
    )
