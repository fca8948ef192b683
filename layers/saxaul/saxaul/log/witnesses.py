"""Witnesses of a log: their keys and addresses, what is sent to them (C2SP tlog-witness), and what they answer."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .notes import COSIGNATURE, Signature, SignedNote, VerifierKey, timestamp_of
from .verdicts import RefusedError


class Witness(NamedTuple):
    """A witness: its verifier key, and the address below which it takes ``add-checkpoint``."""

    key: VerifierKey
    url: str


def parse_witnesses(parameter: str) -> list[Witness]:
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


def without_cosignature(witnesses: Iterable[Witness], note: SignedNote) -> list[Witness]:
    """Return the witnesses whose valid cosignature a checkpoint lacks."""
    return [witness for witness in witnesses if cosignature_of(witness.key, note) is None]


def cosignature_of(key: VerifierKey, note: SignedNote) -> Signature | None:
    """Return the valid cosignature of a witness on a checkpoint; None if there is none."""
    for signature in note.signatures:
        is_of_key = (signature.name, signature.key_id) == (key.name, key.key_id)
        # A cosignature on a checkpoint must have a time.
        if is_of_key and timestamp_of(signature.signature) and key.verifies(note.text, signature.signature):
            return signature
    return None


def with_signatures(note: SignedNote, signatures: Iterable[Signature]) -> SignedNote:
    """Return a note with more signatures, without those by a key of which it has one already."""
    known = {(signature.name, signature.key_id) for signature in note.signatures}
    new = [signature for signature in signatures if (signature.name, signature.key_id) not in known]
    return SignedNote(note.text, (*note.signatures, *new))


def offer_of(old: int, proof: Sequence[bytes], note: SignedNote) -> str:
    """Return the body of ``add-checkpoint``: the size that the witness knows, the proof, and the checkpoint."""
    lines = "".join(f"{b64encode(one).decode()}\n" for one in proof)
    return f"old {old}\n{lines}\n{note.message}"


def answered_cosignature(body: bytes, key: VerifierKey, text: str) -> Signature | None:
    """Return the valid cosignature on a checkpoint with this text in the answer of a witness; None if there is none.

    Lines of other keys are ignored, and so are other lines.
    """
    found: list[Signature] = []
    for line in body.decode(errors="replace").splitlines():
        try:
            found.append(Signature.parse(line))
        except RefusedError:
            continue
    return cosignature_of(key, SignedNote(text, tuple(found)))
