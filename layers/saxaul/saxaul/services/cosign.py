"""Offers the published checkpoint to witnesses, and publishes their cosignatures with it (C2SP tlog-witness).

A witness follows the log from one checkpoint to the next, and cosigns only a tree that contains the one before. So
whoever trusts the witness knows that everybody sees the same log. A witness that is away delays nothing: the checkpoint
is published already, and the other witnesses are asked at the same time.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.log.notes import COSIGNATURE, Signature, SignedNote, VerifierKey, timestamp_of
from saxaul.log.tiles import consistency_proof
from saxaul.log.verdicts import RefusedError
from saxaul.observability import logger
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.log_files import LogFiles, ReadCheckpoint
from saxaul.storage.witnesses import WitnessUnreachableError, add_checkpoint

_ROUNDS = 3
"""How often a checkpoint is sent to a witness, if it answers each time that it knows a tree of another size."""

ASKING_SECONDS = 10
"""After so many seconds, a witness is not asked again. The last request may take 10 more."""

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,17})\n?")
_OK, _CONFLICT = 200, 409


class WitnessRefusedError(Exception):
    """A witness did not cosign a checkpoint, although it answered."""


class Witness(NamedTuple):
    """A witness: its verifier key, and the address below which it takes ``add-checkpoint``."""

    key: VerifierKey
    url: str


class Cosigned(NamedTuple):
    """What became of a checkpoint.

    Attributes:
        size: the size of its tree; 0 if nothing is published yet.
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

    def published(self) -> int:
        """Return the size of the published tree; 0 if there is none.

        Raises:
            ObjectError: S3 did not send the checkpoint in time.
        """
        found = self.files.checkpoint()
        return found.checkpoint.size if found else 0

    def cosign(self) -> Cosigned:
        """Offer the published checkpoint to each witness whose cosignature it lacks, and publish what they answer.

        Raises:
            ObjectError: S3 did not answer in time.
            ContendedError: every attempt to publish lost a race.
            RefusedError: the published checkpoint, or a tile, cannot be read.
        """
        found = self.files.checkpoint()
        if found is None:
            return Cosigned(0, [], {})
        lacking = [witness for witness in self.witnesses if cosignature_of(witness.key, found.note) is None]
        signatures: list[Signature] = []
        missing: dict[str, str] = {}
        if lacking:
            with ThreadPoolExecutor(len(lacking)) as threads:
                asked = [(witness, threads.submit(self._ask, witness, found)) for witness in lacking]
            for witness, future in asked:
                try:
                    signatures.append(future.result())
                except (WitnessUnreachableError, WitnessRefusedError) as error:
                    missing[witness.key.name] = str(error)
                    logger.warning(
                        "a witness did not cosign", extra={"witness": witness.key.name, "reason": str(error)}
                    )
        if signatures:
            retry_lost_races(lambda: self._publish(found, signatures), self.clock)
        return Cosigned(
            found.checkpoint.size,
            [witness.key.name for witness in self.witnesses if witness.key.name not in missing],
            missing,
        )

    def _ask(self, witness: Witness, found: ReadCheckpoint) -> Signature:
        """Ask one witness for its cosignature, and check it.

        Raises:
            WitnessUnreachableError, WitnessRefusedError: there is none. The message is the reason.
        """
        size = found.checkpoint.size
        old = min(self.known_sizes.get(witness.key, 0), size)
        ends_at = self.clock.elapsed() + ASKING_SECONDS
        for _ in range(_ROUNDS):
            proof = consistency_proof(old, size, self.files.read_tile)
            answer = add_checkpoint(witness.url, offer_of(old, proof, found.note))
            if answer.status == _OK:
                self.known_sizes[witness.key] = size
                return _checked(answer.body, witness.key, found.note)
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

    def _publish(self, found: ReadCheckpoint, signatures: Sequence[Signature]) -> None:
        """Publish cosignatures with the checkpoint, unless a later checkpoint is published already.

        Raises:
            LostRaceError: somebody else has published in the meantime.
        """
        current = self.files.checkpoint()
        if current is None or current.checkpoint != found.checkpoint:
            return
        known = {(signature.name, signature.key_id) for signature in current.note.signatures}
        new = [signature for signature in signatures if (signature.name, signature.key_id) not in known]
        if new:
            self.files.publish(SignedNote(current.note.text, (*current.note.signatures, *new)), current.etag)


def offer_of(old: int, proof: Sequence[bytes], note: SignedNote) -> str:
    """Return the body of ``add-checkpoint``: the size that the witness knows, the proof, and the checkpoint."""
    lines = "".join(f"{b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{lines}\n{note.message}"


def cosignature_of(key: VerifierKey, note: SignedNote) -> Signature | None:
    """Return the valid cosignature of a witness on a checkpoint; None if there is none."""
    for signature in note.signatures:
        is_of_key = (signature.name, signature.key_id) == (key.name, key.key_id)
        # A cosignature on a checkpoint must have a time.
        if is_of_key and timestamp_of(signature.signature) and key.verifies(note.text, signature.signature):
            return signature
    return None


def witnesses_in(parameter: str) -> list[Witness]:
    """Read the parameter Witnesses: a verifier key and an address for each witness, all separated by spaces.

    Raises:
        ValueError: an address is missing, or a key is malformed or not one of a witness.
    """
    words = parameter.split()
    if len(words) % 2:
        raise ValueError("the parameter Witnesses must have an address after each verifier key")
    witnesses = [Witness(VerifierKey.parse(vkey), url) for vkey, url in zip(words[::2], words[1::2], strict=True)]
    for witness in witnesses:
        if witness.key.type != COSIGNATURE:
            raise ValueError(f"the verifier key of {witness.key.name} is not one for cosignatures (type 4)")
    return witnesses


def _checked(body: bytes, key: VerifierKey, note: SignedNote) -> Signature:
    """Return the cosignature in the answer of a witness. Lines of other keys are ignored, and so are other lines.

    Raises:
        WitnessRefusedError: there is no valid one.
    """
    found: list[Signature] = []
    for line in body.decode(errors="replace").splitlines():
        try:
            found.append(Signature.parse(line))
        except RefusedError:
            continue
    signature = cosignature_of(key, SignedNote(note.text, tuple(found)))
    if signature is None:
        raise WitnessRefusedError("its answer has no valid cosignature by its key")
    return signature


@cache
def cosigning() -> Cosigning:
    """Return the cosigning service of this process."""
    return Cosigning(LogFiles(settings().files_bucket), witnesses_in(settings().witnesses), wiring.clock(), {})
