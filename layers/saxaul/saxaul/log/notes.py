"""Signed notes (C2SP signed-note) and cosignatures of witnesses (C2SP tlog-cosignature, Ed25519).

A note is a text, an empty line, and signature lines. A key has a name and an ID, and only the pair is unique. Notes are
parsed strictly, so each has one spelling.

Only :func:`ed25519_verifies` needs the package ``cryptography``, and imports it when it is called.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from typing import NamedTuple

from .fields import parse_base64
from .verdicts import RefusedError

ED25519 = 1
"""The type of a key that signs the text of a note."""

COSIGNATURE = 4
"""The type of a witness's key. It signs the text together with a time."""

MAX_NOTE = 64 * 1024
"""The most bytes of a note. An Ed25519 signature line has fewer than 400 bytes."""

MAX_SIGNATURES = 64
"""The most signature lines of a note."""

_MARK = "— "
_KEY_LENGTH, _SIGNATURE_LENGTH, _TIME_LENGTH = 32, 64, 8


class VerifierKey(NamedTuple):
    """A public Ed25519 key, by which signatures are checked. ``text`` is its vkey.

    Attributes:
        key_id: four bytes, which a signature line repeats.
        type: ED25519 for a log, COSIGNATURE for a witness.
        public_key: the 32 bytes of the key.
    """

    name: str
    key_id: bytes
    type: int
    public_key: bytes

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Read a vkey: ``<name>+<key ID in hexadecimal>+<base64 of type and key>``.

        Raises:
            ValueError: it is not a vkey, its ID is not the one of its key, or it has another type.
        """
        name, _, rest = vkey.partition("+")
        key_id, _, key = rest.partition("+")
        if not (is_key_name(name) and key):
            raise ValueError("the vkey is not a name, an ID and a key with plus signs between them")
        try:
            material = parse_base64(key, "the key of the vkey", 1 + _KEY_LENGTH)
        except RefusedError as error:
            raise ValueError(str(error)) from None
        if material[0] not in (ED25519, COSIGNATURE):
            raise ValueError(f"the vkey has the type {material[0]}, which is not supported")
        parsed = cls.of(name, material[1:], material[0])
        if parsed.key_id.hex() != key_id:
            raise ValueError("the vkey has an ID that is not the one of its key")
        return parsed

    @classmethod
    def of(cls, name: str, public_key: bytes, type: int = ED25519) -> "VerifierKey":  # noqa: A002 - as in the specification
        """Return the key with the ID that the specification recommends."""
        hashed = hashlib.sha256(name.encode() + b"\n" + bytes([type]) + public_key)
        return cls(name, hashed.digest()[:4], type, public_key)

    @property
    def text(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.type]) + self.public_key)}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Return whether this key signed the text. ``signature`` is what follows the key ID in a signature line."""
        if self.type == ED25519:
            return ed25519_verifies(self.public_key, text.encode(), signature)
        timestamp = timestamp_of(signature)
        if timestamp is None:
            return False
        return ed25519_verifies(self.public_key, cosigned_message(text, timestamp), signature[_TIME_LENGTH:])


class Signature(NamedTuple):
    """A signature line of a note. ``signature`` is what follows the key ID, with the time of a cosignature."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        return signature_line(self.name, self.key_id, self.signature)

    @classmethod
    def parse(cls, line: str) -> "Signature":
        """Read a signature line, without its newline.

        Raises:
            RefusedError: it is not a signature line.
        """
        name, _, text = line.removeprefix(_MARK).partition(" ")
        if not line.startswith(_MARK) or not is_key_name(name):
            raise RefusedError("a note has a line that is not a signature")
        signature = parse_base64(text, "a signature of a note")
        if len(signature) <= 4:  # noqa: PLR2004 - the bytes of the key ID
            raise RefusedError("a signature of a note is too short")
        return cls(name, signature[:4], signature[4:])


class SignedNote(NamedTuple):
    """A text with signatures that may not be checked yet. The text ends in a newline."""

    text: str
    signatures: tuple[Signature, ...] = ()

    @property
    def message(self) -> str:
        """The whole note, as it is published."""
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)


class Verified(NamedTuple):
    """A signature that was checked. ``timestamp`` is the time of a cosignature, in POSIX seconds."""

    key: VerifierKey
    timestamp: int | None


def vkey_of(name: str, public_key: bytes, type: int = ED25519) -> str:  # noqa: A002 - as in the specification
    """Return the vkey of a public key of 32 bytes."""
    return VerifierKey.of(name, public_key, type).text


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """Return a signature line of a note, with its newline."""
    return f"{_MARK}{name} {_base64(key_id + signature)}\n"


def is_key_name(name: str) -> bool:
    """Return whether a text can be the name of a key: not empty, without spaces and plus signs."""
    return bool(name) and name.isprintable() and not any(char.isspace() or char == "+" for char in name)


def cosigned_message(text: str, timestamp: int) -> bytes:
    """Return what a witness signs: the text of a checkpoint and the time, in POSIX seconds."""
    return f"cosignature/v1\ntime {timestamp}\n{text}".encode()


def timestamp_of(signature: bytes) -> int | None:
    """Return the time of a cosignature in POSIX seconds; None if it does not have the form of one."""
    timestamp = int.from_bytes(signature[:_TIME_LENGTH], "big")
    return timestamp if len(signature) == _TIME_LENGTH + _SIGNATURE_LENGTH and timestamp < 2**63 else None


def ed25519_verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is the one of a message by an Ed25519 key (RFC 8032)."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - functions that only write do not ship it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def parse_note(message: bytes) -> SignedNote:
    """Read a note. Its signatures are not checked.

    Raises:
        RefusedError: it is not a note, or is too large.
    """
    if len(message) > MAX_NOTE:
        raise RefusedError(f"the note has more than {MAX_NOTE // 1024} KB")
    try:
        note = message.decode()
    except UnicodeDecodeError:
        raise RefusedError("the note is not UTF-8") from None
    if any(char < " " and char != "\n" for char in note):
        raise RefusedError("the note has a control character")
    text, _, lines = note.rpartition("\n\n")
    if not text or not lines.endswith("\n"):
        raise RefusedError("the note has no text, or no signatures")
    signatures = tuple(map(Signature.parse, lines[:-1].split("\n")))
    if len(signatures) > MAX_SIGNATURES:
        raise RefusedError(f"the note has more than {MAX_SIGNATURES} signatures")
    if len(set(signatures)) < len(signatures):
        raise RefusedError("the note repeats a signature")
    return SignedNote(text + "\n", signatures)


def open_note(note: SignedNote, keys: Iterable[VerifierKey]) -> list[Verified]:
    """Check the signatures of these keys, and return them in the order of their lines. Other signatures are ignored.

    The newest cosignature of a witness counts, if there are several.

    Raises:
        RefusedError: a signature of one of the keys is not valid.
    """
    known = {(key.name, key.key_id): key for key in keys}
    verified: dict[VerifierKey, Verified] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not key.verifies(note.text, signature.signature):
            raise RefusedError(f"the signature of {key.name} is not valid")
        timestamp = timestamp_of(signature.signature) if key.type == COSIGNATURE else None
        before = verified.get(key)
        if before is None or (before.timestamp or 0) < (timestamp or 0):
            verified[key] = Verified(key, timestamp)
    return list(verified.values())


def _base64(value: bytes) -> str:
    return b64encode(value).decode()
